/* SPDX-License-Identifier: Apache-2.0
 *
 * Fresh TLS 1.3 connections, one after the other: handshake, nothing else, no resumption.
 *
 *     handshakes PORT THREADS (--seconds S | --count N)
 *
 * The server is 127.0.0.1. Its certificate is not verified, which would take the client as long as the server's part of
 * a handshake takes without the signature. The result is one line of JSON, times in microseconds.
 */
#include "crew.h"
#include "fail.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;
static struct sockaddr_in address;

static void *begin(int number)
{
    (void)number;
    return NULL;
}

static void once(void *state)
{
    (void)state;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("cannot connect");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    SSL *tls = SSL_new(context);
    if (!tls || SSL_set_fd(tls, descriptor) != 1) fail("out of memory");
    if (SSL_connect(tls) != 1) fail("TLS handshake");
    SSL_shutdown(tls);
    SSL_free(tls);
    close(descriptor);
}

static void end(void *state) { (void)state; }

int main(int argc, char **argv)
{
    if (argc != 5) fail("usage: handshakes PORT THREADS (--seconds S | --count N)");
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1) fail("out of memory");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    struct work work = {.begin = begin, .once = once, .end = end};
    crew_run(&work, atoi(argv[2]), limits_parse(argv[3], argv[4]));
    return 0;
}
