/* SPDX-License-Identifier: MIT */
#include "future.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "clock.h"
#include "worker.h"

void async_future_init(struct async_future *future, enum async_future_kind kind,
                       enum async_future_state state, void *object)
{
    *future = (struct async_future){
        .magic = ASYNC_FUTURE_MAGIC,
        .kind = kind,
        .state = state,
        .object = object,
        .fd = -1,
        .created_at = async_clock_coarse(),
    };
    future->last = &future->waiters;
}

void async_future_deinit(struct async_future *future)
{
    assert(!future->waiters);
    future->magic = ASYNC_DEAD_MAGIC;
}

/* The waiter is complete before the one store that makes it part of the queue. */
static void append(struct async_future *future, struct async_waiter *waiter)
{
    waiter->link = future->last;
    async_publish(future->last, waiter);
    future->last = &waiter->next;
    future->waiter_count++;
}

/* The forward road skips the waiter with one store. */
static void take_out(struct async_waiter *waiter)
{
    struct async_future *future = waiter->future;
    async_publish(waiter->link, waiter->next);
    if (waiter->next)
        waiter->next->link = waiter->link;
    else
        future->last = waiter->link;
    future->waiter_count--;
}

int64_t async_future_await(struct async_future *future, void *data)
{
    struct async_worker *worker = async_worker_self();
    struct async_task *task = worker->current;
    struct async_waiter waiter = {
        .magic = ASYNC_WAITER_MAGIC,
        .task = task,
        .future = future,
        .since = async_worker_read_clock(worker),
        .data = data,
    };
    async_change_begin(&worker->changes);
    append(future, &waiter);
    async_publish(&task->waiters, &waiter);
    async_publish(&task->awaits, future);
    async_change_end(&worker->changes);
    async_suspend(ASYNC_TASK_WAITING);
    return waiter.result;
}

void async_waiter_wake(struct async_waiter *waiter, int64_t result)
{
    struct async_task *task = waiter->task;
    struct async_worker *worker = task->worker;
    waiter->result = result;
    async_change_begin(&worker->changes);
    task->ready_since = async_clock_coarse();
    async_publish(&task->state, ASYNC_TASK_READY);
    async_publish(&task->awaits, NULL);
    async_publish(&task->waiters, NULL);
    take_out(waiter);
    waiter->magic = ASYNC_DEAD_MAGIC;
    async_worker_queue(worker, task);
    async_change_end(&worker->changes);
}

bool async_future_wake(struct async_future *future, int64_t result)
{
    if (!future->waiters)
        return false;
    async_waiter_wake(future->waiters, result);
    return true;
}

void async_future_wake_all(struct async_future *future, int64_t result)
{
    while (async_future_wake(future, result))
        ;
}

void *async_object_create(size_t size, const char *name, const char **name_ret)
{
    size_t length = strlen(name ? name : "") + 1;
    char *object = calloc(1, size + length);
    if (!object)
        return NULL;
    memcpy(object + size, name ? name : "", length);
    *name_ret = object + size;
    return object;
}
