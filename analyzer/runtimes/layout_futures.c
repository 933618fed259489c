/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cleanup.h"
#include "runtimes/layout_internal.h"
#include "runtimes/layout_walk.h"

/* What is needed while the futures of one runtime are read. */
struct reading {
    struct ad_layout *layout;
    struct ad_map future_at; /* address -> index into snapshot.futures; AD_NONE: it could not be read */
    struct ad_map join_of;   /* address of a join future -> the task that it waits for */
    struct ad_vector queued; /* uint64_t: addresses of the WAITER records of one queue */
    struct ad_record future;
    struct ad_record waiter;
    struct ad_parts parts;
    struct ad_map broken;    /* index of a future whose queue could not be walked to its end */
    uint64_t budget;         /* steps left for all queues together */
};

static const struct ad_links *links_of(const struct ad_layout *layout, uint32_t task)
{
    return &AD_ITEMS(struct ad_links, &layout->links)[task - layout->first_task];
}

/* The future that a task waits for: only a waiting task's AWAITS means anything. */
static uint64_t awaited(const struct ad_layout *layout, uint32_t task)
{
    bool waiting = ad_snapshot_task(layout->snapshot, task)->state == ASYNC_DEBUG_STATE_WAITING;
    return waiting ? links_of(layout, task)->awaits : 0;
}

static struct ad_error *want(struct ad_vector *ranges, uint64_t address, uint32_t size)
{
    struct ad_range range;
    bool is = address && size && ad_range_init(&range, address, size);
    return is ? ad_vector_push(ranges, &range) : NULL;
}

/* Futures and waiters of all tasks in one go: many of them lie on stacks, far from each other. */
static struct ad_error *prefetch(const struct reading *reading)
{
    const struct ad_layout *layout = reading->layout;
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    if (!layout->target->ops->prefetch)
        return NULL;
    for (uint32_t i = layout->first_task; i < layout->snapshot->tasks.count; i++) {
        AD_TRY(want(&ranges, awaited(layout, i), reading->future.shape->size));
        if (awaited(layout, i))
            AD_TRY(want(&ranges, links_of(layout, i)->waiter, reading->waiter.shape->size));
    }
    return ad_target_prefetch(layout->target, ranges.items, ranges.count);
}

static struct ad_error *index_joins(struct reading *reading)
{
    const struct ad_layout *layout = reading->layout;
    for (uint32_t i = layout->first_task; i < layout->snapshot->tasks.count; i++)
        if (links_of(layout, i)->join)
            AD_TRY(ad_map_put(&reading->join_of, links_of(layout, i)->join, i));
    return NULL;
}

/* ---- One future ---------------------------------------------------------------------------------- */

static void fill_numbers(const struct ad_record *record, struct ad_future *future)
{
    future->owned_since = ad_record_value(record, ASYNC_DEBUG_FUTURE_OWNED_SINCE);
    future->declared_waiters = ad_record_value_or(record, ASYNC_DEBUG_FUTURE_WAITER_COUNT, UINT64_MAX);
    future->object = ad_record_value(record, ASYNC_DEBUG_FUTURE_OBJECT);
    future->deadline = ad_record_value(record, ASYNC_DEBUG_FUTURE_DEADLINE);
    future->fd = (int64_t)ad_record_value_or(record, ASYNC_DEBUG_FUTURE_FD, UINT64_MAX);
    future->size = ad_record_value(record, ASYNC_DEBUG_FUTURE_SIZE);
    future->capacity = ad_record_value(record, ASYNC_DEBUG_FUTURE_CAPACITY);
    future->count = ad_record_value(record, ASYNC_DEBUG_FUTURE_COUNT);
    future->senders = ad_record_value_or(record, ASYNC_DEBUG_FUTURE_SENDERS, UINT64_MAX);
    future->receivers = ad_record_value_or(record, ASYNC_DEBUG_FUTURE_RECEIVERS, UINT64_MAX);
    future->thread = (pid_t)ad_record_value(record, ASYNC_DEBUG_FUTURE_THREAD);
    future->error = (int64_t)ad_record_value(record, ASYNC_DEBUG_FUTURE_ERROR);
    future->created_at = ad_record_value(record, ASYNC_DEBUG_FUTURE_CREATED_AT);
}

