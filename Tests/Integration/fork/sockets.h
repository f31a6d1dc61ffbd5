/* Whether a connection is still the same one.  SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { MAX_SOCKETS = 64 };

/* The open TCP sockets of this process, by inode, which no other socket gets while one of them is open. */
typedef struct Sockets {
    size_t count;
    ino_t inodes[MAX_SOCKETS];
} Sockets;

Sockets sockets_open(void);
bool sockets_equal(const Sockets *one, const Sockets *other);

#endif
