/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"
#include "fail.h"

#include <stdio.h>
#include <stdlib.h>

char *file_read(const char *path, size_t *length)
{
    enum { MOST = 65536 };
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    char *bytes = malloc(MOST + 1);
    if (!bytes) fail("out of memory");
    *length = fread(bytes, 1, MOST, file);
    fclose(file);
    if (*length == 0 || *length == MOST) fail("a file is empty or has 64 KiB or more");
    bytes[*length] = 0;
    return bytes;
}
