/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cleanup.h"
#include "runtimes/layout_internal.h"

static struct ad_error *add_road(struct ad_layout *layout, const struct ad_record *record, unsigned tasks,
                                 unsigned slabs, unsigned slab_count, uint32_t worker)
{
    const struct async_debug_record *task = &layout->descriptor.records[ASYNC_DEBUG_TASK];
    struct ad_road road = {.worker = worker};
    if (layout->has_list && ad_record_has(record, tasks))
        ad_record_head(record, tasks, task, ASYNC_DEBUG_TASK_NEXT, &road.first, &road.head);
    if (layout->has_index && ad_record_has(record, slabs)) {
        road.slabs = ad_record_value(record, slabs);
        road.slab_count = ad_record_value(record, slab_count);
    }
    return ad_vector_push(&layout->roads, &road);
}

/* A run queue, or (with no `count`) an inbox. */
static struct ad_error *add_ready(struct ad_layout *layout, const struct ad_record *record, unsigned head,
                                  unsigned count, uint32_t worker)
{
    const struct async_debug_record *task = &layout->descriptor.records[ASYNC_DEBUG_TASK];
    struct ad_ready_list list = {.worker = worker, .inbox = head == ASYNC_DEBUG_WORKER_INBOX};
    if (!ad_record_has(record, head) || task->field[ASYNC_DEBUG_TASK_READY_NEXT].encoding == ASYNC_DEBUG_ABSENT)
        return NULL;
    list.counted = ad_record_has(record, count);
    list.declared = ad_record_value(record, count);
    ad_record_head(record, head, task, ASYNC_DEBUG_TASK_READY_NEXT, &list.first, &list.head);
    return ad_vector_push(&layout->ready, &list);
}

static uint32_t find_thread(const struct ad_snapshot *snapshot, pid_t tid)
{
    const struct ad_thread_state *threads = snapshot->threads.items;
    for (uint32_t i = 0; tid && i < snapshot->threads.count; i++)
        if ((threads[i].thread.own_tid ? threads[i].thread.own_tid : threads[i].thread.tid) == tid)
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
        .switches = ad_record_value(record, ASYNC_DEBUG_WORKER_SWITCHES),
        .loop = ad_record_value(record, ASYNC_DEBUG_WORKER_LOOP),
        .context = ad_record_value(record, ASYNC_DEBUG_WORKER_CONTEXT),
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
    AD_TRY(add_ready(layout, record, ASYNC_DEBUG_WORKER_READY, ASYNC_DEBUG_WORKER_READY_COUNT, index));
    AD_TRY(add_ready(layout, record, ASYNC_DEBUG_WORKER_INBOX, ASYNC_DEBUG_FIELDS, index));
    return add_road(layout, record, ASYNC_DEBUG_WORKER_TASKS, ASYNC_DEBUG_WORKER_SLABS,
                    ASYNC_DEBUG_WORKER_SLAB_COUNT, index);
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

static void fill_process(struct ad_layout *layout, const struct ad_record *process)
{
    struct ad_runtime *runtime = &AD_ITEMS(struct ad_runtime, &layout->snapshot->runtimes)[layout->runtime];
    runtime->tasks_spawned = ad_record_value_or(process, ASYNC_DEBUG_PROCESS_TASKS_SPAWNED, UINT64_MAX);
    runtime->tasks_finished = ad_record_value_or(process, ASYNC_DEBUG_PROCESS_TASKS_FINISHED, UINT64_MAX);
    runtime->debug_flags = ad_record_value(process, ASYNC_DEBUG_PROCESS_DEBUG_FLAGS);
    runtime->slow_step = ad_record_value(process, ASYNC_DEBUG_PROCESS_SLOW_STEP);
    runtime->tick_interval = ad_record_value(process, ASYNC_DEBUG_PROCESS_TICK_INTERVAL);
    runtime->started_at = ad_record_value(process, ASYNC_DEBUG_PROCESS_STARTED_AT);
    runtime->pid = (pid_t)ad_record_value(process, ASYNC_DEBUG_PROCESS_PID);
    runtime->changing |= ad_record_value(process, ASYNC_DEBUG_PROCESS_CHANGES) & 1;
    runtime->tasks_declared = count_declared(layout, process);
    layout->books = (struct ad_books){
        .history = ad_record_value(process, ASYNC_DEBUG_PROCESS_HISTORY),
        .history_capacity = ad_record_value(process, ASYNC_DEBUG_PROCESS_HISTORY_CAPACITY),
        .history_count = ad_record_value(process, ASYNC_DEBUG_PROCESS_HISTORY_COUNT),
        .handles = ad_record_link(process, ASYNC_DEBUG_PROCESS_HANDLES,
                                  &layout->descriptor.records[ASYNC_DEBUG_HANDLE], ASYNC_DEBUG_HANDLE_NEXT),
        .functions =
            ad_record_link(process, ASYNC_DEBUG_PROCESS_FUNCTIONS,
                           &layout->descriptor.records[ASYNC_DEBUG_FUNCTION], ASYNC_DEBUG_FUNCTION_NEXT),
    };
    runtime->history_count = layout->books.history_count;
}

struct ad_error *ad_layout_workers(struct ad_layout *layout)
{
    ad_auto_record struct ad_record process = {0};
    AD_TRY(ad_record_init(&process, layout, ASYNC_DEBUG_PROCESS));
    if (!ad_record_fetch(&process, layout, layout->descriptor.process))
        return ad_error_create(AD_ERROR_FAULT, "the runtime's process record at 0x%llx cannot be read",
                               (unsigned long long)layout->descriptor.process);
    AD_TRY(add_road(layout, &process, ASYNC_DEBUG_PROCESS_TASKS, ASYNC_DEBUG_PROCESS_SLABS,
                    ASYNC_DEBUG_PROCESS_SLAB_COUNT, AD_NONE));
    AD_TRY(read_workers(layout, &process));
    fill_process(layout, &process);
    return NULL;
}
