/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "clock.h"
#include "worker.h"

struct async_mutex {
    struct async_future future; /**< its owner holds the mutex */
};

int async_mutex_create(struct async_mutex **mutex_ret, const char *name)
{
    const char *copy;
    struct async_mutex *mutex = async_object_create(sizeof(*mutex), name, &copy);
    if (!mutex)
        return UV_ENOMEM;
    async_future_init(&mutex->future, ASYNC_FUTURE_MUTEX, ASYNC_FUTURE_FREE, mutex);
    mutex->future.name = copy;
    *mutex_ret = mutex;
    return 0;
}

/* The mutex changes hands; NULL frees it. A task that ends while it holds one stays on record, so that
   whoever looks at those who wait finds its name, not a reused slot. */
static void give(struct async_mutex *mutex, struct async_task *task)
{
    struct async_future *future = &mutex->future;
    struct async_task *before = future->owner;
    async_task_pin(task);
    future->owned_since = task ? async_clock_coarse() : 0;
    async_publish(&future->state, task ? ASYNC_FUTURE_HELD : ASYNC_FUTURE_FREE);
    async_publish(&future->owner, task);
    async_task_unpin(before);
}

int async_mutex_try_lock(struct async_mutex *mutex)
{
    struct async_task *self = async_self();
    if (!self || !mutex)
        return UV_EINVAL;
    if (mutex->future.owner)
        return UV_EBUSY;
    give(mutex, self);
    return 0;
}

int async_mutex_lock(struct async_mutex *mutex)
{
    int error = async_mutex_try_lock(mutex);
    if (error != UV_EBUSY)
        return error;
    return (int)async_future_await(&mutex->future, NULL); /* whoever unlocks makes us the owner */
}

int async_mutex_unlock(struct async_mutex *mutex)
{
    struct async_task *self = async_self();
    if (!self || !mutex)
        return UV_EINVAL;
    if (mutex->future.owner != self)
        return UV_EPERM;
    struct async_changes *changes = &self->worker->changes;
    struct async_waiter *next = mutex->future.waiters;
    async_change_begin(changes);
    give(mutex, next ? next->task : NULL);
    async_future_wake(&mutex->future, 0);
    async_change_end(changes);
    return 0;
}

int async_mutex_destroy(struct async_mutex *mutex)
{
    if (!mutex)
        return 0;
    if (mutex->future.owner)
        return UV_EBUSY;
    async_future_deinit(&mutex->future);
    free(mutex);
    return 0;
}
