/* SPDX-License-Identifier: Apache-2.0
 *
 * Closed-loop load over kept-alive HTTPS: each connection sends the same request again as soon as its answer is whole.
 *
 *     load PORT CA_FILE REQUEST_FILE CONNECTIONS (--seconds S | --count N)
 *
 * REQUEST_FILE holds the bytes of one HTTP/1.1 request. The server is 127.0.0.1 and its certificate is verified. One
 * thread serves all connections, so that the client takes as little as it can of the cores that it shares with the
 * server. Anything but an answer 200 ends the run with status 1. The result is one line of JSON, times in microseconds.
 */
#include "clock.h"
#include "connection.h"
#include "fail.h"
#include "file.h"
#include "latency.h"
#include "run_limits.h"

#include <stdlib.h>
#include <sys/epoll.h>

enum { MOST_CONNECTIONS = 256 };

/* Answers the nanoseconds that the run took. */
static uint64_t run(struct connection *connections, int count, struct limits limits, struct latencies *latencies)
{
    int poll = epoll_create1(EPOLL_CLOEXEC);
    if (poll < 0) fail("epoll_create1");
    uint64_t begin = now_ns();
    uint64_t end = limits.seconds > 0 ? begin + (uint64_t)(limits.seconds * 1e9) : UINT64_MAX;
    size_t sent = 0;
    int busy = 0;
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[i].socket, &event) != 0) fail("epoll_ctl");
        if (limits.count && sent == limits.count) break;
        connection_send(&connections[i]);
        sent++;
        busy++;
    }
    while (busy > 0) {
        struct epoll_event events[MOST_CONNECTIONS];
        int ready = epoll_wait(poll, events, MOST_CONNECTIONS, 30000);
        if (ready <= 0) fail("no answer for 30 s");
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!connection_receive(connection)) continue;
            uint64_t now = now_ns();
            latencies_add(latencies, now - connection->sent_at);
            if (now < end && (!limits.count || sent < limits.count)) {
                connection_send(connection);
                sent++;
            } else {
                busy--;
            }
        }
    }
    return now_ns() - begin;
}

int main(int argc, char **argv)
{
    if (argc != 7) fail("usage: load PORT CA_FILE REQUEST_FILE CONNECTIONS (--seconds S | --count N)");
    struct limits limits = limits_parse(argv[5], argv[6]);
    int count = atoi(argv[4]);
    if (count < 1 || count > MOST_CONNECTIONS) fail("CONNECTIONS must be from 1 to 256");

    struct request request;
    request.bytes = file_read(argv[3], &request.length);
    SSL_CTX *context = connection_context(argv[2]);
    static struct connection connections[MOST_CONNECTIONS];
    for (int i = 0; i < count; i++) connection_open(&connections[i], context, atoi(argv[1]), &request);

    struct latencies latencies = {0};
    double cpu = cpu_seconds();
    uint64_t wall = run(connections, count, limits, &latencies);
    cpu = cpu_seconds() - cpu;
    latencies_report(&latencies, wall, cpu);
    for (int i = 0; i < count; i++) connection_close(&connections[i]);
    SSL_CTX_free(context);
    return 0;
}
