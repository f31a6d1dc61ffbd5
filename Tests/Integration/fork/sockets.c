/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "sockets.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int compare(const void *one, const void *other) {
    ino_t a = *(const ino_t *)one, b = *(const ino_t *)other;
    return (a > b) - (a < b);
}

static bool is_tcp(int descriptor) {
    int domain = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
    return domain == AF_INET || domain == AF_INET6;
}

Sockets sockets_open(void) {
    Sockets result = {0};
    DIR *descriptors = opendir("/proc/self/fd");
    if (!descriptors) return result;
    for (struct dirent *entry; (entry = readdir(descriptors)) && result.count < MAX_SOCKETS;) {
        struct stat about;
        int descriptor = atoi(entry->d_name);
        if (is_tcp(descriptor) && fstat(descriptor, &about) == 0) result.inodes[result.count++] = about.st_ino;
    }
    closedir(descriptors);
    qsort(result.inodes, result.count, sizeof *result.inodes, compare);
    return result;
}

bool sockets_equal(const Sockets *one, const Sockets *other) {
    if (one->count != other->count) return false;
    for (size_t i = 0; i < one->count; i++)
        if (one->inodes[i] != other->inodes[i]) return false;
    return true;
}
