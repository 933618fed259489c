/* SPDX-License-Identifier: MIT */
#include "dump/live_read.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"

static void reading_deinit(struct ad_live_reading *reading)
{
    for (size_t i = 0; i < reading->maps.count; i++)
        ad_layout_map_destroy(AD_ITEMS(struct ad_layout_map *, &reading->maps)[i]);
    ad_vector_deinit(&reading->maps);
    ad_vector_deinit(&reading->torn);
    ad_discovery_deinit(&reading->discovery);
}

static struct ad_layout_map *map_at(const struct ad_live_reading *reading, size_t index)
{
    return AD_ITEMS(struct ad_layout_map *, &reading->maps)[index];
}

struct ad_error *ad_live_reading_ranges(const struct ad_live_reading *reading,
                                        struct ad_error *(*find)(const struct ad_layout_map *map,
                                                                 struct ad_vector *ranges),
                                        struct ad_vector *ranges)
{
    for (size_t i = 0; i < reading->maps.count; i++)
        AD_TRY(find(map_at(reading, i), ranges));
    return NULL;
}

struct ad_error *ad_live_reading_records(const struct ad_live_reading *reading, const struct ad_range *ranges,
                                         size_t count, struct ad_vector *records)
{
    for (size_t i = 0; i < reading->maps.count; i++)
        AD_TRY(ad_layout_map_records(map_at(reading, i), ranges, count, records));
    return NULL;
}

struct ad_error *ad_live_reading_follow(const struct ad_live_reading *reading, const struct ad_range *ranges,
                                        size_t count)
{
    for (size_t i = 0; i < reading->maps.count; i++)
        AD_TRY(ad_layout_follow(map_at(reading, i), ranges, count));
    return NULL;
}

/* ---- Before ------------------------------------------------------------------------------------------- */

static struct ad_error *add_map(struct ad_live_reading *reading, uint64_t address,
                                const struct ad_snapshot *snapshot)
{
    struct ad_layout_map *map;
    struct ad_error *error =
        ad_layout_map_create(reading->dump->target, address, &reading->options->limits, snapshot, &map);
    if (!error)
        return ad_vector_push(&reading->maps, &map);
    if (error->kind == AD_ERROR_NOMEM)
        return error;
    ad_error_destroy(error); /* it will be told when all is read */
    return NULL;
}

/* Also what of them is still empty, such as the places for tasks that will have finished by the end. */
static struct ad_error *copy_roots(const struct ad_live_reading *reading)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    AD_TRY(ad_live_reading_ranges(reading, ad_layout_map_roots, &ranges));
    return ad_target_prefetch(reading->dump->target, ranges.items, ranges.count);
}

/* Reads all, so that it is copied; what comes of it may be torn, and is thrown away. */
static struct ad_error *copy_all(struct ad_live_reading *reading, struct ad_snapshot *scratch)
{
    struct ad_target *target = reading->dump->target;
    const struct ad_limits *limits = &reading->options->limits;
    const struct ad_candidate *candidates = reading->discovery.candidates.items;
    AD_TRY(ad_snapshot_describe(scratch, target));
    AD_TRY(ad_dump_runtimes(reading->dump, &reading->discovery, limits, NULL, scratch));
    AD_TRY(ad_layout_prefetch_stacks(target, limits, scratch));
    if (reading->options->locals)
        AD_TRY(ad_dump_copy_data(reading->dump, limits));
    for (size_t i = 0; i < reading->discovery.candidates.count; i++)
        AD_TRY(add_map(reading, candidates[i].address, scratch));
    return copy_roots(reading);
}

static struct ad_error *prepare(struct ad_live_reading *reading)
{
    struct ad_dump *dump = reading->dump;
    struct ad_snapshot *scratch;
    AD_TRY(ad_modules_create(dump->target, &reading->options->limits, &dump->modules));
    AD_TRY(ad_dump_discover(dump, reading->options, &reading->discovery));
    if (reading->options->snapshot)
        ad_dump_read_links(dump, &reading->options->limits);
    AD_TRY(ad_snapshot_create(&scratch));
    struct ad_error *error = copy_all(reading, scratch);
    ad_snapshot_destroy(scratch);
    return error;
}

