/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include "buffers.h"
#include "calls.h"
#include "mechanisms.h"
#include "objects.h"
#include "templates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { ROOM = 1 << 14 };

/* How to choose data or a buffer for it: from where, and which or how long. */
typedef struct Choice {
    uint8_t how, size;
} Choice;

/* The bytes that every call has in the input, in this order; corpus.py writes them as well. */
typedef struct Record {
    uint8_t call, session, mechanism, object, object_2;
    Choice out, in, in_2;
    uint8_t template, details;
} Record;

static bool is_one_of(const Call *call, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(call->name, names[i]) == 0) return true;
    return false;
}

#define IS_ONE_OF(call, ...) \
    is_one_of(call, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* Ends logins and sessions of all inputs, or takes long: not for every input. */
static bool is_rare(const Call *call) {
    return IS_ONE_OF(call, "C_CloseAllSessions", "C_Logout", "C_WaitForSlotEvent", "C_GenerateKeyPair");
}

/* Refused for its length before it is looked at, so that the length may be a lie. */
static bool may_lie(const Call *call) {
    return IS_ONE_OF(call, "C_UnwrapKey", "C_VerifyRecover", "C_SetOperationState", "C_InitPIN", "C_SetPIN",
                     "C_InitToken", "C_SeedRandom");
}

static CK_SESSION_HANDLE choose_session(const Stage *stage, uint8_t which) {
    if (which < 200) return stage->sessions[0];
    if (which < 220) return stage->sessions[1];
    if (which < 248) return stage->sessions[which % stage->session_count];
    return which % 2 ? 0 : CK_UNAVAILABLE_INFORMATION - which;
}

/* What an earlier call gave, with a byte changed, cut or appended. */
static CK_BYTE *spoilt_output(uint8_t which, Source *source, CK_ULONG *length) {
    CK_BYTE copy[ROOM + 16];
    size_t size;
    const CK_BYTE *kept = buffers_kept(which, &size);
    if (kept) memcpy(copy, kept, size);
    switch (source_pick(source, 3)) {
        case 0:
            if (size > 0) copy[(source_byte(source) * 257u) % size] ^= 1;
            break;
        case 1:
            if (size > 0) size -= 1 + source_pick(source, 20) % size;
            break;
        default: memset(copy + size, 0, 16), size += 1 + source_pick(source, 16);
    }
    return buffers_in(copy, *length = size);
}

static CK_BYTE *choose_input(Choice choice, Source *source, CK_ULONG *length, bool may_lie_here) {
    size_t size = choice.size;
    const CK_BYTE *content;
    if (choice.how < 80) return buffers_in(NULL, *length = source_nth_size(choice.size));
    if (choice.how < 140) {
        content = buffers_kept(choice.size, &size);
        return buffers_in(content, *length = content ? size : 0);
    }
    if (choice.how < 170) return spoilt_output(choice.size, source, length);
    if (choice.how < 220) {
        content = source_bytes(source, &size);
        return buffers_in(content, *length = size);
    }
    if (choice.how < 230) return *length = 0, NULL;
    *length = source_absurd(source);
    if (choice.how < 244) return NULL;
    if (may_lie_here) return buffers_in(NULL, 1);
    return buffers_in(NULL, *length = 0);
}

static void choose_output(Choice choice, Source *source, Arguments *arguments, CK_ULONG *out_length) {
    arguments->out_length = out_length;
    *out_length = ROOM;
    if (choice.how < 140) arguments->out = buffers_out(ROOM);
    else if (choice.how < 180) arguments->out = NULL;
    else if (choice.how < 220) arguments->out = buffers_out(*out_length = source_nth_size(choice.size));
    else if (choice.how < 240) arguments->out = buffers_out(ROOM), *out_length = source_absurd(source);
    else if (choice.how < 248) arguments->out = buffers_out(ROOM), arguments->out_length = NULL;
    else arguments->out = NULL, arguments->out_length = NULL;
}

static void fill_keys(const Call *call, const Record *record, Source *source, Arguments *arguments) {
    ObjectFamily family = SECRETS;
    bool has_mechanism = call_takes(call, "a->mechanism");
    bool is_public = strstr(call->name, "Verify") || strstr(call->name, "Encrypt") || strstr(call->name, "WrapKey");
    if (has_mechanism) arguments->mechanism = mechanisms_make(record->mechanism, source, &family);
    if (call_takes(call, "a->object"))
        arguments->object = has_mechanism && record->object < 200 ? objects_fitting(family, is_public)
                                                                  : objects_handle(record->object);
    if (call_takes(call, "a->object_2")) arguments->object_2 = objects_handle(record->object_2);
    if (strcmp(call->name, "C_SetOperationState") == 0 && record->object < 200)
        arguments->object = arguments->object_2 = CK_INVALID_HANDLE;
}

static void fill_data(const Call *call, const Record *record, Source *source, Arguments *arguments,
                      CK_ULONG *out_length) {
    if (call_takes(call, "OUT")) choose_output(record->out, source, arguments, out_length);
    else if (call_takes(call, "a->out_length") && !source_chance(source, 16)) arguments->out_length = out_length;
    bool is_query = call_takes(call, "OUT") && !arguments->out && arguments->out_length;
    if (call_takes(call, "IN"))
        arguments->in = choose_input(record->in, source, &arguments->in_length, is_query || may_lie(call));
    /* Signatures, associated data, PINs and user names have a greatest length. */
    if (call_takes(call, "IN_2")) arguments->in_2 = choose_input(record->in_2, source, &arguments->in_2_length, true);
    bool is_cipher = strstr(call->name, "crypt");
    if (call_takes(call, "PARAMETER"))
        arguments->parameter = mechanisms_message(is_cipher, source, &arguments->parameter_length);
}

static void fill(const Call *call, const Stage *stage, const Record *record, Source *source, Arguments *arguments,
                 CK_ULONG *out_length) {
    TemplateUse use = TEMPLATE_MAKES;
    if (strcmp(call->name, "C_GetAttributeValue") == 0) use = TEMPLATE_READS;
    if (IS_ONE_OF(call, "C_SetAttributeValue", "C_CopyObject", "C_FindObjectsInit")) use = TEMPLATE_CHANGES;
    arguments->slot = source_chance(source, 16) ? source_number(source) : stage->slot;
    arguments->session = choose_session(stage, record->session);
    fill_keys(call, record, source, arguments);
    if (call_takes(call, "TEMPLATE"))
        arguments->template = templates_make(record->template, source, use, &arguments->count);
    if (call_takes(call, "TEMPLATE_2"))
        arguments->template_2 = templates_make(record->object_2, source, use, &arguments->count_2);
    fill_data(call, record, source, arguments, out_length);
    if (call_takes(call, "a->type")) arguments->type = mechanisms_type(record->mechanism, source);
    if (call_takes(call, "a->info") && !source_chance(source, 16)) arguments->info = buffers_out(4096);
    if (call_takes(call, "a->info_2") && !source_chance(source, 16)) arguments->info_2 = buffers_out(sizeof(CK_ULONG));
    if (call_takes(call, "a->label")) arguments->label = source_chance(source, 64) ? NULL : buffers_in(NULL, 32);
    arguments->flags = source_chance(source, 128) ? source_number(source) : record->template;
    arguments->user = source_chance(source, 64) ? source_number(source) : CKU_USER;
}

/* Arguments of functions that are like no other. */
static void mend(const Call *call, const Stage *stage, const Record *record, Source *source, Arguments *arguments,
                 CK_ULONG *out_length) {
    if (strcmp(call->name, "C_GenerateRandom") == 0) {
        arguments->in_length = source_nth_size(record->in.size);
        arguments->out = source_chance(source, 32) ? NULL : buffers_out(arguments->in_length);
    }
    if (strcmp(call->name, "C_FindObjects") == 0) {
        arguments->count = source_chance(source, 32) ? source_absurd(source) : record->in.size % 16;
        if (arguments->info && arguments->count <= 16)
            arguments->info = buffers_out(arguments->count * sizeof(CK_OBJECT_HANDLE));
    }
    if (IS_ONE_OF(call, "C_Login", "C_LoginUser") && record->in.how < 80)
        arguments->in = buffers_in(stage->pin, arguments->in_length = strlen(stage->pin));
    if (IS_ONE_OF(call, "C_GetSlotList", "C_GetMechanismList"))
        *out_length = source_chance(source, 64) ? source_absurd(source) : record->in.size;
}

static void die(const Call *call, CK_RV rv, const char *what) {
    fprintf(stderr, "%s: %s: %s\n", call->name, host_rv_text(rv), what);
    abort();
}

static void check(const Call *call, const Arguments *arguments, CK_ULONG room, CK_RV rv) {
    bool has_output = call_takes(call, "OUT") && arguments->out && arguments->out_length;
    if (!host_rv_name(rv)) die(call, rv, "a code that the standard does not have");
    if (rv == CKR_GENERAL_ERROR || rv == CKR_HOST_MEMORY) die(call, rv, "it is not the arguments' fault");
    if (rv == CKR_OK && has_output && *arguments->out_length > room) die(call, rv, "longer than the room for it");
    if (rv == CKR_BUFFER_TOO_SMALL && has_output && *arguments->out_length <= room) die(call, rv, "it has room");
}

static void learn(const Call *call, Stage *stage, const Arguments *arguments) {
    if (call_takes(call, "OUT") && arguments->out && arguments->out_length)
        buffers_keep(arguments->out, *arguments->out_length);
    bool makes = arguments->info && (call_takes(call, "TEMPLATE") || call_takes(call, "TEMPLATE_2"));
    if (makes) objects_note_made(*(CK_OBJECT_HANDLE *)arguments->info);
    if (makes && arguments->info_2) objects_note_made(*(CK_OBJECT_HANDLE *)arguments->info_2);
    if (strcmp(call->name, "C_OpenSession") == 0 && stage->session_count < COUNT(stage->sessions))
        stage->sessions[stage->session_count++] = *(CK_SESSION_HANDLE *)arguments->info;
    if (IS_ONE_OF(call, "C_SetAttributeValue", "C_DestroyObject")) objects_spoil(arguments->object);
}

static size_t successes[128];

void call_report(void) {
    size_t count;
    const Call *calls = calls_all(&count);
    for (size_t i = 0; i < count && i < COUNT(successes); i++)
        if (successes[i] == 0) host_note("never worked: %s", calls[i].name);
}

void call_one(Stage *stage, Source *input) {
    size_t count, size = sizeof(Record);
    Record record = {0};
    Arguments arguments = {0};
    CK_ULONG out_length = 0;
    const uint8_t *bytes = source_bytes(input, &size);
    memcpy(&record, bytes, size);
    size_t details = record.details;
    bytes = source_bytes(input, &details);
    Source source = {bytes, details};

    const Call *calls = calls_all(&count), *call = &calls[record.call % count];
    if (is_rare(call) && !source_chance(&source, 24)) return;
    fill(call, stage, &record, &source, &arguments, &out_length);
    mend(call, stage, &record, &source, &arguments, &out_length);
    CK_ULONG room = out_length;
    if (getenv("FUZZ_TRACE")) fprintf(stderr, "%s\n", call->name);
    CK_RV rv = call->call(stage->functions, &arguments);
    if (getenv("FUZZ_TRACE")) fprintf(stderr, "    %s\n", host_rv_text(rv));
    check(call, &arguments, room, rv);
    mechanisms_end_message(rv == CKR_OK);
    if (rv == CKR_OK) learn(call, stage, &arguments);
    if (rv == CKR_OK && (size_t)(call - calls) < COUNT(successes)) successes[call - calls]++;
    buffers_release();
}
