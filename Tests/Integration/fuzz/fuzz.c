/*
 * A libFuzzer target: every input is a sequence of C_* calls with hostile arguments.
 *
 *   FUZZ_PIN=file:/path/of/the/api/key cryptoki-fuzz [libFuzzer's options] CORPUS
 *
 * The environment names a KMS that may be filled with rubbish. The configuration should have `session_keys = "local"`,
 * because most calls then need no network. FUZZ_TRACE in the environment prints each call and its answer.
 *
 * A caller who lies about the length of its memory is beyond any library's power, so lengths are true, except with
 * null pointers and where the module must refuse the length before it looks at the data.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "buffers.h"
#include "call.h"
#include "mechanisms.h"
#include "objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CALLS = 64, BEGIN_AGAIN = 255 };

static Host host;
static Stage stage;
static CK_SESSION_HANDLE lasting; /* has the objects, and keeps the login alive */

static void must(CK_RV rv, const char *what) {
    if (rv == CKR_OK) return;
    fprintf(stderr, "the fuzz host cannot go on: %s: %s\n", what, host_rv_text(rv));
    abort();
}

static CK_SESSION_HANDLE open_session(CK_FLAGS flags) {
    CK_SESSION_HANDLE session;
    must(stage.functions->C_OpenSession(stage.slot, flags | CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
    return session;
}

/* Whatever the last input ended. */
static void restore(void) {
    CK_SESSION_INFO info;
    CK_RV rv = stage.functions->C_GetSessionInfo(lasting, &info);
    if (rv == CKR_CRYPTOKI_NOT_INITIALIZED) must(host_initialise(&host, true), "C_Initialize");
    if (rv != CKR_OK) lasting = open_session(CKF_RW_SESSION);
    must(host_login(&host, lasting), "C_Login");
    objects_restore(stage.functions, lasting);
    stage.sessions[0] = open_session(CKF_RW_SESSION);
    stage.sessions[1] = open_session(0);
    stage.session_count = 2;
}

static void clean_up(void) {
    CK_SESSION_INFO info;
    if (stage.functions->C_GetSessionInfo(lasting, &info) == CKR_OK) {
        if (info.state == CKS_RW_USER_FUNCTIONS) objects_clean_up(stage.functions, lasting);
    }
    for (size_t i = 0; i < stage.session_count; i++) stage.functions->C_CloseSession(stage.sessions[i]);
    buffers_forget();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    CK_INTERFACE *interface = NULL;
    CK_VERSION version = {3, 0};
    (void)argc, (void)argv;
    host.pin = getenv("FUZZ_PIN");
    if (!host.pin) must(CKR_ARGUMENTS_BAD, "FUZZ_PIN must hold the PIN");
    host_load(&host);
    must(C_GetInterface((CK_UTF8CHAR *)"PKCS 11", &version, &interface, 0), "C_GetInterface");
    stage.functions = interface->pFunctionList;
    material_make();
    must(host_initialise(&host, true), "C_Initialize");
    must(host_find_slot(&host), "a slot with a token");
    stage.slot = host.slot;
    stage.pin = host.pin;
    mechanisms_check(stage.functions, stage.slot);
    lasting = open_session(CKF_RW_SESSION);
    must(host_login(&host, lasting), "C_Login");
    atexit(call_report);
    return 0;
}

static CK_RV lock(void *mutex) { return mutex ? CKR_OK : CKR_MUTEX_BAD; }

/* C_Finalize and C_Initialize, with what section 5.4 says may be wrong. */
static void begin_again(Source *source) {
    CK_C_INITIALIZE_ARGS arguments = {0};
    if (!source_chance(source, 1) || !source_chance(source, 32)) return;
    CK_RV rv = stage.functions->C_Finalize(source_chance(source, 64) ? &arguments : NULL);
    if (source_chance(source, 64)) arguments.pReserved = &arguments;
    if (source_chance(source, 64)) arguments.LockMutex = lock;
    arguments.flags = source_number(source);
    if (rv == CKR_OK) stage.functions->C_Initialize(source_chance(source, 128) ? &arguments : NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Source source = {data, size};
    restore();
    for (unsigned n = 0; n < MOST_CALLS && source.left > 0; n++) {
        call_one(&stage, &source);
        if (source.left > 0 && *source.next == BEGIN_AGAIN) begin_again(&source);
    }
    clean_up();
    return 0;
}
