/*
 * What holds for every function: the state of the library comes first, then the handle, and null pointers are never
 * followed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "calls.h"
#include "check.h"
#include "groups.h"

#include <string.h>

/* Room enough for whatever a function writes. */
typedef struct Room {
    CK_BYTE in[64], out[4096];
    union {
        CK_INFO info;
        CK_TOKEN_INFO token;
        CK_BYTE bytes[4096];
    } info;
    CK_ULONG out_length;
    CK_OBJECT_HANDLE info_2;
    CK_ATTRIBUTE template;
    CK_OBJECT_CLASS class;
    CK_MECHANISM mechanism;
} Room;

static Arguments valid_arguments(Room *room, const Host *host) {
    memset(room, 0, sizeof *room);
    room->out_length = 8;
    room->class = CKO_DATA;
    room->template = (CK_ATTRIBUTE){CKA_CLASS, &room->class, sizeof room->class};
    room->mechanism.mechanism = CKM_RSA_PKCS;
    return (Arguments){.slot = host->slot,
                       .type = CKM_RSA_PKCS,
                       .mechanism = &room->mechanism,
                       .template = &room->template,
                       .template_2 = &room->template,
                       .count = 1,
                       .count_2 = 1,
                       .in = room->in,
                       .in_2 = room->in,
                       .in_length = 1,
                       .in_2_length = 1,
                       .parameter = room->in,
                       .parameter_length = 1,
                       .out = room->out,
                       .out_length = &room->out_length,
                       .info = &room->info,
                       .info_2 = &room->info_2,
                       .label = room->in,
                       .flags = CKF_SIGN,
                       .user = CKU_USER};
}

/* The one value that must come, unless the function is not there at all or a relic. */
static void expect_one(Host *host, const Call *call, const Arguments *arguments, CK_RV wanted) {
    CK_RV allowed[3] = {wanted};
    size_t count = 1;
    CK_FUNCTION_LIST_3_0 *list =
        call->flags & SINCE_3_0 ? check_list_3_0(host) : (CK_FUNCTION_LIST_3_0 *)host->functions;
    if (!list) return;
    if (!(call->flags & WORKS)) allowed[count++] = CKR_FUNCTION_NOT_SUPPORTED;
    if (call->flags & PARALLEL) allowed[count++] = CKR_FUNCTION_NOT_PARALLEL;
    check_begin(call->name);
    check_end(call->call(list, arguments), allowed, count);
}

static void sweep(Host *host, unsigned kind, CK_SLOT_ID slot, CK_SESSION_HANDLE session, CK_RV wanted) {
    size_t count;
    const Call *calls = calls_all(&count);
    for (size_t i = 0; i < count; i++) {
        Room room;
        Arguments arguments = valid_arguments(&room, host);
        arguments.slot = slot;
        arguments.session = session;
        if ((calls[i].flags & kind) == kind) expect_one(host, &calls[i], &arguments, wanted);
    }
}

void check_not_initialised(Host *host) {
    check_context("before C_Initialize");
    sweep(host, 0, 0, 1, CKR_CRYPTOKI_NOT_INITIALIZED);
    EXPECT("C_Finalize", host->functions->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    check_context(NULL);
    CK_SESSION_HANDLE session = host_start(host, false);
    host_check(host->functions->C_Finalize(NULL), "C_Finalize");
    check_context("after C_Finalize");
    sweep(host, 0, host->slot, session, CKR_CRYPTOKI_NOT_INITIALIZED);
    EXPECT("C_Finalize", host->functions->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

void check_unknown_handles(Host *host) {
    const CK_ULONG unknown[] = UNKNOWN_HANDLES;
    for (size_t i = 0; i < COUNT(unknown); i++) {
        check_context("session 0x%lx", unknown[i]);
        sweep(host, BY_SESSION, host->slot, unknown[i], CKR_SESSION_HANDLE_INVALID);
        if (unknown[i] == host->slot) continue;
        check_context("slot 0x%lx", unknown[i]);
        sweep(host, BY_SLOT, unknown[i], 0, CKR_SLOT_ID_INVALID);
    }
    CK_SESSION_HANDLE closed = check_session(host);
    host_check(host->functions->C_CloseSession(closed), "C_CloseSession");
    check_context("closed session");
    sweep(host, BY_SESSION, host->slot, closed, CKR_SESSION_HANDLE_INVALID);
}

void check_missing_init(Host *host) {
    check_context("without its ...Init");
    sweep(host, BY_SESSION | NEEDS_INIT, host->slot, check_session(host), CKR_OPERATION_NOT_INITIALIZED);
}

/* Codes that say "something went wrong inside" instead of what the caller did wrong. */
static bool blames_nobody(CK_RV rv) {
    return rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_HOST_MEMORY || rv == CKR_DEVICE_ERROR ||
           rv == CKR_DEVICE_MEMORY;
}

static void call_with_nulls(Host *host, const Call *call, CK_ULONG length, CK_OBJECT_HANDLE object) {
    CK_FUNCTION_LIST_3_0 *list =
        call->flags & SINCE_3_0 ? check_list_3_0(host) : (CK_FUNCTION_LIST_3_0 *)host->functions;
    CK_SESSION_HANDLE session = check_session(host);
    Arguments arguments = {.slot = host->slot,
                           .session = session,
                           .object = object,
                           .type = CKM_RSA_PKCS,
                           .count = length,
                           .count_2 = length,
                           .in_length = length,
                           .in_2_length = length,
                           .parameter_length = length,
                           .flags = CKF_SIGN,
                           .user = CKU_USER};
    if (!list) return;
    check_begin(call->name);
    CK_RV rv = call->call(list, &arguments);
    bool good = host_rv_name(rv) && !blames_nobody(rv);
    if (rv == CKR_OK) good = call->flags & NULL_IS_FINE || length == 0;
    if (rv == CKR_FUNCTION_NOT_SUPPORTED) good = !(call->flags & WORKS);
    if (!good) host_fail("%s answers null pointers with %s", call->name, host_rv_text(rv));
    else host_pass("null pointers, length 0x%lx, object 0x%lx: %s: %s", length, object, call->name, host_rv_text(rv));
    list->C_CloseSession(session);
}

/* No call here can hurt the keys of the token: the functions that change objects get handles that nothing has. */
void check_null_pointers(Host *host) {
    const CK_ULONG lengths[] = ABSURD_LENGTHS;
    size_t count;
    const Call *calls = calls_all(&count);
    for (size_t i = 0; i < count; i++) {
        check_context("null pointers");
        call_with_nulls(host, &calls[i], 0, 0);
        for (size_t n = 0; n < COUNT(lengths); n++) call_with_nulls(host, &calls[i], lengths[n], 0);
        if (strcmp(calls[i].name, "C_GetAttributeValue") == 0 || strcmp(calls[i].name, "C_SignInit") == 0)
            for (size_t n = 0; n < COUNT(lengths); n++)
                call_with_nulls(host, &calls[i], lengths[n], host->keys[0].handle);
        /* Some of these calls end the login or all sessions. */
        check_context(NULL);
        if (host_login(host, check_session(host)) != CKR_OK) host_fail("no login after %s", calls[i].name);
    }
}
