/* SPDX-License-Identifier: Apache-2.0 */
#include "token.h"
#include "fail.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void token_check(CK_RV rv, const char *function)
{
    if (rv == CKR_OK) return;
    fprintf(stderr, "%s: 0x%lx\n", function, rv);
    exit(1);
}

/* Whether a token's padded label is this text. */
static int is_label(const CK_UTF8CHAR padded[32], const char *text)
{
    size_t length = strlen(text);
    if (length > 32 || memcmp(padded, text, length) != 0) return 0;
    for (size_t i = length; i < 32; i++)
        if (padded[i] != ' ') return 0;
    return 1;
}

static CK_SLOT_ID slot_of(CK_FUNCTION_LIST_PTR functions, const char *label)
{
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    token_check(functions->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (functions->C_GetTokenInfo(slots[i], &info) == CKR_OK && is_label(info.label, label)) return slots[i];
    }
    fail("the module has no token of this label");
}

struct token token_open(const char *module, const char *label, const char *pin)
{
    struct token token = {0};
    CK_C_GetFunctionList get_list = NULL;
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    if (library) *(void **)&get_list = dlsym(library, "C_GetFunctionList");
    if (!get_list) fail(dlerror());
    token_check(get_list(&token.functions), "C_GetFunctionList");
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    token_check(token.functions->C_Initialize(&arguments), "C_Initialize");
    token.slot = slot_of(token.functions, label);
    CK_SESSION_HANDLE session = token_session(&token);
    token_check(token.functions->C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR)pin, strlen(pin)), "C_Login");
    return token;
}

CK_SESSION_HANDLE token_session(const struct token *token)
{
    CK_SESSION_HANDLE session;
    token_check(
        token->functions->C_OpenSession(token->slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
    return session;
}

CK_OBJECT_HANDLE token_key(const struct token *token, CK_SESSION_HANDLE session, const char *label)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)label, strlen(label)}};
    CK_OBJECT_HANDLE key;
    CK_ULONG count = 0;
    token_check(token->functions->C_FindObjectsInit(session, template, 2), "C_FindObjectsInit");
    token_check(token->functions->C_FindObjects(session, &key, 1, &count), "C_FindObjects");
    token_check(token->functions->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    if (count != 1) fail("the token has no key of this label");
    return key;
}
