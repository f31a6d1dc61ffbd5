/*
 * A host that loads the module, uses it, and unloads it, again and again in one process.
 *
 *   dlclose MODULE PIN LABEL PUBLIC_PEM [LABEL PUBLIC_PEM]... [--rounds R (default 2)] [--no-finalize]
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

#include <stdlib.h>
#include <string.h>

/* Without C_Finalize a module that stays in memory is still initialised when it is loaded the next time. */
static bool use(Host *host, bool still_initialised) {
    CK_SESSION_HANDLE session;
    CK_RV rv = host_initialise(host, true);
    if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED && still_initialised) rv = CKR_OK;
    if (!host_check(rv, "C_Initialize")) return false;
    if (!host_check(host_find_slot(host), "a slot with a token")) return false;
    if (!host_check(host_open(host, &session), "C_OpenSession")) return false;
    if (!host_check(host_login(host, session), "C_Login")) return false;
    if (!host_check(host_find_keys(host, session), "finding the keys")) return false;
    return host_check(host_sign_all(host, session, 0), "signing");
}

int main(int argc, char **argv) {
    Host host;
    unsigned rounds = 2;
    bool finalise = true;
    for (int next = host_arguments(&host, argc, argv); next < argc; next++) {
        if (strcmp(argv[next], "--no-finalize") == 0) finalise = false;
        if (strcmp(argv[next], "--rounds") == 0 && next + 1 < argc) rounds = (unsigned)atoi(argv[++next]);
    }
    host_watchdog(60);
    for (unsigned round = 0; round < rounds; round++) {
        host_note("round %u", round);
        host_phase("dlopen, round %u", round);
        host_load(&host);
        if (!use(&host, round > 0 && !finalise)) break;
        if (finalise) host_check(host.functions->C_Finalize(NULL), "C_Finalize");
        host_phase("dlclose, round %u", round);
        host_unload(&host);
        host_pass("dlclose");
    }
    host_phase("end");
    return host_exit_code();
}
