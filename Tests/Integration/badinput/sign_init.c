/* C_SignInit: PKCS#11 3.0, 5.13.  SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "groups.h"

#include <string.h>

/* C_SignInit in a session of its own. */
static void init(Host *host, const char *text, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, CK_RV one, CK_RV other) {
    const CK_RV allowed[] = {one, other};
    CK_SESSION_HANDLE session = check_session(host);
    check_begin(text);
    check_end(host->functions->C_SignInit(session, &mechanism, key), allowed, 2);
    host->functions->C_CloseSession(session);
}

static void check_keys(Host *host, CK_MECHANISM rsa_pkcs, CK_MECHANISM ecdsa) {
    const CK_ULONG unknown[] = UNKNOWN_HANDLES;
    CK_OBJECT_HANDLE rsa = check_key(host, true)->handle, ec = check_key(host, false)->handle, public_key;
    for (size_t i = 0; i < COUNT(unknown); i++) {
        check_context("key 0x%lx", unknown[i]);
        init(host, "C_SignInit", rsa_pkcs, unknown[i], CKR_KEY_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID);
    }
    check_context(NULL);
    init(host, "RSA-PKCS with an EC key", rsa_pkcs, ec, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_TYPE_INCONSISTENT);
    init(host, "ECDSA with an RSA key", ecdsa, rsa, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_TYPE_INCONSISTENT);

    CK_SESSION_HANDLE session = check_session(host);
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    const char *label = check_key(host, true)->label;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)label, strlen(label)}};
    CK_ULONG count = 0;
    CK_FUNCTION_LIST *f = host->functions;
    CK_RV rv = f->C_FindObjectsInit(session, template, COUNT(template));
    if (rv == CKR_OK) rv = f->C_FindObjects(session, &public_key, 1, &count);
    if (rv == CKR_OK) rv = f->C_FindObjectsFinal(session);
    host_check(rv, "looking for the public key");
    if (count == 1)
        init(host, "RSA-PKCS with a public key", rsa_pkcs, public_key, CKR_KEY_FUNCTION_NOT_PERMITTED,
             CKR_KEY_TYPE_INCONSISTENT);
}

void check_sign_init(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_OBJECT_HANDLE rsa = check_key(host, true)->handle;
    CK_SESSION_HANDLE session = check_session(host);
    CK_MECHANISM rsa_pkcs = {CKM_RSA_PKCS, NULL, 0}, ecdsa = {CKM_ECDSA, NULL, 0}, odd;
    const CK_ULONG lengths[] = ABSURD_LENGTHS;
    CK_BYTE bytes[8] = {0};

    /* Since 3.0 a null mechanism ends an active operation. */
    EXPECT("null mechanism", f->C_SignInit(session, NULL, rsa), CKR_ARGUMENTS_BAD, CKR_OPERATION_NOT_INITIALIZED,
           CKR_OK);
    EXPECT("RSA-PKCS", f->C_SignInit(session, &rsa_pkcs, rsa), CKR_OK);
    EXPECT("twice", f->C_SignInit(session, &rsa_pkcs, rsa), CKR_OPERATION_ACTIVE);
    EXPECT("null mechanism, active", f->C_SignInit(session, NULL, rsa), CKR_ARGUMENTS_BAD, CKR_OPERATION_ACTIVE,
           CKR_OPERATION_CANCEL_FAILED, CKR_OK);
    check_keys(host, rsa_pkcs, ecdsa);

    odd = (CK_MECHANISM){0x7FFFFFFFUL, NULL, 0};
    init(host, "unknown mechanism", odd, rsa, CKR_MECHANISM_INVALID, CKR_MECHANISM_INVALID);
    odd.mechanism = CK_UNAVAILABLE_INFORMATION;
    init(host, "mechanism ~0", odd, rsa, CKR_MECHANISM_INVALID, CKR_MECHANISM_INVALID);
    odd.mechanism = CKM_SHA256;
    init(host, "mechanism that signs nothing", odd, rsa, CKR_MECHANISM_INVALID, CKR_MECHANISM_INVALID);
    odd = (CK_MECHANISM){CKM_RSA_PKCS, bytes, sizeof bytes};
    init(host, "RSA-PKCS with a parameter", odd, rsa, CKR_MECHANISM_PARAM_INVALID, CKR_OK);
    odd = (CK_MECHANISM){CKM_RSA_PKCS, bytes, 0};
    init(host, "RSA-PKCS with a parameter of length 0", odd, rsa, CKR_OK, CKR_MECHANISM_PARAM_INVALID);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        check_context("parameter null, length 0x%lx", lengths[i]);
        odd = (CK_MECHANISM){CKM_RSA_PKCS, NULL, lengths[i]};
        init(host, "RSA-PKCS", odd, rsa, CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD);
        odd.mechanism = CKM_RSA_PKCS_PSS;
        init(host, "RSA-PKCS-PSS", odd, rsa, CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD);
    }
}

