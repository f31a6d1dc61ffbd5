/* SPDX-License-Identifier: Apache-2.0 */
#include "calls.h"

/*
 * Name without C_, flags, arguments after the names of the standard's prototype. A row becomes a function and a line of
 * the table.
 */
#define IN a->in, a->length
#define OUT a->out, a->out_length
#define TEMPLATE a->template, a->length

#define ROWS(ROW) \
    ROW(GetInfo, WORKS, a->info) \
    ROW(GetSlotList, WORKS, CK_TRUE, a->info, a->out_length) \
    ROW(GetSlotInfo, BY_SLOT | WORKS, a->slot, a->info) \
    ROW(GetTokenInfo, BY_SLOT | WORKS, a->slot, a->info) \
    ROW(GetMechanismList, BY_SLOT | WORKS, a->slot, a->info, a->out_length) \
    ROW(GetMechanismInfo, BY_SLOT | WORKS, a->slot, CKM_RSA_PKCS, a->info) \
    ROW(InitToken, BY_SLOT, a->slot, IN, a->in) \
    ROW(InitPIN, BY_SESSION, a->session, IN) \
    ROW(SetPIN, BY_SESSION, a->session, IN, IN) \
    ROW(OpenSession, BY_SLOT | WORKS, a->slot, CKF_SERIAL_SESSION, NULL, NULL, a->info) \
    ROW(CloseSession, BY_SESSION | WORKS | NULL_IS_FINE, a->session) \
    ROW(CloseAllSessions, BY_SLOT | WORKS | NULL_IS_FINE, a->slot) \
    ROW(GetSessionInfo, BY_SESSION | WORKS, a->session, a->info) \
    ROW(GetOperationState, BY_SESSION | NEEDS_INIT, a->session, OUT) \
    ROW(SetOperationState, BY_SESSION, a->session, IN, 0, 0) \
    ROW(Login, BY_SESSION | WORKS | NULL_IS_FINE, a->session, CKU_USER, IN) \
    ROW(Logout, BY_SESSION | WORKS | NULL_IS_FINE, a->session) \
    ROW(CreateObject, BY_SESSION, a->session, TEMPLATE, a->info) \
    ROW(CopyObject, BY_SESSION, a->session, a->object, TEMPLATE, a->info) \
    ROW(DestroyObject, BY_SESSION, a->session, a->object) \
    ROW(GetObjectSize, BY_SESSION, a->session, a->object, a->info) \
    ROW(GetAttributeValue, BY_SESSION | WORKS, a->session, a->object, TEMPLATE) \
    ROW(SetAttributeValue, BY_SESSION, a->session, a->object, TEMPLATE) \
    ROW(FindObjectsInit, BY_SESSION | WORKS | NULL_IS_FINE, a->session, TEMPLATE) \
    ROW(FindObjects, BY_SESSION | WORKS | NEEDS_INIT, a->session, a->info, a->length, a->out_length) \
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
    ROW(Verify, BY_SESSION | NEEDS_INIT, a->session, IN, IN) \
    ROW(VerifyUpdate, BY_SESSION | NEEDS_INIT, a->session, IN) \
    ROW(VerifyFinal, BY_SESSION | NEEDS_INIT, a->session, IN) \
    ROW(VerifyRecoverInit, BY_SESSION | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(VerifyRecover, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(DigestEncryptUpdate, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(DecryptDigestUpdate, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(SignEncryptUpdate, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(DecryptVerifyUpdate, BY_SESSION | NEEDS_INIT, a->session, IN, OUT) \
    ROW(GenerateKey, BY_SESSION, a->session, a->mechanism, TEMPLATE, a->info) \
    ROW(GenerateKeyPair, BY_SESSION, a->session, a->mechanism, TEMPLATE, TEMPLATE, a->info, a->info) \
    ROW(WrapKey, BY_SESSION, a->session, a->mechanism, a->object, a->object, OUT) \
    ROW(UnwrapKey, BY_SESSION, a->session, a->mechanism, a->object, IN, TEMPLATE, a->info) \
    ROW(DeriveKey, BY_SESSION, a->session, a->mechanism, a->object, TEMPLATE, a->info) \
    ROW(SeedRandom, BY_SESSION | NULL_IS_FINE, a->session, IN) \
    ROW(GenerateRandom, BY_SESSION | NULL_IS_FINE, a->session, a->out, a->length) \
    ROW(GetFunctionStatus, BY_SESSION | PARALLEL, a->session) \
    ROW(CancelFunction, BY_SESSION | PARALLEL, a->session) \
    ROW(WaitForSlotEvent, 0, CKF_DONT_BLOCK, a->info, NULL) \
    ROW(LoginUser, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, CKU_USER, IN, IN) \
    ROW(SessionCancel, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, CKF_SIGN) \
    ROW(MessageEncryptInit, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(EncryptMessage, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN, IN, IN, OUT) \
    ROW(EncryptMessageBegin, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN, IN) \
    ROW(EncryptMessageNext, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN, IN, OUT, 0) \
    ROW(MessageEncryptFinal, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session) \
    ROW(MessageDecryptInit, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(DecryptMessage, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN, IN, IN, OUT) \
    ROW(DecryptMessageBegin, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN, IN) \
    ROW(DecryptMessageNext, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN, IN, OUT, 0) \
    ROW(MessageDecryptFinal, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session) \
    ROW(MessageSignInit, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(SignMessage, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN, IN, OUT) \
    ROW(SignMessageBegin, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN) \
    ROW(SignMessageNext, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN, IN, OUT) \
    ROW(MessageSignFinal, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session) \
    ROW(MessageVerifyInit, BY_SESSION | SINCE_3_0 | NULL_IS_FINE, a->session, a->mechanism, a->object) \
    ROW(VerifyMessage, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN, IN, IN) \
    ROW(VerifyMessageBegin, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN) \
    ROW(VerifyMessageNext, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session, IN, IN, IN) \
    ROW(MessageVerifyFinal, BY_SESSION | SINCE_3_0 | NEEDS_INIT, a->session)

#define FUNCTION(name, flags, ...) \
    static CK_RV call_##name(CK_FUNCTION_LIST_3_0 *f, const Arguments *a) { \
        (void)a; \
        return f->C_##name(__VA_ARGS__); \
    }
ROWS(FUNCTION)

#define LINE(name, flags, ...) {"C_" #name, flags, call_##name},
static const Call table[] = {ROWS(LINE)};

const Call *calls_all(size_t *count) {
    *count = sizeof table / sizeof *table;
    return table;
}
