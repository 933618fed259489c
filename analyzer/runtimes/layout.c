/* SPDX-License-Identifier: MIT */
#include "runtimes/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "runtimes/layout_internal.h"

/* ---- Losses -------------------------------------------------------------------------------------- */

void ad_layout_tally(struct ad_layout *layout, enum ad_tally_kind kind, uint64_t address)
{
    if (!layout->tallies[kind].count++)
        layout->tallies[kind].address = address;
}

static struct ad_error *tell_tallies(const struct ad_layout *layout)
{
    static const char *const words[AD_TALLY_COUNT] = {
        [AD_TALLY_FIELDS] = "fields or records that the runtime describes wrongly were left out, descriptor",
        [AD_TALLY_WORKERS] = "workers cannot be read, the first",
        [AD_TALLY_SLABS] = "slabs of tasks cannot be read, the first",
        [AD_TALLY_SLOTS] = "places in slabs of tasks cannot be read, the first",
        [AD_TALLY_TASK_LIMIT] = "times the limit of tasks was reached, the first",
        [AD_TALLY_STATES] = "tasks have a state that the runtime does not describe, the first",
        [AD_TALLY_CONTEXTS] = "tasks have no readable saved registers, so no stack; the first saved",
        [AD_TALLY_FUTURES] = "futures that tasks wait for cannot be read, the first",
        [AD_TALLY_FUTURE_LIMIT] = "futures are beyond the limit, the first",
        [AD_TALLY_WAITERS] = "queues of waiting tasks are broken, their order is lost; the first",
        [AD_TALLY_HOLDERS] = "lists of a lock's holders are broken, the first",
        [AD_TALLY_CHILDREN] = "lists of what a task waits for together are broken, the first",
        [AD_TALLY_READY] = "run queues or inboxes are broken, the first",
        [AD_TALLY_READY_COUNTS] = "run queues have not as many tasks as the runtime counts, the first of the worker",
        [AD_TALLY_LABELS] = "chains of labels are broken or too long, the first",
        [AD_TALLY_TRACES] = "recorded stacks cannot be read in full, the first",
        [AD_TALLY_HISTORY] = "records of finished tasks cannot be read, the first",
        [AD_TALLY_HANDLES] = "lists of open handles are broken or too long, the first",
        [AD_TALLY_FUNCTIONS] = "lists of counters by function are broken or too long, the first",
        [AD_TALLY_TEXTS] = "names cannot be read to their end, the first",
    };
    for (size_t i = 0; i < AD_TALLY_COUNT; i++) {
        const struct ad_loss_count *tally = &layout->tallies[i];
        if (tally->count)
            AD_TRY(ad_snapshot_lose(layout->snapshot, true, tally->count, "%" PRIu64 " %s at 0x%" PRIx64,
                                    tally->count, words[i], tally->address));
    }
    return NULL;
}

/* What one road did not lead to and the other did. */
static struct ad_error *tell_roads(const struct ad_layout *layout, const struct ad_runtime *runtime)
{
    uint64_t listed = 0, indexed = 0, all = runtime->tasks_read;
    for (uint32_t i = layout->first_task; i < layout->snapshot->tasks.count; i++) {
        listed += ad_snapshot_task(layout->snapshot, i)->by_list;
        indexed += ad_snapshot_task(layout->snapshot, i)->by_index;
    }
    const char *reason = *layout->list_text ? layout->list_text : "it ends early";
    bool alone = !layout->has_index && runtime->tasks_declared == UINT64_MAX;
    if (layout->has_list && (listed < all || *layout->list_text))
        AD_TRY(ad_snapshot_lose(layout->snapshot, alone, all - listed,
                                "the list led to %" PRIu64 " of %" PRIu64 " tasks (%s)%s", listed, all, reason,
                                listed < all ? ", the index gave the rest" : ""));
    if (layout->has_index && indexed < all)
        AD_TRY(ad_snapshot_lose(layout->snapshot, false, all - indexed,
                                "the index led to %" PRIu64 " of %" PRIu64 " tasks, the list gave the rest",
                                indexed, all));
    return NULL;
}

