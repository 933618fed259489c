/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "base/cleanup.h"
#include "dump/dump_internal.h"
#include "runtimes/layout.h"
#include "target/live.h"

/* As much as this is copied in a millisecond or so: all of it in the stop, and nothing need be proven after. */
#define FEW_PIECES 1500
#define FEW_BYTES (UINT64_C(4) << 20)

/* After so many stops in which some task changed that was not expected to, the records of all tasks are read
   while the process stands still. */
#define PATIENCE 2

/* What is needed while a live process is read. */
struct reading {
    struct ad_dump *dump;
    const struct ad_dump_options *options;
    const struct ad_discovery *discovery;
    struct ad_vector maps; /* struct ad_layout_map *, of each runtime */
};

static void reading_deinit(struct reading *reading)
{
    for (size_t i = 0; i < reading->maps.count; i++)
        ad_layout_map_destroy(AD_ITEMS(struct ad_layout_map *, &reading->maps)[i]);
    ad_vector_deinit(&reading->maps);
}

static struct ad_layout_map *const *maps_of(const struct reading *reading)
{
    return reading->maps.items;
}

/* ---- While it runs ------------------------------------------------------------------------------------ */

static struct ad_error *add_maps(struct reading *reading, const struct ad_snapshot *snapshot)
{
    const struct ad_candidate *candidates = reading->discovery->candidates.items;
    for (size_t i = 0; i < reading->discovery->candidates.count; i++) {
        struct ad_layout_map *map;
        struct ad_error *error = ad_layout_map_create(reading->dump->target, candidates[i].address,
                                                      &reading->options->limits, snapshot, &map);
        if (!error)
            error = ad_vector_push(&reading->maps, &map);
        else if (error->kind != AD_ERROR_NOMEM) {
            ad_error_destroy(error); /* it will be told when all is read */
            error = NULL;
        }
        AD_TRY(error);
    }
    return NULL;
}

/* Reads all, so that it is copied; what comes of it may be torn, and is thrown away. */
static struct ad_error *copy_all(struct reading *reading, struct ad_snapshot *scratch)
{
    struct ad_target *target = reading->dump->target;
    const struct ad_limits *limits = &reading->options->limits;
    AD_TRY(ad_snapshot_describe(scratch, target));
    AD_TRY(ad_dump_runtimes(reading->dump, reading->discovery, limits, scratch));
    AD_TRY(ad_layout_prefetch_stacks(target, limits, scratch));
    return add_maps(reading, scratch);
}

static struct ad_error *heat(const struct reading *reading,
                             struct ad_error *(*find)(const struct ad_layout_map *map, struct ad_vector *ranges))
{
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    for (size_t i = 0; i < reading->maps.count; i++)
        AD_TRY(find(maps_of(reading)[i], &ranges));
    if (ranges.count)
        ad_live_heat(reading->dump->target, ranges.items, ranges.count);
    return NULL;
}

static struct ad_error *prepare(struct reading *reading)
{
    struct ad_target *target = reading->dump->target;
    struct ad_snapshot *scratch;
    uint64_t changed;
    size_t pieces;
    AD_TRY(ad_snapshot_create(&scratch));
    struct ad_error *error = copy_all(reading, scratch);
    ad_snapshot_destroy(scratch);
    AD_TRY(error);
    AD_TRY(heat(reading, ad_layout_map_roots));
    bool few = ad_live_copied(target, &pieces) <= FEW_BYTES && pieces <= FEW_PIECES;
    if (!few)
        return ad_live_compare(target, &changed);
    ad_live_heat(target, NULL, 0);
    return NULL;
}

/* ---- While it stands still, or as if it did ----------------------------------------------------------- */

static struct ad_error *follow(const struct reading *reading)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector hot = AD_VECTOR(struct ad_range);
    AD_TRY(ad_live_hot(reading->dump->target, &hot));
    for (size_t i = 0; i < reading->maps.count; i++)
        AD_TRY(ad_layout_follow(maps_of(reading)[i], hot.items, hot.count));
    return NULL;
}

/* How much is not known to be as it was in the stop. */
static struct ad_error *look(const struct reading *reading, uint64_t *doubtful_ret)
{
    struct ad_target *target = reading->dump->target;
    AD_TRY(reading->options->no_stop ? ad_live_glance(target) : ad_live_stop(target));
    struct ad_error *error = follow(reading);
    ad_live_resume(target);
    AD_TRY(error);
    return ad_live_compare(target, doubtful_ret);
}

static struct ad_error *look_until_sure(const struct reading *reading, uint64_t *doubtful_ret)
{
    for (unsigned looks = 0;; looks++) {
        if (looks == PATIENCE)
            AD_TRY(heat(reading, ad_layout_map_tasks));
        AD_TRY(look(reading, doubtful_ret));
        if (!*doubtful_ret || looks == PATIENCE)
            return NULL;
    }
}

/* ---- From the copies ---------------------------------------------------------------------------------- */

/* In a stop, records and stacks are right in the end; what other tasks write into them may be too late. */
static struct ad_error *tell_doubts(const struct reading *reading, uint64_t doubtful)
{
    struct ad_snapshot *snapshot = reading->dump->snapshot;
    uint64_t torn = 0;
    if (!doubtful)
        return NULL;
    if (!reading->options->no_stop)
        return ad_snapshot_lose(snapshot, false, doubtful,
                                "%" PRIu64 " pieces of memory were read a moment before the stop: order and "
                                "length of queues may be of then",
                                doubtful);
    for (size_t i = 0; i < reading->maps.count; i++)
        torn += ad_layout_mark_torn(maps_of(reading)[i], snapshot, ad_live_torn);
    if (torn)
        return ad_snapshot_lose(snapshot, true, torn,
                                "%" PRIu64 " of %zu tasks changed while they were read: what is told of them may not "
                                "fit together",
                                torn, snapshot->tasks.count);
    return ad_snapshot_lose(snapshot, true, doubtful,
                            "%" PRIu64 " pieces of memory changed while they were read, none of them of a task",
                            doubtful);
}

static struct ad_error *read_copies(const struct reading *reading, uint64_t doubtful)
{
    struct ad_dump *dump = reading->dump;
    AD_TRY(ad_snapshot_describe(dump->snapshot, dump->target));
    AD_TRY(ad_dump_runtimes(dump, reading->discovery, &reading->options->limits, dump->snapshot));
    AD_TRY(ad_snapshot_text(dump->snapshot, dump->target->stop_note, &dump->snapshot->stop_note));
    return tell_doubts(reading, doubtful);
}

struct ad_error *ad_dump_read_live(struct ad_dump *dump, const struct ad_dump_options *options)
{
    ad_cleanup(ad_discovery_deinit) struct ad_discovery discovery = {.candidates = AD_VECTOR(struct ad_candidate)};
    ad_cleanup(reading_deinit) struct reading reading = {.dump = dump,
                                                         .options = options,
                                                         .discovery = &discovery,
                                                         .maps = AD_VECTOR(struct ad_layout_map *)};
    uint64_t doubtful;
    AD_TRY(ad_modules_create(dump->target, &options->limits, &dump->modules));
    AD_TRY(ad_dump_discover(dump, options, &discovery));
    AD_TRY(prepare(&reading));
    AD_TRY(look_until_sure(&reading, &doubtful));
    AD_TRY(ad_target_release(dump->target));
    AD_TRY(read_copies(&reading, doubtful));
    return ad_dump_open_files(dump, options);
}
