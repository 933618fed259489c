/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "findings/rules.h"

/* Whether every task that lives is in the snapshot, so that one that is not there has ended. */
static bool all_read(const struct ad_work *work, uint32_t index)
{
    if (index >= work->snapshot->runtimes.count)
        return false;
    const struct ad_runtime *runtime = &AD_ITEMS(struct ad_runtime, &work->snapshot->runtimes)[index];
    return !runtime->changing && runtime->tasks_declared != UINT64_MAX &&
           runtime->tasks_read >= runtime->tasks_declared;
}

bool ad_owner_ended(const struct ad_work *work, const struct ad_future *future)
{
    const struct ad_task *owner = ad_work_task(work, future->owner);
    return owner ? ad_task_ended(owner) : future->owner_id && all_read(work, future->runtime);
}

/* How many of the holders have ended; those that were not read may live. */
static uint32_t holders_ended(const struct ad_work *work, const struct ad_future *future)
{
    const struct ad_holder *holders = work->snapshot->holders.items;
    uint64_t end = (uint64_t)future->first_holder + future->holder_count;
    uint32_t count = 0;
    for (uint64_t i = future->first_holder; i < end && i < work->snapshot->holders.count; i++) {
        const struct ad_task *task = ad_work_task(work, holders[i].task);
        count += task && ad_task_ended(task);
    }
    return count;
}

/* A lock waits for every holder; a permit may come from any, or from somebody else. */
static bool held_by_ended(const struct ad_work *work, const struct ad_future *future)
{
    if (!future->holder_count)
        return ad_owner_ended(work, future);
    uint32_t ended = holders_ended(work, future);
    return future->kind == ASYNC_DEBUG_KIND_SEMAPHORE ? ended == future->holder_count : ended;
}

static enum ad_finding_reason reason_of(const struct ad_work *work, const struct ad_future *future)
{
    switch (future->kind) {
    case ASYNC_DEBUG_KIND_MUTEX:
    case ASYNC_DEBUG_KIND_RWLOCK_READ:
    case ASYNC_DEBUG_KIND_RWLOCK_WRITE:
    case ASYNC_DEBUG_KIND_SEMAPHORE:
        return held_by_ended(work, future) ? AD_REASON_HELD_BY_ENDED : AD_REASON_NONE;
    case ASYNC_DEBUG_KIND_PROMISE:
        return ad_owner_ended(work, future) ? AD_REASON_NO_PRODUCER : AD_REASON_NONE;
    case ASYNC_DEBUG_KIND_CHANNEL_RECEIVE:
        return !future->senders && !future->count ? AD_REASON_NO_PRODUCER : AD_REASON_NONE;
    case ASYNC_DEBUG_KIND_CHANNEL_SEND:
        return !future->receivers ? AD_REASON_NO_CONSUMER : AD_REASON_NONE;
    default:
        return AD_REASON_NONE;
    }
}

static bool pending(const struct ad_future *future)
{
    return future->state == ASYNC_DEBUG_FUTURE_STATE_PENDING ||
           future->state == ASYNC_DEBUG_FUTURE_STATE_NONE;
}

static enum ad_finding_reason orphan_reason(const struct ad_work *work, const struct ad_future *future)
{
    const struct ad_runtime *runtimes = work->snapshot->runtimes.items;
    bool settled = future->runtime < work->snapshot->runtimes.count && !runtimes[future->runtime].changing;
    return settled && pending(future) && !future->thread ? reason_of(work, future) : AD_REASON_NONE;
}

bool ad_is_orphan(const struct ad_work *work, uint32_t future)
{
    return work->orphans[future] != AD_REASON_NONE;
}

/* Only its holder can give a lock back; anybody may keep a promise or release a permit. */
static struct ad_finding orphan_of(const struct ad_future *future, enum ad_finding_reason reason)
{
    bool lock = reason == AD_REASON_HELD_BY_ENDED && future->kind != ASYNC_DEBUG_KIND_SEMAPHORE;
    struct ad_finding finding =
        ad_finding_of(AD_FINDING_ORPHAN, lock ? AD_SEVERITY_ERROR : AD_SEVERITY_WARNING,
                      lock ? AD_CONFIDENCE_CERTAIN : AD_CONFIDENCE_LIKELY);
    finding.reason = reason;
    return finding;
}

/* Once for each future: a lock may have many holders, and many who wait. */
static struct ad_error *find_reasons(struct ad_work *work)
{
    const struct ad_future *future;
    work->orphans = calloc(work->snapshot->futures.count + 1, 1);
    if (!work->orphans)
        return &ad_error_nomem;
    for (uint32_t i = 0; (future = ad_work_future(work, i)); i++)
        work->orphans[i] = (uint8_t)orphan_reason(work, future);
    return NULL;
}

/* By the tasks, not by the queues: those hold some who wait for the first of several. */
struct ad_error *ad_find_orphans(struct ad_work *work)
{
    const struct ad_task *task;
    AD_TRY(find_reasons(work));
    for (uint32_t i = 0; (task = ad_work_task(work, i)); i++) {
        const struct ad_future *future =
            task->state == ASYNC_DEBUG_STATE_WAITING ? ad_work_future(work, task->future) : NULL;
        enum ad_finding_reason reason =
            future ? (enum ad_finding_reason)work->orphans[task->future] : AD_REASON_NONE;
        if (!reason || !ad_lasts(work, task->suspended_at, AD_SOON_NS))
            continue;
        struct ad_finding finding = orphan_of(future, reason);
        finding.future = task->future;
        AD_TRY(ad_gather(work, task->future, &finding, i, task->suspended_at));
    }
    return NULL;
}
