/* SPDX-License-Identifier: MIT */
/* What is used up: channels, the pool of threads, turns on a worker, stacks. */
#include <string.h>

#include "findings/rules.h"

/* A stack that was once so full, in tenths. */
#define NEAR_END_TENTHS 9
/* How far below its stack a task is believed to have come. */
#define OVERFLOW_REACH UINT64_C(0x100000)

/* ---- Channels ------------------------------------------------------------------------------------- */

static bool full(const struct ad_future *future)
{
    return future->kind == ASYNC_DEBUG_KIND_CHANNEL_SEND &&
           future->state == ASYNC_DEBUG_FUTURE_STATE_PENDING && future->count >= future->capacity;
}

static struct ad_error *look_at_sender(struct ad_work *work, uint32_t index, const struct ad_task *task)
{
    const struct ad_future *future = ad_work_future(work, task->future);
    if (!future || !full(future) || ad_is_orphan(work, task->future) ||
        !ad_lasts(work, task->suspended_at, AD_LONG_NS))
        return NULL;
    struct ad_finding finding =
        ad_finding_of(AD_FINDING_CHANNEL_FULL, AD_SEVERITY_WARNING, AD_CONFIDENCE_LIKELY);
    finding.future = task->future;
    return ad_gather(work, task->future, &finding, index, task->suspended_at);
}

/* ---- The pool of threads -------------------------------------------------------------------------- */

static bool is_call(const struct ad_future *future)
{
    return (future->kind == ASYNC_DEBUG_KIND_WORK || future->kind == ASYNC_DEBUG_KIND_FILE) &&
           future->state == ASYNC_DEBUG_FUTURE_STATE_PENDING;
}

/* What the pool of one runtime does. Those whose calls keep the threads are to blame. */
struct pool {
    uint64_t queued;
    uint64_t queued_since;
    uint32_t running[AD_CHAIN_MAX];
    size_t running_count;
};

static void look_at_call(const struct ad_work *work, uint32_t index, struct pool *pool)
{
    const struct ad_task *task = ad_work_task(work, index);
    const struct ad_future *future =
        task->state == ASYNC_DEBUG_STATE_WAITING ? ad_work_future(work, task->future) : NULL;
    if (!future || !is_call(future))
        return;
    if (future->thread) {
        if (pool->running_count < AD_CHAIN_MAX)
            pool->running[pool->running_count++] = index;
        return;
    }
    pool->queued++;
    if (!pool->queued_since || task->suspended_at < pool->queued_since)
        pool->queued_since = task->suspended_at;
}

static struct ad_error *find_busy_pool(struct ad_work *work, const struct ad_runtime *runtime)
{
    struct pool pool = {0};
    uint64_t end = runtime->first_task + runtime->tasks_read;
    for (uint64_t i = runtime->first_task; i < end && i < work->snapshot->tasks.count; i++)
        look_at_call(work, (uint32_t)i, &pool);
    if (!pool.running_count || !ad_lasts(work, pool.queued_since, AD_LONG_NS))
        return NULL;
    struct ad_finding *added;
    struct ad_finding finding =
        ad_finding_of(AD_FINDING_POOL_BUSY, AD_SEVERITY_WARNING, AD_CONFIDENCE_CERTAIN);
    finding.task_count = pool.running_count;
    finding.direct = finding.total = pool.queued;
    finding.since = pool.queued_since;
    AD_TRY(ad_find_add(work, finding, &added));
    memcpy(added->tasks, pool.running, pool.running_count * sizeof(uint32_t));
    return NULL;
}

/* ---- Turns ---------------------------------------------------------------------------------------- */

static struct ad_error *look_at_ready(struct ad_work *work, uint32_t index, const struct ad_task *task)
{
    uint32_t on = task->ready_on != AD_NONE ? task->ready_on : task->worker;
    const struct ad_worker *worker = ad_work_worker(work, on);
    if (!worker || worker->state == ASYNC_DEBUG_WORKER_STATE_POLLING || ad_worker_blocked(work, worker) ||
        !ad_lasts(work, task->ready_since, AD_SOON_NS))
        return NULL;
    struct ad_finding finding = ad_finding_of(AD_FINDING_STARVED, AD_SEVERITY_WARNING, AD_CONFIDENCE_LIKELY);
    finding.worker = on;
    return ad_gather(work, on, &finding, index, task->ready_since);
}

/* ---- Stacks --------------------------------------------------------------------------------------- */

static struct ad_error *look_at_stack(struct ad_work *work, uint32_t index, const struct ad_task *task)
{
    if (!task->stack_size || task->stack_used_max < task->stack_size / 10 * NEAR_END_TENTHS)
        return NULL;
    const struct ad_finding finding =
        ad_finding_of(AD_FINDING_STACK_NEAR_END, AD_SEVERITY_WARNING, AD_CONFIDENCE_CERTAIN);
    uint64_t left = task->stack_size > task->stack_used_max ? task->stack_size - task->stack_used_max : 0;
    return ad_gather(work, task->start_function, &finding, index, left);
}

/* The thread that crashed stands below the stack of the task it ran. */
static struct ad_error *find_overflow(struct ad_work *work)
{
    const struct ad_thread_state *threads = work->snapshot->threads.items;
    for (size_t i = 0; i < work->snapshot->threads.count; i++) {
        const struct ad_worker *worker = ad_work_worker(work, threads[i].worker);
        const struct ad_task *task = worker ? ad_work_task(work, worker->current) : NULL;
        uint64_t sp = threads[i].thread.registers.value[AD_REG_SP];
        if (!threads[i].thread.crashed || !task || !task->stack_low || sp >= task->stack_low ||
            task->stack_low - sp > OVERFLOW_REACH)
            continue;
        struct ad_finding finding =
            ad_finding_of(AD_FINDING_STACK_OVERFLOW, AD_SEVERITY_ERROR, AD_CONFIDENCE_CERTAIN);
        finding.worker = threads[i].worker;
        AD_TRY(ad_gather(work, threads[i].worker, &finding, worker->current, task->resumed_at));
    }
    return NULL;
}

/* ---- All of them ---------------------------------------------------------------------------------- */

struct ad_error *ad_find_limits(struct ad_work *work)
{
    const struct ad_task *task;
    for (uint32_t i = 0; (task = ad_work_task(work, i)); i++) {
        if (!ad_task_settled(work, task))
            continue;
        if (task->state == ASYNC_DEBUG_STATE_WAITING)
            AD_TRY(look_at_sender(work, i, task));
        else if (task->state == ASYNC_DEBUG_STATE_READY)
            AD_TRY(look_at_ready(work, i, task));
        AD_TRY(look_at_stack(work, i, task));
    }
    for (size_t i = 0; i < work->snapshot->runtimes.count; i++)
        AD_TRY(find_busy_pool(work, &AD_ITEMS(struct ad_runtime, &work->snapshot->runtimes)[i]));
    return find_overflow(work);
}
