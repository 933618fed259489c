/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "change.h"
#include "diagnose.h"
#include "process.h"
#include "schedule.h"
#include "select.h"
#include "worker.h"

struct async_promise {
    struct async_future future; /**< owner: the producer, until it has produced */
    struct async_mail mail;     /**< from a thread that is no worker's */
    void *value;
    int error;
    bool settled; /**< somebody has won the right to settle it; soon after it is */
};

int async_promise_create_at(struct async_promise **promise_ret, const char *name, const struct async_site *site)
{
    const char *copy;
    if (!promise_ret)
        return async_refused(UV_EINVAL);
    struct async_promise *promise = async_object_create(sizeof(*promise), name, &copy);
    if (!promise)
        return UV_ENOMEM;
    async_future_init(&promise->future, ASYNC_FUTURE_PROMISE, ASYNC_FUTURE_PENDING, promise);
    promise->future.name = copy;
    promise->future.site = site;
    *promise_ret = promise;
    return 0;
}

static bool is_pending(const struct async_promise *promise)
{
    return promise->future.state == ASYNC_FUTURE_PENDING;
}

int async_promise_set_producer(struct async_promise *promise, struct async_task *producer)
{
    if (!async_self() || !promise || (producer && !async_is_task(producer)))
        return async_refused(UV_EINVAL);
    async_lock(promise->future.lock);
    bool pending = is_pending(promise);
    if (pending)
        async_future_set_owner(&promise->future, producer);
    async_unlock(promise->future.lock);
    return pending ? 0 : async_refused_because(UV_EALREADY, "it is resolved or has failed");
}

/* ---- Settling ------------------------------------------------------------------------------------ */

static void settle(struct async_promise *promise)
{
    struct async_future *future = &promise->future;
    struct async_changes *changes = &async_worker_self()->changes;
    async_lock(future->lock);
    async_change_begin(changes);
    future->error = promise->error;
    future->state = promise->error ? ASYNC_FUTURE_FAILED : ASYNC_FUTURE_RESOLVED;
    for (struct async_waiter *waiter; (waiter = async_future_claim(future));) {
        void **value_ret = waiter->data;
        if (value_ret)
            *value_ret = promise->value;
        async_waiter_wake(waiter, promise->error);
    }
    async_future_set_owner(future, NULL);
    async_change_end(changes);
    async_unlock(future->lock);
}

static void on_mail(struct async_mail *mail)
{
    settle((struct async_promise *)((char *)mail - offsetof(struct async_promise, mail)));
}

static int win(struct async_promise *promise, void *value, int error)
{
    if (!promise)
        return async_refused(UV_EINVAL);
    if (__atomic_exchange_n(&promise->settled, true, __ATOMIC_ACQ_REL))
        return async_refused_because(UV_EALREADY, "it is resolved or has failed");
    promise->value = value;
    promise->error = error;
    if (async_worker_self()) {
        settle(promise);
        return 0;
    }
    promise->mail.deliver = on_mail;
    int unheard = async_process_post(&promise->mail);
    if (unheard)
        __atomic_store_n(&promise->settled, false, __ATOMIC_RELEASE);
    return unheard;
}

int async_promise_resolve(struct async_promise *promise, void *value)
{
    return win(promise, value, 0);
}

int async_promise_fail(struct async_promise *promise, int error)
{
    return error < 0 ? win(promise, NULL, error) : async_refused(UV_EINVAL);
}

/* ---- Awaiting ------------------------------------------------------------------------------------ */

struct async_future *async_promise_queue(struct async_promise *promise)
{
    return &promise->future;
}

bool async_promise_attempt(const struct async_promise *promise, void **value_ret, int *result_ret)
{
    if (is_pending(promise))
        return false;
    if (value_ret)
        *value_ret = promise->value;
    *result_ret = promise->error;
    return true;
}

int async_promise_await(struct async_promise *promise, void **value_ret)
{
    async_schedule_point();
    int result;
    if (!async_self() || !promise)
        return async_refused(UV_EINVAL);
    async_lock(promise->future.lock);
    if (!async_promise_attempt(promise, value_ret, &result))
        return (int)async_future_await(&promise->future, value_ret);
    async_unlock(promise->future.lock);
    return result;
}

int async_promise_destroy(struct async_promise *promise)
{
    if (!promise)
        return 0;
    async_lock(promise->future.lock);
    bool busy = async_future_busy(&promise->future) || (promise->settled && is_pending(promise));
    if (!busy)
        async_future_disown(&promise->future);
    async_unlock(promise->future.lock);
    if (busy)
        return async_refused_because(UV_EBUSY, "a task holds it or waits for it");
    async_future_deinit(&promise->future);
    free(promise);
    return 0;
}
