/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CREW_H
#define CREW_H

#include "run_limits.h"

/* What each thread of a crew does: once to get ready, then again and again, then once to end. */
struct work {
    void *(*begin)(int number);
    void (*once)(void *state);
    void (*end)(void *state);
    long pause_us; /* before each time, outside what is measured */
};

/* Runs the work in a closed loop on `threads` threads and prints the result (`latencies_report`). */
void crew_run(const struct work *work, int threads, struct limits limits);

#endif
