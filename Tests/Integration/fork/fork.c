/*
 * A host that forks while it uses the module, as NGINX, Apache and test harnesses do.
 *
 *   fork MODULE PIN LABEL PUBLIC_PEM [LABEL PUBLIC_PEM]... [options]
 *     --modes A,B,...   what the children do, in turn: reinitialise, finalise, continue, late, threaded, finalise-only,
 *                       exit, _exit, exec (default: the first three)
 *     --children N      children at once (default 4)
 *     --rounds R        so many times (default 1)
 *     --threads T       threads of the parent that sign meanwhile (default 0)
 *     --nested          each child forks a grandchild that does the same
 *     --cold            the parent only loads the module; for the modes threaded, exit, _exit and exec
 *     --locking         C_Initialize with CKF_OS_LOCKING_OK instead of null
 *     --stall S         forks for S seconds while the threads sign, without signing itself (see stall.h)
 *     --end WORD        finalise (default); exit: leave without C_Finalize; orphan: only that case
 *     --deadline S      seconds for the children of a round (default 60)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "children.h"
#include "modes.h"
#include "orphan.h"
#include "signers.h"
#include "sockets.h"
#include "stall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MODES = 16, MAX_CHILDREN = 256 };

typedef struct Options {
    const Mode *modes[MAX_MODES];
    unsigned mode_count, children, rounds, threads, stall, deadline;
    bool nested, cold, locking, exit, orphan;
} Options;

typedef struct Task {
    Host *host;
    CK_SESSION_HANDLE session;
    const Mode *mode;
    unsigned seed, deadline;
    Child *grandchild; /* null: none */
} Task;

static void misuse(const char *what) {
    fprintf(stderr, "fork: bad option or value: %s\n", what);
    exit(2);
}

static void read_modes(Options *options, const char *list) {
    options->mode_count = 0;
    while (*list && options->mode_count < MAX_MODES) {
        size_t length = strcspn(list, ",");
        const Mode *mode = mode_named(list, length);
        if (!mode) misuse(list);
        options->modes[options->mode_count++] = mode;
        list += length + (list[length] == ',');
    }
}

static unsigned number(const char *text, unsigned most) {
    char *end = NULL;
    unsigned long value = text ? strtoul(text, &end, 10) : 0;
    if (!text || *end || value > most) misuse(text ? text : "missing value");
    return (unsigned)value;
}

static Options read_options(int argc, char **argv, int next) {
    Options options = {.children = 4, .rounds = 1, .deadline = 60};
    read_modes(&options, "reinitialise,finalise,continue");
    for (; next < argc; next++) {
        const char *name = argv[next];
        const char *value = next + 1 < argc ? argv[next + 1] : NULL;
        if (strcmp(name, "--nested") == 0) options.nested = true;
        else if (strcmp(name, "--cold") == 0) options.cold = true;
        else if (strcmp(name, "--locking") == 0) options.locking = true;
        else {
            next++;
            if (strcmp(name, "--modes") == 0 && value) read_modes(&options, value);
            else if (strcmp(name, "--children") == 0) options.children = number(value, MAX_CHILDREN);
            else if (strcmp(name, "--rounds") == 0) options.rounds = number(value, 1000000);
            else if (strcmp(name, "--threads") == 0) options.threads = number(value, MAX_SIGNERS);
            else if (strcmp(name, "--stall") == 0) options.stall = number(value, 3600);
            else if (strcmp(name, "--deadline") == 0) options.deadline = number(value, 3600);
            else if (strcmp(name, "--end") == 0 && value && strcmp(value, "exit") == 0) options.exit = true;
            else if (strcmp(name, "--end") == 0 && value && strcmp(value, "orphan") == 0) options.orphan = true;
            else if (strcmp(name, "--end") != 0 || !value || strcmp(value, "finalise") != 0) misuse(name);
        }
    }
    return options;
}

