/* SPDX-License-Identifier: Apache-2.0 */
#ifndef THREAD_GUARD_H
#define THREAD_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Marks that this thread is inside a request. libcurl may lead through OpenSSL's engines and providers back into this
 * very library; such a call must fail at once instead of waiting for itself. Returns false when the thread is inside
 * already.
 */
bool request_guard_enter(void);
void request_guard_leave(void);
bool request_guard_is_inside(void);

/* Tells this thread from all others that live now. */
uintptr_t thread_number(void);

/*
 * When the C_ function began that this thread is in, on the monotonic clock in nanoseconds; 0: it is in none.
 * `exchange` sets it and returns what it was.
 */
uint64_t call_clock_exchange(uint64_t began);
uint64_t call_clock_began(void);

/*
 * Keeps SIGPIPE from the host while this thread writes to sockets: write(2), which OpenSSL's socket BIO uses, cannot be
 * told not to raise it. `end` takes away a signal that arrived in between and restores the mask.
 */
struct sigpipe_guard {
    sigset_t previous;
    bool was_pending;
    bool is_active;
};

void sigpipe_guard_begin(struct sigpipe_guard *guard);
void sigpipe_guard_end(struct sigpipe_guard *guard);

/*
 * The OSSL_LIB_CTX of all requests, as long as the process lives. The first one offered stays; the call returns the one
 * that stayed, so that a caller who came second can drop its own. Null reads without offering.
 */
void *process_library_context(void *offered);

#endif
