/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/range.h"

struct ad_map_slot {
    uint64_t key;
    uint32_t value;
    bool used;
};

/* The kernel gives each process 16 random bytes (getauxval(3), AT_RANDOM). */
static uint64_t seed(void)
{
    static uint64_t value;
    if (value)
        return value;
    const void *random = (const void *)getauxval(AT_RANDOM);
    if (random)
        memcpy(&value, random, sizeof(value));
    value |= 1; /* not zero, which stands for "not yet" */
    return value;
}

uint64_t ad_map_hash(uint64_t key)
{
    key ^= seed(); /* then the finalizer of splitmix64 */
    key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
    return key ^ (key >> 31);
}

/* The slot of the key, or the free one where it would go. There is always a free one. */
static struct ad_map_slot *find(const struct ad_map *map, uint64_t key)
{
    size_t mask = map->capacity - 1, i = ad_map_hash(key) & mask;
    while (map->slots[i].used && map->slots[i].key != key)
        i = (i + 1) & mask;
    return &map->slots[i];
}

uint32_t ad_map_get(const struct ad_map *map, uint64_t key, uint32_t fallback)
{
    const struct ad_map_slot *slot = map->capacity ? find(map, key) : NULL;
    return slot && slot->used ? slot->value : fallback;
}

bool ad_map_has(const struct ad_map *map, uint64_t key)
{
    return map->capacity && find(map, key)->used;
}

static struct ad_error *grow(struct ad_map *map)
{
    struct ad_map bigger = {.capacity = map->capacity ? map->capacity * 2 : 64, .count = map->count};
    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (!bigger.slots)
        return &ad_error_nomem;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].used)
            *find(&bigger, map->slots[i].key) = map->slots[i];
    free(map->slots);
    *map = bigger;
    return NULL;
}

struct ad_error *ad_map_put(struct ad_map *map, uint64_t key, uint32_t value)
{
    if (map->count >= map->capacity / 2)
        AD_TRY(grow(map));
    struct ad_map_slot *slot = find(map, key);
    map->count += !slot->used;
    *slot = (struct ad_map_slot){.key = key, .value = value, .used = true};
    return NULL;
}

struct ad_error *ad_map_reserve(struct ad_map *map, size_t more)
{
    size_t most;
    if (!ad_add(map->count, more, &most))
        return &ad_error_nomem;
    while (most > map->capacity / 2)
        AD_TRY(grow(map));
    return NULL;
}

void ad_map_deinit(struct ad_map *map)
{
    free(map->slots);
    *map = (struct ad_map){0};
}
