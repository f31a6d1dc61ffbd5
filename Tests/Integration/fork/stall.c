/* SPDX-License-Identifier: Apache-2.0 */
#include "stall.h"

#include "children.h"
#include "signers.h"

#include <time.h>
#include <unistd.h>

static int leave(void *context) {
    (void)context;
    _exit(0);
}

static long milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void stall_run(unsigned seconds, unsigned deadline) {
    Child *child = children_shared(1);
    long longest = 0, end = milliseconds() + (long)seconds * 1000;
    unsigned forks = 0;
    host_note("ready");
    while (milliseconds() < end) {
        usleep(100000);
        long begin = milliseconds();
        child_start(child, "_exit", leave, NULL);
        long took = milliseconds() - begin;
        if (took > longest) longest = took;
        if (children_await(child, 1, deadline) != 0) return;
        forks++;
    }
    host_pass("%u forks, the longest took %ld ms; signatures so far: %lu", forks, longest, signers_made());
}
