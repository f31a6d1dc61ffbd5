/* Threads of the parent that sign while it forks.  SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNERS_H
#define SIGNERS_H

#include "host.h"

enum { MAX_SIGNERS = 32 };

/* Each opens a session of its own and signs without pause until it is told to rest; then it idles. */
void signers_start(Host *host, unsigned count);

/* Returns when all have stopped signing. The threads stay alive, idle, with their sessions open. */
void signers_rest(void);

/* Signatures made so far. */
unsigned long signers_made(void);

#endif