/* ---- After -------------------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void mark_torn(const struct ad_live_reading *reading)
{
    const struct ad_vector *torn = &reading->torn;
    struct ad_snapshot *snapshot = reading->dump->snapshot;
    if (!torn->count)
        return;
    qsort(torn->items, torn->count, sizeof(uint64_t), by_address);
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        struct ad_task *task = ad_snapshot_task(snapshot, i);
        task->torn = bsearch(&task->address, torn->items, torn->count, sizeof(task->address), by_address);
    }
}

/* Two tasks on one stack: one of them had ended when the other was read. Which of them, nobody knows. */
static struct ad_error *mark_shared_stacks(const struct ad_live_reading *reading)
{
    struct ad_snapshot *snapshot = reading->dump->snapshot;
    ad_cleanup(ad_map_deinit) struct ad_map owner_at = {0};
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        struct ad_task *task = ad_snapshot_task(snapshot, i);
        if (!task->stack_size)
            continue;
        uint32_t owner = ad_map_get(&owner_at, task->stack_low, AD_NONE);
        AD_TRY(ad_map_put(&owner_at, task->stack_low, i));
        if (owner != AD_NONE)
            task->torn = ad_snapshot_task(snapshot, owner)->torn = true;
    }
    return NULL;
}

static uint64_t count_torn(const struct ad_snapshot *snapshot)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < snapshot->tasks.count; i++)
        count += ad_snapshot_task(snapshot, i)->torn;
    return count;
}

static struct ad_error *tell_doubts(const struct ad_live_reading *reading)
{
    struct ad_snapshot *snapshot = reading->dump->snapshot;
    mark_torn(reading);
    if (reading->options->no_stop)
        AD_TRY(mark_shared_stacks(reading));
    uint64_t torn = count_torn(snapshot);
    if (torn)
        AD_TRY(ad_snapshot_lose(snapshot, true, torn,
                                "%" PRIu64 " of %zu tasks changed whenever they were read: what is told of them may "
                                "not fit together",
                                torn, snapshot->tasks.count));
    if (!reading->doubtful)
        return NULL;
    return ad_snapshot_lose(snapshot, false, reading->doubtful,
                            "%" PRIu64 " pieces of memory were read a moment before the stop: order and length of "
                            "queues may be of then",
                            reading->doubtful);
}

static struct ad_error *read_copies(const struct ad_live_reading *reading)
{
    struct ad_dump *dump = reading->dump;
    AD_TRY(ad_target_release(dump->target));
    AD_TRY(ad_snapshot_describe(dump->snapshot, dump->target));
    AD_TRY(ad_dump_runtimes(dump, &reading->discovery, &reading->options->limits, NULL, dump->snapshot));
    AD_TRY(ad_snapshot_text(dump->snapshot, dump->target->stop_note, &dump->snapshot->stop_note));
    return tell_doubts(reading);
}

struct ad_error *ad_dump_read_live(struct ad_dump *dump, const struct ad_dump_options *options)
{
    ad_cleanup(reading_deinit) struct ad_live_reading reading = {
        .dump = dump,
        .options = options,
        .discovery.candidates = AD_VECTOR(struct ad_candidate),
        .maps = AD_VECTOR(struct ad_layout_map *),
        .torn = AD_VECTOR(uint64_t),
    };
    AD_TRY(prepare(&reading));
    AD_TRY(options->no_stop ? ad_live_read_running(&reading) : ad_live_read_stopped(&reading));
    AD_TRY(read_copies(&reading));
    AD_TRY(ad_dump_open_files(dump, options));
    return ad_dump_stacks(dump, &options->limits);
}
