/* SPDX-License-Identifier: Apache-2.0 */
#include "latency.h"
#include "connection.h"

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

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

void latencies_sort(struct latencies *latencies)
{
    qsort(latencies->values, latencies->count, sizeof *latencies->values, compare);
}

double latencies_at(const struct latencies *latencies, double quantile)
{
    if (latencies->count == 0) return 0;
    return latencies->values[(size_t)((double)(latencies->count - 1) * quantile)] / 1e3;
}
