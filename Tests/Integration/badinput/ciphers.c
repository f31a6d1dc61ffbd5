/* C_Encrypt… and C_Decrypt…, also of messages: PKCS#11 3.0, 5.8 to 5.11.  SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "groups.h"

#include <string.h>

static CK_BYTE iv[16] = {1, 2, 3};
static CK_MECHANISM padded = {CKM_AES_CBC_PAD, iv, sizeof iv};
static CK_MECHANISM mechanism_gcm = {CKM_AES_GCM, NULL, 0};

CK_OBJECT_HANDLE check_aes(Host *host, CK_SESSION_HANDLE session) {
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_BYTE value[32] = {4, 5, 6};
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_VALUE, value, sizeof value},
        {CKA_SENSITIVE, &no, 1},           {CKA_EXTRACTABLE, &yes, 1},         {CKA_DERIVE, &yes, 1},
    };
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    host_check(host->functions->C_CreateObject(session, template, COUNT(template), &key), "an AES key of the session");
    return key;
}

/* Lengths with which programs add and multiply. A size query looks at no data, so they may be lies. */
static void check_size_queries(Host *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    CK_FUNCTION_LIST *f = host->functions;
    const CK_ULONG lengths[] = {1UL << 31, 1UL << 32, ABSURD_LENGTH, 1UL << 47};
    const CK_ULONG impossible[] = {0x7FFFFFFFFFFFFFF0UL, 0x7FFFFFFFFFFFFFFFUL, CK_UNAVAILABLE_INFORMATION};
    CK_BYTE data[16] = {0}, out[64];
    for (size_t i = 0; i < COUNT(lengths); i++) {
        CK_ULONG length = sizeof out;
        check_context("size query for 0x%lx bytes", lengths[i]);
        EXPECT("C_EncryptInit", f->C_EncryptInit(session, &padded, key), CKR_OK);
        EXPECT("C_Encrypt", f->C_Encrypt(session, data, lengths[i], NULL, &length), CKR_OK);
        REQUIRE("no less is asked for", length >= lengths[i]);
        EXPECT("C_EncryptUpdate", f->C_EncryptUpdate(session, data, 5, out, (length = sizeof out, &length)), CKR_OK);
        EXPECT("C_EncryptUpdate after 5 bytes", f->C_EncryptUpdate(session, data, lengths[i], NULL, &length), CKR_OK);
        EXPECT("too small for it", f->C_EncryptUpdate(session, data, lengths[i], out, (length = 16, &length)),
               CKR_BUFFER_TOO_SMALL);
        EXPECT("C_EncryptFinal", f->C_EncryptFinal(session, out, (length = sizeof out, &length)), CKR_OK);
        REQUIRE("one block for the 5 bytes", length == 16);
        EXPECT("C_DecryptInit", f->C_DecryptInit(session, &padded, key), CKR_OK);
        EXPECT("C_Decrypt", f->C_Decrypt(session, data, lengths[i], NULL, &length), CKR_OK);
        EXPECT("C_DecryptInit with null", f->C_DecryptInit(session, NULL, 0), CKR_OK);
    }
    for (size_t i = 0; i < COUNT(impossible); i++) {
        CK_ULONG length = 0;
        check_context("size query for 0x%lx bytes", impossible[i]);
        EXPECT("C_EncryptInit", f->C_EncryptInit(session, &padded, key), CKR_OK);
        EXPECT("C_Encrypt", f->C_Encrypt(session, data, impossible[i], NULL, &length), CKR_OK, CKR_ARGUMENTS_BAD);
        EXPECT("C_EncryptInit with null", f->C_EncryptInit(session, NULL, 0), CKR_OK);
    }
    check_context(NULL);
}

