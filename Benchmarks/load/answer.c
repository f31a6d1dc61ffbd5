/* SPDX-License-Identifier: Apache-2.0
 *
 * An HTTPS server with fixed answers and nothing to do: a KMS that takes no time, or a known one.
 *
 *     answer CERTIFICATE KEY DELAY_US IDLE_MS PATH=FILE...
 *
 * A request for PATH, whatever its query, is answered with the JSON in FILE, after DELAY_US microseconds, by a thread
 * that belongs to the connection. A connection that was idle for IDLE_MS milliseconds is closed; 0: never. `/counts`
 * answers how many connections there were and how often each PATH was asked for. 127.0.0.1 only, on a free port, which
 * standard output tells.
 */
#define _GNU_SOURCE
#include "clock.h"
#include "fail.h"
#include "file.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_ROUTES = 16, MOST_BYTES = 70000 };

struct route {
    const char *path;
    char *answer; /* with its header */
    size_t length;
    atomic_size_t count;
};

static struct route routes[MOST_ROUTES];
static int route_count;
static atomic_size_t connections;
static long delay_us, idle_ms;
static SSL_CTX *context;

static size_t write_answer(char *to, int status, const char *body, size_t length)
{
    int header = sprintf(to, "HTTP/1.1 %d \r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status, length);
    memcpy(to + header, body, length);
    return (size_t)header + length;
}

static void add_route(char *argument)
{
    size_t length;
    char *equals = strchr(argument, '=');
    if (!equals || route_count == MOST_ROUTES) fail("usage: answer … PATH=FILE..., at most 16 of them");
    *equals = 0;
    char *body = file_read(equals + 1, &length);
    struct route *route = &routes[route_count++];
    route->path = argument;
    route->answer = malloc(MOST_BYTES);
    if (!route->answer) fail("out of memory");
    route->length = write_answer(route->answer, 200, body, length);
    free(body);
}

static size_t write_counts(char *to)
{
    char body[4096];
    int length = sprintf(body, "{\"connections\": %zu", connections);
    for (int i = 0; i < route_count; i++)
        length += snprintf(body + length, sizeof body - (size_t)length, ", \"%s\": %zu", routes[i].path, routes[i].count);
    length += snprintf(body + length, sizeof body - (size_t)length, "}");
    return write_answer(to, 200, body, (size_t)length);
}

/* Sends what belongs to the request; answers 0 when the connection is over. */
static int respond(SSL *tls, const char *request)
{
    const char *path = strchr(request, ' ');
    if (!path) return 0;
    path++;
    size_t length = strcspn(path, " ?");
    for (int i = 0; i < route_count; i++) {
        if (strlen(routes[i].path) != length || memcmp(routes[i].path, path, length) != 0) continue;
        atomic_fetch_add(&routes[i].count, 1);
        if (delay_us) sleep_us(delay_us);
        return SSL_write(tls, routes[i].answer, (int)routes[i].length) > 0;
    }
    char answer[8192];
    size_t size = length == 7 && memcmp(path, "/counts", 7) == 0 ? write_counts(answer)
                                                                   : write_answer(answer, 404, "{}", 2);
    return SSL_write(tls, answer, (int)size) > 0;
}

/* Whether the request is whole. */
static int is_whole(const char *request, size_t received)
{
    const char *end = strstr(request, "\r\n\r\n");
    if (!end) return 0;
    const char *length = strcasestr(request, "\r\ncontent-length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return received >= (size_t)(end + 4 - request) + body;
}

static void serve(SSL *tls)
{
    char request[65536];
    size_t received = 0;
    if (SSL_accept(tls) != 1) return;
    for (;;) {
        int count = SSL_read(tls, request + received, (int)(sizeof request - 1 - received));
        if (count <= 0) return;
        received += (size_t)count;
        request[received] = 0;
        if (!is_whole(request, received)) continue;
        if (!respond(tls, request)) return;
        received = 0;
    }
}

static void *connection(void *argument)
{
    int descriptor = (int)(intptr_t)argument, one = 1;
    struct timeval idle = {idle_ms / 1000, idle_ms % 1000 * 1000};
    /* Delays are exact to a microsecond instead of fifty. */
    prctl(PR_SET_TIMERSLACK, 1000);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
    SSL *tls = SSL_new(context);
    if (!tls || SSL_set_fd(tls, descriptor) != 1) fail("out of memory");
    serve(tls);
    SSL_shutdown(tls);
    SSL_free(tls);
    close(descriptor);
    return NULL;
}

static int listen_on_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 128) != 0
        || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        fail("no port to listen on");
    printf("answer: listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int argc, char **argv)
{
    if (argc < 6) fail("usage: answer CERTIFICATE KEY DELAY_US IDLE_MS PATH=FILE...");
    signal(SIGPIPE, SIG_IGN);
    context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1
        || SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1)
        fail("cannot use certificate and key");
    delay_us = atol(argv[3]);
    idle_ms = atol(argv[4]);
    for (int i = 5; i < argc; i++) add_route(argv[i]);
    int listener = listen_on_free_port();
    for (;;) {
        pthread_t thread;
        int descriptor = accept(listener, NULL, NULL);
        if (descriptor < 0) continue;
        atomic_fetch_add(&connections, 1);
        if (pthread_create(&thread, NULL, connection, (void *)(intptr_t)descriptor) != 0) fail("no thread");
        pthread_detach(thread);
    }
}
