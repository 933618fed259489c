/* SPDX-License-Identifier: MIT */
/* What arguments and locals may point to in a live process: known only once they are read, which is long after
 * the process goes on. So all memory that is written to is copied, as far as a limit allows. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "dump/dump_internal.h"

/* Data of programs and libraries first, then what is small: a heap rather than a cache of gigabytes. */
static int by_worth(const void *a, const void *b)
{
    const struct ad_region *x = *(const struct ad_region *const *)a, *y = *(const struct ad_region *const *)b;
    uint64_t p = ad_range_size(x->range), q = ad_range_size(y->range);
    if (!x->path != !y->path)
        return x->path ? -1 : 1;
    if (p != q)
        return p < q ? -1 : 1;
    return (x->range.start > y->range.start) - (x->range.start < y->range.start);
}

static bool is_written(const struct ad_region *region)
{
    const uint32_t both = AD_REGION_READ | AD_REGION_WRITE;
    return (region->protection & both) == both;
}

/* What is written to; and what the dynamic linker has written and then protected, which lies just before it. */
static bool is_data(const struct ad_target *target, size_t index)
{
    const struct ad_region *region = &target->regions[index], *next = region + 1;
    if (is_written(region))
        return true;
    return index + 1 < target->region_count && region->path && region->protection == AD_REGION_READ &&
           is_written(next) && next->path == region->path && next->range.start == region->range.end;
}

struct ad_error *ad_dump_copy_data(struct ad_dump *dump, const struct ad_limits *limits)
{
    const struct ad_target *target = dump->target;
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    ad_auto_free const struct ad_region **regions = calloc(target->region_count + 1, sizeof(struct ad_region *));
    uint64_t left = limits->value_memory;
    size_t count = 0;
    if (!regions)
        return &ad_error_nomem;
    for (size_t i = 0; i < target->region_count; i++)
        if (is_data(target, i))
            regions[count++] = &target->regions[i];
    qsort(regions, count, sizeof(struct ad_region *), by_worth);
    for (size_t i = 0; i < count; i++) {
        uint64_t size = ad_range_size(regions[i]->range);
        if (size > left)
            continue;
        AD_TRY(ad_vector_push(&ranges, &regions[i]->range));
        left -= size;
    }
    return ad_target_prefetch(dump->target, ranges.items, ranges.count);
}
