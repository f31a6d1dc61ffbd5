/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LATENCY_H
#define LATENCY_H

#include <stddef.h>
#include <stdint.h>

/* Durations of all requests, in nanoseconds. */
struct latencies {
    uint32_t *values;
    size_t count, capacity;
};

void latencies_add(struct latencies *latencies, uint64_t nanoseconds);

/* Adds all of `others`. */
void latencies_join(struct latencies *latencies, const struct latencies *others);

/*
 * Prints the run's result as one line of JSON, times in microseconds.
 *
 * - wall: nanoseconds that the run took
 * - cpu: seconds of this process's CPU time
 */
void latencies_report(struct latencies *latencies, uint64_t wall, double cpu);

#endif
