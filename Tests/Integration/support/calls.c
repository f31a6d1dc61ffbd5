/* SPDX-License-Identifier: Apache-2.0 */
#include "calls.h"

#include <ctype.h>
#include <string.h>

/*
 * Name without C_, flags, arguments after the names of the standard's prototype. A row becomes a function and a line of
 * the table.
 */
#define IN a->in, a->in_length
#define IN_2 a->in_2, a->in_2_length
#define OUT a->out, a->out_length
#define TEMPLATE a->template, a->count
#define TEMPLATE_2 a->template_2, a->count_2
#define PARAMETER a->parameter, a->parameter_length

#define ROWS(ROW) \
    ROW(GetInfo, WORKS, a->info) \
    ROW(GetSlotList, WORKS, CK_TRUE, a->info, a->out_length) \
    ROW(GetSlotInfo, BY_SLOT | WORKS, a->slot, a->info) \
    ROW(GetTokenInfo, BY_SLOT | WORKS, a->slot, a->info) \
    ROW(GetMechanismList, BY_SLOT | WORKS, a->slot, a->info, a->out_length) \
    ROW(GetMechanismInfo, BY_SLOT | WORKS, a->slot, a->type, a->info) \
    ROW(InitToken, BY_SLOT, a->slot, IN, a->label) \
    ROW(InitPIN, BY_SESSION, a->session, IN) \
    ROW(SetPIN, BY_SESSION, a->session, IN, IN_2) \
    ROW(OpenSession, BY_SLOT | WORKS, a->slot, a->flags | CKF_SERIAL_SESSION, NULL, NULL, a->info) \
    ROW(CloseSession, BY_SESSION | WORKS | NULL_IS_FINE, a->session) \
    ROW(CloseAllSessions, BY_SLOT | WORKS | NULL_IS_FINE, a->slot) \
    ROW(GetSessionInfo, BY_SESSION | WORKS, a->session, a->info) \
    ROW(GetOperationState, BY_SESSION | NEEDS_INIT, a->session, OUT) \
    ROW(SetOperationState, BY_SESSION, a->session, IN, a->object, a->object_2) \
    ROW(Login, BY_SESSION | WORKS | NULL_IS_FINE, a->session, a->user, IN) \
    ROW(Logout, BY_SESSION | WORKS | NULL_IS_FINE, a->session) \
    ROW(CreateObject, BY_SESSION, a->session, TEMPLATE, a->info) \
    ROW(CopyObject, BY_SESSION, a->session, a->object, TEMPLATE, a->info) \
    ROW(DestroyObject, BY_SESSION, a->session, a->object) \
    ROW(GetObjectSize, BY_SESSION, a->session, a->object, a->info) \
    ROW(GetAttributeValue, BY_SESSION | WORKS, a->session, a->object, TEMPLATE) \
    ROW(SetAttributeValue, BY_SESSION, a->session, a->object, TEMPLATE) \
    ROW(FindObjectsInit, BY_SESSION | WORKS | NULL_IS_FINE, a->session, TEMPLATE) \
    ROW(FindObjects, BY_SESSION | WORKS | NEEDS_INIT, a->session, a->info, a->count, a->out_length) \
    ROW(FindObjectsFinal, BY_SESSION | WORKS | NEEDS_INIT, a->session) \
    ROW(EncryptInit, BY_SESSION | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(Encrypt, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(EncryptUpdate, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(EncryptFinal, BY_SESSION | NEEDS_INIT, a->session, OUT) \
    ROW(DecryptInit, BY_SESSION | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(Decrypt, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(DecryptUpdate, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(DecryptFinal, BY_SESSION | NEEDS_INIT, a->session, OUT) \
    ROW(DigestInit, BY_SESSION | NULL_IS_FINE, a->session, a->mechanism) \
    ROW(Digest, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(DigestUpdate, BY_SESSION | NEEDS_INIT, a->session, IN) \
    ROW(DigestKey, BY_SESSION | NEEDS_INIT, a->session, a->object) \
    ROW(DigestFinal, BY_SESSION | NEEDS_INIT, a->session, OUT) \
    ROW(SignInit, BY_SESSION | WORKS | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(Sign, BY_SESSION | WORKS | NEEDS_INIT, a->session, IN, OUT) \
    ROW(SignUpdate, BY_SESSION | WORKS | NEEDS_INIT, a->session, IN) \
    ROW(SignFinal, BY_SESSION | WORKS | NEEDS_INIT, a->session, OUT) \
    ROW(SignRecoverInit, BY_SESSION | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(SignRecover, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(VerifyInit, BY_SESSION | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(Verify, BY_SESSION | NEEDS_INIT, a->session, IN, IN_2) \
    ROW(VerifyUpdate, BY_SESSION | NEEDS_INIT, a->session, IN) \
    ROW(VerifyFinal, BY_SESSION | NEEDS_INIT, a->session, IN) \
    ROW(VerifyRecoverInit, BY_SESSION | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(VerifyRecover, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(DigestEncryptUpdate, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(DecryptDigestUpdate, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(SignEncryptUpdate, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(DecryptVerifyUpdate, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(GenerateKey, BY_SESSION, a->session, a->mechanism, TEMPLATE, a->info) \
    ROW(GenerateKeyPair, BY_SESSION, a->session, a->mechanism, TEMPLATE, TEMPLATE_2, a->info, a->info_2) \
    ROW(WrapKey, BY_SESSION, a->session, a->mechanism, a->object, a->object_2, OUT) \
    ROW(UnwrapKey, BY_SESSION, a->session, a->mechanism, a->object, IN, TEMPLATE, a->info) \
    ROW(DeriveKey, BY_SESSION, a->session, a->mechanism, a->object, TEMPLATE, a->info) \
    ROW(SeedRandom, BY_SESSION | NULL_IS_FINE, a->session, IN) \
    ROW(GenerateRandom, BY_SESSION | NULL_IS_FINE, a->session, a->out, a->in_length) \
    ROW(GetFunctionStatus, BY_SESSION | PARALLEL, a->session) \
    ROW(CancelFunction, BY_SESSION | PARALLEL, a->session) \
    ROW(WaitForSlotEvent, 0, CKF_DONT_BLOCK, a->info, NULL) \
    ROW(LoginUser, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, a->user, IN, IN_2) \
    ROW(SessionCancel, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, a->flags) \
    ROW(MessageEncryptInit, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(EncryptMessage, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER, IN_2, IN, OUT) \
    ROW(EncryptMessageBegin, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER, IN_2) \
    ROW(EncryptMessageNext, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER, IN, OUT, a->flags) \
    ROW(MessageEncryptFinal, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session) \
    ROW(MessageDecryptInit, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(DecryptMessage, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER, IN_2, IN, OUT) \
    ROW(DecryptMessageBegin, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER, IN_2) \
    ROW(DecryptMessageNext, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER, IN, OUT, a->flags) \
    ROW(MessageDecryptFinal, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session) \
    ROW(MessageSignInit, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(SignMessage, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER, IN, OUT) \
    ROW(SignMessageBegin, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER) \
    ROW(SignMessageNext, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER, IN, OUT) \
    ROW(MessageSignFinal, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session) \
    ROW(MessageVerifyInit, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(VerifyMessage, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER, IN, IN_2) \
    ROW(VerifyMessageBegin, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER) \
    ROW(VerifyMessageNext, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, PARAMETER, IN, IN_2) \
    ROW(MessageVerifyFinal, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session)

#define FUNCTION(name, flags, ...) \
    static CK_RV call_##name(CK_FUNCTION_LIST_3_0 *f, const Arguments *a) { \
        (void)a; \
        return f->C_##name(__VA_ARGS__); \
    }
ROWS(FUNCTION)

#define LINE(name, flags, ...) {"C_" #name, flags, call_##name, #__VA_ARGS__},
static const Call table[] = {ROWS(LINE)};

const Call *calls_all(size_t *count) {
    *count = sizeof table / sizeof *table;
    return table;
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

bool call_takes(const Call *call, const char *argument) {
    size_t length = strlen(argument);
    const char *found = call->arguments;
    while ((found = strstr(found, argument))) {
        if (!is_word(found[length]) && (found == call->arguments || !is_word(found[-1]))) return true;
        found += length;
    }
    return false;
}
