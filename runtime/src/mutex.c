/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "change.h"
#include "diagnose.h"
#include "schedule.h"
#include "mutex.h"
#include "worker.h"

struct async_mutex {
    struct async_future future; /**< its owner holds the mutex */
};

int async_mutex_create_at(struct async_mutex **mutex_ret, const char *name, const struct async_site *site)
{
    const char *copy;
    if (!mutex_ret)
        return async_refused(UV_EINVAL);
    struct async_mutex *mutex = async_object_create(sizeof(*mutex), name, &copy);
    if (!mutex)
        return UV_ENOMEM;
    async_future_init(&mutex->future, ASYNC_FUTURE_MUTEX, ASYNC_FUTURE_FREE, mutex);
    mutex->future.name = copy;
    mutex->future.site = site;
    *mutex_ret = mutex;
    return 0;
}

/* The mutex changes hands; NULL frees it. */
static void give(struct async_mutex *mutex, struct async_task *task)
{
    async_publish(&mutex->future.state, task ? ASYNC_FUTURE_HELD : ASYNC_FUTURE_FREE);
    async_future_set_owner(&mutex->future, task);
}

/* The lock is held. */
static bool take(struct async_mutex *mutex, struct async_task *task)
{
    if (mutex->future.owner)
        return false;
    give(mutex, task);
    return true;
}

int async_mutex_try_lock(struct async_mutex *mutex)
{
    struct async_task *self = async_self();
    if (!self || !mutex)
        return async_refused(UV_EINVAL);
    async_lock(mutex->future.lock);
    bool taken = take(mutex, self);
    async_unlock(mutex->future.lock);
    return taken ? 0 : UV_EBUSY;
}

int async_mutex_lock(struct async_mutex *mutex)
{
    async_schedule_point();
    struct async_task *self = async_self();
    if (!self || !mutex)
        return async_refused(UV_EINVAL);
    async_lock(mutex->future.lock);
    if (!take(mutex, self))
        return (int)async_future_await(&mutex->future, NULL); /* whoever unlocks makes us the owner */
    async_unlock(mutex->future.lock);
    return 0;
}

/* The lock is held. */
static void pass_on(struct async_mutex *mutex, struct async_changes *changes)
{
    async_change_begin(changes);
    struct async_waiter *next = async_future_claim(&mutex->future);
    give(mutex, next ? next->task : NULL);
    if (next)
        async_waiter_wake(next, 0);
    async_change_end(changes);
}

int async_mutex_unlock(struct async_mutex *mutex)
{
    struct async_task *self = async_self();
    if (!self || !mutex)
        return async_refused(UV_EINVAL);
    async_lock(mutex->future.lock);
    bool ours = mutex->future.owner == self;
    if (ours)
        pass_on(mutex, &self->worker->changes);
    async_unlock(mutex->future.lock);
    return ours ? 0 : async_refused_because(UV_EPERM, "the calling task does not hold it");
}

bool async_mutex_held(struct async_mutex *mutex, const struct async_task *task)
{
    async_lock(mutex->future.lock);
    bool held = mutex->future.owner == task;
    async_unlock(mutex->future.lock);
    return held;
}

int async_mutex_destroy(struct async_mutex *mutex)
{
    if (!mutex)
        return 0;
    async_lock(mutex->future.lock);
    bool busy = async_future_busy(&mutex->future) || async_future_owned(&mutex->future);
    if (!busy)
        async_future_disown(&mutex->future);
    async_unlock(mutex->future.lock);
    if (busy)
        return async_refused_because(UV_EBUSY, "a task holds it or waits for it");
    async_future_deinit(&mutex->future);
    free(mutex);
    return 0;
}
