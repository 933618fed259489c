/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/cleanup.h"
#include "findings/rules.h"

static const struct ad_task *task_at(const struct ad_snapshot *snapshot, uint32_t index)
{
    return &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
}

static const struct ad_future *future_at(const struct ad_snapshot *snapshot, uint32_t index)
{
    return &AD_ITEMS(struct ad_future, &snapshot->futures)[index];
}

static bool is_outside(const struct ad_future *future)
{
    switch (future->kind) {
    case ASYNC_DEBUG_KIND_READ:
    case ASYNC_DEBUG_KIND_WRITE:
    case ASYNC_DEBUG_KIND_ACCEPT:
    case ASYNC_DEBUG_KIND_CONNECT:
    case ASYNC_DEBUG_KIND_POLL:
    case ASYNC_DEBUG_KIND_CLOSE:
    case ASYNC_DEBUG_KIND_WORK:
    case ASYNC_DEBUG_KIND_DNS:
    case ASYNC_DEBUG_KIND_FILE:
    case ASYNC_DEBUG_KIND_SIGNAL:
    case ASYNC_DEBUG_KIND_PROCESS:
        return true;
    default:
        return future->thread != 0;
    }
}

/* Whether something outside is among what a future is made of; a timer is. */
static bool has_outside_child(const struct ad_snapshot *snapshot, const struct ad_future *future)
{
    const uint32_t *children = snapshot->children.items;
    uint64_t end = (uint64_t)future->first_child + future->child_count;
    for (uint64_t i = future->first_child; i < end && i < snapshot->children.count; i++) {
        if (children[i] >= snapshot->futures.count)
            continue;
        const struct ad_future *child = future_at(snapshot, children[i]);
        if (is_outside(child) || child->kind == ASYNC_DEBUG_KIND_TIMER)
            return true;
    }
    return false;
}

/* Futures that something outside ends: found once for each, however many tasks wait for it. */
static uint8_t *find_outside(const struct ad_snapshot *snapshot)
{
    uint8_t *outside = calloc(snapshot->futures.count + 1, 1);
    for (uint32_t i = 0; outside && i < snapshot->futures.count; i++)
        outside[i] =
            is_outside(future_at(snapshot, i)) || has_outside_child(snapshot, future_at(snapshot, i));
    return outside;
}

static void count_waiting(const struct ad_snapshot *snapshot, const struct ad_task *task,
                          const uint8_t *outside, struct ad_tally *tally)
{
    bool known = task->future < snapshot->futures.count;
    enum async_debug_kind_class kind =
        known ? future_at(snapshot, task->future)->kind : ASYNC_DEBUG_KIND_OTHER;
    if (kind == ASYNC_DEBUG_KIND_TIMER) {
        tally->sleeping++;
    } else if (kind == ASYNC_DEBUG_KIND_YIELD) {
        tally->ready++;
    } else if (known && outside[task->future]) {
        tally->outside++;
        if (task->suspended_at && (!tally->oldest || task->suspended_at < tally->oldest))
            tally->oldest = task->suspended_at;
    } else {
        tally->inside++;
        tally->timed += task->deadline != 0;
    }
}

struct ad_error *ad_count_tasks(const struct ad_snapshot *snapshot, struct ad_tally *tally)
{
    ad_auto_free uint8_t *outside = find_outside(snapshot);
    if (!outside)
        return &ad_error_nomem;
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        const struct ad_task *task = task_at(snapshot, i);
        tally->system += (task->flags & ASYNC_DEBUG_TASK_SYSTEM) != 0;
        if (ad_task_ended(task))
            tally->ended++;
        else if (task->state == ASYNC_DEBUG_STATE_RUNNING)
            tally->running++;
        else if (task->state == ASYNC_DEBUG_STATE_WAITING)
            count_waiting(snapshot, task, outside, tally);
        else
            tally->ready++;
    }
    return NULL;
}