/* A process stopped between the list and the counter is no loss. */
static struct ad_error *reconcile(const struct ad_layout *layout, const struct ad_runtime *runtime)
{
    uint64_t read = runtime->tasks_read, declared = runtime->tasks_declared;
    if (declared == UINT64_MAX || read == declared)
        return NULL;
    if (runtime->changing)
        return ad_snapshot_lose(layout->snapshot, false, 0,
                                "read %" PRIu64 " tasks, the runtime counts %" PRIu64
                                ": it was stopped while it changed them",
                                read, declared);
    return ad_snapshot_lose(layout->snapshot, true, read < declared ? declared - read : read - declared,
                            "read %" PRIu64 " of the %" PRIu64 " tasks that the runtime counts", read, declared);
}

/* ---- Order and ids ------------------------------------------------------------------------------- */

static int by_native_id(const void *a, const void *b)
{
    const struct ad_task *left = *(struct ad_task *const *)a, *right = *(struct ad_task *const *)b;
    if (left->native_id != right->native_id)
        return left->native_id < right->native_id ? -1 : 1;
    return (left->address > right->address) - (left->address < right->address);
}

static int by_id(const void *a, const void *b)
{
    const struct ad_task *left = *(struct ad_task *const *)a, *right = *(struct ad_task *const *)b;
    return (left->id > right->id) - (left->id < right->id);
}

/* Mostly they are found in their order. */
static void sort(struct ad_task **tasks, size_t count, int (*compare)(const void *a, const void *b))
{
    for (size_t i = 1; i < count; i++) {
        if (compare(&tasks[i - 1], &tasks[i]) > 0) {
            qsort(tasks, count, sizeof(*tasks), compare);
            return;
        }
    }
}

static bool fits(uint64_t id)
{
    return id > 0 && id < AD_NONE;
}

/* Whether all the runtime's own ids, which are sorted, can be kept: there are no others, and none is twice. */
static bool all_fit(const struct ad_layout *layout, struct ad_task **tasks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!fits(tasks[i]->native_id) || (i && tasks[i]->native_id == tasks[i - 1]->native_id))
            return false;
    return layout->first_task == 0;
}

/* Takes the runtime's own ids where they are small and free; `taken` has those of earlier runtimes. */
static struct ad_error *keep_ids(struct ad_task **tasks, size_t count, struct ad_map *taken, uint32_t *last_ret)
{
    for (size_t i = 0; i < count; i++) {
        struct ad_task *task = tasks[i];
        if (!fits(task->native_id) || ad_map_has(taken, task->native_id))
            continue;
        task->id = (uint32_t)task->native_id;
        *last_ret = task->id > *last_ret ? task->id : *last_ret;
        AD_TRY(ad_map_put(taken, task->id, 0));
    }
    return NULL;
}

/* The others get numbers above those, or the lowest free ones where there is no room above. */
static struct ad_error *assign_ids(struct ad_task **tasks, size_t count, struct ad_map *taken, uint32_t last)
{
    uint32_t next = last < AD_NONE - count ? last : 0;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i]->id)
            continue;
        do
            next++;
        while (ad_map_has(taken, next));
        tasks[i]->id = next;
        AD_TRY(ad_map_put(taken, next, 0));
    }
    return NULL;
}

static struct ad_error *number(struct ad_layout *layout, struct ad_task **tasks, size_t count)
{
    ad_cleanup(ad_map_deinit) struct ad_map taken = {0};
    uint32_t last = 0;
    sort(tasks, count, by_native_id);
    if (all_fit(layout, tasks, count)) {
        for (size_t i = 0; i < count; i++)
            tasks[i]->id = (uint32_t)tasks[i]->native_id;
        return NULL;
    }
    for (uint32_t i = 0; i < layout->first_task; i++) {
        uint32_t id = ad_snapshot_task(layout->snapshot, i)->id;
        last = id > last ? id : last;
        AD_TRY(ad_map_put(&taken, id, 0));
    }
    AD_TRY(keep_ids(tasks, count, &taken, &last));
    AD_TRY(assign_ids(tasks, count, &taken, last));
    sort(tasks, count, by_id);
    return NULL;
}

