/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/cleanup.h"
#include "runtimes/layout_internal.h"
#include "runtimes/layout_walk.h"

struct ad_layout_map {
    struct ad_target *target;
    uint64_t address;
    struct ad_limits limits; /* for what is done while a process stands still: no long walks */
    uint32_t record_size;    /* of a task */
    struct ad_vector roots;  /* struct ad_range */
    struct ad_map slabs;     /* addresses of those whose slots are known */
    struct ad_vector slots;  /* struct ad_slots, by address */
    struct ad_vector listed; /* uint64_t: addresses of tasks that lie in no slot, sorted */
};

/* A walk over a queue of 100,000 tasks to learn of three of them would take longer than all else. */
#define STEPS UINT64_C(4096)
#define HISTORY_BYTES (UINT64_C(1) << 20)

static int by_first(const void *a, const void *b)
{
    const struct ad_slots *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void sort_slots(struct ad_layout_map *map)
{
    if (map->slots.count)
        qsort(map->slots.items, map->slots.count, sizeof(struct ad_slots), by_first);
}

static uint64_t end_of(const struct ad_slots *slots)
{
    return slots->first + slots->count * slots->size; /* checked when they were read */
}

/* The first run of slots that ends above the address. */
static size_t slots_from(const struct ad_layout_map *map, uint64_t address)
{
    const struct ad_slots *slots = map->slots.items;
    size_t low = 0, high = map->slots.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (end_of(&slots[middle]) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The slots that a range touches, which begins below the end of them and ends above their start. */
static uint64_t first_slot(const struct ad_slots *slots, struct ad_range range)
{
    return range.start > slots->first ? (range.start - slots->first) / slots->size : 0;
}

static uint64_t last_slot(const struct ad_slots *slots, struct ad_range range)
{
    uint64_t last = (range.end - 1 - slots->first) / slots->size + 1;
    return last < slots->count ? last : slots->count;
}

static bool in_slots(const struct ad_layout_map *map, uint64_t address)
{
    size_t at = slots_from(map, address);
    return at < map->slots.count && AD_ITEMS(struct ad_slots, &map->slots)[at].first <= address;
}

/* The first of the listed tasks that ends above the address. */
static size_t listed_from(const struct ad_layout_map *map, uint64_t address)
{
    const uint64_t *listed = map->listed.items;
    size_t low = 0, high = map->listed.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (listed[middle] + map->record_size <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- Making it ---------------------------------------------------------------------------------------- */

static struct ad_error *add_range(struct ad_vector *ranges, uint64_t start, uint64_t size)
{
    struct ad_range range;
    return start && size && ad_range_init(&range, start, size) ? ad_vector_push(ranges, &range) : NULL;
}

/* What the runtime writes for each task that ends, where that is not too much. */
static struct ad_error *add_history(struct ad_layout_map *map, const struct ad_layout *layout)
{
    uint64_t size = layout->descriptor.records[ASYNC_DEBUG_FINISHED].size, bytes;
    bool little = ad_mul(layout->books.history_capacity, size, &bytes) && bytes <= HISTORY_BYTES;
    return little ? add_range(&map->roots, layout->books.history, bytes) : NULL;
}

/* The process, its workers, and the arrays that lead to their slabs. */
static struct ad_error *find_roots(struct ad_layout_map *map, const struct ad_layout *layout)
{
    AD_TRY(add_history(map, layout));
    const struct async_debug_record *records = layout->descriptor.records;
    const struct ad_snapshot *snapshot = layout->snapshot;
    const struct ad_road *roads = layout->roads.items;
    AD_TRY(add_range(&map->roots, layout->descriptor.process, records[ASYNC_DEBUG_PROCESS].size));
    for (uint32_t i = 0; i < snapshot->workers.count; i++)
        AD_TRY(add_range(&map->roots, ad_snapshot_worker(snapshot, i)->address, records[ASYNC_DEBUG_WORKER].size));
    for (size_t i = 0; i < layout->roads.count; i++)
        if (roads[i].slab_count <= layout->limits->slabs)
            AD_TRY(add_range(&map->roots, roads[i].slabs, roads[i].slab_count * sizeof(uint64_t)));
    return NULL;
}

static struct ad_error *find_listed(struct ad_layout_map *map, const struct ad_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        const struct ad_task *task = ad_snapshot_task(snapshot, i);
        const struct ad_runtime *runtime = &AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[task->runtime];
        if (runtime->descriptor == map->address && !in_slots(map, task->address))
            AD_TRY(ad_vector_push(&map->listed, &task->address));
    }
    if (map->listed.count)
        qsort(map->listed.items, map->listed.count, sizeof(uint64_t), by_value);
    return NULL;
}

static struct ad_error *fill(struct ad_layout_map *map, const struct ad_limits *limits,
                             const struct ad_snapshot *known, struct ad_snapshot *scratch)
{
    ad_cleanup(ad_layout_deinit) struct ad_layout layout;
    ad_layout_init(&layout, map->target, map->address, limits, scratch);
    AD_TRY(ad_layout_begin(&layout, "note"));
    map->record_size = layout.descriptor.records[ASYNC_DEBUG_TASK].size;
    if (!layout.descriptor.process)
        return NULL;
    AD_TRY(ad_layout_workers(&layout));
    AD_TRY(find_roots(map, &layout));
    if (layout.has_index)
        AD_TRY(ad_layout_find_slots(&layout, &map->slabs, &map->slots));
    sort_slots(map);
    return find_listed(map, known);
}

struct ad_error *ad_layout_map_create(struct ad_target *target, uint64_t address, const struct ad_limits *limits,
                                      const struct ad_snapshot *snapshot, struct ad_layout_map **map_ret)
{
    struct ad_layout_map *map = malloc(sizeof(*map));
    struct ad_snapshot *scratch = NULL;
    if (!map)
        return &ad_error_nomem;
    *map = (struct ad_layout_map){.target = target,
                                  .address = address,
                                  .limits = *limits,
                                  .roots = AD_VECTOR(struct ad_range),
                                  .slots = AD_VECTOR(struct ad_slots),
                                  .listed = AD_VECTOR(uint64_t)};
    map->limits.list_steps = limits->list_steps < STEPS ? limits->list_steps : STEPS;
    struct ad_error *error = ad_snapshot_create(&scratch);
    if (!error)
        error = fill(map, limits, snapshot, scratch);
    ad_snapshot_destroy(scratch);
    if (error)
        ad_layout_map_destroy(map);
    else
        *map_ret = map;
    return error;
}

void ad_layout_map_destroy(struct ad_layout_map *map)
{
    if (!map)
        return;
    ad_vector_deinit(&map->roots);
    ad_vector_deinit(&map->slots);
    ad_vector_deinit(&map->listed);
    ad_map_deinit(&map->slabs);
    free(map);
}

struct ad_error *ad_layout_map_roots(const struct ad_layout_map *map, struct ad_vector *ranges)
{
    for (size_t i = 0; i < map->roots.count; i++)
        AD_TRY(ad_vector_push(ranges, &AD_ITEMS(struct ad_range, &map->roots)[i]));
    return NULL;
}

struct ad_error *ad_layout_map_tasks(const struct ad_layout_map *map, struct ad_vector *ranges)
{
    const struct ad_slots *slots = map->slots.items;
    const uint64_t *listed = map->listed.items;
    for (size_t i = 0; i < map->slots.count; i++)
        AD_TRY(add_range(ranges, slots[i].first, slots[i].count * slots[i].size));
    for (size_t i = 0; i < map->listed.count; i++)
        AD_TRY(add_range(ranges, listed[i], map->record_size));
    return NULL;
}

/* One may reach into two of the ranges. */
static struct ad_error *add_record(const struct ad_layout_map *map, uint64_t address, struct ad_vector *records)
{
    const struct ad_range *ranges = records->items;
    bool known = records->count && ranges[records->count - 1].start == address;
    return known ? NULL : add_range(records, address, map->record_size);
}

static struct ad_error *add_records(const struct ad_layout_map *map, struct ad_range range,
                                    struct ad_vector *records)
{
    const struct ad_slots *slots = map->slots.items;
    const uint64_t *listed = map->listed.items;
    for (size_t i = slots_from(map, range.start); i < map->slots.count && slots[i].first < range.end; i++)
        for (uint64_t k = first_slot(&slots[i], range); k < last_slot(&slots[i], range); k++)
            AD_TRY(add_record(map, slots[i].first + k * slots[i].size, records));
    for (size_t i = listed_from(map, range.start); i < map->listed.count && listed[i] < range.end; i++)
        AD_TRY(add_record(map, listed[i], records));
    return NULL;
}

struct ad_error *ad_layout_map_records(const struct ad_layout_map *map, const struct ad_range *ranges, size_t count,
                                       struct ad_vector *records)
{
    static const struct ad_range all = {0, UINT64_MAX};
    ranges = ranges ? ranges : &all;
    count = ranges == &all ? 1 : count;
    for (size_t i = 0; i < count; i++)
        AD_TRY(add_records(map, ranges[i], records));
    return NULL;
}

/* ---- Following ---------------------------------------------------------------------------------------- */

/* What is needed while a few tasks are read again. */
struct follower {
    struct ad_layout_map *map;
    struct ad_layout layout;
    struct ad_record record;
    uint64_t budget;
};

static struct ad_error *take_slots(struct follower *follower, struct ad_range range)
{
    struct ad_layout_map *map = follower->map;
    const struct ad_slots *slots = map->slots.items;
    for (size_t i = slots_from(map, range.start); i < map->slots.count && slots[i].first < range.end; i++)
        AD_TRY(ad_layout_take_slots(&follower->layout, &slots[i], first_slot(&slots[i], range),
                                    last_slot(&slots[i], range), &follower->record, &follower->budget));
    return NULL;
}

/* A task, and those behind it on its list that are new. */
static struct ad_error *take_list(struct follower *follower, uint64_t first, uint64_t head)
{
    const struct ad_layout_map *map = follower->map;
    struct ad_layout *layout = &follower->layout;
    struct ad_record *record = &follower->record;
    struct ad_walk walk;
    uint64_t next = 0;
    for (ad_walk_init(&walk, first, head, follower->budget); ad_walk_going(&walk); ad_walk_next(&walk, next)) {
        uint64_t at = walk.at;
        bool known = in_slots(map, at) || (map->listed.count && bsearch(&at, map->listed.items, map->listed.count,
                                                                        sizeof(at), by_value));
        uint32_t index;
        if ((known && walk.steps) || ad_map_has(&layout->task_at, at) || !ad_record_fetch(record, layout, at))
            break;
        next = ad_record_link(record, ASYNC_DEBUG_TASK_NEXT, record->shape, ASYNC_DEBUG_TASK_NEXT);
        AD_TRY(ad_layout_add_task(layout, record, AD_NONE, &index));
    }
    follower->budget -= walk.steps;
    return NULL;
}

static struct ad_error *take_listed(struct follower *follower, struct ad_range range)
{
    const struct ad_layout_map *map = follower->map;
    const uint64_t *listed = map->listed.items;
    for (size_t i = listed_from(map, range.start); i < map->listed.count && listed[i] < range.end; i++)
        AD_TRY(take_list(follower, listed[i], 0));
    return NULL;
}

/* Slabs that were not there before, with all their tasks. */
static struct ad_error *take_new_slabs(struct follower *follower)
{
    struct ad_layout_map *map = follower->map;
    size_t known = map->slots.count;
    AD_TRY(ad_layout_find_slots(&follower->layout, &map->slabs, &map->slots));
    for (size_t i = known; i < map->slots.count; i++) {
        const struct ad_slots *slots = &AD_ITEMS(struct ad_slots, &map->slots)[i];
        AD_TRY(ad_layout_take_slots(&follower->layout, slots, 0, slots->count, &follower->record,
                                    &follower->budget));
    }
    if (map->slots.count > known)
        sort_slots(map);
    return NULL;
}

static struct ad_error *take_new_listed(struct follower *follower)
{
    const struct ad_road *roads = follower->layout.roads.items;
    for (size_t i = 0; i < follower->layout.roads.count; i++)
        if (!follower->map->slots.count)
            AD_TRY(take_list(follower, roads[i].first, roads[i].head));
    return NULL;
}

static struct ad_error *follow(struct follower *follower, const struct ad_range *ranges, size_t count)
{
    struct ad_layout *layout = &follower->layout;
    AD_TRY(ad_layout_begin(layout, "note"));
    AD_TRY(ad_record_init(&follower->record, layout, ASYNC_DEBUG_TASK));
    if (!layout->descriptor.process)
        return NULL;
    AD_TRY(ad_layout_workers(layout));
    for (size_t i = 0; i < count; i++) {
        AD_TRY(take_slots(follower, ranges[i]));
        AD_TRY(take_listed(follower, ranges[i]));
    }
    if (layout->has_index)
        AD_TRY(take_new_slabs(follower));
    if (layout->has_list)
        AD_TRY(take_new_listed(follower));
    AD_TRY(ad_layout_settle(layout));
    AD_TRY(ad_layout_contexts(layout));
    AD_TRY(ad_layout_futures(layout));
    return ad_layout_prefetch_stacks(layout->target, layout->limits, layout->snapshot);
}

struct ad_error *ad_layout_follow(struct ad_layout_map *map, const struct ad_range *ranges, size_t count)
{
    struct ad_snapshot *scratch;
    struct follower follower = {.map = map, .budget = map->limits.tasks};
    AD_TRY(ad_snapshot_create(&scratch));
    ad_layout_init(&follower.layout, map->target, map->address, &map->limits, scratch);
    struct ad_error *error = follow(&follower, ranges, count);
    ad_record_deinit(&follower.record);
    ad_layout_deinit(&follower.layout);
    ad_snapshot_destroy(scratch);
    return error;
}
