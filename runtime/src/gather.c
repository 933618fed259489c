/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "async_debug.h"
#include "diagnose.h"
#include "schedule.h"
#include "worker.h"

/* One future over the ends of several tasks; on the stack of the task that waits for it. */
struct gathering {
    struct async_future future;    /* count: ends still to come before the wait is over */
    struct async_waiter *children; /* one for each task */
};

/* A task has ended. Its join future's lock is held, and this future's comes after. */
static void on_end(struct async_waiter *child, int64_t result)
{
    struct gathering *gathering = child->data;
    struct async_future *future = &gathering->future;
    (void)result;
    async_lock(future->lock);
    if (future->count && --future->count == 0) {
        future->state = ASYNC_FUTURE_RESOLVED;
        async_future_wake(future, 0);
    }
    async_unlock(future->lock);
}

static void enter(struct gathering *gathering, struct async_waiter *child, struct async_task *task)
{
    *child = (struct async_waiter){
        .magic = ASYNC_WAITER_MAGIC,
        .task = async_self(),
        .future = &task->join,
        .data = gathering,
        .notify = on_end,
        .since = gathering->future.created_at,
        .sibling = gathering->future.children,
    };
    async_lock(task->join.lock);
    if (task->join.state == ASYNC_FUTURE_PENDING)
        async_waiter_enter(child, &task->join);
    else
        on_end(child, 0);
    async_unlock(task->join.lock);
    async_publish(&gathering->future.children, child);
}

static int await_count(struct gathering *gathering)
{
    async_lock(gathering->future.lock);
    if (gathering->future.count)
        return (int)async_future_await(&gathering->future, NULL);
    async_unlock(gathering->future.lock);
    return 0;
}

/* Waits until so many of the tasks have ended. */
static int await_ends(struct async_task **tasks, size_t task_count, enum async_future_kind kind, size_t count)
{
    struct gathering gathering = {.children = calloc(task_count, sizeof(struct async_waiter))};
    if (!gathering.children)
        return UV_ENOMEM;
    async_future_init(&gathering.future, kind, ASYNC_FUTURE_PENDING, NULL);
    gathering.future.count = count;
    for (size_t i = task_count; i-- > 0;)
        enter(&gathering, &gathering.children[i], tasks[i]);
    int interrupted = await_count(&gathering);
    for (size_t i = 0; i < task_count; i++)
        async_waiter_leave(&gathering.children[i]);
    async_publish(&gathering.future.children, NULL);
    async_future_deinit(&gathering.future);
    free(gathering.children);
    return interrupted;
}

static bool has_ended(struct async_task *task)
{
    async_lock(task->join.lock);
    bool ended = task->join.state != ASYNC_FUTURE_PENDING;
    async_unlock(task->join.lock);
    return ended;
}

static void give_handles_back(struct async_task **tasks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        async_task_settle_handle(tasks[i], 0);
}

/* All handles, or none. */
static bool take_handles(struct async_task **tasks, size_t count)
{
    struct async_task *self = async_self();
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == self || !async_is_task(tasks[i]) || !async_task_take_handle(tasks[i])) {
            give_handles_back(tasks, i);
            return false;
        }
    }
    return true;
}

int async_gather(struct async_task **tasks, size_t count, int *results)
{
    async_schedule_point();
    if (!async_self() || (!tasks && count) || !take_handles(tasks, count))
        return async_refused(UV_EINVAL);
    int error = count ? await_ends(tasks, count, ASYNC_FUTURE_ALL, count) : 0;
    if (error) {
        give_handles_back(tasks, count);
        return error;
    }
    for (size_t i = 0; i < count; i++) {
        int result = tasks[i]->result;
        if (results)
            results[i] = result;
        error = error ? error : result < 0 ? result : 0;
        async_task_settle_handle(tasks[i], ASYNC_DEBUG_TASK_RETRIEVED);
    }
    return error;
}

int async_first(struct async_task **tasks, size_t count, size_t *index_ret)
{
    async_schedule_point();
    if (!async_self() || !tasks || !count || !index_ret || !take_handles(tasks, count))
        return async_refused(UV_EINVAL);
    int error = await_ends(tasks, count, ASYNC_FUTURE_SELECT, 1);
    for (size_t i = count; !error && i-- > 0;) {
        if (has_ended(tasks[i]))
            *index_ret = i;
    }
    give_handles_back(tasks, count);
    return error;
}
