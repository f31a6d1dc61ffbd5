/* SPDX-License-Identifier: Apache-2.0 */
#include "buffers.h"

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BLOCKS = 512, GUARD = 64, PATTERN = 0xA5, LONGEST_KEPT = 1 << 14 };

typedef struct Block {
    unsigned char *memory;
    size_t size;
    int is_guarded;
} Block;

static Block blocks[MAX_BLOCKS];
static size_t block_count;

static struct {
    CK_BYTE *content;
    size_t size;
} kept[BUFFERS_KEPT];
static size_t next_kept;

static void *block(size_t size, int is_guarded) {
    if (block_count == MAX_BLOCKS) {
        fprintf(stderr, "the fuzz host needs more than %d blocks for one call\n", MAX_BLOCKS);
        abort();
    }
    unsigned char *memory = malloc(size + (is_guarded ? GUARD : 0));
    if (!memory) abort();
    blocks[block_count++] = (Block){memory, size, is_guarded};
    return memory;
}

void *buffers_in(const void *content, size_t size) {
    unsigned char *memory = block(size, 0);
    if (content) memcpy(memory, content, size);
    else
        for (size_t i = 0; i < size; i++) memory[i] = (unsigned char)(i * 7 + size);
    return memory;
}

void *buffers_out(size_t size) {
    unsigned char *memory = block(size, 1);
    memset(memory, PATTERN, size + GUARD);
    __asan_poison_memory_region(memory + size, GUARD);
    return memory;
}

void buffers_release(void) {
    for (size_t i = 0; i < block_count; i++) {
        Block *block = &blocks[i];
        if (block->is_guarded) __asan_unpoison_memory_region(block->memory + block->size, GUARD);
        for (size_t n = 0; block->is_guarded && n < GUARD; n++) {
            if (block->memory[block->size + n] == PATTERN) continue;
            fprintf(stderr, "the module wrote %zu bytes past the end of %zu\n", n + 1, block->size);
            abort();
        }
        free(block->memory);
    }
    block_count = 0;
}

void buffers_keep(const void *content, size_t size) {
    if (size > LONGEST_KEPT) return;
    free(kept[next_kept].content);
    kept[next_kept].content = malloc(size + 1);
    if (!kept[next_kept].content) abort();
    memcpy(kept[next_kept].content, content, size);
    kept[next_kept].size = size;
    next_kept = (next_kept + 1) % BUFFERS_KEPT;
}

/* 0 is the newest. */
const CK_BYTE *buffers_kept(size_t number, size_t *size) {
    size_t index = (next_kept + BUFFERS_KEPT - 1 - number % BUFFERS_KEPT) % BUFFERS_KEPT;
    *size = kept[index].size;
    return kept[index].content;
}

void buffers_forget(void) {
    for (size_t i = 0; i < BUFFERS_KEPT; i++) {
        free(kept[i].content);
        kept[i].content = NULL;
        kept[i].size = 0;
    }
    next_kept = 0;
}
