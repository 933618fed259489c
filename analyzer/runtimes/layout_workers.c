/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cleanup.h"
#include "runtimes/layout_internal.h"

/* The head of a task list: a pointer to the first task, or a link embedded in the record, which a ring of
   links leads back to. */
static void read_head(const struct ad_record *record, const struct ad_layout *layout, unsigned field,
                      struct ad_road *road)
{
    const struct async_debug_record *task = &layout->descriptor.records[ASYNC_DEBUG_TASK];
    const struct async_debug_field *head = &record->shape->field[field];
    road->first = ad_record_link(record, field, task, ASYNC_DEBUG_TASK_NEXT);
    uint64_t link = record->address + head->offset;
    bool to_field = head->flags & ASYNC_DEBUG_LINK_TO_FIELD;
    road->head = to_field ? link - task->field[ASYNC_DEBUG_TASK_NEXT].offset : link;
    if (head->encoding != ASYNC_DEBUG_EMBEDDED)
        return;
    uint64_t first = 0;
    if (head->offset <= record->got && sizeof(first) <= record->got - head->offset)
        memcpy(&first, record->bytes + head->offset, sizeof(first));
    road->first = first && to_field ? first - task->field[ASYNC_DEBUG_TASK_NEXT].offset : first;
}

static struct ad_error *add_road(struct ad_layout *layout, const struct ad_record *record, unsigned tasks,
                                 unsigned slabs, unsigned slab_count)
{
    struct ad_road road = {0};
    if (layout->has_list && ad_record_has(record, tasks))
        read_head(record, layout, tasks, &road);
    if (layout->has_index && ad_record_has(record, slabs)) {
        road.slabs = ad_record_value(record, slabs);
        road.slab_count = ad_record_value(record, slab_count);
    }
    return ad_vector_push(&layout->roads, &road);
}

static uint32_t find_thread(const struct ad_snapshot *snapshot, pid_t tid)
{
    const struct ad_thread_state *threads = snapshot->threads.items;
    for (uint32_t i = 0; tid && i < snapshot->threads.count; i++)
        if (threads[i].thread.tid == tid)
            return i;
    return AD_NONE;
}

static struct ad_error *fill_worker(struct ad_layout *layout, const struct ad_record *record,
                                    struct ad_worker *worker)
{
    uint64_t state = ad_record_value(record, ASYNC_DEBUG_WORKER_STATE);
    *worker = (struct ad_worker){
        .id = (uint32_t)ad_record_value(record, ASYNC_DEBUG_WORKER_ID),
        .address = record->address,
        .runtime = layout->runtime,
        .thread_id = (pid_t)ad_record_value(record, ASYNC_DEBUG_WORKER_THREAD),
        .state = (enum async_debug_worker_state_class)ad_name_meaning(&layout->worker_states, state),
        .state_name = ad_name_text(&layout->worker_states, state),
        .current = AD_NONE,
        .current_address = ad_record_value(record, ASYNC_DEBUG_WORKER_CURRENT),
        .ready_count = ad_record_value(record, ASYNC_DEBUG_WORKER_READY_COUNT),
        .timer_count = ad_record_value(record, ASYNC_DEBUG_WORKER_TIMER_COUNT),
        .next_timer = ad_record_value(record, ASYNC_DEBUG_WORKER_NEXT_TIMER),
        .last_tick = ad_record_value(record, ASYNC_DEBUG_WORKER_LAST_TICK),
        .last_tick_real = ad_record_value(record, ASYNC_DEBUG_WORKER_LAST_TICK_REAL),
        .ticks = ad_record_value(record, ASYNC_DEBUG_WORKER_TICKS),
        .tasks_alive = ad_record_value_or(record, ASYNC_DEBUG_WORKER_TASKS_ALIVE, UINT64_MAX),
    };
    worker->thread = find_thread(layout->snapshot, worker->thread_id);
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_WORKER_NAME, &worker->name));
    worker->name = worker->name ? worker->name : "";
    return NULL;
}

