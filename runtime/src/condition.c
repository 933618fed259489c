/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "cancel.h"
#include "diagnose.h"
#include "mutex.h"
#include "worker.h"

struct async_condition {
    struct async_future future;
};

int async_condition_create_at(struct async_condition **condition_ret, const char *name,
                              const struct async_site *site)
{
    const char *copy;
    if (!condition_ret)
        return async_refused(UV_EINVAL);
    struct async_condition *condition = async_object_create(sizeof(*condition), name, &copy);
    if (!condition)
        return UV_ENOMEM;
    async_future_init(&condition->future, ASYNC_FUTURE_CONDITION, ASYNC_FUTURE_PENDING, condition);
    condition->future.name = copy;
    condition->future.site = site;
    *condition_ret = condition;
    return 0;
}

/* In the queue before the mutex is free: whoever changes the state under the mutex finds us there. */
static int64_t let_go_and_wait(struct async_condition *condition, struct async_mutex *mutex)
{
    struct async_waiter waiter = {0};
    async_lock(condition->future.lock);
    async_wait_begin(&waiter, &condition->future);
    async_unlock(condition->future.lock);
    async_mutex_unlock(mutex);
    return async_wait_end(&waiter);
}

int async_condition_wait(struct async_condition *condition, struct async_mutex *mutex)
{
    struct async_task *self = async_self();
    if (!self || !condition || !mutex)
        return async_refused(UV_EINVAL);
    if (!async_mutex_held(mutex, self))
        return async_refused_because(UV_EPERM, "the calling task does not hold the mutex");
    int result = async_interrupt_take(self);
    if (result)
        return result;
    result = (int)let_go_and_wait(condition, mutex);
    async_shield_enter(self);
    async_mutex_lock(mutex);
    async_shield_leave(self);
    return result;
}

int async_condition_signal(struct async_condition *condition)
{
    if (!async_self() || !condition)
        return async_refused(UV_EINVAL);
    async_lock(condition->future.lock);
    async_future_wake(&condition->future, 0);
    async_unlock(condition->future.lock);
    return 0;
}

int async_condition_broadcast(struct async_condition *condition)
{
    if (!async_self() || !condition)
        return async_refused(UV_EINVAL);
    async_lock(condition->future.lock);
    async_future_wake_all(&condition->future, 0);
    async_unlock(condition->future.lock);
    return 0;
}

int async_condition_destroy(struct async_condition *condition)
{
    if (!condition)
        return 0;
    async_lock(condition->future.lock);
    bool busy = async_future_busy(&condition->future);
    async_unlock(condition->future.lock);
    if (busy)
        return async_refused_because(UV_EBUSY, "a task holds it or waits for it");
    async_future_deinit(&condition->future);
    free(condition);
    return 0;
}
