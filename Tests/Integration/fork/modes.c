/* SPDX-License-Identifier: Apache-2.0 */
#include "modes.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { SIGNATURES = 3, CHILD_THREADS = 4 };

/* A call that must succeed for the child to go on. */
#define MUST(call) \
    do { \
        host_phase("%s", #call); \
        CK_RV rv = (call); \
        if (rv != CKR_OK) { \
            host_fail("child %d: %s: %s", (int)getpid(), #call, host_rv_text(rv)); \
            return 1; \
        } \
    } while (0)

static int sign(Host *host, CK_SESSION_HANDLE session, unsigned seed) {
    for (unsigned n = 0; n < SIGNATURES; n++) MUST(host_sign_all(host, session, seed + n));
    return 0;
}

/* Session, login and search as libp11 does them in every worker; the handles must be those of the parent. */
static int open_find_sign(Host *host, unsigned seed) {
    CK_SESSION_HANDLE session;
    MUST(host_open(host, &session));
    MUST(host_login(host, session));
    for (size_t i = 0; i < host->key_count; i++) {
        CK_OBJECT_HANDLE found;
        MUST(host_find(host, session, &host->keys[i], &found));
        if (found == host->keys[i].handle) continue;
        host_fail("child %d: %s has handle %lu, in the parent %lu", (int)getpid(), host->keys[i].label, found,
                  host->keys[i].handle);
        return 1;
    }
    return sign(host, session, seed);
}

static int reinitialise(Host *host, CK_SESSION_HANDLE inherited, unsigned seed) {
    (void)inherited;
    MUST(host_initialise(host, seed % 2));
    host_phase("C_Initialize a second time");
    CK_RV rv = host_initialise(host, false);
    if (rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        host_fail("child %d: the second C_Initialize: %s", (int)getpid(), host_rv_text(rv));
        return 1;
    }
    return open_find_sign(host, seed);
}

static int finalise(Host *host, CK_SESSION_HANDLE inherited, unsigned seed) {
    (void)inherited;
    MUST(host->functions->C_Finalize(NULL));
    MUST(host_initialise(host, seed % 2));
    return open_find_sign(host, seed);
}

static int go_on(Host *host, CK_SESSION_HANDLE inherited, unsigned seed) { return sign(host, inherited, seed); }

/* Signs at once, and calls C_Initialize only then: whether that is the first call is for the module to say. */
static int late(Host *host, CK_SESSION_HANDLE inherited, unsigned seed) {
    if (sign(host, inherited, seed) != 0) return 1;
    host_phase("late C_Initialize");
    CK_RV rv = host_initialise(host, false);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        host_fail("child %d: late C_Initialize: %s", (int)getpid(), host_rv_text(rv));
        return 1;
    }
    return open_find_sign(host, seed);
}

static void *sign_in_thread(void *argument) {
    Host *host = argument;
    CK_SESSION_HANDLE session;
    CK_RV rv = host_open(host, &session);
    for (unsigned n = 0; rv == CKR_OK && n < SIGNATURES; n++) rv = host_sign_all(host, session, n);
    if (rv != CKR_OK) host_fail("thread of child %d: %s", (int)getpid(), host_rv_text(rv));
    return rv == CKR_OK ? NULL : argument;
}

/*
 * A child with threads of its own, as Apache's are. The thread that forked and new ones meet at every lock and at every
 * value that is initialised at its first use: where the parent's thread id is remembered, they hang. Needs nothing of
 * the parent but the loaded module.
 */
static int threaded(Host *host, CK_SESSION_HANDLE inherited, unsigned seed) {
    pthread_t threads[CHILD_THREADS];
    CK_SESSION_HANDLE session;
    void *failed = NULL, *result = NULL;
    (void)inherited;
    MUST(host_initialise(host, seed % 2));
    MUST(host_find_slot(host));
    MUST(host_open(host, &session));
    MUST(host_login(host, session));
    MUST(host_find_keys(host, session));
    for (unsigned i = 0; i < CHILD_THREADS; i++)
        if (pthread_create(&threads[i], NULL, sign_in_thread, host) != 0) return 1;
    if (sign_in_thread(host) != NULL) failed = host;
    host_phase("wait for the child's threads");
    for (unsigned i = 0; i < CHILD_THREADS; i++) {
        pthread_join(threads[i], &result);
        if (result) failed = result;
    }
    return failed ? 1 : 0;
}

static int finalise_only(Host *host, CK_SESSION_HANDLE inherited, unsigned seed) {
    (void)inherited, (void)seed;
    MUST(host->functions->C_Finalize(NULL));
    return 0;
}

/* Ends through exit(3), with the host's and OpenSSL's exit handlers. */
static int leave(Host *host, CK_SESSION_HANDLE inherited, unsigned seed) {
    (void)host, (void)inherited, (void)seed;
    return 0;
}

static int leave_at_once(Host *host, CK_SESSION_HANDLE inherited, unsigned seed) {
    (void)host, (void)inherited, (void)seed;
    _exit(0);
}

static int execute(Host *host, CK_SESSION_HANDLE inherited, unsigned seed) {
    (void)host, (void)inherited, (void)seed;
    host_phase("exec");
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static const Mode modes[] = {
    {"reinitialise", reinitialise}, {"finalise", finalise}, {"continue", go_on},  {"late", late},
    {"threaded", threaded},         {"finalise-only", finalise_only}, {"exit", leave}, {"_exit", leave_at_once},
    {"exec", execute},
};

const Mode *mode_named(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strlen(modes[i].name) == length && strncmp(modes[i].name, name, length) == 0) return &modes[i];
    return NULL;
}
