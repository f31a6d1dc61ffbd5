/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_STATE_H
#define PROCESS_STATE_H

/*
 * The one object that lives as long as the process. An atomic pointer in C, because a lazily initialised global of
 * Swift goes through swift_once, which can hang in a forked child.
 */
void *process_state_get(void);

/* Sets the pointer unless it is set already; returns what it is afterwards. */
void *process_state_set_once(void *state);

/*
 * The destination of log lines, as long as the process lives. The first one offered stays; the call returns the one that
 * stayed. Null reads without offering.
 */
void *process_log_sink(void *offered);

#endif
