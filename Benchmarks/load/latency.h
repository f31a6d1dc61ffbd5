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
void latencies_sort(struct latencies *latencies);

/* Microseconds at a quantile from 0 to 1, after sorting. */
double latencies_at(const struct latencies *latencies, double quantile);

#endif
