/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "connection.h"
#include "clock.h"
#include "fail.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

SSL_CTX *connection_context(const char *ca_file)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_load_verify_locations(context, ca_file, NULL) != 1) fail("cannot read the CA file");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(context), "127.0.0.1") != 1) fail("out of memory");
    return context;
}

void connection_open(struct connection *connection, SSL_CTX *context, int port, const struct request *request)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    connection->request = request;
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0 || connect(connection->socket, (struct sockaddr *)&address, sizeof address) != 0)
        fail("cannot connect");
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connection->tls = SSL_new(context);
    if (!connection->tls || SSL_set_fd(connection->tls, connection->socket) != 1) fail("out of memory");
    if (SSL_connect(connection->tls) != 1) fail("TLS handshake");
    if (fcntl(connection->socket, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
}

void connection_send(struct connection *connection)
{
    connection->received = 0;
    connection->sent_at = now_ns();
    /* A request is far smaller than a socket's buffer, which is empty in a closed loop. */
    if (SSL_write(connection->tls, connection->request->bytes, (int)connection->request->length)
        != (int)connection->request->length)
        fail("cannot send the request");
}

static int is_whole(struct connection *connection)
{
    connection->answer[connection->received] = 0;
    char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end) return 0;
    char *length = strcasestr(connection->answer, "\r\ncontent-length:");
    if (!length || length > end) fail("the answer has no Content-Length");
    if (strncmp(connection->answer, "HTTP/1.1 200 ", 13) != 0) {
        fprintf(stderr, "%s\n", connection->answer);
        fail("the answer is not 200");
    }
    return connection->received >= (size_t)(end + 4 - connection->answer) + strtoul(length + 17, NULL, 10);
}

int connection_receive(struct connection *connection)
{
    for (;;) {
        size_t room = sizeof connection->answer - 1 - connection->received;
        if (room == 0) fail("the answer is too long");
        int count = SSL_read(connection->tls, connection->answer + connection->received, (int)room);
        if (count <= 0) {
            if (SSL_get_error(connection->tls, count) == SSL_ERROR_WANT_READ) return 0;
            fail("the server closed the connection");
        }
        connection->received += (size_t)count;
        if (is_whole(connection)) return 1;
    }
}

void connection_close(struct connection *connection)
{
    SSL_shutdown(connection->tls);
    SSL_free(connection->tls);
    close(connection->socket);
}