static void check_buffers(Host *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    CK_FUNCTION_LIST *f = host->functions;
    CK_BYTE data[20] = {0}, out[64];
    CK_ULONG length = 31;
    memset(out, 0xA5, sizeof out);
    EXPECT("C_EncryptInit", f->C_EncryptInit(session, &padded, key), CKR_OK);
    EXPECT("C_EncryptInit again", f->C_EncryptInit(session, &padded, key), CKR_OPERATION_ACTIVE);
    EXPECT("buffer too short by one", f->C_Encrypt(session, data, sizeof data, out, &length), CKR_BUFFER_TOO_SMALL);
    REQUIRE("the size is told and nothing written", length == 32 && out[0] == 0xA5);
    EXPECT("buffer of the right length", f->C_Encrypt(session, data, sizeof data, out, &length), CKR_OK);
    REQUIRE("nothing is written past its end", length == 32 && out[32] == 0xA5);
    EXPECT("C_Encrypt once more", f->C_Encrypt(session, data, sizeof data, out, &length),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("C_DecryptInit", f->C_DecryptInit(session, &padded, key), CKR_OK);
    EXPECT("null length", f->C_Decrypt(session, out, 32, data, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_DecryptInit", f->C_DecryptInit(session, &padded, key), CKR_OK);
    EXPECT("null data", f->C_Decrypt(session, NULL, 32, data, &length), CKR_ARGUMENTS_BAD);
    EXPECT("C_DecryptInit", f->C_DecryptInit(session, &padded, key), CKR_OK);
    EXPECT("half a block", f->C_Decrypt(session, out, 24, data, &length), CKR_ENCRYPTED_DATA_LEN_RANGE);
}

static void check_parameters(Host *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    CK_FUNCTION_LIST *f = host->functions;
    const CK_ULONG lengths[] = {0, 1, 15, 17, ABSURD_LENGTH, CK_UNAVAILABLE_INFORMATION};
    const CK_ULONG tags[] = {0, 1, 31, 33, 127, 129, 256, ABSURD_LENGTH, CK_UNAVAILABLE_INFORMATION};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        CK_MECHANISM bad = {CKM_AES_CBC, iv, lengths[i]}, null = {CKM_AES_CBC, NULL, lengths[i]};
        CK_GCM_PARAMS gcm = {iv, 12, 96, NULL, lengths[i], 128}, no_iv = {NULL, lengths[i], 96, NULL, 0, 128};
        CK_MECHANISM with = {CKM_AES_GCM, &gcm, sizeof gcm}, without = {CKM_AES_GCM, &no_iv, sizeof no_iv};
        check_context("length 0x%lx", lengths[i]);
        EXPECT("IV", f->C_EncryptInit(session, &bad, key), CKR_MECHANISM_PARAM_INVALID);
        EXPECT("null IV", f->C_EncryptInit(session, &null, key), CKR_MECHANISM_PARAM_INVALID);
        EXPECT("null IV of GCM", f->C_EncryptInit(session, &without, key), CKR_MECHANISM_PARAM_INVALID);
        if (lengths[i] > 0)
            EXPECT("null associated data", f->C_EncryptInit(session, &with, key), CKR_MECHANISM_PARAM_INVALID);
    }
    for (size_t i = 0; i < COUNT(tags); i++) {
        CK_GCM_PARAMS gcm = {iv, 12, 96, NULL, 0, tags[i]};
        CK_AES_CTR_PARAMS counter = {.ulCounterBits = tags[i] == 1 || tags[i] == 31 ? 0 : tags[i]};
        CK_MECHANISM with_tag = {CKM_AES_GCM, &gcm, sizeof gcm}, ctr = {CKM_AES_CTR, &counter, sizeof counter};
        check_context("tag or counter of 0x%lx bits", tags[i]);
        EXPECT("GCM", f->C_EncryptInit(session, &with_tag, key), CKR_MECHANISM_PARAM_INVALID);
        if (counter.ulCounterBits != 33 && counter.ulCounterBits != 127)
            EXPECT("CTR", f->C_EncryptInit(session, &ctr, key), CKR_MECHANISM_PARAM_INVALID);
    }
    check_context(NULL);
}

void check_ciphers(Host *host) {
    CK_SESSION_HANDLE session = check_session(host);
    CK_OBJECT_HANDLE key = check_aes(host, session);
    check_size_queries(host, session, key);
    check_buffers(host, session, key);
    check_parameters(host, session, key);
    EXPECT("C_EncryptInit with an RSA key",
           host->functions->C_EncryptInit(session, &padded, check_key(host, true)->handle),
           CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* The parameter of a message is memory that belongs to one call. */
void check_messages(Host *host) {
    CK_FUNCTION_LIST_3_0 *f = check_list_3_0(host);
    CK_SESSION_HANDLE session = check_session(host);
    CK_OBJECT_HANDLE key = check_aes(host, session);
    CK_BYTE tag[16], data[32] = {0}, out[64];
    CK_GCM_MESSAGE_PARAMS good = {iv, 12, 0, CKG_NO_GENERATE, tag, 128}, bad = good;
    CK_ULONG length = sizeof out;
    const CK_ULONG lengths[] = {0, 1, sizeof good - 1, sizeof good + 1, ABSURD_LENGTH, CK_UNAVAILABLE_INFORMATION};
    EXPECT("C_MessageEncryptInit", f->C_MessageEncryptInit(session, &mechanism_gcm, key), CKR_OK);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        check_context("parameter of length 0x%lx", lengths[i]);
        EXPECT("C_EncryptMessage", f->C_EncryptMessage(session, &good, lengths[i], NULL, 0, data, 16, out, &length),
               CKR_MECHANISM_PARAM_INVALID);
        EXPECT("null", f->C_EncryptMessage(session, NULL, lengths[i], NULL, 0, data, 16, out, &length),
               CKR_MECHANISM_PARAM_INVALID);
        EXPECT("C_EncryptMessageBegin", f->C_EncryptMessageBegin(session, &good, lengths[i], NULL, 0),
               CKR_MECHANISM_PARAM_INVALID);
    }
    check_context(NULL);
    bad.pTag = NULL;
    EXPECT("null tag", f->C_EncryptMessage(session, &bad, sizeof bad, NULL, 0, data, 16, out, &length),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT("null associated data", f->C_EncryptMessage(session, &good, sizeof good, NULL, 9, data, 16, out, &length),
           CKR_ARGUMENTS_BAD);
    EXPECT("associated data of length 2^40",
           f->C_EncryptMessage(session, &good, sizeof good, data, ABSURD_LENGTH, data, 16, out, &length),
           CKR_ARGUMENTS_BAD);
    EXPECT("C_EncryptMessageBegin", f->C_EncryptMessageBegin(session, &good, sizeof good, NULL, 0), CKR_OK);
    bad = good, bad.ulTagBits = 96;
    EXPECT("a shorter tag at the end",
           f->C_EncryptMessageNext(session, &bad, sizeof bad, data, 16, out, &length, CKF_END_OF_MESSAGE),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT("C_EncryptMessage", f->C_EncryptMessage(session, &good, sizeof good, NULL, 0, data, 16, out, &length),
           CKR_OK);
    REQUIRE("the ciphertext has no tag in it", length == 16);
    EXPECT("C_MessageEncryptFinal", f->C_MessageEncryptFinal(session), CKR_OK);
}
