/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "dump/live_read.h"
#include "target/live.h"

/* As much as this is copied within a millisecond: then all of it in the stop, and nothing need be proven. */
#define FEW_PIECES 1000
#define FEW_BYTES (UINT64_C(4) << 20)

/* After so many stops around which some task changed that had been quiet before, the records of all tasks are
   read while the process stands still. */
#define PATIENCE 2

typedef struct ad_error *find_ranges(const struct ad_layout_map *map, struct ad_vector *ranges);

static struct ad_error *heat(const struct ad_live_reading *reading, find_ranges *find)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    AD_TRY(ad_live_reading_ranges(reading, find, &ranges));
    if (ranges.count)
        ad_live_heat(reading->dump->target, ranges.items, ranges.count);
    return NULL;
}

static struct ad_error *count_records(const struct ad_live_reading *reading, uint64_t *bytes_ret)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    AD_TRY(ad_live_reading_ranges(reading, ad_layout_map_tasks, &ranges));
    *bytes_ret = 0;
    for (size_t i = 0; i < ranges.count; i++)
        *bytes_ret += ad_range_size(AD_ITEMS(struct ad_range, &ranges)[i]);
    return NULL;
}

/* What is to be copied in the stop: what every task is reached through, what moves, and all else that costs
   little. */
static struct ad_error *choose_hot(const struct ad_live_reading *reading)
{
    struct ad_target *target = reading->dump->target;
    uint64_t record_bytes, changed;
    size_t pieces;
    AD_TRY(heat(reading, ad_layout_map_roots));
    if (ad_live_copied(target, &pieces) <= FEW_BYTES && pieces <= FEW_PIECES) {
        ad_live_heat(target, NULL, 0);
        return NULL;
    }
    AD_TRY(count_records(reading, &record_bytes));
    if (record_bytes <= FEW_BYTES)
        AD_TRY(heat(reading, ad_layout_map_tasks));
    return ad_live_compare(target, &changed);
}

static struct ad_error *follow_changed(const struct ad_live_reading *reading)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector changed = AD_VECTOR(struct ad_range);
    AD_TRY(ad_live_changed(reading->dump->target, &changed));
    return ad_live_reading_follow(reading, changed.items, changed.count);
}

static struct ad_error *look(struct ad_live_reading *reading)
{
    struct ad_target *target = reading->dump->target;
    AD_TRY(ad_live_stop(target));
    struct ad_error *error = follow_changed(reading);
    ad_live_resume(target);
    AD_TRY(error);
    return ad_live_compare(target, &reading->doubtful);
}

/* Whether a task is not known to be as it was in the stop: its record was read before, and has changed. The
   stack of one whose record is the same has nobody changed but those who may write into it. */
static struct ad_error *is_unsure(const struct ad_live_reading *reading, bool *unsure_ret)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    AD_TRY(ad_live_reading_ranges(reading, ad_layout_map_tasks, &ranges));
    *unsure_ret = false;
    for (size_t i = 0; reading->doubtful && !*unsure_ret && i < ranges.count; i++)
        *unsure_ret = ad_live_torn(reading->dump->target, AD_ITEMS(struct ad_range, &ranges)[i]);
    return NULL;
}

struct ad_error *ad_live_read_stopped(struct ad_live_reading *reading)
{
    bool unsure = true;
    AD_TRY(choose_hot(reading));
    for (unsigned looks = 0; unsure && looks <= PATIENCE; looks++) {
        if (looks == PATIENCE)
            AD_TRY(heat(reading, ad_layout_map_tasks));
        AD_TRY(look(reading));
        AD_TRY(is_unsure(reading, &unsure));
    }
    return NULL;
}
