/* SPDX-License-Identifier: MIT */
/**
 * @file map.h - a hash table from 64-bit keys (addresses, ids) to indices.
 *
 * Keys come from targets, so the hash is seeded anew for each process: nobody can write a core whose
 * addresses all fall on one slot.
 */
#ifndef AD_BASE_MAP_H
#define AD_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ad_map {
    struct ad_map_slot *slots;
    size_t capacity; /**< a power of two, or 0 */
    size_t count;
};

/** Mixes a key with the process's seed; every bit of the result depends on every bit of the key. */
uint64_t ad_map_hash(uint64_t key);

/** The value of `key`; `fallback` when it is not there. */
uint32_t ad_map_get(const struct ad_map *map, uint64_t key, uint32_t fallback);
/** Whether `key` is there. */
bool ad_map_has(const struct ad_map *map, uint64_t key);
/** Sets the value of `key`, new or not. UINT32_MAX is a value like any other. */
struct ad_error *ad_map_put(struct ad_map *map, uint64_t key, uint32_t value) ad_must_check;
/** Makes sure that the next `more` new keys are put without growing, which takes long. */
struct ad_error *ad_map_reserve(struct ad_map *map, size_t more) ad_must_check;
void ad_map_deinit(struct ad_map *map);

#endif
