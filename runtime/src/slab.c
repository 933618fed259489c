/* SPDX-License-Identifier: MIT */
#include "slab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "change.h"

#define SLOTS ((ASYNC_SLAB_BYTES - sizeof(struct async_slab)) / sizeof(struct async_task))

/* Readers see the longer array before the higher count, and an array is complete before it is seen. */
static bool make_room(struct async_slabs *slabs)
{
    if (slabs->count < slabs->capacity)
        return true;
    uint32_t capacity = slabs->capacity ? slabs->capacity * 2 : 16;
    struct async_slab **items = calloc(capacity, sizeof(struct async_slab *));
    if (!items)
        return false;
    struct async_slab **old = slabs->items;
    if (old)
        memcpy(items, old, slabs->count * sizeof(struct async_slab *));
    async_publish(&slabs->items, items);
    slabs->capacity = capacity;
    free(old);
    return true;
}

bool async_slabs_grow(struct async_slabs *slabs)
{
    if (!make_room(slabs))
        return false;
    struct async_slab *slab =
        mmap(NULL, ASYNC_SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab == MAP_FAILED)
        return false;
    slab->magic = ASYNC_SLAB_MAGIC;
    slab->slot_count = SLOTS;
    slab->slot_size = sizeof(struct async_task);
    for (uint32_t i = SLOTS; i-- > 0;)
        async_slot_give(slabs, &slab->slots[i]);
    slabs->items[slabs->count] = slab;
    async_publish(&slabs->count, slabs->count + 1);
    return true;
}

void async_slabs_deinit(struct async_slabs *slabs)
{
    for (uint32_t i = 0; i < slabs->count; i++)
        munmap(slabs->items[i], ASYNC_SLAB_BYTES);
    free(slabs->items);
    *slabs = (struct async_slabs){0};
}
