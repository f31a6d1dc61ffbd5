/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "fork_support.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

/* A fork must never hang on us: after this many seconds it goes ahead although a thread is still inside. */
enum { FORK_WAIT_SECONDS = 5 };

/*
 * Writers first, or a busy process (eight threads that sign without pause) would never let a fork through. The
 * initialiser is glibc's; elsewhere the default is good enough.
 */
#ifdef PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#define GATE_INITIALIZER PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#else
#define GATE_INITIALIZER PTHREAD_RWLOCK_INITIALIZER
#endif

static pthread_rwlock_t gate = GATE_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int install_result;
static _Atomic uint64_t generation;
static __thread uint32_t depth;
static __thread bool gate_locked_for_fork;

static void prepare(void) {
    gate_locked_for_fork = false;
    if (depth > 0) return; /* a fork from inside our own call: the gate is ours for reading, and waiting would deadlock */
    struct timespec until;
    if (clock_gettime(CLOCK_REALTIME, &until) != 0) return;
    until.tv_sec += FORK_WAIT_SECONDS;
    gate_locked_for_fork = pthread_rwlock_timedwrlock(&gate, &until) == 0;
}

static void parent(void) {
    if (gate_locked_for_fork) pthread_rwlock_unlock(&gate);
    gate_locked_for_fork = false;
}

/* Only this thread is left. glibc's rwlock remembers the writer's thread id, which has changed: begin with a new one. */
static void child(void) {
    static const pthread_rwlock_t fresh = GATE_INITIALIZER;
    gate = fresh;
    gate_locked_for_fork = false;
    if (depth > 0) pthread_rwlock_rdlock(&gate);
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void install(void) { install_result = pthread_atfork(prepare, parent, child); }

int fork_support_install(void) {
    int result = pthread_once(&once, install);
    return result != 0 ? result : install_result;
}

uint64_t fork_support_generation(void) { return atomic_load_explicit(&generation, memory_order_relaxed); }

void fork_gate_enter(void) {
    if (depth++ == 0) pthread_rwlock_rdlock(&gate);
}

void fork_gate_leave(void) {
    if (depth > 0 && --depth == 0) pthread_rwlock_unlock(&gate);
}

uint32_t fork_gate_suspend(void) {
    uint32_t left = depth;
    depth = 0;
    if (left > 0) pthread_rwlock_unlock(&gate);
    return left;
}

void fork_gate_resume(uint32_t left) {
    if (left > 0) pthread_rwlock_rdlock(&gate);
    depth = left;
}
