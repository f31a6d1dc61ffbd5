/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FORK_SUPPORT_H
#define FORK_SUPPORT_H

#include <stdint.h>

/*
 * The fork gate. Every thread that runs our code holds the gate for reading; it steps out only while it waits (for a
 * socket, or for another thread). fork() takes the gate for writing first. So at the moment of a fork no thread of the
 * process is inside our code, in libcurl or OpenSSL on our behalf, or in the Swift runtime on our behalf: every lock
 * that the child inherits from us is free and every structure is whole. Threads that wait in poll(2) do not delay the
 * fork; the connection that they wait on belongs to the parent's generation and is dropped by the child.
 */

/* Registers the fork handlers. Idempotent; returns 0 or an errno value. */
int fork_support_install(void);

/* The number of forks between the process that first loaded us and this one. */
uint64_t fork_support_generation(void);

/* Enters and leaves the gate. Nestable per thread. */
void fork_gate_enter(void);
void fork_gate_leave(void);

/*
 * Steps out of the gate whatever the nesting and returns the depth to give to fork_gate_resume, so that a thread can
 * wait without delaying a fork.
 */
uint32_t fork_gate_suspend(void);
void fork_gate_resume(uint32_t depth);

#endif