/* Moves the tasks of one ring of places, and their links: to place `at` comes what is at from[at], and so on. */
static struct ad_error *move_ring(struct ad_layout *layout, uint32_t *from, uint32_t at)
{
    struct ad_task *tasks = AD_ITEMS(struct ad_task, &layout->snapshot->tasks) + layout->first_task;
    struct ad_links *links = layout->links.items;
    const struct ad_task first_task = tasks[at];
    const struct ad_links first_links = links[at];
    for (uint32_t start = at, next; from[at] != at; at = next) {
        next = from[at];
        from[at] = at;
        tasks[at] = next == start ? first_task : tasks[next];
        links[at] = next == start ? first_links : links[next];
        AD_TRY(ad_map_put(&layout->task_at, tasks[at].address, layout->first_task + at));
    }
    return NULL;
}

struct ad_error *ad_layout_settle(struct ad_layout *layout)
{
    struct ad_snapshot *snapshot = layout->snapshot;
    size_t count = snapshot->tasks.count - layout->first_task;
    ad_auto_free struct ad_task **order = calloc(count + 1, sizeof(*order));
    ad_auto_free uint32_t *from = calloc(count + 1, sizeof(*from));
    if (!order || !from)
        return &ad_error_nomem;
    struct ad_task *tasks = AD_ITEMS(struct ad_task, &snapshot->tasks) + layout->first_task;
    for (size_t i = 0; i < count; i++)
        order[i] = &tasks[i];
    AD_TRY(number(layout, order, count));
    for (size_t i = 0; i < count; i++)
        from[i] = (uint32_t)(order[i] - tasks);
    for (uint32_t i = 0; i < count; i++)
        AD_TRY(move_ring(layout, from, i));
    AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[layout->runtime].tasks_read = count;
    return NULL;
}

/* ---- References ---------------------------------------------------------------------------------- */

/* A parent's record may have been given to another task since: its id tells. */
static uint32_t find_parent(const struct ad_layout *layout, const struct ad_task *task, uint64_t address)
{
    uint32_t parent = address ? ad_layout_task_at(layout, address) : AD_NONE;
    if (parent == AD_NONE || !task->parent_id)
        return AD_NONE;
    return ad_snapshot_task(layout->snapshot, parent)->native_id == task->parent_id ? parent : AD_NONE;
}

/* CURRENT may name the task that is about to run, or just has; whose state says that it runs is right. */
static void correct_current(struct ad_layout *layout)
{
    struct ad_snapshot *snapshot = layout->snapshot;
    for (uint32_t i = layout->first_task; i < snapshot->tasks.count; i++) {
        const struct ad_task *task = ad_snapshot_task(snapshot, i);
        if (task->state != ASYNC_DEBUG_STATE_RUNNING || task->worker == AD_NONE)
            continue;
        struct ad_worker *worker = ad_snapshot_worker(snapshot, task->worker);
        if (worker->current != AD_NONE &&
            ad_snapshot_task(snapshot, worker->current)->state != ASYNC_DEBUG_STATE_RUNNING)
            worker->current = i;
    }
}

static void resolve(struct ad_layout *layout)
{
    struct ad_snapshot *snapshot = layout->snapshot;
    for (uint32_t i = layout->first_task; i < snapshot->tasks.count; i++) {
        struct ad_task *task = ad_snapshot_task(snapshot, i);
        const struct ad_links *links = &AD_ITEMS(struct ad_links, &layout->links)[i - layout->first_task];
        task->parent = find_parent(layout, task, links->parent);
        task->worker = ad_map_get(&layout->worker_at, links->worker, links->found_on);
    }
    const struct ad_runtime *runtime = &AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[layout->runtime];
    for (uint64_t i = 0; i < runtime->worker_count; i++) {
        struct ad_worker *worker = ad_snapshot_worker(snapshot, (uint32_t)(runtime->first_worker + i));
        worker->current = ad_layout_task_at(layout, worker->current_address);
    }
    correct_current(layout);
}