/* An owner's record may have been given to another task since: its id tells, where there is one. */
static uint32_t find_owner(const struct ad_layout *layout, const struct ad_future *future)
{
    uint32_t owner = future->owner_address ? ad_layout_task_at(layout, future->owner_address) : AD_NONE;
    if (!future->owner_id)
        return owner;
    if (owner != AD_NONE && ad_snapshot_task(layout->snapshot, owner)->native_id == future->owner_id)
        return owner;
    return ad_snapshot_find_native(layout->snapshot, layout->runtime, future->owner_id);
}

/* A join may leave out what it waits for: that is the task whose join it is. */
static void fill_owner(const struct reading *reading, struct ad_future *future)
{
    const struct ad_layout *layout = reading->layout;
    future->owner_address = ad_record_value(&reading->future, ASYNC_DEBUG_FUTURE_OWNER);
    future->owner_id = ad_record_value(&reading->future, ASYNC_DEBUG_FUTURE_OWNER_ID);
    future->owner = find_owner(layout, future);
    if (future->owner_address || future->owner_id)
        return;
    future->owner = ad_map_get(&reading->join_of, future->address, AD_NONE);
    if (future->owner != AD_NONE)
        future->owner_address = ad_snapshot_task(layout->snapshot, future->owner)->address;
}

static struct ad_error *fill_future(struct reading *reading, struct ad_future *future)
{
    struct ad_layout *layout = reading->layout;
    const struct ad_record *record = &reading->future;
    uint64_t kind = ad_record_value(record, ASYNC_DEBUG_FUTURE_KIND);
    uint64_t state = ad_record_value(record, ASYNC_DEBUG_FUTURE_STATE);
    *future = (struct ad_future){
        .address = record->address,
        .runtime = layout->runtime,
        .kind = (enum async_debug_kind_class)ad_name_meaning(&layout->future_kinds, kind),
        .kind_name = ad_name_text(&layout->future_kinds, kind),
        .state = (enum async_debug_future_state_class)ad_name_meaning(&layout->future_states, state),
        .state_name = ad_name_text(&layout->future_states, state),
    };
    fill_numbers(record, future);
    fill_owner(reading, future);
    future->worker = ad_map_get(&layout->worker_at, ad_record_value(record, ASYNC_DEBUG_FUTURE_WORKER), AD_NONE);
    AD_TRY(ad_parts_read(&reading->parts, record, future));
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_FUTURE_NAME, &future->name));
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_FUTURE_PEER, &future->peer));
    return ad_record_place(record, layout, ASYNC_DEBUG_FUTURE_SITE, &future->site);
}

/* ---- Its queue ------------------------------------------------------------------------------------ */

static struct ad_error *add_waiter(const struct reading *reading, uint32_t task)
{
    return ad_vector_push(&reading->layout->snapshot->waiters, &task);
}

/* A waiter of another future here means that the queue leads astray. */
static bool read_waiter(struct reading *reading, uint64_t address, uint64_t future)
{
    struct ad_layout *layout = reading->layout;
    struct ad_record *waiter = &reading->waiter;
    uint32_t noted = ad_map_get(&layout->noted_at, address, AD_NONE);
    const uint8_t *bytes = layout->noted.items;
    bool is = noted == AD_NONE
                  ? ad_record_fetch(waiter, layout, address)
                  : ad_record_take(waiter, layout, address, bytes + (size_t)noted * waiter->shape->size);
    return is && ad_record_value_or(waiter, ASYNC_DEBUG_WAITER_FUTURE, future) == future;
}

/* A runtime may say only of the wait, not of the task, when it began. */
static void take_since(const struct reading *reading, uint32_t index)
{
    if (index == AD_NONE)
        return;
    struct ad_task *task = ad_snapshot_task(reading->layout->snapshot, index);
    if (task->state == ASYNC_DEBUG_STATE_WAITING && !task->suspended_at)
        task->suspended_at = ad_record_value(&reading->waiter, ASYNC_DEBUG_WAITER_SINCE);
}

static struct ad_error *walk_waiters(struct reading *reading, uint64_t first, uint64_t future,
                                     struct ad_walk *walk)
{
    struct ad_record *waiter = &reading->waiter;
    uint64_t next = 0;
    for (ad_walk_init(walk, first, 0, reading->budget); ad_walk_going(walk); ad_walk_next(walk, next)) {
        if (!read_waiter(reading, walk->at, future)) {
            ad_walk_end(walk, AD_WALK_FAULT);
            break;
        }
        uint32_t task = ad_layout_task_at(reading->layout, ad_record_value(waiter, ASYNC_DEBUG_WAITER_TASK));
        AD_TRY(ad_vector_push(&reading->queued, &walk->at));
        AD_TRY(add_waiter(reading, task));
        take_since(reading, task);
        next = ad_record_link(waiter, ASYNC_DEBUG_WAITER_NEXT, waiter->shape, ASYNC_DEBUG_WAITER_NEXT);
    }
    return NULL;
}

