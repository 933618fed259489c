/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/cleanup.h"
#include "findings/rules.h"

/* Whether the worker has nothing to do, and has turned since: what was to wake a task then never will. */
static bool idles_since(const struct ad_work *work, uint32_t index, uint64_t since)
{
    const struct ad_worker *worker = ad_work_worker(work, index);
    return worker && worker->state == ASYNC_DEBUG_WORKER_STATE_POLLING && worker->last_tick > since;
}

static bool ended(const struct ad_future *future)
{
    return future->state >= ASYNC_DEBUG_FUTURE_STATE_RESOLVED &&
           future->state <= ASYNC_DEBUG_FUTURE_STATE_CLOSED;
}

/* Whether a channel has what its waiters wait for. Of a semaphore it is not known how many permits they want,
   but none wants more than all. */
static bool available(const struct ad_future *future)
{
    switch (future->kind) {
    case ASYNC_DEBUG_KIND_CHANNEL_RECEIVE:
        return future->capacity && future->count && future->count <= future->capacity;
    case ASYNC_DEBUG_KIND_CHANNEL_SEND:
        return future->capacity && future->count < future->capacity;
    case ASYNC_DEBUG_KIND_SEMAPHORE:
        return future->capacity && future->count >= future->capacity;
    default:
        return false;
    }
}

/* Kinds that wake whom they have in their queue, and nobody else. */
static bool wakes_its_queue(const struct ad_future *future)
{
    return (future->kind >= ASYNC_DEBUG_KIND_MUTEX && future->kind <= ASYNC_DEBUG_KIND_JOIN) ||
           future->kind == ASYNC_DEBUG_KIND_PROMISE;
}

/* By task: whether what it waits for has it among its waiters. */
static uint8_t *find_listed(const struct ad_snapshot *snapshot)
{
    uint8_t *listed = calloc(snapshot->tasks.count + 1, 1);
    const struct ad_future *futures = snapshot->futures.items;
    const uint32_t *waiters = snapshot->waiters.items;
    for (uint32_t i = 0; listed && i < snapshot->futures.count; i++) {
        uint64_t end = (uint64_t)futures[i].first_waiter + futures[i].waiter_count;
        for (uint64_t k = futures[i].first_waiter; k < end && k < snapshot->waiters.count; k++)
            if (waiters[k] < snapshot->tasks.count &&
                AD_ITEMS(struct ad_task, &snapshot->tasks)[waiters[k]].future == i)
                listed[waiters[k]] = 1;
    }
    return listed;
}

static enum ad_finding_reason reason_of(const struct ad_work *work, const struct ad_task *task,
                                        const struct ad_future *future, bool listed)
{
    if (ended(future))
        return AD_REASON_COMPLETED;
    if (future->kind == ASYNC_DEBUG_KIND_TIMER)
        return ad_lasts(work, future->deadline, AD_SOON_NS) &&
                       idles_since(work, task->worker, future->deadline)
                   ? AD_REASON_OVERDUE
                   : AD_REASON_NONE;
    if (available(future))
        return AD_REASON_AVAILABLE;
    return wakes_its_queue(future) && !listed ? AD_REASON_UNLISTED : AD_REASON_NONE;
}

static struct ad_error *look_at_waiting(struct ad_work *work, uint32_t index, bool listed)
{
    const struct ad_task *task = ad_work_task(work, index);
    const struct ad_future *future = ad_work_future(work, task->future);
    if (!future || !ad_lasts(work, task->suspended_at, AD_SOON_NS) ||
        !idles_since(work, task->worker, task->suspended_at))
        return NULL;
    struct ad_finding finding =
        ad_finding_of(AD_FINDING_LOST_WAKEUP, AD_SEVERITY_ERROR, AD_CONFIDENCE_CERTAIN);
    finding.reason = reason_of(work, task, future, listed);
    finding.future = task->future;
    return finding.reason ? ad_gather(work, task->future, &finding, index, task->suspended_at) : NULL;
}

/* Ready, and a worker that waits for events instead of running it. The worker may not have been told, or has
   forgotten; which of the two, its clock tells. */
static struct ad_error *look_at_ready(struct ad_work *work, uint32_t index)
{
    const struct ad_task *task = ad_work_task(work, index);
    uint32_t on = task->ready_on != AD_NONE ? task->ready_on : task->worker;
    if (!ad_lasts(work, task->ready_since, AD_SOON_NS) || !idles_since(work, on, 0))
        return NULL;
    bool turned = idles_since(work, on, task->ready_since);
    struct ad_finding finding =
        ad_finding_of(AD_FINDING_LOST_WAKEUP, turned ? AD_SEVERITY_ERROR : AD_SEVERITY_WARNING,
                      turned ? AD_CONFIDENCE_CERTAIN : AD_CONFIDENCE_LIKELY);
    finding.reason = AD_REASON_NOT_RUN;
    finding.worker = on;
    return ad_gather(work, on, &finding, index, task->ready_since);
}

struct ad_error *ad_find_lost_wakeups(struct ad_work *work)
{
    const struct ad_task *task;
    ad_auto_free uint8_t *listed = find_listed(work->snapshot);
    if (!listed)
        return &ad_error_nomem;
    for (uint32_t i = 0; (task = ad_work_task(work, i)); i++) {
        if (!ad_task_settled(work, task))
            continue;
        if (task->state == ASYNC_DEBUG_STATE_WAITING)
            AD_TRY(look_at_waiting(work, i, listed[i]));
        else if (task->state == ASYNC_DEBUG_STATE_READY)
            AD_TRY(look_at_ready(work, i));
    }
    return NULL;
}
