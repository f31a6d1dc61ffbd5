/* Children with a deadline.  SPDX-License-Identifier: Apache-2.0 */
#ifndef CHILDREN_H
#define CHILDREN_H

#include "host.h"

/* What parent and child share about the child. */
typedef struct Child {
    pid_t pid;
    char mode[32];
    char phase[HOST_PHASE_SIZE];
} Child;

/* Memory that stays shared after fork, zeroed. Exits when there is none. */
Child *children_shared(size_t count);

/*
 * Forks; in the child runs `body(context)` and ends the process with its result, so this returns only in the parent.
 * A fork that takes longer than `deadline` seconds is for the host's watchdog to find.
 */
typedef int (*ChildBody)(void *context);
void child_start(Child *child, const char *mode, ChildBody body, void *context);

/*
 * Waits until all have ended, at most `deadline` seconds from now. Those that have not are reported as a hang with
 * their phase and, when gdb is named by HOST_GDB, with their stacks; then they are killed. Returns how many failed.
 */
unsigned children_await(Child *children, size_t count, unsigned deadline);

#endif
