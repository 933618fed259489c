/* SPDX-License-Identifier: MIT */
#include "target/target.h"

#include <string.h>

#include "base/cursor.h"

/* Bytes asked for at a time when the length of a text is not known: most names are short. */
#define TEXT_CHUNK ((size_t)64)

/* How many of `size` bytes from `address` on lie below the end of the address space. */
static size_t clip(uint64_t address, size_t size)
{
    uint64_t room = UINT64_MAX - address;
    return size > room ? (size_t)room : size;
}

size_t ad_target_read_some(struct ad_target *target, uint64_t address, void *buffer, size_t size)
{
    size_t got = 0;
    size = clip(address, size);
    while (got < size) {
        char *to = (char *)buffer + got;
        size_t count = target->ops->read(target, address + got, to, size - got);
        if (!count && target->backing)
            count = target->backing(target->backing_context, address + got, to, size - got);
        if (!count)
            break;
        got += count;
    }
    return got;
}

struct ad_error *ad_target_read(struct ad_target *target, uint64_t address, void *buffer, size_t size,
                                const char *what)
{
    size_t got = ad_target_read_some(target, address, buffer, size);
    return got == size ? NULL : ad_error_fault(address + got, what);
}

struct ad_error *ad_target_read_text(struct ad_target *target, uint64_t address, char *buffer, size_t size,
                                     const char *what)
{
    size_t used = 0;
    while (used + 1 < size) {
        size_t want = size - 1 - used < TEXT_CHUNK ? size - 1 - used : TEXT_CHUNK;
        size_t got = ad_target_read_some(target, address + used, buffer + used, want);
        if (memchr(buffer + used, 0, got))
            return NULL;
        used += got;
        if (got < want) {
            buffer[used] = '\0';
            return ad_error_fault(address + used, what);
        }
    }
    if (size)
        buffer[used] = '\0';
    return NULL;
}

struct ad_error *ad_target_prefetch(struct ad_target *target, const struct ad_range *ranges, size_t count)
{
    ad_target_expect(target, ranges, count);
    return target->ops->prefetch ? target->ops->prefetch(target, ranges, count) : NULL;
}

void ad_target_expect(struct ad_target *target, const struct ad_range *ranges, size_t count)
{
    if (target->ops->expect && count)
        target->ops->expect(target, ranges, count);
}

struct ad_error *ad_target_release(struct ad_target *target)
{
    return target->ops->release ? target->ops->release(target) : NULL;
}

const struct ad_region *ad_target_region(const struct ad_target *target, uint64_t address)
{
    size_t low = 0, high = target->region_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (target->regions[middle].range.end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    bool inside = low < target->region_count && ad_range_contains(target->regions[low].range, address);
    return inside ? &target->regions[low] : NULL;
}

bool ad_target_auxv(const struct ad_target *target, uint64_t type, uint64_t *value_ret)
{
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, target->auxv, target->auxv ? target->auxv_size : 0);
    for (;;) {
        uint64_t entry = ad_cursor_u64(&cursor);
        uint64_t value = ad_cursor_u64(&cursor);
        if (cursor.failed || (entry == 0 && type != 0))
            return false;
        if (entry == type) {
            *value_ret = value;
            return true;
        }
    }
}

void ad_target_destroy(struct ad_target *target)
{
    if (!target)
        return;
    ad_error_destroy(ad_target_release(target));
    target->ops->destroy(target);
}
