/* SPDX-License-Identifier: MIT */
#include "target/core_internal.h"

#include "base/cleanup.h"
#include "base/splice.h"

static uint32_t protection_of(const Elf64_Phdr *segment)
{
    return (segment->p_flags & PF_R ? AD_REGION_READ : 0u) |
           (segment->p_flags & PF_W ? AD_REGION_WRITE : 0u) |
           (segment->p_flags & PF_X ? AD_REGION_EXECUTE : 0u);
}

/* The memory of each PT_LOAD; empty for everything else and for one that wraps around. */
static void load_ranges(struct ad_core *core, struct ad_range *ranges)
{
    const Elf64_Phdr *segments = core->segments.items;
    for (size_t i = 0; i < core->segments.count; i++) {
        ranges[i] = (struct ad_range){0, 0};
        if (segments[i].p_type == PT_LOAD && !ad_range_init(&ranges[i], segments[i].p_vaddr, segments[i].p_memsz))
            core->target.skipped++;
    }
}

/* What the file has of each segment, after clipping; p_filesz becomes it. */
static void clip_segments(struct ad_core *core)
{
    Elf64_Phdr *segments = core->segments.items;
    for (size_t i = 0; i < core->segments.count; i++) {
        Elf64_Phdr *segment = &segments[i];
        if (segment->p_type != PT_LOAD)
            continue;
        if (segment->p_filesz > segment->p_memsz) {
            segment->p_filesz = segment->p_memsz;
            core->target.skipped++;
        }
        segment->p_filesz = ad_core_clip(core, segment->p_offset, segment->p_filesz);
    }
}

static struct ad_error *add_extent(struct ad_core *core, const struct ad_piece *piece)
{
    const Elf64_Phdr *segment = &AD_ITEMS(Elf64_Phdr, &core->segments)[piece->index];
    uint64_t skip = piece->range.start - segment->p_vaddr;
    uint64_t left = segment->p_filesz > skip ? segment->p_filesz - skip : 0;
    uint64_t size = ad_range_size(piece->range);
    struct ad_core_extent extent = {
        .range = piece->range,
        .offset = left ? segment->p_offset + skip : 0,
        .in_file = left < size ? left : size,
        .protection = protection_of(segment),
    };
    return ad_vector_push(&core->extents, &extent);
}

static struct ad_error *build_extents(struct ad_core *core)
{
    ad_auto_free struct ad_range *ranges = calloc(core->segments.count + 1, sizeof(*ranges));
    ad_auto_free struct ad_piece *pieces = NULL;
    size_t count;
    if (!ranges)
        return &ad_error_nomem;
    load_ranges(core, ranges);
    clip_segments(core);
    AD_TRY(ad_splice(ranges, core->segments.count, &pieces, &count));
    for (size_t i = 0; i < count; i++)
        AD_TRY(add_extent(core, &pieces[i]));
    return NULL;
}

/* One region of the merge: from an extent, a file mapping, or both. */
static struct ad_error *add_region(struct ad_core *core, struct ad_range range,
                                   const struct ad_core_extent *extent, const struct ad_core_mapping *mapping)
{
    struct ad_region region = {.range = range};
    if (extent) {
        region.protection = extent->protection;
        region.in_dump = extent->in_file >= range.end - extent->range.start;
    }
    if (mapping) {
        region.path = mapping->path;
        region.file_offset = mapping->file_offset + (range.start - mapping->range.start);
    }
    return ad_vector_push(&core->regions, &region);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Both lists are sorted, and normally agree; each boundary of one cuts the other. */
static struct ad_error *merge(struct ad_core *core)
{
    const struct ad_core_extent *extent = core->extents.items, *extents_end = extent + core->extents.count;
    const struct ad_core_mapping *mapping = core->mappings.items, *mappings_end = mapping + core->mappings.count;
    for (uint64_t position = 0;;) {
        while (extent < extents_end && extent->range.end <= position)
            extent++;
        while (mapping < mappings_end && mapping->range.end <= position)
            mapping++;
        if (extent == extents_end && mapping == mappings_end)
            return NULL;
        uint64_t extent_start = extent < extents_end ? larger(position, extent->range.start) : UINT64_MAX;
        uint64_t mapping_start = mapping < mappings_end ? larger(position, mapping->range.start) : UINT64_MAX;
        uint64_t start = smaller(extent_start, mapping_start);
        bool in_extent = extent < extents_end && extent_start == start;
        bool in_mapping = mapping < mappings_end && mapping_start == start;
        uint64_t end = smaller(in_extent ? extent->range.end : extent_start,
                               in_mapping ? mapping->range.end : mapping_start);
        struct ad_range range = {start, end};
        AD_TRY(add_region(core, range, in_extent ? extent : NULL, in_mapping ? mapping : NULL));
        position = end;
    }
}

struct ad_error *ad_core_build_regions(struct ad_core *core)
{
    AD_TRY(build_extents(core));
    AD_TRY(merge(core));
    core->target.regions = core->regions.items;
    core->target.region_count = core->regions.count;
    return NULL;
}
