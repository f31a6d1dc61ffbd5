/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

uint8_t source_byte(Source *source) {
    if (source->left == 0) return 0;
    source->left--;
    return *source->next++;
}

size_t source_pick(Source *source, size_t count) { return source_byte(source) % count; }

bool source_chance(Source *source, unsigned share) {
    return source->left > 0 && 255u - source_byte(source) < share;
}

CK_ULONG source_number(Source *source) {
    static const CK_ULONG numbers[] = {
        0, 1, 2, 3, 7, 8, 9, 12, 15, 16, 17, 20, 24, 31, 32, 33, 64, 96, 104, 127, 128, 129, 160, 255, 256, 257, 1024,
        1025, 2047, 8191, 8192, 8193, 1UL << 16, 1UL << 20, (1UL << 20) + 1, 0x7FFFFFFFUL, 0x80000000UL, 0xFFFFFFFFUL,
        1UL << 32, 1UL << 40, 0x1FFFFFFFFFFFFFFFUL, 0x7FFFFFFFFFFFFFF8UL, 0x7FFFFFFFFFFFFFFFUL,
        0x8000000000000000UL, ~0UL - 1, ~0UL,
    };
    return numbers[source_pick(source, COUNT(numbers))];
}

CK_ULONG source_absurd(Source *source) {
    static const CK_ULONG lengths[] = {
        1UL << 31, 1UL << 32, 1UL << 40, 0x1FFFFFFFFFFFFFFFUL, 0x3FFFFFFFFFFFFFFFUL, 0x7FFFFFFFFFFFFFF0UL,
        0x7FFFFFFFFFFFFFFEUL, 0x7FFFFFFFFFFFFFFFUL, 0x8000000000000000UL, ~0UL - 15, ~0UL - 1, ~0UL,
    };
    return lengths[source_pick(source, COUNT(lengths))];
}

size_t source_size(Source *source) { return source_nth_size(source_byte(source)); }

size_t source_nth_size(uint8_t which) {
    static const uint16_t sizes[] = {
        0, 1, 2, 7, 8, 9, 11, 12, 13, 15, 16, 17, 19, 20, 24, 28, 31, 32, 33, 36, 40, 47, 48, 49, 56, 57, 63, 64, 65,
        96, 100, 114, 117, 127, 128, 129, 132, 190, 214, 244, 245, 246, 255, 256, 257, 512, 1000, 1024, 1025, 4096,
        SOURCE_MAX_SIZE,
    };
    return sizes[which % COUNT(sizes)];
}

const uint8_t *source_bytes(Source *source, size_t *size) {
    const uint8_t *bytes = source->next;
    if (*size > source->left) *size = source->left;
    source->next += *size;
    source->left -= *size;
    return bytes;
}