static void pss(Host *host, const char *text, CK_MECHANISM_TYPE type, CK_RSA_PKCS_PSS_PARAMS parameters, CK_RV wanted) {
    CK_MECHANISM mechanism = {type, &parameters, sizeof parameters};
    init(host, text, mechanism, check_key(host, true)->handle, wanted, wanted);
}

void check_pss_parameters(Host *host) {
    CK_OBJECT_HANDLE rsa = check_key(host, true)->handle;
    CK_RSA_PKCS_PSS_PARAMS good = {CKM_SHA256, CKG_MGF1_SHA256, 32}, bad = good;
    CK_BYTE raw[sizeof good + 9];
    const CK_ULONG lengths[] = {0, 1, sizeof good - 1, sizeof good + 1, ABSURD_LENGTH, CK_UNAVAILABLE_INFORMATION};
    const CK_RV wrong = CKR_MECHANISM_PARAM_INVALID;

    pss(host, "good parameters", CKM_RSA_PKCS_PSS, good, CKR_OK);
    memcpy(raw + 1, &good, sizeof good);
    init(host, "good parameters at an odd address", (CK_MECHANISM){CKM_RSA_PKCS_PSS, raw + 1, sizeof good}, rsa, CKR_OK,
         CKR_OK);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        check_context("parameters of length 0x%lx", lengths[i]);
        init(host, "RSA-PKCS-PSS", (CK_MECHANISM){CKM_RSA_PKCS_PSS, raw + 1, lengths[i]}, rsa, wrong,
             CKR_ARGUMENTS_BAD);
    }
    check_context(NULL);
    init(host, "no parameters", (CK_MECHANISM){CKM_RSA_PKCS_PSS, NULL, 0}, rsa, wrong, CKR_ARGUMENTS_BAD);
    bad.hashAlg = CKM_RSA_PKCS;
    pss(host, "hash that is none", CKM_RSA_PKCS_PSS, bad, wrong);
    bad.hashAlg = CK_UNAVAILABLE_INFORMATION;
    pss(host, "hash ~0", CKM_RSA_PKCS_PSS, bad, wrong);
    bad = good, bad.hashAlg = CKM_SHA384, bad.mgf = CKG_MGF1_SHA384, bad.sLen = 48;
    pss(host, "SHA256-RSA-PKCS-PSS with SHA-384", CKM_SHA256_RSA_PKCS_PSS, bad, wrong);
    bad = good, bad.mgf = 0;
    pss(host, "mask generation 0", CKM_RSA_PKCS_PSS, bad, wrong);
    bad.mgf = CK_UNAVAILABLE_INFORMATION;
    pss(host, "mask generation ~0", CKM_RSA_PKCS_PSS, bad, wrong);
    bad = good, bad.sLen = 10000;
    pss(host, "salt longer than the key", CKM_RSA_PKCS_PSS, bad, wrong);
    bad.sLen = ABSURD_LENGTH;
    pss(host, "salt length 2^40", CKM_RSA_PKCS_PSS, bad, wrong);
    bad.sLen = CK_UNAVAILABLE_INFORMATION;
    pss(host, "salt length ~0", CKM_RSA_PKCS_PSS, bad, wrong);
}
