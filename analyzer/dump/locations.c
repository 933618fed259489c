/* SPDX-License-Identifier: MIT */
#include "dump/dump_internal.h"

void ad_locations_deinit(struct ad_locations *locations)
{
    ad_map_deinit(&locations->at[0]);
    ad_map_deinit(&locations->at[1]);
}

static bool in_entry(const struct ad_snapshot *snapshot, uint64_t pc)
{
    const struct ad_runtime *runtimes = snapshot->runtimes.items;
    for (size_t i = 0; i < snapshot->runtimes.count; i++)
        if (runtimes[i].entry_low <= pc && pc < runtimes[i].entry_high)
            return true;
    return false;
}

struct ad_error *ad_locations_find(struct ad_locations *locations, uint64_t pc, bool exact, uint32_t *index_ret)
{
    struct ad_map *map = &locations->at[exact];
    *index_ret = ad_map_get(map, pc, AD_NONE);
    if (*index_ret != AD_NONE)
        return NULL;
    struct ad_location location = {.pc = pc, .interrupted = exact, .entry = in_entry(locations->snapshot, pc)};
    *index_ret = (uint32_t)locations->snapshot->locations.count;
    AD_TRY(ad_map_put(map, pc, *index_ret));
    return ad_vector_push(&locations->snapshot->locations, &location);
}

/* 0 is no code: AD_NONE. */
static struct ad_error *locate(struct ad_locations *locations, uint64_t pc, bool exact, uint32_t *index_ret)
{
    *index_ret = AD_NONE;
    return pc ? ad_locations_find(locations, pc, exact, index_ret) : NULL;
}

struct ad_error *ad_locations_add_starts(struct ad_locations *locations)
{
    struct ad_snapshot *snapshot = locations->snapshot;
    struct ad_finished *finished = snapshot->finished.items;
    struct ad_function *functions = snapshot->functions.items;
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        struct ad_task *task = ad_snapshot_task(snapshot, i);
        AD_TRY(locate(locations, task->start_function, true, &task->start_location));
        if (!task->spawn_site.file)
            AD_TRY(locate(locations, task->spawn_pc, false, &task->spawn_location));
    }
    for (size_t i = 0; i < snapshot->finished.count; i++)
        AD_TRY(locate(locations, finished[i].start_function, true, &finished[i].start_location));
    for (size_t i = 0; i < snapshot->functions.count; i++)
        AD_TRY(locate(locations, functions[i].start, true, &functions[i].start_location));
    return NULL;
}
