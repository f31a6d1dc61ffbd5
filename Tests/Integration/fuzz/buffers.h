/*
 * The memory of one call. Every block has exactly the size that the module is told, so that the address sanitizer sees
 * the first byte too many; blocks that the module writes to are followed by guards as well, because OpenSSL writes
 * unseen by the sanitizer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUFFERS_H
#define BUFFERS_H

#include <pkcs11.h>
#include <stddef.h>

/* A copy of `size` bytes; of a pattern when `content` is null. */
void *buffers_in(const void *content, size_t size);

/* To be written to, filled with a pattern. */
void *buffers_out(size_t size);

/* Ends the process when a guard was written to; frees everything. */
void buffers_release(void);

/* The last outputs of calls, to be fed to others: what was encrypted is decrypted, what was signed verified. */
enum { BUFFERS_KEPT = 4 };
void buffers_keep(const void *content, size_t size);
const CK_BYTE *buffers_kept(size_t number, size_t *size);
void buffers_forget(void);

#endif
