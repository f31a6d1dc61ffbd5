/*
 * A host of many threads.
 *
 *   threads MODULE PIN LABEL PUBLIC_PEM [LABEL PUBLIC_PEM]... [options]
 *     --threads T       threads (default 8)
 *     --signatures N    verified signatures per thread (default 200)
 *     --disturb         one more thread closes sessions of the others, logs out and in meanwhile
 *     --deadline S      seconds for the whole (default 120)
 *
 * Built with STATIC_MODULE it calls the C_GetFunctionList that it is linked with, and MODULE is not looked at: this
 * way it runs under ThreadSanitizer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct Disturbance {
    Worker *workers;
    unsigned count;
    atomic_bool over;
    unsigned long closed, logouts;
} Disturbance;

static void expect_legitimate(CK_RV rv, const char *what) {
    if (!legitimate_when_disturbed(rv)) host_fail("%s: %s", what, host_rv_text(rv));
}

/* Its own session keeps the login alive: closing the last session of all would log the application out. */
static void *disturb(void *argument) {
    Disturbance *disturbance = argument;
    Host *host = disturbance->workers[0].host;
    CK_SESSION_HANDLE own = CK_INVALID_HANDLE;
    expect_legitimate(host_open(host, &own), "C_OpenSession of the disturbing thread");
    for (unsigned n = 0; !atomic_load(&disturbance->over); n++) {
        if (n % 4 == 3) {
            CK_RV rv = host->functions->C_Logout(own);
            expect_legitimate(rv, "C_Logout");
            disturbance->logouts += rv == CKR_OK;
            usleep(n % 3 * 500);
            expect_legitimate(host_login(host, own), "C_Login");
        } else {
            CK_SESSION_HANDLE victim = atomic_load(&disturbance->workers[n % disturbance->count].session);
            CK_RV rv = victim == CK_INVALID_HANDLE ? CKR_OK : host->functions->C_CloseSession(victim);
            expect_legitimate(rv, "C_CloseSession of another thread's session");
            disturbance->closed += victim != CK_INVALID_HANDLE && rv == CKR_OK;
        }
        usleep(3000);
    }
    expect_legitimate(host->functions->C_CloseSession(own), "C_CloseSession of the disturbing thread");
    return NULL;
}

static unsigned number(const char *text) {
    char *end = NULL;
    unsigned long value = text ? strtoul(text, &end, 10) : 0;
    if (!text || *end || value == 0 || value > 1000000) {
        fprintf(stderr, "threads: bad value: %s\n", text ? text : "missing");
        exit(2);
    }
    return (unsigned)value;
}

static void start(pthread_t *thread, void *(*body)(void *), void *argument) {
    if (pthread_create(thread, NULL, body, argument) == 0) return;
    host_fail("pthread_create");
    exit(2);
}

/* Everything once more, from one thread, when all is quiet. */
static void after_the_storm(Host *host, CK_SESSION_HANDLE session) {
    CK_SESSION_HANDLE fresh = CK_INVALID_HANDLE;
    host_check(host_login(host, session), "C_Login afterwards");
    host_check(host_open(host, &fresh), "C_OpenSession afterwards");
    host_check(host_find_keys(host, fresh), "finding the keys afterwards");
    for (unsigned n = 0; n < 4; n++) {
        CK_RV rv = host_sign_all(host, fresh, n);
        if (rv != CKR_OK) host_fail("signing afterwards, in a new session: %s", host_rv_text(rv));
    }
    host_check(host_sign_all(host, session, 1), "signing afterwards, in the first session");
    host_check(host->functions->C_CloseAllSessions(host->slot), "C_CloseAllSessions");
    host_check(host->functions->C_Finalize(NULL), "C_Finalize");
}

int main(int argc, char **argv) {
    static Worker workers[MAX_WORKERS];
    Host host;
    unsigned threads = 8, signatures = 200, deadline = 120;
    bool disturbed = false;
    for (int next = host_arguments(&host, argc, argv); next < argc; next++) {
        const char *value = next + 1 < argc ? argv[next + 1] : NULL;
        if (strcmp(argv[next], "--disturb") == 0) disturbed = true;
        else if (strcmp(argv[next], "--threads") == 0) threads = number(value), next++;
        else if (strcmp(argv[next], "--signatures") == 0) signatures = number(value), next++;
        else if (strcmp(argv[next], "--deadline") == 0) deadline = number(value), next++;
        else number(argv[next]);
    }
    if (threads > MAX_WORKERS) threads = MAX_WORKERS;

    host_watchdog(deadline);
    host_load(&host);
    CK_SESSION_HANDLE session = host_start(&host, true);
    for (size_t i = 0; i < host.scheme_count; i++) host_note("scheme %s", host.schemes[i]->name);

    Disturbance disturbance = {.workers = workers, .count = threads};
    pthread_t disturber;
    for (unsigned i = 0; i < threads; i++) {
        workers[i].host = &host;
        workers[i].number = i;
        workers[i].signatures = signatures;
        workers[i].disturbed = disturbed;
        start(&workers[i].thread, worker_run, &workers[i]);
    }
    if (disturbed) start(&disturber, disturb, &disturbance);
    host_phase("wait for the threads");
    unsigned long good = 0, refused = 0;
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        good += workers[i].good;
        refused += workers[i].refused;
    }
    if (disturbed) {
        atomic_store(&disturbance.over, true);
        pthread_join(disturber, NULL);
        host_pass("%lu sessions closed, %lu logouts by another thread; %lu calls refused", disturbance.closed,
                  disturbance.logouts, refused);
    }
    if (good == (unsigned long)threads * signatures) host_pass("%lu verified signatures by %u threads", good, threads);
    else host_fail("%lu signatures instead of %lu", good, (unsigned long)threads * signatures);
    after_the_storm(&host, session);
    return host_exit_code();
}
