/* Sessions and login: PKCS#11 3.0, 5.6.  SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "groups.h"

#include <stdlib.h>
#include <string.h>

static CK_STATE state_of(Host *host, CK_SESSION_HANDLE session) {
    CK_SESSION_INFO info;
    CK_RV rv = host->functions->C_GetSessionInfo(session, &info);
    return rv == CKR_OK ? info.state : CK_UNAVAILABLE_INFORMATION;
}

void check_sessions(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_SESSION_HANDLE session = 0, one = check_session(host), other = check_session(host);
    CK_SESSION_INFO info;
    EXPECT("C_OpenSession(null)", f->C_OpenSession(host->slot, CKF_SERIAL_SESSION, NULL, NULL, NULL),
           CKR_ARGUMENTS_BAD);
    EXPECT("C_OpenSession, not serial", f->C_OpenSession(host->slot, 0, NULL, NULL, &session),
           CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    EXPECT("C_OpenSession, read-write", f->C_OpenSession(host->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                                         &session), CKR_OK, CKR_TOKEN_WRITE_PROTECTED);
    EXPECT("C_GetSessionInfo(null)", f->C_GetSessionInfo(one, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetSessionInfo", f->C_GetSessionInfo(one, &info), CKR_OK);
    REQUIRE("slot and state are right", info.slotID == host->slot && info.state == CKS_RO_USER_FUNCTIONS);
    REQUIRE("handles differ", one != other && one != 0 && other != 0);
    EXPECT("C_CloseSession", f->C_CloseSession(one), CKR_OK);
    EXPECT("C_CloseSession twice", f->C_CloseSession(one), CKR_SESSION_HANDLE_INVALID);
    EXPECT("C_Logout", f->C_Logout(other), CKR_OK);
    REQUIRE("the session is public again", state_of(host, other) == CKS_RO_PUBLIC_SESSION);
    EXPECT("C_Logout twice", f->C_Logout(other), CKR_USER_NOT_LOGGED_IN);
    host_check(host_login(host, other), "C_Login");
    EXPECT("C_CloseAllSessions", f->C_CloseAllSessions(host->slot), CKR_OK);
    EXPECT("C_GetSessionInfo after C_CloseAllSessions", f->C_GetSessionInfo(other, &info),
           CKR_SESSION_HANDLE_INVALID);
    EXPECT("C_CloseAllSessions without sessions", f->C_CloseAllSessions(host->slot), CKR_OK);
    one = check_session(host);
    REQUIRE("the end of the last session ended the login", state_of(host, one) == CKS_RO_PUBLIC_SESSION);
    host_check(host_login(host, one), "C_Login");
    EXPECT("C_CloseSession of the last session", f->C_CloseSession(one), CKR_OK);
    one = check_session(host);
    REQUIRE("the end of the last session ended the login", state_of(host, one) == CKS_RO_PUBLIC_SESSION);
    for (unsigned i = 0; i < 500; i++) other = check_session(host);
    host_pass("500 sessions at once");
}

#define REFUSED CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE
#define REFUSED_USER CKR_USER_TYPE_INVALID, CKR_USER_PIN_NOT_INITIALIZED, CKR_SESSION_READ_ONLY_EXISTS, REFUSED

static void check_refused_logins(Host *host, CK_SESSION_HANDLE session) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_UTF8CHAR wrong[] = "not-the-pin", odd[] = {'a', 0, '\n', 0xFF, 0xFE, '\r', '"', '\\'};
    CK_UTF8CHAR *pin = (CK_UTF8CHAR *)host->pin, *large = calloc(1, 1 << 20);
    EXPECT("C_Login, wrong PIN", f->C_Login(session, CKU_USER, wrong, sizeof wrong - 1), CKR_PIN_INCORRECT);
    EXPECT("C_Login, no UTF-8", f->C_Login(session, CKU_USER, odd, sizeof odd), REFUSED);
    EXPECT("C_Login, length 0", f->C_Login(session, CKU_USER, wrong, 0), REFUSED, CKR_ARGUMENTS_BAD);
    EXPECT("C_Login, null with a length", f->C_Login(session, CKU_USER, NULL, 8), CKR_ARGUMENTS_BAD, REFUSED);
    EXPECT("C_Login, 1 MiB of zeros", f->C_Login(session, CKU_USER, large, 1 << 20), REFUSED);
    EXPECT("C_Login, length ~0", f->C_Login(session, CKU_USER, wrong, CK_UNAVAILABLE_INFORMATION), CKR_ARGUMENTS_BAD,
           REFUSED);
    EXPECT("C_Login, length 2^40", f->C_Login(session, CKU_USER, wrong, ABSURD_LENGTH), CKR_ARGUMENTS_BAD, REFUSED);
    EXPECT("C_Login, PIN cut by one", f->C_Login(session, CKU_USER, pin, strlen(host->pin) - 1), REFUSED);
    EXPECT("C_Login, unknown user type", f->C_Login(session, 77, pin, strlen(host->pin)), CKR_USER_TYPE_INVALID);
    EXPECT("C_Login, user type ~0", f->C_Login(session, CK_UNAVAILABLE_INFORMATION, pin, strlen(host->pin)),
           CKR_USER_TYPE_INVALID);
    EXPECT("C_Login, security officer", f->C_Login(session, CKU_SO, wrong, sizeof wrong - 1), REFUSED_USER);
    EXPECT("C_Login, context specific", f->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, strlen(host->pin)),
           CKR_OPERATION_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN, CKR_USER_TYPE_INVALID);
    free(large);
}

void check_login(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    host_check(host_initialise(host, true), "C_Initialize");
    host_check(host_find_slot(host), "a slot with a token");
    CK_SESSION_HANDLE session = check_session(host), other = check_session(host);
    CK_UTF8CHAR *pin = (CK_UTF8CHAR *)host->pin;
    EXPECT("C_Logout before C_Login", f->C_Logout(session), CKR_USER_NOT_LOGGED_IN);
    check_refused_logins(host, session);
    REQUIRE("nobody is logged in", state_of(host, session) == CKS_RO_PUBLIC_SESSION);
    EXPECT("C_Login", f->C_Login(session, CKU_USER, pin, strlen(host->pin)), CKR_OK);
    REQUIRE("the login holds for all sessions", state_of(host, other) == CKS_RO_USER_FUNCTIONS);
    EXPECT("C_Login twice", f->C_Login(other, CKU_USER, pin, strlen(host->pin)), CKR_USER_ALREADY_LOGGED_IN);
    EXPECT("C_Login, wrong PIN, logged in", f->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"wrong", 5),
           CKR_USER_ALREADY_LOGGED_IN);
    host_check(host_find_keys(host, session), "finding the keys");
    host_check(host_sign_all(host, other, 0), "signing");
}

void check_not_logged_in(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_SESSION_HANDLE session = host_start(host, true);
    const HostKey *key = check_key(host, true);
    CK_OBJECT_HANDLE found;
    CK_BYTE label[64];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    CK_BYTE data[32] = {0}, signature[HOST_MAX_SIGNATURE];
    CK_ULONG length = sizeof signature;
    EXPECT("C_SignInit", f->C_SignInit(session, &mechanism, key->handle), CKR_OK);
    EXPECT("C_Logout with an active operation", f->C_Logout(session), CKR_OK);
    EXPECT("C_Sign after C_Logout", f->C_Sign(session, data, sizeof data, signature, &length),
           CKR_USER_NOT_LOGGED_IN, CKR_OPERATION_NOT_INITIALIZED, CKR_KEY_HANDLE_INVALID);
    session = check_session(host);
    EXPECT("C_SignInit, not logged in", f->C_SignInit(session, &mechanism, key->handle), CKR_USER_NOT_LOGGED_IN,
           CKR_KEY_HANDLE_INVALID);
    EXPECT("private key, not logged in", host_find(host, session, key, &found), CKR_OBJECT_HANDLE_INVALID);
    EXPECT("C_GetAttributeValue, not logged in", f->C_GetAttributeValue(session, key->handle, &attribute, 1),
           CKR_OBJECT_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN);
    host_check(host_login(host, session), "C_Login");
    host_check(host_find_keys(host, session), "finding the keys");
    host_check(host_sign_all(host, session, 2), "signing");
}
