/* Forking while threads wait for a KMS that does not answer.  SPDX-License-Identifier: Apache-2.0 */
#ifndef STALL_H
#define STALL_H

#include "host.h"

/*
 * Says "ready" while the threads of signers.h are signing; who started the program stops the KMS then. Forks for
 * so many seconds, ten times a second, and tells how long the longest fork took, in milliseconds.
 */
void stall_run(unsigned seconds, unsigned deadline);

#endif
