/* A thread that signs, and does other things now and then.  SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_H
#define WORKER_H

#include "host.h"

#include <pthread.h>
#include <stdatomic.h>

enum { MAX_WORKERS = 64, ERRAND_EVERY = 3 };

typedef struct Worker {
    Host *host;
    unsigned number, signatures;
    bool disturbed;               /* others may close the session, log out or in: then errors are part of the game */
    atomic_ulong session;         /* the session in use, for the one who closes it */
    CK_OBJECT_HANDLE handles[HOST_MAX_KEYS];
    unsigned long good, refused;  /* signatures made; calls that failed as the standard allows */
    pthread_t thread;
} Worker;

/* Makes worker->signatures verified signatures, in changing schemes, in one and in several parts, with errands. */
void *worker_run(void *worker);

/* Whether a call may answer so while other threads close sessions and log out. */
bool legitimate_when_disturbed(CK_RV rv);

#endif
