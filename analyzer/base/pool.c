/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)64 << 10)
#define ALIGNMENT ((size_t)16)

struct ad_pool_block {
    struct ad_pool_block *next;
    size_t used;
    size_t size;
    alignas(16) uint8_t bytes[];
};

static struct ad_pool_block *add_block(struct ad_pool *pool, size_t size)
{
    size_t bytes = size > BLOCK_SIZE ? size : BLOCK_SIZE, total;
    if (__builtin_add_overflow(bytes, sizeof(struct ad_pool_block), &total))
        return NULL;
    struct ad_pool_block *block = malloc(total);
    if (!block)
        return NULL;
    *block = (struct ad_pool_block){.next = pool->blocks, .size = bytes};
    return pool->blocks = block;
}

void *ad_pool_alloc(struct ad_pool *pool, size_t size)
{
    struct ad_pool_block *block = pool->blocks;
    size_t start = block ? (block->used + ALIGNMENT - 1) & ~(ALIGNMENT - 1) : 0;
    if (!block || start > block->size || size > block->size - start) {
        block = add_block(pool, size);
        start = 0;
    }
    if (!block)
        return NULL;
    block->used = start + size;
    return memset(block->bytes + start, 0, size);
}

const char *ad_pool_text(struct ad_pool *pool, const char *bytes, size_t length)
{
    char *text = length < SIZE_MAX ? ad_pool_alloc(pool, length + 1) : NULL;
    return text ? memcpy(text, bytes, length) : NULL;
}

void ad_pool_deinit(struct ad_pool *pool)
{
    while (pool->blocks) {
        struct ad_pool_block *next = pool->blocks->next;
        free(pool->blocks);
        pool->blocks = next;
    }
}
