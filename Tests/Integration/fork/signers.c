/* SPDX-License-Identifier: Apache-2.0 */
#include "signers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static Host *shared_host;
static atomic_bool resting;
static atomic_uint active;
static atomic_ulong made;

static void *run(void *argument) {
    unsigned number = (unsigned)(size_t)argument;
    CK_SESSION_HANDLE session;
    CK_RV rv = host_open(shared_host, &session);
    for (unsigned n = number; rv == CKR_OK && !atomic_load(&resting); n++) {
        rv = host_sign_all(shared_host, session, n);
        if (rv == CKR_OK) atomic_fetch_add(&made, shared_host->key_count);
    }
    if (rv != CKR_OK) host_fail("thread %u of the parent: %s", number, host_rv_text(rv));
    atomic_fetch_sub(&active, 1);
    for (;;) pause();
    return NULL;
}

void signers_start(Host *host, unsigned count) {
    shared_host = host;
    for (unsigned i = 0; i < count; i++) {
        pthread_t thread;
        atomic_fetch_add(&active, 1);
        if (pthread_create(&thread, NULL, run, (void *)(size_t)i) != 0) {
            host_fail("pthread_create");
            exit(2);
        }
        pthread_detach(thread);
    }
}

void signers_rest(void) {
    atomic_store(&resting, true);
    while (atomic_load(&active) > 0) usleep(1000);
}

unsigned long signers_made(void) { return atomic_load(&made); }
