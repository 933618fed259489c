/* SPDX-License-Identifier: MIT */
#include "target/fake.h"

#include <stdlib.h>
#include <string.h>

struct fake {
    struct ad_target target;
    struct ad_fake_memory *memory; /* sorted, as the regions were made */
    size_t count;
    struct ad_region *regions;
};

static size_t fake_read(struct ad_target *target, uint64_t address, void *buffer, size_t size)
{
    struct fake *fake = (struct fake *)target;
    for (size_t i = 0; i < fake->count; i++) {
        const struct ad_fake_memory *memory = &fake->memory[i];
        if (address < memory->address || address - memory->address >= memory->size)
            continue;
        uint64_t offset = address - memory->address, left = memory->size - offset;
        size = size < left ? size : (size_t)left;
        memcpy(buffer, (const char *)memory->bytes + offset, size);
        return size;
    }
    return 0;
}

static void fake_destroy(struct ad_target *target)
{
    struct fake *fake = (struct fake *)target;
    free(fake->memory);
    free(fake->regions);
    free(fake);
}

static const struct ad_target_ops fake_ops = {.read = fake_read, .destroy = fake_destroy};

static int by_address(const void *a, const void *b)
{
    const struct ad_fake_memory *left = a, *right = b;
    return (left->address > right->address) - (left->address < right->address);
}

/* Sorts the memories into regions, which must not overlap. */
static struct ad_error *lay_out(struct fake *fake, const struct ad_fake_memory *memory, size_t count)
{
    fake->count = count;
    if (count)
        memcpy(fake->memory, memory, count * sizeof(*memory));
    qsort(fake->memory, count, sizeof(*memory), by_address);
    for (size_t i = 0; i < count; i++) {
        struct ad_region *region = &fake->regions[i];
        *region = (struct ad_region){.protection = AD_REGION_READ | AD_REGION_WRITE, .in_dump = true};
        if (!ad_range_init(&region->range, fake->memory[i].address, fake->memory[i].size) ||
            (i && region[-1].range.end > region->range.start))
            return ad_error_create(AD_ERROR_USAGE, "memories of a fake target wrap or overlap");
    }
    return NULL;
}

struct ad_error *ad_fake_create(const struct ad_fake_memory *memory, size_t count,
                                const struct ad_limits *limits, struct ad_target **target_ret)
{
    struct fake *fake = calloc(1, sizeof(*fake));
    if (!fake)
        return &ad_error_nomem;
    fake->target = (struct ad_target){
        .ops = &fake_ops, .kind = AD_TARGET_FAKE, .limits = limits, .description = "fake target"};
    fake->memory = calloc(count + 1, sizeof(*fake->memory));
    fake->regions = calloc(count + 1, sizeof(*fake->regions));
    struct ad_error *error =
        fake->memory && fake->regions ? lay_out(fake, memory, count) : &ad_error_nomem;
    if (error) {
        fake_destroy(&fake->target);
        return error;
    }
    fake->target.regions = fake->regions;
    fake->target.region_count = count;
    *target_ret = &fake->target;
    return NULL;
}
