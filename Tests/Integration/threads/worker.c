/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "errands.h"

/* PKCS#11 3.0, 5.1: what calls with keys, objects and operations may say when session or login are gone. */
bool legitimate_when_disturbed(CK_RV rv) {
    switch (rv) {
        case CKR_OK:
        case CKR_SESSION_HANDLE_INVALID:
        case CKR_SESSION_CLOSED:
        case CKR_USER_NOT_LOGGED_IN:
        case CKR_KEY_HANDLE_INVALID:
        case CKR_OBJECT_HANDLE_INVALID:
        case CKR_OPERATION_NOT_INITIALIZED: return true;
        default: return false;
    }
}

/* Opens a session if there is none; logs in if need be. */
static CK_RV have_session(Worker *worker, CK_SESSION_HANDLE *session) {
    *session = atomic_load(&worker->session);
    if (*session == CK_INVALID_HANDLE) {
        CK_RV rv = host_open(worker->host, session);
        if (rv != CKR_OK) return rv;
        atomic_store(&worker->session, *session);
    }
    return worker->disturbed ? host_login(worker->host, *session) : CKR_OK;
}

/* Now and then the calls that a host makes around a signature. A logout may have made the key's handle invalid. */
static CK_RV look_around(Worker *worker, CK_SESSION_HANDLE session, size_t key) {
    CK_BYTE label[128];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    CK_SESSION_INFO info;
    CK_RV rv = worker->host->functions->C_GetSessionInfo(session, &info);
    if (rv == CKR_OK) rv = host_find(worker->host, session, &worker->host->keys[key], &worker->handles[key]);
    if (rv == CKR_OK) rv = worker->host->functions->C_GetAttributeValue(session, worker->handles[key], &attribute, 1);
    return rv;
}

static CK_RV one_signature(Worker *worker, unsigned n) {
    Host *host = worker->host;
    size_t number = n % host->key_count;
    const HostKey *key = &host->keys[number];
    const HostScheme *scheme = host_scheme(host, key, n / (unsigned)host->key_count);
    CK_SESSION_HANDLE session;
    if (!scheme) return CKR_MECHANISM_INVALID;
    CK_RV rv = have_session(worker, &session);
    if (rv == CKR_OK && (n % 5 == 0 || worker->handles[number] == CK_INVALID_HANDLE)) {
        rv = look_around(worker, session, number);
    }
    if (rv == CKR_OK) rv = host_sign(host, session, key, worker->handles[number], scheme, 1 + n % 4, n);
    if (rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID) worker->handles[number] = CK_INVALID_HANDLE;
    return rv;
}

void *worker_run(void *argument) {
    Worker *worker = argument;
    for (unsigned n = worker->number; worker->good < worker->signatures; n++) {
        CK_RV rv = one_signature(worker, n);
        if (rv == CKR_OK && n % ERRAND_EVERY == 0)
            rv = errand(worker->host, atomic_load(&worker->session), worker->number, n / ERRAND_EVERY);
        if (rv == CKR_OK) {
            worker->good++;
            continue;
        }
        if (!worker->disturbed || !legitimate_when_disturbed(rv)) {
            host_fail("thread %u, signature %u: %s", worker->number, n, host_rv_text(rv));
            break;
        }
        worker->refused++;
        if (rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED)
            atomic_store(&worker->session, CK_INVALID_HANDLE);
    }
    return NULL;
}
