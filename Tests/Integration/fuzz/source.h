/* The fuzzer's input, read from the front.  SPDX-License-Identifier: Apache-2.0 */
#ifndef SOURCE_H
#define SOURCE_H

#include <pkcs11.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Source {
    const uint8_t *next;
    size_t left;
} Source;

/* 0 when the input is used up. Zeros stand for what is usual and right. */
uint8_t source_byte(Source *source);

/* A number below `count`, which is 1 to 256. */
size_t source_pick(Source *source, size_t count);

/* True for `share` of 256 bytes; never when the input is used up. */
bool source_chance(Source *source, unsigned share);

/* A number that programs get wrong: around powers of two, sizes of keys, the end of the range. */
CK_ULONG source_number(Source *source);

/* A length that no memory has. */
CK_ULONG source_absurd(Source *source);

/* A size of data, at most SOURCE_MAX_SIZE: around the sizes of blocks, digests, keys and moduli. */
enum { SOURCE_MAX_SIZE = 5000 };
size_t source_size(Source *source);
size_t source_nth_size(uint8_t which);

/* At most `size` bytes of the input itself. */
const uint8_t *source_bytes(Source *source, size_t *size);

#endif
