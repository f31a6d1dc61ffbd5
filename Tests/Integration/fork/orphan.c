/* SPDX-License-Identifier: Apache-2.0 */
#include "orphan.h"

#include "children.h"

#include <sys/prctl.h>
#include <unistd.h>

enum { SIGNATURES_AFTER = 5 };

typedef struct Orphan {
    Host *host;
    CK_SESSION_HANDLE session;
    pid_t host_pid;
    Child *child;
} Orphan;

static int outlive(void *context) {
    Orphan *orphan = context;
    CK_RV rv = host_sign_all(orphan->host, orphan->session, 1);
    host_phase("wait for the end of the parent");
    while (rv == CKR_OK && getppid() == orphan->host_pid) usleep(1000);
    for (unsigned n = 0; rv == CKR_OK && n < SIGNATURES_AFTER; n++) {
        rv = host_sign_all(orphan->host, orphan->session, n);
    }
    if (rv != CKR_OK) host_fail("orphan: %s", host_rv_text(rv));
    return rv == CKR_OK ? 0 : 1;
}

static int run_host(void *context) {
    Orphan *orphan = context;
    host_load(orphan->host);
    orphan->session = host_start(orphan->host, true);
    CK_RV rv = host_sign_all(orphan->host, orphan->session, 0);
    orphan->host_pid = getpid();
    child_start(orphan->child, "orphan", outlive, orphan);
    return host_check(rv, "host of the orphan signs") ? 0 : 1;
}

void orphan_run(Host *host, unsigned deadline) {
    Child *children = children_shared(2);
    Orphan orphan = {.host = host, .child = &children[1]};
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    child_start(&children[0], "host", run_host, &orphan);
    unsigned failed = children_await(&children[0], 1, deadline);
    failed += children_await(&children[1], 1, deadline);
    if (failed == 0) host_pass("a child signs %d times after the end of its parent", SIGNATURES_AFTER);
}
