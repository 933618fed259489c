/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "worker.h"

struct async_promise {
    struct async_future future; /**< owner: the producer, until it has produced */
    void *value;
};

int async_promise_create(struct async_promise **promise_ret, const char *name)
{
    const char *copy;
    struct async_promise *promise = async_object_create(sizeof(*promise), name, &copy);
    if (!promise)
        return UV_ENOMEM;
    async_future_init(&promise->future, ASYNC_FUTURE_PROMISE, ASYNC_FUTURE_PENDING, promise);
    promise->future.name = copy;
    *promise_ret = promise;
    return 0;
}

static bool is_settled(const struct async_promise *promise)
{
    return promise->future.state != ASYNC_FUTURE_PENDING;
}

/* A producer that ends without producing stays on record: it is what the waiters wait for in vain. */
static void set_producer(struct async_promise *promise, struct async_task *producer)
{
    struct async_task *before = promise->future.owner;
    async_task_pin(producer);
    promise->future.owner = producer;
    async_task_unpin(before);
}

int async_promise_set_producer(struct async_promise *promise, struct async_task *producer)
{
    if (!promise || (producer && !async_task_id(producer)))
        return UV_EINVAL;
    if (is_settled(promise))
        return UV_EALREADY;
    set_producer(promise, producer);
    return 0;
}

static int settle(struct async_promise *promise, enum async_future_state state, void *value, int error)
{
    struct async_task *self = async_self();
    if (!self || !promise)
        return UV_EINVAL;
    if (is_settled(promise))
        return UV_EALREADY;
    struct async_changes *changes = &self->worker->changes;
    async_change_begin(changes);
    promise->value = value;
    promise->future.error = error;
    promise->future.state = state;
    for (struct async_waiter *waiter; (waiter = promise->future.waiters);) {
        void **value_ret = waiter->data;
        if (value_ret)
            *value_ret = value;
        async_waiter_wake(waiter, error);
    }
    set_producer(promise, NULL);
    async_change_end(changes);
    return 0;
}

int async_promise_resolve(struct async_promise *promise, void *value)
{
    return settle(promise, ASYNC_FUTURE_RESOLVED, value, 0);
}

int async_promise_fail(struct async_promise *promise, int error)
{
    return error < 0 ? settle(promise, ASYNC_FUTURE_FAILED, NULL, error) : UV_EINVAL;
}

int async_promise_await(struct async_promise *promise, void **value_ret)
{
    if (!async_self() || !promise)
        return UV_EINVAL;
    if (!is_settled(promise))
        return (int)async_future_await(&promise->future, value_ret);
    if (value_ret)
        *value_ret = promise->value;
    return promise->future.error;
}

int async_promise_destroy(struct async_promise *promise)
{
    if (!promise)
        return 0;
    if (promise->future.waiters)
        return UV_EBUSY;
    set_producer(promise, NULL);
    async_future_deinit(&promise->future);
    free(promise);
    return 0;
}
