/*
 * A host that does everything wrong: null pointers, absurd lengths, unknown handles, wrong states.
 *
 *   badinput MODULE PIN LABEL PUBLIC_PEM LABEL PUBLIC_PEM [--only GROUP] [--deadline S] [--list]
 *
 * One of the keys is RSA, the other EC. Every group of checks runs in a process of its own, so that a crash names the
 * check that caused it and the other groups still run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "children.h"
#include "groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Group {
    const char *name;
    void (*run)(Host *host);
    bool started; /* begins logged in, with the keys found */
} Group;

static const Group groups[] = {
    {"initialise-arguments", check_initialise_arguments, false},
    {"lifecycle", check_lifecycle, false},
    {"interfaces", check_interfaces, false},
    {"not-initialised", check_not_initialised, false},
    {"not-logged-in", check_not_logged_in, false},
    {"login", check_login, false},
    {"unknown-handles", check_unknown_handles, true},
    {"null-pointers", check_null_pointers, true},
    {"missing-init", check_missing_init, true},
    {"slots", check_slots, true},
    {"sessions", check_sessions, true},
    {"attributes", check_attributes, true},
    {"find", check_find, true},
    {"find-templates", check_find_templates, true},
    {"sign-init", check_sign_init, true},
    {"pss-parameters", check_pss_parameters, true},
    {"sign", check_sign, true},
    {"sign-lengths", check_sign_lengths, true},
    {"sign-multipart", check_sign_multipart, true},
    {"absurd-data", check_absurd_data, true},
    {"ciphers", check_ciphers, true},
    {"messages", check_messages, true},
    {"templates", check_templates, true},
    {"keys-made", check_keys_made, true},
    {"lengths-of-checks", check_lengths_of_checks, true},
};

typedef struct Run {
    Host *host;
    const Group *group;
} Run;

/* After all that the module must still do its work. */
static void check_still_works(Host *host) {
    CK_SESSION_HANDLE session;
    host_phase("signing after the group");
    CK_RV rv = host_open(host, &session);
    if (rv == CKR_OK) rv = host_login(host, session);
    if (rv == CKR_OK) rv = host_find_keys(host, session);
    if (rv == CKR_OK) rv = host_sign_all(host, session, 0);
    host_check(rv, "still signs");
    host_check(host->functions->C_Finalize(NULL), "C_Finalize");
}

static int run_group(void *context) {
    Run *run = context;
    host_load(run->host);
    if (run->group->started) host_start(run->host, true);
    run->group->run(run->host);
    if (run->group->started) check_still_works(run->host);
    return host_exit_code();
}

int main(int argc, char **argv) {
    Host host;
    const char *only = NULL;
    unsigned deadline = 60;
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) puts(groups[i].name);
        return 0;
    }
    for (int next = host_arguments(&host, argc, argv); next + 1 < argc; next += 2) {
        if (strcmp(argv[next], "--only") == 0) only = argv[next + 1];
        if (strcmp(argv[next], "--deadline") == 0) deadline = (unsigned)atoi(argv[next + 1]);
    }
    Child *child = children_shared(1);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (only && strcmp(only, groups[i].name) != 0) continue;
        Run run = {&host, &groups[i]};
        host_note("group %s", groups[i].name);
        child_start(child, groups[i].name, run_group, &run);
        children_await(child, 1, deadline);
    }
    return host_exit_code();
}
