/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>

/* The whole file, with a zero byte behind it. At most 64 KiB, and not empty. */
char *file_read(const char *path, size_t *length);

#endif
