/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

struct request {
    char *bytes;
    size_t length;
};

struct connection {
    int socket;
    SSL *tls;
    const struct request *request;
    uint64_t sent_at; /* nanoseconds of the monotonic clock */
    char answer[16384];
    size_t received;
};

/* TLS that trusts the certificates in the file alone, and only for 127.0.0.1. */
SSL_CTX *connection_context(const char *ca_file);

/* Connects and shakes hands. */
void connection_open(struct connection *connection, SSL_CTX *context, int port, const struct request *request);

void connection_send(struct connection *connection);

/* Takes what has arrived. Answers 1 when the answer is whole and 200; any other answer is a failure. */
int connection_receive(struct connection *connection);

void connection_close(struct connection *connection);

#endif
