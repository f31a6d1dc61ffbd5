/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "crew.h"
#include "clock.h"
#include "fail.h"
#include "latency.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { MOST_THREADS = 64 };

static const struct work *work;
static struct limits limits;
static pthread_barrier_t ready;
static atomic_size_t begun;
static atomic_bool is_over;

struct member {
    pthread_t thread;
    int number;
    struct latencies latencies;
};

static bool goes_on(void)
{
    if (atomic_load_explicit(&is_over, memory_order_relaxed)) return false;
    return limits.count == 0 || atomic_fetch_add_explicit(&begun, 1, memory_order_relaxed) < limits.count;
}

static void *run(void *argument)
{
    struct member *member = argument;
    void *state = work->begin(member->number);
    pthread_barrier_wait(&ready);
    while (goes_on()) {
        if (work->pause_us) sleep_us(work->pause_us);
        uint64_t begin = now_ns();
        work->once(state);
        latencies_add(&member->latencies, now_ns() - begin);
    }
    work->end(state);
    return NULL;
}

void crew_run(const struct work *what, int threads, struct limits how_long)
{
    static struct member members[MOST_THREADS];
    if (threads < 1 || threads > MOST_THREADS) fail("THREADS must be from 1 to 64");
    work = what;
    limits = how_long;
    pthread_barrier_init(&ready, NULL, (unsigned)threads + 1);
    for (int i = 0; i < threads; i++) {
        members[i].number = i;
        if (pthread_create(&members[i].thread, NULL, run, &members[i]) != 0) fail("no thread");
    }
    pthread_barrier_wait(&ready);
    double cpu = cpu_seconds();
    uint64_t begin = now_ns();
    if (limits.count == 0) {
        sleep_us((long)(limits.seconds * 1e6));
        atomic_store(&is_over, true);
    }
    struct latencies all = {0};
    for (int i = 0; i < threads; i++) pthread_join(members[i].thread, NULL);
    uint64_t wall = now_ns() - begin;
    cpu = cpu_seconds() - cpu;
    for (int i = 0; i < threads; i++) latencies_join(&all, &members[i].latencies);
    latencies_report(&all, wall, cpu);
}
