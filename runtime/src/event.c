/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "change.h"
#include "diagnose.h"
#include "schedule.h"
#include "select.h"
#include "worker.h"

struct async_event {
    struct async_future future; /**< RESOLVED while it is set */
};

int async_event_create_at(struct async_event **event_ret, const char *name, const struct async_site *site)
{
    const char *copy;
    if (!event_ret)
        return async_refused(UV_EINVAL);
    struct async_event *event = async_object_create(sizeof(*event), name, &copy);
    if (!event)
        return UV_ENOMEM;
    async_future_init(&event->future, ASYNC_FUTURE_EVENT, ASYNC_FUTURE_PENDING, event);
    event->future.name = copy;
    event->future.site = site;
    *event_ret = event;
    return 0;
}

struct async_future *async_event_queue(struct async_event *event)
{
    return &event->future;
}

bool async_event_attempt(const struct async_event *event)
{
    return event->future.state == ASYNC_FUTURE_RESOLVED;
}

int async_event_set(struct async_event *event)
{
    if (!async_self() || !event)
        return async_refused(UV_EINVAL);
    async_lock(event->future.lock);
    async_publish(&event->future.state, ASYNC_FUTURE_RESOLVED);
    async_future_wake_all(&event->future, 0);
    async_unlock(event->future.lock);
    return 0;
}

int async_event_clear(struct async_event *event)
{
    if (!async_self() || !event)
        return async_refused(UV_EINVAL);
    async_lock(event->future.lock);
    async_publish(&event->future.state, ASYNC_FUTURE_PENDING);
    async_unlock(event->future.lock);
    return 0;
}

bool async_event_is_set(struct async_event *event)
{
    if (!event)
        return false;
    async_lock(event->future.lock);
    bool set = async_event_attempt(event);
    async_unlock(event->future.lock);
    return set;
}

int async_event_wait(struct async_event *event)
{
    async_schedule_point();
    if (!async_self() || !event)
        return async_refused(UV_EINVAL);
    async_lock(event->future.lock);
    if (!async_event_attempt(event))
        return (int)async_future_await(&event->future, NULL);
    async_unlock(event->future.lock);
    return 0;
}

int async_event_destroy(struct async_event *event)
{
    if (!event)
        return 0;
    async_lock(event->future.lock);
    bool busy = async_future_busy(&event->future);
    async_unlock(event->future.lock);
    if (busy)
        return async_refused_because(UV_EBUSY, "a task holds it or waits for it");
    async_future_deinit(&event->future);
    free(event);
    return 0;
}
