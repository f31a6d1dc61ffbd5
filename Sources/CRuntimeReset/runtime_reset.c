/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime_reset.h"

#include <pthread.h>

/*
 * The variable behind swift::threading_impl::linux::ulock_get_tid() in the statically linked runtime. A strong
 * reference on purpose: should the runtime rename it, the link fails (-z defs) instead of a child hanging. It can go
 * when the runtime resets the id itself.
 */
extern __thread int swift_cached_thread_id __asm__("_ZZN5swift14threading_impl5linux13ulock_get_tidEvE3tid");

static void forget_thread_id(void) { swift_cached_thread_id = 0; }

/* A constructor, because a host may fork between dlopen and its first call. */
__attribute__((constructor)) static void runtime_reset_install(void) { pthread_atfork(0, 0, forget_thread_id); }
