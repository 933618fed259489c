/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cleanup.h"
#include "runtimes/layout_internal.h"

#define CHUNK ((size_t)1 << 20) /* read at a time */
#define ALIGNMENT _Alignof(struct async_debug_descriptor)

struct scan {
    struct ad_target *target;
    uint8_t *chunk;
    uint64_t *addresses;
    size_t capacity;
    size_t count;
};

/* A descriptor says its own address; a copy of it (in this program, say) does not say the copy's. */
static bool is_descriptor(struct scan *scan, uint64_t address)
{
    struct ad_error *error = ad_layout_check(scan->target, address);
    ad_error_destroy(error);
    return !error;
}

static void search_chunk(struct scan *scan, uint64_t start, size_t size)
{
    const size_t magic = sizeof(ASYNC_DEBUG_MAGIC);
    size_t offset = (size_t)(-start % ALIGNMENT);
    for (; offset + magic <= size && scan->count < scan->capacity; offset += ALIGNMENT)
        if (memcmp(scan->chunk + offset, ASYNC_DEBUG_MAGIC, magic) == 0 && is_descriptor(scan, start + offset))
            scan->addresses[scan->count++] = start + offset;
}

/* A descriptor is aligned, but its magic may cross the end of a chunk: chunks overlap by as much. */
static void search_region(struct scan *scan, struct ad_range range)
{
    const size_t overlap = sizeof(ASYNC_DEBUG_MAGIC);
    while (scan->count < scan->capacity && ad_range_size(range) > overlap) {
        size_t size = ad_range_size(range) < CHUNK ? (size_t)ad_range_size(range) : CHUNK;
        size_t got = ad_target_read_some(scan->target, range.start, scan->chunk, size);
        search_chunk(scan, range.start, got);
        if (got < size || size == ad_range_size(range))
            return;
        range.start += size - overlap;
    }
}

static bool is_writable(const struct ad_region *region)
{
    return !region->protection || region->protection & AD_REGION_WRITE;
}

/* The data of a program or library: of its file, or its zeroed part just behind. */
static bool is_data(const struct ad_target *target, size_t index)
{
    const struct ad_region *region = &target->regions[index];
    return region->path || (index && region[-1].path && region[-1].range.end == region->range.start);
}

static void search_regions(struct scan *scan, bool data)
{
    const struct ad_target *target = scan->target;
    for (size_t i = 0; i < target->region_count && scan->count < scan->capacity; i++)
        if (is_writable(&target->regions[i]) && is_data(target, i) == data)
            search_region(scan, target->regions[i].range);
}

struct ad_error *ad_layout_scan(struct ad_target *target, const struct ad_limits *limits, uint64_t *addresses_ret,
                                size_t capacity, size_t *count_ret)
{
    ad_auto_free uint8_t *chunk = malloc(CHUNK);
    *count_ret = 0;
    if (!chunk)
        return &ad_error_nomem;
    capacity = capacity < limits->runtimes ? capacity : (size_t)limits->runtimes;
    struct scan scan = {.target = target, .chunk = chunk, .addresses = addresses_ret, .capacity = capacity};
    search_regions(&scan, true);
    /* The rest of a live process is not worth stopping it for: whatever is read of it is copied. */
    bool copies = target->kind == AD_TARGET_LIVE || target->kind == AD_TARGET_PIPE;
    if (!scan.count && !copies)
        search_regions(&scan, false);
    *count_ret = scan.count;
    return NULL;
}
