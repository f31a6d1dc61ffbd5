/* A child that outlives its parent.  SPDX-License-Identifier: Apache-2.0 */
#ifndef ORPHAN_H
#define ORPHAN_H

#include "host.h"

/* Runs the host as a child of its own; its child signs on after the host has ended without C_Finalize. */
void orphan_run(Host *host, unsigned deadline);

#endif
