/* C_Sign, C_SignUpdate, C_SignFinal: PKCS#11 3.0, 5.13 and 5.2.  SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "groups.h"

#include <string.h>

/* A session with an active signature. */
static CK_SESSION_HANDLE begin(Host *host, CK_MECHANISM_TYPE type) {
    static CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    bool is_pss = type == CKM_RSA_PKCS_PSS || type == CKM_SHA256_RSA_PKCS_PSS;
    CK_MECHANISM mechanism = {type, is_pss ? &pss : NULL, is_pss ? sizeof pss : 0};
    bool rsa = type != CKM_ECDSA && type != CKM_ECDSA_SHA256;
    CK_SESSION_HANDLE session = check_session(host);
    CK_RV rv = host->functions->C_SignInit(session, &mechanism, check_key(host, rsa)->handle);
    if (rv != CKR_OK) host_fail("C_SignInit with 0x%lx: %s", type, host_rv_text(rv));
    return session;
}

void check_sign(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_BYTE data[100] = {1, 2, 3}, signature[HOST_MAX_SIGNATURE];
    CK_ULONG right = (CK_ULONG)EVP_PKEY_get_size(check_key(host, true)->public_key), length = 0;
    CK_SESSION_HANDLE session = begin(host, CKM_SHA256_RSA_PKCS), other = check_session(host);

    EXPECT("size query", f->C_Sign(session, data, sizeof data, NULL, &length), CKR_OK);
    REQUIRE("the size is the key's", length == right);
    EXPECT("in another session", f->C_Sign(other, data, sizeof data, signature, &length),
           CKR_OPERATION_NOT_INITIALIZED);
    length = right - 1;
    memset(signature, 0xA5, sizeof signature);
    EXPECT("buffer too short by one", f->C_Sign(session, data, sizeof data, signature, &length), CKR_BUFFER_TOO_SMALL);
    REQUIRE("the size is told and nothing written", length == right && signature[0] == 0xA5);
    length = 0;
    EXPECT("buffer of length 0", f->C_Sign(session, data, sizeof data, signature, &length), CKR_BUFFER_TOO_SMALL);
    length = right;
    EXPECT("buffer of the right length", f->C_Sign(session, data, sizeof data, signature, &length), CKR_OK);
    REQUIRE("nothing is written past its end", length == right && signature[right] == 0xA5);
    EXPECT("C_Sign after C_Sign", f->C_Sign(session, data, sizeof data, signature, &length),
           CKR_OPERATION_NOT_INITIALIZED);
    session = begin(host, CKM_SHA256_RSA_PKCS);
    length = CK_UNAVAILABLE_INFORMATION;
    EXPECT("buffer of length ~0", f->C_Sign(session, data, sizeof data, signature, &length), CKR_OK);
    REQUIRE("the length is right", length == right);
    EXPECT("null length", f->C_Sign(begin(host, CKM_SHA256_RSA_PKCS), data, sizeof data, signature, NULL),
           CKR_ARGUMENTS_BAD);
    EXPECT("null data, length 100", f->C_Sign(begin(host, CKM_SHA256_RSA_PKCS), NULL, 100, signature, &length),
           CKR_ARGUMENTS_BAD);
    length = sizeof signature;
    EXPECT("null data, length 0", f->C_Sign(begin(host, CKM_SHA256_RSA_PKCS), NULL, 0, signature, &length), CKR_OK,
           CKR_ARGUMENTS_BAD);
    session = begin(host, CKM_SHA256_RSA_PKCS);
    EXPECT("C_CloseSession with an active operation", f->C_CloseSession(session), CKR_OK);
    EXPECT("C_Sign afterwards", f->C_Sign(session, data, sizeof data, signature, &length), CKR_SESSION_HANDLE_INVALID);
}

/* A length that the mechanism cannot sign; the operation is over then. */
static void wrong_length(Host *host, CK_MECHANISM_TYPE type, CK_ULONG data_length, CK_RV wanted, CK_RV other) {
    static CK_BYTE data[4096];
    CK_FUNCTION_LIST *f = host->functions;
    CK_BYTE signature[HOST_MAX_SIGNATURE];
    CK_ULONG length = sizeof signature;
    const CK_RV allowed[] = {wanted, other};
    CK_SESSION_HANDLE session = begin(host, type);
    check_context("mechanism 0x%lx, data of length 0x%lx", type, data_length);
    EXPECT_SET("C_Sign", f->C_Sign(session, data, data_length, signature, &length), allowed);
    EXPECT("the operation is over", f->C_Sign(session, data, 32, signature, &length), CKR_OPERATION_NOT_INITIALIZED);
    f->C_CloseSession(session);
    check_context(NULL);
}