/* ---- What time it was ---------------------------------------------------------------------------- */

/* A task's time far beyond the last tick is a broken one, and would spoil everybody's age. */
#define TRUSTED_AHEAD (UINT64_C(3600) * 1000000000)

static uint64_t newest_tick(const struct ad_snapshot *snapshot, const struct ad_runtime *runtime,
                            uint64_t *real_ret)
{
    uint64_t newest = 0;
    for (uint64_t i = 0; i < runtime->worker_count; i++) {
        const struct ad_worker *worker = ad_snapshot_worker(snapshot, (uint32_t)(runtime->first_worker + i));
        if (worker->last_tick <= newest)
            continue;
        newest = worker->last_tick;
        *real_ret = worker->last_tick_real;
    }
    return newest;
}

static uint64_t newest_task_time(const struct ad_layout *layout, uint64_t now)
{
    uint64_t bound = now && now < UINT64_MAX - TRUSTED_AHEAD ? now + TRUSTED_AHEAD : UINT64_MAX;
    for (uint32_t i = layout->first_task; i < layout->snapshot->tasks.count; i++) {
        const struct ad_task *task = ad_snapshot_task(layout->snapshot, i);
        const uint64_t times[] = {task->spawned_at, task->resumed_at, task->suspended_at, task->ready_since};
        for (size_t k = 0; k < sizeof(times) / sizeof(*times); k++)
            if (times[k] > now && times[k] < bound)
                now = times[k];
    }
    return now;
}

/* Whether some worker waits for events, and so keeps its clocks fresh. */
static bool idles(const struct ad_snapshot *snapshot, const struct ad_runtime *runtime)
{
    for (uint64_t i = 0; i < runtime->worker_count; i++) {
        const struct ad_worker *worker = ad_snapshot_worker(snapshot, (uint32_t)(runtime->first_worker + i));
        if (worker->state == ASYNC_DEBUG_WORKER_STATE_POLLING || worker->state == ASYNC_DEBUG_WORKER_STATE_NONE)
            return true;
    }
    return false;
}

/* Ages come from the target's own clocks: of a live process the clock itself; of a core the newest time in
   it, since idle workers tick. When they do not, the wall clock tells how long ago the last tick was. */
static struct ad_error *tell_time(const struct ad_layout *layout, const struct ad_runtime *runtime)
{
    struct ad_snapshot *snapshot = layout->snapshot;
    const struct ad_target *target = layout->target;
    if (target->monotonic) {
        snapshot->now = target->monotonic;
        return NULL;
    }
    uint64_t real = 0, tick = newest_tick(snapshot, runtime, &real), now = tick;
    if (!runtime->tick_interval && tick && real && target->realtime > real &&
        !ad_add(tick, target->realtime - real, &now))
        now = tick;
    now = newest_task_time(layout, now);
    if (now > snapshot->now)
        snapshot->now = now;
    if (!tick || idles(snapshot, runtime))
        return NULL;
    return ad_snapshot_lose(snapshot, false, 0,
                            "no worker was idle, so nothing tells how late it was: tasks may be older than "
                            "they are said to be");
}

/* ---- All together -------------------------------------------------------------------------------- */

static struct ad_error *add_runtime(struct ad_layout *layout, const char *found_by)
{
    const struct async_debug_descriptor *descriptor = &layout->descriptor;
    struct ad_snapshot *snapshot = layout->snapshot;
    struct ad_runtime runtime = {
        .descriptor = layout->address,
        .bridge = descriptor->bridge,
        .entry_low = descriptor->entry_low,
        .entry_high = descriptor->entry_high,
        .code_low = descriptor->code_low,
        .code_high = descriptor->code_high,
        .tasks_declared = UINT64_MAX,
        .tasks_spawned = UINT64_MAX,
        .tasks_finished = UINT64_MAX,
        .first_worker = snapshot->workers.count,
        .first_task = layout->first_task,
    };
    runtime.name = ad_pool_text(&snapshot->pool, descriptor->runtime,
                                strnlen(descriptor->runtime, sizeof(descriptor->runtime)));
    runtime.version = ad_pool_text(&snapshot->pool, descriptor->runtime_version,
                                   strnlen(descriptor->runtime_version, sizeof(descriptor->runtime_version)));
    runtime.hidden_prefixes =
        ad_pool_text(&snapshot->pool, descriptor->hidden_prefixes,
                     strnlen(descriptor->hidden_prefixes, sizeof(descriptor->hidden_prefixes)));
    AD_TRY(ad_snapshot_text(snapshot, found_by, &runtime.found_by));
    if (!runtime.name || !runtime.version || !runtime.hidden_prefixes)
        return &ad_error_nomem;
    return ad_vector_push(&snapshot->runtimes, &runtime);
}

