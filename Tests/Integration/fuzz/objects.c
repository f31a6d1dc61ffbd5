/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_MADE = 64 };

static CK_OBJECT_HANDLE handles[MATERIAL_MAX_OBJECTS], token_handles[2], made[MAX_MADE], spoilt[MAX_MADE];
static size_t made_count, spoilt_count;

static void must(CK_RV rv, const char *what) {
    if (rv == CKR_OK) return;
    fprintf(stderr, "the fuzz host cannot go on: %s: %s\n", what, host_rv_text(rv));
    exit(2);
}

static bool is_alive(CK_FUNCTION_LIST_3_0 *functions, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle) {
    CK_ULONG size;
    return handle && functions->C_GetObjectSize(session, handle, &size) == CKR_OK;
}

/* Two keys of the token, made at the KMS. */
static void make_token_keys(CK_FUNCTION_LIST_3_0 *functions, CK_SESSION_HANDLE session) {
    static const CK_BYTE p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG length = 32;
    CK_OBJECT_HANDLE public;
    CK_MECHANISM aes = {CKM_AES_KEY_GEN, NULL, 0}, ec = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE aes_template[] = {
        {CKA_TOKEN, &yes, 1}, {CKA_VALUE_LEN, &length, sizeof length}, {CKA_DERIVE, &yes, 1}};
    CK_ATTRIBUTE public_template[] = {{CKA_TOKEN, &yes, 1}, {CKA_EC_PARAMS, (void *)p256, sizeof p256}};
    must(functions->C_GenerateKey(session, &aes, aes_template, 3, &token_handles[0]), "C_GenerateKey");
    must(functions->C_GenerateKeyPair(session, &ec, public_template, 2, aes_template, 1, &public, &token_handles[1]),
         "C_GenerateKeyPair");
}

void objects_restore(CK_FUNCTION_LIST_3_0 *functions, CK_SESSION_HANDLE session) {
    size_t count;
    const ObjectTemplate *templates = material_templates(&count);
    for (size_t i = 0; i < count; i++) {
        if (is_alive(functions, session, handles[i])) continue;
        CK_ATTRIBUTE *attributes = (CK_ATTRIBUTE *)templates[i].attributes;
        must(functions->C_CreateObject(session, attributes, templates[i].count, &handles[i]), "C_CreateObject");
    }
    bool are_alive = is_alive(functions, session, token_handles[0]) && is_alive(functions, session, token_handles[1]);
    if (!are_alive) make_token_keys(functions, session);
}

void objects_spoil(CK_OBJECT_HANDLE handle) {
    for (size_t i = 0; i < MATERIAL_MAX_OBJECTS; i++) {
        if (handles[i] != handle) continue;
        handles[i] = CK_INVALID_HANDLE;
        if (spoilt_count < MAX_MADE) spoilt[spoilt_count++] = handle;
    }
}

CK_OBJECT_HANDLE objects_fitting(ObjectFamily family, bool is_public) {
    CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
    size_t count;
    const ObjectTemplate *templates = material_templates(&count);
    for (size_t i = 0; i < count; i++) {
        if (templates[i].family != family) continue;
        if (!found || templates[i].is_public == is_public) found = handles[i];
    }
    return found;
}

CK_OBJECT_HANDLE objects_handle(uint8_t which) {
    size_t count;
    material_templates(&count);
    if (which < 128) return handles[which % count];
    if (which < 208) return made_count ? made[which % made_count] : 0xDEADBEEFUL;
    if (which < 224) return token_handles[which % 2];
    return which % 2 ? 0 : CK_UNAVAILABLE_INFORMATION - which;
}

void objects_note_made(CK_OBJECT_HANDLE handle) {
    if (made_count < MAX_MADE) made[made_count++] = handle;
}

/* Objects of sessions end with these; what is on the token would pile up. */
void objects_clean_up(CK_FUNCTION_LIST_3_0 *functions, CK_SESSION_HANDLE session) {
    for (size_t i = 0; i < made_count; i++) {
        CK_BBOOL is_token = CK_FALSE;
        CK_ATTRIBUTE attribute = {CKA_TOKEN, &is_token, sizeof is_token};
        if (functions->C_GetAttributeValue(session, made[i], &attribute, 1) == CKR_OK && is_token)
            functions->C_DestroyObject(session, made[i]);
    }
    for (size_t i = 0; i < spoilt_count; i++) functions->C_DestroyObject(session, spoilt[i]);
    made_count = spoilt_count = 0;
}