/* Waiting tasks that are chained themselves: without waiter records. */
static struct ad_error *walk_tasks(struct reading *reading, uint64_t first, struct ad_walk *walk)
{
    uint64_t next = 0;
    for (ad_walk_init(walk, first, 0, reading->budget); ad_walk_going(walk); ad_walk_next(walk, next)) {
        uint32_t task = ad_layout_task_at(reading->layout, walk->at);
        if (task == AD_NONE) {
            ad_walk_end(walk, AD_WALK_FAULT);
            break;
        }
        AD_TRY(ad_vector_push(&reading->queued, &walk->at));
        AD_TRY(add_waiter(reading, task));
        next = links_of(reading->layout, task)->ready_next;
    }
    return NULL;
}

/* The queue as the target links it; `whole_ret` tells whether that came to a proper end. */
static struct ad_error *read_queue(struct reading *reading, uint64_t future, bool *whole_ret)
{
    struct ad_vector *waiters = &reading->layout->snapshot->waiters;
    const struct ad_record *record = &reading->future;
    size_t start = waiters->count;
    struct ad_walk walk = {.stop = AD_WALK_FAULT};
    reading->queued.count = 0;
    *whole_ret = false;
    if (ad_record_has(record, ASYNC_DEBUG_FUTURE_WAITERS) && reading->waiter.shape->size)
        AD_TRY(walk_waiters(reading, ad_record_value(record, ASYNC_DEBUG_FUTURE_WAITERS), future, &walk));
    else if (ad_record_has(record, ASYNC_DEBUG_FUTURE_WAITING_TASKS))
        AD_TRY(walk_tasks(reading, ad_record_value(record, ASYNC_DEBUG_FUTURE_WAITING_TASKS), &walk));
    else
        return NULL;
    waiters->count = start + ad_walk_distinct(&walk, reading->queued.items, reading->queued.count);
    reading->budget -= walk.steps;
    *whole_ret = ad_walk_whole(&walk);
    if (!*whole_ret)
        ad_layout_tally(reading->layout, AD_TALLY_WAITERS, walk.at);
    return NULL;
}

/* ---- All of them ---------------------------------------------------------------------------------- */

static struct ad_error *add_future(struct reading *reading, uint64_t address, uint32_t *index_ret)
{
    struct ad_layout *layout = reading->layout;
    struct ad_snapshot *snapshot = layout->snapshot;
    *index_ret = AD_NONE;
    bool full = snapshot->futures.count >= layout->limits->futures, whole;
    if (full || !ad_record_fetch(&reading->future, layout, address)) {
        ad_layout_tally(layout, full ? AD_TALLY_FUTURE_LIMIT : AD_TALLY_FUTURES, address);
        return NULL;
    }
    struct ad_future future;
    AD_TRY(fill_future(reading, &future));
    future.first_waiter = (uint32_t)snapshot->waiters.count;
    AD_TRY(read_queue(reading, address, &whole));
    future.waiter_count = (uint32_t)snapshot->waiters.count - future.first_waiter;
    *index_ret = (uint32_t)snapshot->futures.count;
    if (!whole)
        AD_TRY(ad_map_put(&reading->broken, *index_ret, 0));
    return ad_vector_push(&snapshot->futures, &future);
}

/* The index of the future at an address, read when it is met first; AD_NONE: none, or it cannot be read. */
static struct ad_error *take_future(struct reading *reading, uint64_t address, uint32_t *index_ret)
{
    *index_ret = AD_NONE;
    if (!address)
        return NULL;
    if (!ad_map_has(&reading->future_at, address)) {
        AD_TRY(add_future(reading, address, index_ret));
        AD_TRY(ad_map_put(&reading->future_at, address, *index_ret));
    }
    *index_ret = ad_map_get(&reading->future_at, address, AD_NONE);
    return NULL;
}

/* The future of a task when its queue is among the broken ones, or NULL. */
static struct ad_future *broken_queue(const struct ad_layout *layout, const struct ad_map *broken, uint32_t task)
{
    uint32_t future = ad_snapshot_task(layout->snapshot, task)->future;
    bool is = future != AD_NONE && ad_map_has(broken, future);
    return is ? ad_snapshot_future(layout->snapshot, future) : NULL;
}