static struct ad_error *read_runtime(struct ad_layout *layout)
{
    AD_TRY(ad_layout_workers(layout));
    AD_TRY(ad_layout_tasks(layout));
    AD_TRY(ad_layout_settle(layout));
    const struct ad_runtime *runtime = &AD_ITEMS(struct ad_runtime, &layout->snapshot->runtimes)[layout->runtime];
    resolve(layout);
    ad_layout_ready(layout);
    AD_TRY(ad_layout_contexts(layout));
    AD_TRY(ad_layout_futures(layout));
    AD_TRY(ad_layout_history(layout));
    AD_TRY(tell_time(layout, runtime));
    AD_TRY(reconcile(layout, runtime));
    AD_TRY(tell_roads(layout, runtime));
    return tell_tallies(layout);
}

void ad_layout_deinit(struct ad_layout *layout)
{
    ad_vector_deinit(&layout->roads);
    ad_vector_deinit(&layout->links);
    ad_vector_deinit(&layout->places);
    ad_vector_deinit(&layout->ready);
    ad_vector_deinit(&layout->visited);
    ad_vector_deinit(&layout->noted);
    ad_map_deinit(&layout->noted_at);
    free(layout->block.bytes);
    ad_map_deinit(&layout->labels_at);
    ad_map_deinit(&layout->task_at);
    ad_map_deinit(&layout->worker_at);
    ad_map_deinit(&layout->place_at);
}

void ad_layout_init(struct ad_layout *layout, struct ad_target *target, uint64_t address,
                    const struct ad_limits *limits, struct ad_snapshot *snapshot)
{
    *layout = (struct ad_layout){
        .target = target,
        .limits = limits,
        .snapshot = snapshot,
        .address = address,
        .runtime = (uint32_t)snapshot->runtimes.count,
        .roads = AD_VECTOR(struct ad_road),
        .links = AD_VECTOR(struct ad_links),
        .first_task = (uint32_t)snapshot->tasks.count,
        .first_future = (uint32_t)snapshot->futures.count,
        .places = AD_VECTOR(struct ad_place),
        .ready = AD_VECTOR(struct ad_ready_list),
        .visited = AD_VECTOR(uint64_t),
        .noted = AD_VECTOR(uint8_t),
        .extra_steps = limits->list_steps,
    };
}

struct ad_error *ad_layout_begin(struct ad_layout *layout, const char *found_by)
{
    AD_TRY(ad_layout_descriptor(layout));
    return add_runtime(layout, found_by);
}

struct ad_error *ad_layout_read(struct ad_target *target, uint64_t address, const char *found_by,
                                const struct ad_limits *limits, struct ad_snapshot *snapshot)
{
    return ad_layout_visit(target, address, found_by, limits, NULL, snapshot);
}

struct ad_error *ad_layout_visit(struct ad_target *target, uint64_t address, const char *found_by,
                                 const struct ad_limits *limits, const struct ad_stack_visitor *visitor,
                                 struct ad_snapshot *snapshot)
{
    ad_cleanup(ad_layout_deinit) struct ad_layout layout;
    ad_layout_init(&layout, target, address, limits, snapshot);
    layout.visitor = visitor;
    AD_TRY(ad_layout_begin(&layout, found_by));
    if (!layout.descriptor.process)
        return ad_snapshot_lose(snapshot, false, 0, "a runtime was found that has not been started");
    return read_runtime(&layout);
}
