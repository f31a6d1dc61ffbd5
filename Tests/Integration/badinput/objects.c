/* Templates, and what makes keys of them: PKCS#11 3.0, 5.7 and 5.18.  SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "groups.h"

#include <string.h>

static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY, private_key = CKO_PRIVATE_KEY, data_object = CKO_DATA;
static CK_KEY_TYPE aes = CKK_AES, rsa = CKK_RSA;
static CK_BYTE bytes[4096];

#define CREATE(...) create(host, session, (CK_ATTRIBUTE[]){__VA_ARGS__}, COUNT(((CK_ATTRIBUTE[]){__VA_ARGS__})))

static CK_RV create(Host *host, CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count) {
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_RV rv = host->functions->C_CreateObject(session, template, count, &object);
    if (rv != CKR_OK && object != CK_INVALID_HANDLE) host_fail("a handle beside %s", host_rv_text(rv));
    return rv;
}

#define CLASS(value) {CKA_CLASS, &(value), sizeof(value)}
#define TYPE(value) {CKA_KEY_TYPE, &(value), sizeof(value)}

void check_templates(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_SESSION_HANDLE session = check_session(host);
    const CK_ULONG counts[] = {1025, ABSURD_LENGTH, 0x7FFFFFFFFFFFFFFFUL, CK_UNAVAILABLE_INFORMATION};
    const CK_ULONG lengths[] = ABSURD_LENGTHS;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ATTRIBUTE class = CLASS(data_object);
    for (size_t i = 0; i < COUNT(counts); i++) {
        check_context("template of 0x%lx attributes", counts[i]);
        EXPECT("C_CreateObject", f->C_CreateObject(session, &class, counts[i], &object), CKR_ARGUMENTS_BAD);
        EXPECT("null", f->C_CreateObject(session, NULL, counts[i], &object), CKR_ARGUMENTS_BAD);
    }
    for (size_t i = 0; i < COUNT(lengths); i++) {
        check_context("null value of length 0x%lx", lengths[i]);
        EXPECT("data", CREATE(CLASS(data_object), {CKA_VALUE, NULL, lengths[i]}), CKR_ATTRIBUTE_VALUE_INVALID);
        EXPECT("class", CREATE({CKA_CLASS, NULL, lengths[i]}), CKR_ATTRIBUTE_VALUE_INVALID);
        EXPECT("label", CREATE(CLASS(data_object), {CKA_LABEL, NULL, lengths[i]}), CKR_ATTRIBUTE_VALUE_INVALID);
    }
    check_context(NULL);
    EXPECT("no attributes", f->C_CreateObject(session, NULL, 0, &object), CKR_TEMPLATE_INCOMPLETE);
    EXPECT("null handle", f->C_CreateObject(session, &class, 1, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("class of 3 bytes", CREATE({CKA_CLASS, bytes, 3}), CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT("AES key of 31 bytes", CREATE(CLASS(secret_key), TYPE(aes), {CKA_VALUE, bytes, 31}),
           CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT("AES key of 0 bytes", CREATE(CLASS(secret_key), TYPE(aes), {CKA_VALUE, bytes, 0}),
           CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT("flag of 2 bytes", CREATE(CLASS(data_object), {CKA_PRIVATE, bytes, 2}), CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT("flag of 0 bytes", CREATE(CLASS(data_object), {CKA_PRIVATE, bytes, 0}), CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT("half a mechanism", CREATE(CLASS(secret_key), TYPE(aes), {CKA_VALUE, bytes, 16},
                                      {CKA_ALLOWED_MECHANISMS, bytes, 12}), CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT("RSA key of zeros", CREATE(CLASS(private_key), TYPE(rsa), {CKA_MODULUS, bytes, 256},
                                      {CKA_PUBLIC_EXPONENT, bytes, 3}, {CKA_PRIVATE_EXPONENT, bytes, 256},
                                      {CKA_PRIME_1, bytes, 128}, {CKA_PRIME_2, bytes, 128}),
           CKR_ATTRIBUTE_VALUE_INVALID);
}

static void expect_length_refused(Host *host, CK_SESSION_HANDLE session, CK_ULONG length) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_MECHANISM aes_key = {CKM_AES_KEY_GEN, NULL, 0}, generic = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
    CK_MECHANISM pair = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE value_length = {CKA_VALUE_LEN, &length, sizeof length};
    CK_ATTRIBUTE modulus_bits = {CKA_MODULUS_BITS, &length, sizeof length};
    CK_OBJECT_HANDLE key = 0, other = 0;
    check_context("length 0x%lx", length);
    EXPECT("AES", f->C_GenerateKey(session, &aes_key, &value_length, 1, &key), CKR_KEY_SIZE_RANGE,
           CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT("generic secret", f->C_GenerateKey(session, &generic, &value_length, 1, &key), CKR_KEY_SIZE_RANGE,
           CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT("RSA", f->C_GenerateKeyPair(session, &pair, &modulus_bits, 1, NULL, 0, &key, &other), CKR_KEY_SIZE_RANGE,
           CKR_ATTRIBUTE_VALUE_INVALID);
    check_context(NULL);
}

void check_keys_made(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_SESSION_HANDLE session = check_session(host);
    CK_OBJECT_HANDLE key = check_aes(host, session), made = 0;
    const CK_ULONG lengths[] = {0, ABSURD_LENGTH, 0x1FFFFFFFFFFFFFFFUL, 0x7FFFFFFFFFFFFFFFUL,
                                CK_UNAVAILABLE_INFORMATION};
    CK_MECHANISM wrap = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_KEY_DERIVATION_STRING_DATA string = {bytes, 17};
    CK_MECHANISM derive = {CKM_AES_ECB_ENCRYPT_DATA, &string, sizeof string};
    CK_ATTRIBUTE template[] = {CLASS(secret_key), TYPE(aes)};
    CK_ULONG length = 1;
    for (size_t i = 0; i < COUNT(lengths); i++) expect_length_refused(host, session, lengths[i]);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        check_context("length 0x%lx", lengths[i]);
        EXPECT("wrapped key", f->C_UnwrapKey(session, &wrap, key, bytes, lengths[i], template, 2, &made),
               CKR_WRAPPED_KEY_LEN_RANGE, CKR_ARGUMENTS_BAD);
        string.ulLen = lengths[i];
        EXPECT("data to derive from", f->C_DeriveKey(session, &derive, key, template, 2, &made),
               CKR_MECHANISM_PARAM_INVALID);
    }
    check_context(NULL);
    EXPECT("C_WrapKey, size query", f->C_WrapKey(session, &wrap, key, key, NULL, &length), CKR_OK);
    REQUIRE("the size is told", length == 40);
    length = 39;
    EXPECT("buffer too short by one", f->C_WrapKey(session, &wrap, key, key, bytes, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT("null length", f->C_WrapKey(session, &wrap, key, key, bytes, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("null mechanism", f->C_WrapKey(session, NULL, key, key, bytes, &length), CKR_ARGUMENTS_BAD);
    EXPECT("null handle", f->C_UnwrapKey(session, &wrap, key, bytes, 40, template, 2, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("null bytes for a random number", f->C_GenerateRandom(session, NULL, 9), CKR_ARGUMENTS_BAD);
    EXPECT("random number of length ~0", f->C_GenerateRandom(session, bytes, CK_UNAVAILABLE_INFORMATION),
           CKR_ARGUMENTS_BAD);
}

/* Signatures and saved states have a greatest length: a longer one is refused before it is looked at. */
void check_lengths_of_checks(Host *host) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_SESSION_HANDLE session = check_session(host);
    CK_OBJECT_HANDLE key = check_aes(host, session);
    const CK_ULONG lengths[] = {0, 1, 15, 17, ABSURD_LENGTH, 0x7FFFFFFFFFFFFFFFUL, CK_UNAVAILABLE_INFORMATION};
    CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0}, digest = {CKM_SHA256, NULL, 0};
    CK_ULONG length = 31;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        check_context("length 0x%lx", lengths[i]);
        EXPECT("C_VerifyInit", f->C_VerifyInit(session, &cmac, key), CKR_OK);
        EXPECT("C_Verify", f->C_Verify(session, bytes, 3, bytes, lengths[i]), CKR_SIGNATURE_LEN_RANGE,
               CKR_ARGUMENTS_BAD);
        EXPECT("C_SetOperationState", f->C_SetOperationState(session, bytes, lengths[i], 0, 0),
               CKR_SAVED_STATE_INVALID, CKR_ARGUMENTS_BAD);
    }
    check_context(NULL);
    EXPECT("C_DigestInit", f->C_DigestInit(session, &digest), CKR_OK);
    EXPECT("buffer too short by one", f->C_Digest(session, bytes, 3, bytes, &length), CKR_BUFFER_TOO_SMALL);
    REQUIRE("the size is told", length == 32);
    EXPECT("C_Digest", f->C_Digest(session, bytes, 3, bytes, &length), CKR_OK);
    EXPECT("C_DigestInit", f->C_DigestInit(session, &digest), CKR_OK);
    EXPECT("null data", f->C_DigestUpdate(session, NULL, 3), CKR_ARGUMENTS_BAD);
    EXPECT("the digest is over", f->C_DigestFinal(session, bytes, &length), CKR_OPERATION_NOT_INITIALIZED);
}