static struct ad_error *reserve_queue(struct ad_snapshot *snapshot, struct ad_future *future)
{
    const uint32_t none = AD_NONE;
    future->first_waiter = (uint32_t)snapshot->waiters.count;
    for (uint32_t i = 0; i < future->waiter_count; i++)
        AD_TRY(ad_vector_push(&snapshot->waiters, &none));
    future->waiter_count = 0;
    return NULL;
}

/* A queue that could not be walked to its end is made of the tasks that say they wait, in order of their
   ids: counted, laid out, filled, in two passes over the tasks however many queues there are. */
static struct ad_error *rebuild_queues(const struct ad_layout *layout, const struct ad_map *broken)
{
    struct ad_snapshot *snapshot = layout->snapshot;
    struct ad_future *future;
    for (uint32_t i = layout->first_future; broken->count && i < snapshot->futures.count; i++)
        if (ad_map_has(broken, i))
            ad_snapshot_future(snapshot, i)->waiter_count = 0;
    for (uint32_t i = layout->first_task; broken->count && i < snapshot->tasks.count; i++)
        if ((future = broken_queue(layout, broken, i)))
            future->waiter_count++;
    for (uint32_t i = layout->first_future; broken->count && i < snapshot->futures.count; i++)
        if (ad_map_has(broken, i))
            AD_TRY(reserve_queue(snapshot, ad_snapshot_future(snapshot, i)));
    uint32_t *waiters = snapshot->waiters.items;
    for (uint32_t i = layout->first_task; broken->count && i < snapshot->tasks.count; i++)
        if ((future = broken_queue(layout, broken, i)))
            waiters[future->first_waiter + future->waiter_count++] = i;
    return NULL;
}

/* The group of a task that belongs to one: also when nobody waits for it. */
static struct ad_error *read_group(struct reading *reading, uint32_t task)
{
    struct ad_snapshot *snapshot = reading->layout->snapshot;
    uint32_t group, extra = ad_snapshot_task(snapshot, task)->extra;
    if (extra == AD_NONE)
        return NULL;
    AD_TRY(take_future(reading, links_of(reading->layout, task)->group, &group));
    AD_ITEMS(struct ad_task_extra, &snapshot->extras)[extra].group = group;
    return NULL;
}

/* Futures that others are made of, and those that these are made of: the list grows while it is read. */
static struct ad_error *read_children(struct reading *reading)
{
    struct ad_snapshot *snapshot = reading->layout->snapshot;
    struct ad_parts *parts = &reading->parts;
    for (uint32_t i = 0; i < parts->children.count; i++) {
        uint32_t child;
        AD_TRY(take_future(reading, AD_ITEMS(uint64_t, &parts->children)[i], &child));
        AD_ITEMS(uint32_t, &snapshot->children)[parts->first_child + i] = child;
    }
    return NULL;
}

static struct ad_error *read_futures(struct reading *reading)
{
    struct ad_layout *layout = reading->layout;
    for (uint32_t i = layout->first_task; i < layout->snapshot->tasks.count; i++) {
        uint32_t future;
        AD_TRY(take_future(reading, awaited(layout, i), &future));
        ad_snapshot_task(layout->snapshot, i)->future = future;
        AD_TRY(read_group(reading, i));
    }
    AD_TRY(read_children(reading));
    return rebuild_queues(layout, &reading->broken);
}

static void reading_deinit(struct reading *reading)
{
    ad_map_deinit(&reading->future_at);
    ad_map_deinit(&reading->join_of);
    ad_vector_deinit(&reading->queued);
    ad_record_deinit(&reading->future);
    ad_record_deinit(&reading->waiter);
    ad_map_deinit(&reading->broken);
    ad_parts_deinit(&reading->parts);
}

struct ad_error *ad_layout_futures(struct ad_layout *layout)
{
    ad_cleanup(reading_deinit) struct reading reading = {
        .layout = layout, .queued = AD_VECTOR(uint64_t), .budget = layout->limits->list_steps};
    AD_TRY(ad_record_init(&reading.future, layout, ASYNC_DEBUG_FUTURE));
    AD_TRY(ad_record_init(&reading.waiter, layout, ASYNC_DEBUG_WAITER));
    AD_TRY(ad_parts_init(&reading.parts, layout));
    if (!reading.future.shape->size)
        return NULL;
    AD_TRY(prefetch(&reading));
    AD_TRY(index_joins(&reading));
    return read_futures(&reading);
}
