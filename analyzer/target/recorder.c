/* SPDX-License-Identifier: MIT */
#include "target/recorder.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"

#define PAGE UINT64_C(4096)
#define GRAIN UINT64_C(64) /* so that a page has as many of them as a mask has bits */
#define NO_PAGE UINT32_MAX

/* Which 64 bytes of a page were read: bit 0 the first. */
struct page {
    uint64_t address;
    uint64_t mask;
};

struct recorder {
    struct ad_target target; /* first, so that the two addresses are one */
    struct ad_target *inner;
    struct ad_map index;    /* page number -> index in pages */
    struct ad_vector pages; /* struct page */
};

static struct recorder *recorder_of(const struct ad_target *target)
{
    return (struct recorder *)target;
}

static struct ad_error *find_page(struct recorder *recorder, uint64_t address, struct page **page_ret)
{
    uint32_t index = ad_map_get(&recorder->index, address / PAGE, NO_PAGE);
    if (index == NO_PAGE) {
        struct page page = {.address = address / PAGE * PAGE};
        index = (uint32_t)recorder->pages.count;
        AD_TRY(ad_map_put(&recorder->index, address / PAGE, index));
        AD_TRY(ad_vector_push(&recorder->pages, &page));
    }
    *page_ret = &AD_ITEMS(struct page, &recorder->pages)[index];
    return NULL;
}

static struct ad_error *note(struct recorder *recorder, struct ad_range range)
{
    while (range.start < range.end) {
        struct page *page;
        AD_TRY(find_page(recorder, range.start, &page));
        uint64_t left = PAGE - range.start % PAGE, size = ad_range_size(range);
        size = size < left ? size : left;
        uint64_t first = range.start % PAGE / GRAIN, last = (range.start % PAGE + size - 1) / GRAIN;
        page->mask |= (UINT64_MAX << first) & (UINT64_MAX >> (PAGE / GRAIN - 1 - last));
        range.start += size;
    }
    return NULL;
}

/* Without memory for the note the read is as good, and the snapshot has less. */
static size_t recorder_read(struct ad_target *target, uint64_t address, void *buffer, size_t size)
{
    struct recorder *recorder = recorder_of(target);
    size_t got = recorder->inner->ops->read(recorder->inner, address, buffer, size);
    struct ad_range range;
    if (got && ad_range_init(&range, address, got))
        ad_error_destroy(note(recorder, range));
    return got;
}

/* What was asked for will be needed, even if it is not read now. */
static struct ad_error *recorder_prefetch(struct ad_target *target, const struct ad_range *ranges, size_t count)
{
    struct recorder *recorder = recorder_of(target);
    for (size_t i = 0; i < count; i++)
        AD_TRY(note(recorder, ranges[i]));
    return ad_target_prefetch(recorder->inner, ranges, count);
}

static void recorder_destroy(struct ad_target *target)
{
    struct recorder *recorder = recorder_of(target);
    ad_target_destroy(recorder->inner);
    ad_map_deinit(&recorder->index);
    ad_vector_deinit(&recorder->pages);
    free(recorder);
}

static const struct ad_target_ops recorder_ops = {
    .read = recorder_read, .prefetch = recorder_prefetch, .destroy = recorder_destroy};

struct ad_error *ad_recorder_create(struct ad_target *inner, struct ad_target **target_ret)
{
    struct recorder *recorder = malloc(sizeof(*recorder));
    if (!recorder) {
        ad_target_destroy(inner);
        return &ad_error_nomem;
    }
    *recorder = (struct recorder){.target = *inner, .inner = inner, .pages = AD_VECTOR(struct page)};
    recorder->target.ops = &recorder_ops;
    *target_ret = &recorder->target;
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    const struct page *left = a, *right = b;
    return (left->address > right->address) - (left->address < right->address);
}

/* Of 64 bytes all can be read, or those up to some point. */
static struct ad_error *add_grain(const struct recorder *recorder, uint64_t address, struct ad_vector *ranges)
{
    char bytes[GRAIN];
    size_t got = 0, count;
    while (got < GRAIN && (count = recorder->inner->ops->read(recorder->inner, address + got, bytes, GRAIN - got)))
        got += count;
    struct ad_range range = {address, address + got};
    struct ad_range *last = AD_ITEMS(struct ad_range, ranges) + ranges->count - 1;
    if (ranges->count && last->end == address) {
        last->end = range.end;
        return NULL;
    }
    return got ? ad_vector_push(ranges, &range) : NULL;
}

struct ad_error *ad_recorder_ranges(const struct ad_target *target, struct ad_vector *ranges)
{
    const struct recorder *recorder = recorder_of(target);
    size_t count = recorder->pages.count;
    ad_auto_free struct page *pages = calloc(count + 1, sizeof(*pages));
    if (!pages)
        return &ad_error_nomem;
    for (size_t i = 0; i < count; i++)
        pages[i] = AD_ITEMS(struct page, &recorder->pages)[i];
    qsort(pages, count, sizeof(*pages), by_address);
    for (size_t i = 0; i < count; i++)
        for (unsigned grain = 0; grain < PAGE / GRAIN; grain++)
            if (pages[i].mask >> grain & 1)
                AD_TRY(add_grain(recorder, pages[i].address + grain * GRAIN, ranges));
    return NULL;
}