static struct ad_error *add_worker(struct ad_layout *layout, const struct ad_record *record)
{
    struct ad_snapshot *snapshot = layout->snapshot;
    struct ad_runtime *runtime = &AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[layout->runtime];
    uint32_t index = (uint32_t)snapshot->workers.count;
    struct ad_worker *worker;
    AD_TRY(ad_vector_add(&snapshot->workers, (void **)&worker));
    AD_TRY(fill_worker(layout, record, worker));
    if (worker->thread != AD_NONE)
        AD_ITEMS(struct ad_thread_state, &snapshot->threads)[worker->thread].worker = index;
    runtime->worker_count++;
    runtime->changing |= ad_record_value(record, ASYNC_DEBUG_WORKER_CHANGES) & 1;
    AD_TRY(ad_map_put(&layout->worker_at, record->address, index));
    return add_road(layout, record, ASYNC_DEBUG_WORKER_TASKS, ASYNC_DEBUG_WORKER_SLABS,
                    ASYNC_DEBUG_WORKER_SLAB_COUNT);
}

/* One entry of the array; a worker that cannot be read costs its tasks, not the others'. */
static struct ad_error *read_worker(struct ad_layout *layout, uint64_t entry, struct ad_record *record)
{
    uint64_t address;
    if (ad_target_read_some(layout->target, entry, &address, sizeof(address)) != sizeof(address)) {
        ad_layout_tally(layout, AD_TALLY_WORKERS, entry);
        return NULL;
    }
    if (!address || ad_map_has(&layout->worker_at, address))
        return NULL;
    if (!ad_record_fetch(record, layout, address)) {
        ad_layout_tally(layout, AD_TALLY_WORKERS, address);
        return NULL;
    }
    return add_worker(layout, record);
}

static struct ad_error *read_workers(struct ad_layout *layout, const struct ad_record *process)
{
    ad_auto_record struct ad_record record = {0};
    uint64_t array = ad_record_value(process, ASYNC_DEBUG_PROCESS_WORKERS);
    uint64_t count = ad_record_value(process, ASYNC_DEBUG_PROCESS_WORKER_COUNT);
    uint64_t bytes;
    struct ad_range range;
    AD_TRY(ad_record_init(&record, layout, ASYNC_DEBUG_WORKER));
    if (!array || !record.shape->size)
        return NULL;
    if (count > layout->limits->workers) {
        ad_layout_tally(layout, AD_TALLY_WORKERS, array);
        count = layout->limits->workers;
    }
    if (!ad_mul(count, sizeof(uint64_t), &bytes) || !ad_range_init(&range, array, bytes)) {
        ad_layout_tally(layout, AD_TALLY_WORKERS, array);
        return NULL;
    }
    for (; range.start < range.end; range.start += sizeof(uint64_t))
        AD_TRY(read_worker(layout, range.start, &record));
    return NULL;
}

/* How many tasks there should be: the process's count, or the sum of the workers'. */
static uint64_t count_declared(const struct ad_layout *layout, const struct ad_record *process)
{
    const struct ad_snapshot *snapshot = layout->snapshot;
    const struct ad_runtime *runtime = &AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[layout->runtime];
    if (ad_record_has(process, ASYNC_DEBUG_PROCESS_TASKS_ALIVE))
        return ad_record_value(process, ASYNC_DEBUG_PROCESS_TASKS_ALIVE);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < runtime->worker_count; i++) {
        uint64_t alive = ad_snapshot_worker(snapshot, (uint32_t)(runtime->first_worker + i))->tasks_alive;
        if (!ad_add(sum, alive, &sum))
            return UINT64_MAX;
    }
    return runtime->worker_count ? sum : UINT64_MAX;
}

struct ad_error *ad_layout_workers(struct ad_layout *layout)
{
    ad_auto_record struct ad_record process = {0};
    AD_TRY(ad_record_init(&process, layout, ASYNC_DEBUG_PROCESS));
    if (!ad_record_fetch(&process, layout, layout->descriptor.process))
        return ad_error_create(AD_ERROR_FAULT, "the runtime's process record at 0x%llx cannot be read",
                               (unsigned long long)layout->descriptor.process);
    AD_TRY(add_road(layout, &process, ASYNC_DEBUG_PROCESS_TASKS, ASYNC_DEBUG_PROCESS_SLABS,
                    ASYNC_DEBUG_PROCESS_SLAB_COUNT));
    AD_TRY(read_workers(layout, &process));
    struct ad_runtime *runtime = &AD_ITEMS(struct ad_runtime, &layout->snapshot->runtimes)[layout->runtime];
    runtime->tick_interval = ad_record_value(&process, ASYNC_DEBUG_PROCESS_TICK_INTERVAL);
    runtime->changing |= ad_record_value(&process, ASYNC_DEBUG_PROCESS_CHANGES) & 1;
    runtime->tasks_declared = count_declared(layout, &process);
    return NULL;
}