static int run_grandchild(void *context) {
    Task *task = context;
    return task->mode->run(task->host, task->session, task->seed + 1);
}

/* The grandchild is forked first: it inherits the module as its grandparent left it, untouched by the child. */
static int run_child(void *context) {
    Task *task = context;
    if (task->grandchild) child_start(task->grandchild, task->mode->name, run_grandchild, task);
    int code = task->mode->run(task->host, task->session, task->seed);
    if (!task->grandchild) return code;
    if (children_await(task->grandchild, 1, task->deadline) != 0) return 1;
    /* And one that inherits what the child has made of it; sessions of the grandparent may be gone by now. */
    const char *next = strcmp(task->mode->name, "finalise-only") == 0 ? "threaded" : "finalise";
    task->mode = mode_named(next, strlen(next));
    child_start(task->grandchild, "grandchild", run_grandchild, task);
    return children_await(task->grandchild, 1, task->deadline) != 0 ? 1 : code;
}

static unsigned run_round(Host *host, CK_SESSION_HANDLE session, const Options *options, unsigned round,
                          Child *children) {
    for (unsigned i = 0; i < options->children; i++) {
        unsigned seed = round * options->children + i;
        Task task = {host, session, options->modes[seed % options->mode_count], seed, options->deadline,
                     options->nested ? &children[options->children + i] : NULL};
        child_start(&children[i], task.mode->name, run_child, &task);
    }
    host_phase("wait for the children of round %u", round);
    return children_await(children, options->children, options->deadline);
}

/* Rounds of children of a parent that has done nothing with the module but load it. */
static void run_cold(Host *host, const Options *options, Child *children) {
    unsigned failed = 0;
    for (unsigned round = 0; round < options->rounds; round++) {
        host_watchdog(options->deadline * 2);
        failed += run_round(host, CK_INVALID_HANDLE, options, round, children);
    }
    if (failed == 0) host_pass("%u children of an idle parent", options->children * options->rounds);
}

static void run_warm(Host *host, const Options *options, Child *children) {
    CK_SESSION_HANDLE session = host_start(host, options->locking);
    if (!host_check(host_sign_all(host, session, 0), "parent signs before the first fork")) return;
    Sockets before = sockets_open();
    signers_start(host, options->threads);
    if (options->stall > 0) stall_run(options->stall, options->deadline);

    unsigned failed = 0;
    for (unsigned round = 0; round < options->rounds; round++) {
        host_watchdog(options->deadline * 2);
        failed += run_round(host, session, options, round, children);
        CK_RV rv = host_sign_all(host, session, round);
        if (rv != CKR_OK) host_fail("parent signs after round %u: %s", round, host_rv_text(rv));
    }
    if (failed == 0) host_pass("%u children in %u rounds", options->children * options->rounds, options->rounds);
    if (options->threads == 0) {
        Sockets after = sockets_open();
        if (sockets_equal(&before, &after)) host_pass("parent keeps its connections: %zu", before.count);
        else host_fail("parent reconnected: it had %zu connections and has %zu others", before.count, after.count);
    }
    host_phase("wait for the threads to rest");
    signers_rest();
    if (options->threads > 0) host_pass("parent's threads made %lu signatures meanwhile", signers_made());
    host_check(host_sign_all(host, session, 7), "parent signs after the last fork");
    host_phase("end");
    if (!options->exit) host_check(host->functions->C_Finalize(NULL), "C_Finalize");
}

int main(int argc, char **argv) {
    Host host;
    Options options = read_options(argc, argv, host_arguments(&host, argc, argv));
    if (options.orphan) {
        orphan_run(&host, options.deadline);
        return host_exit_code();
    }
    Child *children = children_shared(2 * (size_t)options.children);
    host_watchdog(options.deadline * 2);
    host_load(&host);
    if (options.cold) run_cold(&host, &options, children);
    else run_warm(&host, &options, children);
    return host_exit_code();
}
