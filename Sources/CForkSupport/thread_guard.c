/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "thread_guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static __thread bool inside_request;

bool request_guard_enter(void) {
    if (inside_request) return false;
    inside_request = true;
    return true;
}

void request_guard_leave(void) { inside_request = false; }

bool request_guard_is_inside(void) { return inside_request; }

uintptr_t thread_number(void) { return (uintptr_t)&inside_request; }

static __thread uint64_t call_began;

uint64_t call_clock_exchange(uint64_t began) {
    uint64_t previous = call_began;
    call_began = began;
    return previous;
}

uint64_t call_clock_began(void) { return call_began; }

static bool is_sigpipe_pending(void) {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void sigpipe_guard_begin(struct sigpipe_guard *guard) {
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    guard->is_active = pthread_sigmask(SIG_BLOCK, &only, &guard->previous) == 0;
    /* Only a blocked signal can be pending. */
    guard->was_pending = guard->is_active && sigismember(&guard->previous, SIGPIPE) == 1 && is_sigpipe_pending();
}

void sigpipe_guard_end(struct sigpipe_guard *guard) {
    if (!guard->is_active) return;
    if (!guard->was_pending && is_sigpipe_pending()) {
        static const struct timespec no_time;
        sigset_t only;
        sigemptyset(&only);
        sigaddset(&only, SIGPIPE);
        while (sigtimedwait(&only, NULL, &no_time) == -1 && errno == EINTR) continue;
    }
    pthread_sigmask(SIG_SETMASK, &guard->previous, NULL);
    guard->is_active = false;
}

void *process_library_context(void *offered) {
    static void *_Atomic kept;
    void *expected = NULL;
    if (offered == NULL) return atomic_load(&kept);
    return atomic_compare_exchange_strong(&kept, &expected, offered) ? offered : expected;
}
