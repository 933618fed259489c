/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/cleanup.h"
#include "dump/live_read.h"
#include "target/live.h"

/* A record is read, then the stack that it leads to, then the record again: the same record means that the task
   has not run in between. Each time round the rest is fewer, and so is quicker read. */
#define PASSES 12

/* Of the records, copies them anew and keeps those that had changed. */
static struct ad_error *keep_changed(const struct ad_live_reading *reading, struct ad_vector *records)
{
    struct ad_range *ranges = records->items;
    ad_auto_free bool *changed = calloc(records->count + 1, sizeof(*changed));
    size_t kept = 0;
    if (!changed)
        return &ad_error_nomem;
    ad_live_renew(reading->dump->target, ranges, records->count, changed);
    for (size_t i = 0; i < records->count; i++)
        if (changed[i])
            ranges[kept++] = ranges[i];
    records->count = kept;
    return NULL;
}

static struct ad_error *copy_moved(const struct ad_live_reading *reading, struct ad_vector *records)
{
    struct ad_target *target = reading->dump->target;
    ad_live_refresh(target, true);
    struct ad_error *error = ad_live_reading_follow(reading, records->items, records->count);
    ad_live_refresh(target, false);
    AD_TRY(error);
    return keep_changed(reading, records);
}

/* Until each of them stood still for once, or will not. */
static struct ad_error *settle(const struct ad_live_reading *reading, struct ad_vector *records)
{
    for (unsigned pass = 0; records->count && pass < PASSES; pass++)
        AD_TRY(copy_moved(reading, records));
    return NULL;
}

static int by_start(const void *a, const void *b)
{
    const struct ad_range *left = a, *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

/* The records of all tasks but those in `settled`, which is sorted. */
static struct ad_error *find_others(const struct ad_live_reading *reading, const struct ad_vector *settled,
                                    struct ad_vector *records)
{
    AD_TRY(ad_live_reading_records(reading, NULL, 0, records));
    struct ad_range *ranges = records->items;
    size_t kept = 0;
    for (size_t i = 0; i < records->count; i++)
        if (!settled->count || !bsearch(&ranges[i], settled->items, settled->count, sizeof(*ranges), by_start))
            ranges[kept++] = ranges[i];
    records->count = kept;
    return NULL;
}

static struct ad_error *add_torn(struct ad_live_reading *reading, const struct ad_vector *records)
{
    for (size_t i = 0; i < records->count; i++)
        AD_TRY(ad_vector_push(&reading->torn, &AD_ITEMS(struct ad_range, records)[i].start));
    return NULL;
}

static struct ad_error *copy_ranges(const struct ad_vector *from, struct ad_vector *to)
{
    for (size_t i = 0; i < from->count; i++)
        AD_TRY(ad_vector_push(to, &AD_ITEMS(struct ad_range, from)[i]));
    if (to->count)
        qsort(to->items, to->count, sizeof(struct ad_range), by_start);
    return NULL;
}

/* The stacks of threads where these are now. */
static struct ad_error *copy_threads(const struct ad_live_reading *reading)
{
    AD_TRY(ad_live_glance(reading->dump->target));
    return ad_live_reading_follow(reading, NULL, 0);
}

/* Those that changed while all was copied; then those of the others that changed while these were. */
struct ad_error *ad_live_read_running(struct ad_live_reading *reading)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector moved = AD_VECTOR(struct ad_range);
    ad_cleanup(ad_vector_deinit) struct ad_vector seen = AD_VECTOR(struct ad_range);
    ad_cleanup(ad_vector_deinit) struct ad_vector others = AD_VECTOR(struct ad_range);
    AD_TRY(copy_threads(reading));
    AD_TRY(ad_live_reading_records(reading, NULL, 0, &moved));
    AD_TRY(keep_changed(reading, &moved));
    AD_TRY(copy_ranges(&moved, &seen));
    AD_TRY(settle(reading, &moved));
    AD_TRY(find_others(reading, &seen, &others));
    AD_TRY(keep_changed(reading, &others));
    AD_TRY(settle(reading, &others));
    AD_TRY(add_torn(reading, &moved));
    return add_torn(reading, &others);
}
