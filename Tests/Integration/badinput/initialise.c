/* C_Initialize and C_Finalize: PKCS#11 3.0, 5.4.  SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "groups.h"

#include <pthread.h>
#include <stdlib.h>

static CK_RV create_mutex(CK_VOID_PTR *mutex) {
    pthread_mutex_t *created = malloc(sizeof *created);
    if (!created) return CKR_HOST_MEMORY;
    pthread_mutex_init(created, NULL);
    *mutex = created;
    return CKR_OK;
}

static CK_RV destroy_mutex(CK_VOID_PTR mutex) {
    pthread_mutex_destroy(mutex);
    free(mutex);
    return CKR_OK;
}

static CK_RV lock_mutex(CK_VOID_PTR mutex) { return pthread_mutex_lock(mutex) == 0 ? CKR_OK : CKR_MUTEX_BAD; }
static CK_RV unlock_mutex(CK_VOID_PTR mutex) { return pthread_mutex_unlock(mutex) == 0 ? CKR_OK : CKR_MUTEX_BAD; }

/* Calls C_Initialize, and C_Finalize when it succeeded. */
static void initialise(Host *host, const char *text, CK_C_INITIALIZE_ARGS arguments, CK_RV one, CK_RV other) {
    const CK_RV allowed[] = {one, other};
    check_begin(text);
    CK_RV rv = host->functions->C_Initialize(&arguments);
    check_end(rv, allowed, 2);
    if (rv == CKR_OK) host_check(host->functions->C_Finalize(NULL), "C_Finalize");
}

void check_initialise_arguments(Host *host) {
    CK_C_INITIALIZE_ARGS all = {create_mutex, destroy_mutex, lock_mutex, unlock_mutex, 0, NULL}, some;
    initialise(host, "pReserved", (CK_C_INITIALIZE_ARGS){.pReserved = host}, CKR_ARGUMENTS_BAD, CKR_ARGUMENTS_BAD);
    initialise(host, "no mutex functions, no flags", (CK_C_INITIALIZE_ARGS){.flags = 0}, CKR_OK, CKR_OK);
    initialise(host, "CKF_OS_LOCKING_OK", (CK_C_INITIALIZE_ARGS){.flags = CKF_OS_LOCKING_OK}, CKR_OK, CKR_OK);
    initialise(host, "CKF_LIBRARY_CANT_CREATE_OS_THREADS",
               (CK_C_INITIALIZE_ARGS){.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS}, CKR_OK, CKR_OK);
    initialise(host, "all mutex functions", all, CKR_OK, CKR_CANT_LOCK);
    all.flags = CKF_OS_LOCKING_OK;
    initialise(host, "all mutex functions, CKF_OS_LOCKING_OK", all, CKR_OK, CKR_OK);
    for (unsigned missing = 1; missing < 15; missing++) {
        some = all;
        if (missing & 1) some.CreateMutex = NULL;
        if (missing & 2) some.DestroyMutex = NULL;
        if (missing & 4) some.LockMutex = NULL;
        if (missing & 8) some.UnlockMutex = NULL;
        check_context("mutex functions without those of mask %x", missing);
        some.flags = missing % 2 ? CKF_OS_LOCKING_OK : 0;
        initialise(host, "C_Initialize", some, CKR_ARGUMENTS_BAD, CKR_ARGUMENTS_BAD);
    }
}

void check_lifecycle(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_SESSION_HANDLE session = host_start(host, true);
    EXPECT("C_Initialize twice", f->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
    EXPECT("C_Finalize with pReserved", f->C_Finalize(host), CKR_ARGUMENTS_BAD);
    host_check(host_sign_all(host, session, 0), "still signs");
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    EXPECT("C_SignInit", f->C_SignInit(session, &mechanism, check_key(host, true)->handle), CKR_OK);
    EXPECT("C_Finalize with an active operation", f->C_Finalize(NULL), CKR_OK);
    for (unsigned round = 0; round < 20; round++) {
        CK_RV rv = f->C_Initialize(NULL);
        if (rv == CKR_OK) rv = f->C_Finalize(NULL);
        if (rv != CKR_OK) host_fail("C_Initialize and C_Finalize, round %u: %s", round, host_rv_text(rv));
    }
    host_check(host_initialise(host, false), "C_Initialize again");
    CK_BYTE data[32] = {0}, signature[HOST_MAX_SIGNATURE];
    CK_ULONG length = sizeof signature;
    EXPECT("C_Sign with a session of before", f->C_Sign(session, data, sizeof data, signature, &length),
           CKR_SESSION_HANDLE_INVALID);
    host_check(f->C_Finalize(NULL), "C_Finalize");
    session = host_start(host, false);
    host_check(host_sign_all(host, session, 1), "signs after C_Finalize and C_Initialize");
}
