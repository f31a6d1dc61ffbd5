/* SPDX-License-Identifier: Apache-2.0 */
#include "latency.h"
#include "fail.h"

#include <stdio.h>
#include <stdlib.h>

void latencies_add(struct latencies *latencies, uint64_t nanoseconds)
{
    if (latencies->count == latencies->capacity) {
        latencies->capacity = latencies->capacity ? latencies->capacity * 2 : 65536;
        latencies->values = realloc(latencies->values, latencies->capacity * sizeof *latencies->values);
        if (!latencies->values) fail("out of memory");
    }
    latencies->values[latencies->count++] = nanoseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)nanoseconds;
}

void latencies_join(struct latencies *latencies, const struct latencies *others)
{
    for (size_t i = 0; i < others->count; i++) latencies_add(latencies, others->values[i]);
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Microseconds at a quantile from 0 to 1, after sorting. */
static double at(const struct latencies *latencies, double quantile)
{
    return latencies->values[(size_t)((double)(latencies->count - 1) * quantile)] / 1e3;
}

void latencies_report(struct latencies *latencies, uint64_t wall, double cpu)
{
    if (latencies->count == 0) fail("not one request was answered in this time");
    qsort(latencies->values, latencies->count, sizeof *latencies->values, compare);
    double count = (double)latencies->count;
    printf("{\"requests\": %zu, \"seconds\": %.6f, \"per_second\": %.1f, \"client_cpu_us\": %.2f, \"p50_us\": %.1f, "
           "\"p90_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
        latencies->count, (double)wall / 1e9, count * 1e9 / (double)wall, cpu * 1e6 / count, at(latencies, 0.5),
        at(latencies, 0.9), at(latencies, 0.99), at(latencies, 1));
}
