/* SPDX-License-Identifier: Apache-2.0 */
#include "errands.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { TEXT_LENGTH = 1000 };

static void make_text(CK_BYTE *text, unsigned seed) {
    for (unsigned i = 0; i < TEXT_LENGTH; i++) text[i] = (CK_BYTE)(seed * 31 + i * 7);
}

static CK_RV digest(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, unsigned seed) {
    CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
    CK_BYTE text[TEXT_LENGTH], own[32], right[EVP_MAX_MD_SIZE];
    CK_ULONG length = sizeof own;
    unsigned right_length = 0;
    make_text(text, seed);
    CK_RV rv = f->C_DigestInit(session, &mechanism);
    if (rv == CKR_OK) rv = f->C_DigestUpdate(session, text, seed % TEXT_LENGTH);
    if (rv == CKR_OK)
        rv = f->C_DigestUpdate(session, text + seed % TEXT_LENGTH, TEXT_LENGTH - seed % TEXT_LENGTH);
    if (rv == CKR_OK) rv = f->C_DigestFinal(session, own, &length);
    if (rv != CKR_OK) return rv;
    EVP_Digest(text, TEXT_LENGTH, right, &right_length, EVP_sha256(), NULL);
    return length == right_length && memcmp(own, right, length) == 0 ? CKR_OK : CKR_DATA_INVALID;
}

/* In one part and in two. */
static CK_RV encrypt(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_MECHANISM *mechanism,
                     unsigned seed) {
    CK_BYTE text[TEXT_LENGTH], sealed[TEXT_LENGTH + 32], opened[TEXT_LENGTH + 32];
    CK_ULONG length = sizeof sealed, first = sizeof opened, last = 0;
    make_text(text, seed);
    CK_RV rv = f->C_EncryptInit(session, mechanism, key);
    if (rv == CKR_OK) rv = f->C_Encrypt(session, text, TEXT_LENGTH, sealed, &length);
    if (rv == CKR_OK) rv = f->C_DecryptInit(session, mechanism, key);
    if (rv == CKR_OK) rv = f->C_DecryptUpdate(session, sealed, length / 2, opened, &first);
    if (rv == CKR_OK) {
        last = sizeof opened - first;
        rv = f->C_DecryptUpdate(session, sealed + length / 2, length - length / 2, opened + first, &last);
        first += last;
    }
    if (rv == CKR_OK) {
        last = sizeof opened - first;
        rv = f->C_DecryptFinal(session, opened + first, &last);
    }
    if (rv != CKR_OK) return rv;
    return first + last == TEXT_LENGTH && memcmp(text, opened, TEXT_LENGTH) == 0 ? CKR_OK : CKR_DATA_INVALID;
}

static CK_RV use_key(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned seed) {
    CK_BYTE iv[16] = {(CK_BYTE)seed, 1, 2};
    CK_GCM_PARAMS gcm = {iv, 12, 96, iv, 5, 128};
    CK_MECHANISM mechanisms[] = {{CKM_AES_GCM, &gcm, sizeof gcm}, {CKM_AES_CBC_PAD, iv, sizeof iv}};
    CK_RV rv = encrypt(f, session, key, &mechanisms[seed % 2], seed);
    CK_RV destroyed = f->C_DestroyObject(session, key);
    return rv != CKR_OK ? rv : destroyed;
}

static CK_RV imported_key(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, unsigned seed) {
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BYTE value[32] = {(CK_BYTE)seed, 9, 8};
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_VALUE, value, sizeof value}};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_RV rv = f->C_CreateObject(session, template, COUNT(template), &key);
    return rv == CKR_OK ? use_key(f, session, key, seed) : rv;
}

static CK_RV generated_key(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, unsigned seed) {
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ULONG length = 16;
    CK_ATTRIBUTE template = {CKA_VALUE_LEN, &length, sizeof length};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_RV rv = f->C_GenerateKey(session, &mechanism, &template, 1, &key);
    return rv == CKR_OK ? use_key(f, session, key, seed) : rv;
}

/* How many objects there are of this label; ends the search in any case. */
static CK_RV count_objects(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG *count) {
    CK_OBJECT_HANDLE found[4];
    CK_RV rv = f->C_FindObjectsInit(session, template, 2);
    if (rv != CKR_OK) return rv;
    rv = f->C_FindObjects(session, found, COUNT(found), count);
    CK_RV final = f->C_FindObjectsFinal(session);
    return rv != CKR_OK ? rv : final;
}

static CK_RV data_object(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, unsigned thread, unsigned seed) {
    char label[64];
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL no = CK_FALSE;
    CK_BYTE text[TEXT_LENGTH], read[TEXT_LENGTH];
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ULONG before = 0, after = 0;
    make_text(text, seed);
    snprintf(label, sizeof label, "data %u of thread %u", seed, thread);
    CK_ATTRIBUTE template[] = {{CKA_LABEL, label, strlen(label)}, {CKA_TOKEN, &no, 1},
                               {CKA_CLASS, &class, sizeof class}, {CKA_VALUE, text, TEXT_LENGTH}};
    CK_ATTRIBUTE value = {CKA_VALUE, read, sizeof read};
    CK_RV rv = f->C_CreateObject(session, template, COUNT(template), &object);
    if (rv == CKR_OK) rv = count_objects(f, session, template, &before);
    if (rv == CKR_OK) rv = f->C_GetAttributeValue(session, object, &value, 1);
    if (rv == CKR_OK) rv = f->C_DestroyObject(session, object);
    if (rv == CKR_OK) rv = count_objects(f, session, template, &after);
    if (rv != CKR_OK) return rv;
    bool good = value.ulValueLen == TEXT_LENGTH && memcmp(read, text, TEXT_LENGTH) == 0 && after == 0;
    return good && before <= 1 ? CKR_OK : CKR_DATA_INVALID;
}

CK_RV errand(Host *host, CK_SESSION_HANDLE session, unsigned thread, unsigned n) {
    CK_FUNCTION_LIST *f = host->functions;
    switch (n % 7) {
        case 0: case 4: return digest(f, session, n);
        case 1: case 5: return imported_key(f, session, n);
        case 2: case 6: return data_object(f, session, thread, n);
        default: return generated_key(f, session, n);
    }
}
