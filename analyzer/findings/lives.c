/* SPDX-License-Identifier: MIT */
/* What is wrong with the lives of tasks: how they begin, fail and are to end. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "findings/rules.h"

/* ---- Asked to end --------------------------------------------------------------------------------- */

static bool ignores(const struct ad_work *work, const struct ad_task *task)
{
    return !ad_task_ended(task) && !(task->flags & ASYNC_DEBUG_TASK_SYSTEM) &&
           (task->cancel_state == ASYNC_DEBUG_CANCEL_REQUESTED ||
            task->cancel_state == ASYNC_DEBUG_CANCEL_DELIVERED) &&
           ad_lasts(work, task->cancel_at, AD_LONG_NS);
}

/* Who waits for another one that does not end either is not to blame. */
static struct ad_error *look_at_cancelled(struct ad_work *work, uint32_t index, const struct ad_task *task)
{
    const struct ad_task *next = ad_work_task(work, work->graph->next[index]);
    if (!ignores(work, task) || (next && ignores(work, next)))
        return NULL;
    const struct ad_finding finding =
        ad_finding_of(AD_FINDING_CANCEL_IGNORED, AD_SEVERITY_WARNING, AD_CONFIDENCE_CERTAIN);
    return ad_gather(work, task->start_function, &finding, index, task->cancel_at);
}

/* ---- Failed --------------------------------------------------------------------------------------- */

/* By task: whether somebody waits for its end. */
static uint8_t *find_joined(const struct ad_snapshot *snapshot)
{
    uint8_t *joined = calloc(snapshot->tasks.count + 1, 1);
    const struct ad_future *futures = snapshot->futures.items;
    for (size_t i = 0; joined && i < snapshot->futures.count; i++)
        if (futures[i].kind == ASYNC_DEBUG_KIND_JOIN && futures[i].owner < snapshot->tasks.count)
            joined[futures[i].owner] = 1;
    return joined;
}

/* A parent that waits for others of its tasks in turn will come to this one. */
static bool parent_collects(const struct ad_work *work, const struct ad_task *task)
{
    const struct ad_task *parent = ad_work_task(work, task->parent);
    const struct ad_future *future =
        parent && parent->state == ASYNC_DEBUG_STATE_WAITING ? ad_work_future(work, parent->future) : NULL;
    return future && (future->kind == ASYNC_DEBUG_KIND_JOIN || future->kind == ASYNC_DEBUG_KIND_ALL ||
                      future->kind == ASYNC_DEBUG_KIND_SELECT || future->kind == ASYNC_DEBUG_KIND_GROUP);
}

static struct ad_error *look_at_failed(struct ad_work *work, uint32_t index, const struct ad_task *task)
{
    if (task->state != ASYNC_DEBUG_STATE_FAILED || !ad_lasts(work, task->suspended_at, AD_LONG_NS) ||
        task->flags & (ASYNC_DEBUG_TASK_RETRIEVED | ASYNC_DEBUG_TASK_DETACHED))
        return NULL;
    bool note = parent_collects(work, task);
    const struct ad_finding finding =
        ad_finding_of(AD_FINDING_UNSEEN_FAILURE, note ? AD_SEVERITY_NOTE : AD_SEVERITY_WARNING,
                      note ? AD_CONFIDENCE_POSSIBLE : AD_CONFIDENCE_LIKELY);
    return ad_gather(work, task->start_function, &finding, index, task->suspended_at);
}

/* ---- Not begun ------------------------------------------------------------------------------------ */

static struct ad_error *look_at_created(struct ad_work *work, uint32_t index, const struct ad_task *task)
{
    if (task->state != ASYNC_DEBUG_STATE_CREATED || task->ready_on != AD_NONE ||
        !ad_lasts(work, task->spawned_at, AD_LONG_NS))
        return NULL;
    const struct ad_finding finding =
        ad_finding_of(AD_FINDING_NEVER_STARTED, AD_SEVERITY_WARNING, AD_CONFIDENCE_LIKELY);
    return ad_gather(work, task->start_function, &finding, index, task->spawned_at);
}

struct ad_error *ad_find_lives(struct ad_work *work)
{
    const struct ad_task *task;
    ad_auto_free uint8_t *joined = find_joined(work->snapshot);
    if (!joined)
        return &ad_error_nomem;
    for (uint32_t i = 0; (task = ad_work_task(work, i)); i++) {
        if (!ad_task_settled(work, task))
            continue;
        AD_TRY(look_at_cancelled(work, i, task));
        AD_TRY(look_at_created(work, i, task));
        if (!joined[i])
            AD_TRY(look_at_failed(work, i, task));
    }
    return NULL;
}