void check_sign_lengths(Host *host) {
    CK_ULONG key = (CK_ULONG)EVP_PKEY_get_size(check_key(host, true)->public_key);
    wrong_length(host, CKM_RSA_PKCS, key - 10, CKR_DATA_LEN_RANGE, CKR_DATA_LEN_RANGE);
    wrong_length(host, CKM_RSA_PKCS, key, CKR_DATA_LEN_RANGE, CKR_DATA_LEN_RANGE);
    wrong_length(host, CKM_RSA_PKCS, 4096, CKR_DATA_LEN_RANGE, CKR_DATA_LEN_RANGE);
    wrong_length(host, CKM_RSA_PKCS_PSS, 0, CKR_DATA_LEN_RANGE, CKR_DATA_LEN_RANGE);
    wrong_length(host, CKM_RSA_PKCS_PSS, 31, CKR_DATA_LEN_RANGE, CKR_DATA_LEN_RANGE);
    wrong_length(host, CKM_RSA_PKCS_PSS, 33, CKR_DATA_LEN_RANGE, CKR_DATA_LEN_RANGE);
    wrong_length(host, CKM_ECDSA, 0, CKR_DATA_LEN_RANGE, CKR_DATA_INVALID);
    wrong_length(host, CKM_ECDSA, 4096, CKR_DATA_LEN_RANGE, CKR_OK); /* may be truncated, 2.3.1 of the mechanisms */
}

/* What a mechanism of limited input refuses by its length, before it follows the pointer. */
void check_absurd_data(Host *host) {
    const CK_ULONG lengths[] = {ABSURD_LENGTH, 0x7FFFFFFFFFFFFFFFUL, CK_UNAVAILABLE_INFORMATION};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        wrong_length(host, CKM_RSA_PKCS, lengths[i], CKR_DATA_LEN_RANGE, CKR_ARGUMENTS_BAD);
        wrong_length(host, CKM_RSA_PKCS_PSS, lengths[i], CKR_DATA_LEN_RANGE, CKR_ARGUMENTS_BAD);
        wrong_length(host, CKM_ECDSA, lengths[i], CKR_DATA_LEN_RANGE, CKR_ARGUMENTS_BAD);
    }
}

void check_sign_multipart(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_BYTE data[100] = {0}, signature[HOST_MAX_SIGNATURE];
    CK_ULONG right = (CK_ULONG)EVP_PKEY_get_size(check_key(host, true)->public_key), length = 0;
    CK_SESSION_HANDLE session = begin(host, CKM_SHA256_RSA_PKCS);
    EXPECT("C_SignUpdate", f->C_SignUpdate(session, data, sizeof data), CKR_OK);
    EXPECT("C_SignInit in between", f->C_SignInit(session, &(CK_MECHANISM){CKM_RSA_PKCS, NULL, 0},
                                                  check_key(host, true)->handle), CKR_OPERATION_ACTIVE);
    EXPECT("C_SignUpdate, null, length 0", f->C_SignUpdate(session, NULL, 0), CKR_OK, CKR_ARGUMENTS_BAD);
    session = begin(host, CKM_SHA256_RSA_PKCS);
    EXPECT("C_SignUpdate, no data", f->C_SignUpdate(session, data, 0), CKR_OK);
    EXPECT("C_SignFinal, size query", f->C_SignFinal(session, NULL, &length), CKR_OK);
    REQUIRE("the size is the key's", length == right);
    length = right - 1;
    EXPECT("C_SignFinal, buffer too short", f->C_SignFinal(session, signature, &length), CKR_BUFFER_TOO_SMALL);
    REQUIRE("the size is told", length == right);
    EXPECT("C_SignFinal", f->C_SignFinal(session, signature, &length), CKR_OK);
    EXPECT("C_SignFinal twice", f->C_SignFinal(session, signature, &length), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("C_SignUpdate, null, length 10", f->C_SignUpdate(begin(host, CKM_SHA256_RSA_PKCS), NULL, 10),
           CKR_ARGUMENTS_BAD);
    EXPECT("C_SignUpdate, null, length ~0",
           f->C_SignUpdate(begin(host, CKM_SHA256_RSA_PKCS), NULL, CK_UNAVAILABLE_INFORMATION), CKR_ARGUMENTS_BAD);
    EXPECT("C_SignFinal, null length", f->C_SignFinal(begin(host, CKM_SHA256_RSA_PKCS), signature, NULL),
           CKR_ARGUMENTS_BAD);
    length = sizeof signature;
    EXPECT("C_SignFinal without C_SignUpdate",
           f->C_SignFinal(begin(host, CKM_SHA256_RSA_PKCS), signature, &length), CKR_OK);
    session = begin(host, CKM_SHA256_RSA_PKCS);
    EXPECT("C_SignUpdate", f->C_SignUpdate(session, data, sizeof data), CKR_OK);
    EXPECT("C_Sign after C_SignUpdate", f->C_Sign(session, data, sizeof data, signature, &length),
           CKR_OPERATION_ACTIVE, CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("C_SignUpdate with a mechanism of one part", f->C_SignUpdate(begin(host, CKM_ECDSA), data, 32), CKR_OK,
           CKR_OPERATION_NOT_INITIALIZED, CKR_FUNCTION_NOT_SUPPORTED, CKR_MECHANISM_INVALID);
}
