/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "cancel.h"
#include "change.h"
#include "diagnose.h"
#include "holder.h"
#include "schedule.h"
#include "worker.h"

struct async_semaphore {
    struct async_future future; /**< capacity: all permits; count: those that are left */
    struct async_holders holders;
};

/* Somebody who waits. Its holder knows how many permits. */
struct arrival {
    struct async_waiter waiter;
    struct async_holder *holder;
};

int async_semaphore_create_at(struct async_semaphore **semaphore_ret, const char *name, uint64_t permits,
                              const struct async_site *site)
{
    const char *copy;
    if (!semaphore_ret || !permits)
        return async_refused(UV_EINVAL);
    struct async_semaphore *semaphore = async_object_create(sizeof(*semaphore), name, &copy);
    if (!semaphore)
        return UV_ENOMEM;
    async_future_init(&semaphore->future, ASYNC_FUTURE_SEMAPHORE, ASYNC_FUTURE_FREE, semaphore);
    async_holders_init(&semaphore->holders, &semaphore->future, NULL);
    semaphore->future.name = copy;
    semaphore->future.site = site;
    semaphore->future.capacity = semaphore->future.count = permits;
    *semaphore_ret = semaphore;
    return 0;
}

/* ---- Permits. The lock is held, and `changes` odd ------------------------------------------------ */

/* Held while anybody has a permit: who waits for many waits while a few are left. */
static void set_count(struct async_semaphore *semaphore, uint64_t count)
{
    semaphore->future.count = count;
    bool held = count < semaphore->future.capacity;
    async_publish(&semaphore->future.state, held ? ASYNC_FUTURE_HELD : ASYNC_FUTURE_FREE);
}

static void give(struct async_semaphore *semaphore, struct async_task *task, struct async_holder *holder)
{
    async_holder_enter(&semaphore->holders, holder, task);
    set_count(semaphore, semaphore->future.count - holder->permits);
}

/* Serves, in their order, those for whom enough is left. */
static void admit(struct async_semaphore *semaphore)
{
    struct arrival *first;
    while ((first = (struct arrival *)semaphore->future.waiters) &&
           first->holder->permits <= semaphore->future.count) {
        if (!async_waiter_claim(&first->waiter))
            continue;
        give(semaphore, first->waiter.task, first->holder);
        async_waiter_wake(&first->waiter, 0);
    }
}

static void take_back(struct async_semaphore *semaphore, const struct async_task *from, uint64_t permits)
{
    set_count(semaphore, semaphore->future.count + permits);
    while (permits) {
        struct async_holder *holder = async_holder_find(&semaphore->holders, from);
        if (!holder)
            holder = async_holder_find(&semaphore->holders, NULL);
        uint64_t part = permits < holder->permits ? permits : holder->permits;
        permits -= part;
        holder->permits -= part;
        if (!holder->permits)
            async_holder_leave(&semaphore->holders, holder);
    }
}

/* ---- Acquire ------------------------------------------------------------------------------------- */

/* One that wanted many may have stood before others that want few. */
static void on_left(struct async_waiter *waiter)
{
    admit(waiter->future->object);
}

/* The lock is held, and given back. */
static int await_turn(struct async_semaphore *semaphore, struct async_holder *holder)
{
    struct arrival arrival = {.waiter = {.left = on_left}, .holder = holder};
    int result = async_interrupt_take(async_self());
    if (!result)
        async_wait_begin(&arrival.waiter, &semaphore->future);
    async_unlock(semaphore->future.lock);
    if (!result)
        result = (int)async_wait_end(&arrival.waiter);
    if (result)
        free(holder); /* the semaphore may be gone */
    return result;
}

static int acquire(struct async_semaphore *semaphore, uint64_t permits, bool waits)
{
    struct async_task *self = async_self();
    if (!self || !semaphore || !permits || permits > semaphore->future.capacity)
        return async_refused(UV_EINVAL);
    struct async_holder *holder = async_holder_create(&semaphore->holders);
    if (!holder)
        return UV_ENOMEM;
    holder->permits = permits;
    async_lock(semaphore->future.lock);
    bool served = !semaphore->future.waiters && permits <= semaphore->future.count;
    if (!served && waits)
        return await_turn(semaphore, holder);
    if (served) {
        async_change_begin(&self->worker->changes);
        give(semaphore, self, holder);
        async_change_end(&self->worker->changes);
    } else {
        async_holder_spare(&semaphore->holders, holder);
    }
    async_unlock(semaphore->future.lock);
    return served ? 0 : UV_EBUSY;
}

int async_semaphore_acquire(struct async_semaphore *semaphore, uint64_t permits)
{
    async_schedule_point();
    return acquire(semaphore, permits, true);
}

int async_semaphore_try_acquire(struct async_semaphore *semaphore, uint64_t permits)
{
    return acquire(semaphore, permits, false);
}

int async_semaphore_release(struct async_semaphore *semaphore, uint64_t permits)
{
    struct async_task *self = async_self();
    if (!self || !semaphore || !permits)
        return async_refused(UV_EINVAL);
    async_lock(semaphore->future.lock);
    bool taken = permits <= semaphore->future.capacity - semaphore->future.count;
    if (taken) {
        async_change_begin(&self->worker->changes);
        take_back(semaphore, self, permits);
        admit(semaphore);
        async_change_end(&self->worker->changes);
    }
    async_unlock(semaphore->future.lock);
    return taken ? 0 : async_refused_because(UV_EPERM, "fewer permits are taken");
}

int async_semaphore_destroy(struct async_semaphore *semaphore)
{
    if (!semaphore)
        return 0;
    async_lock(semaphore->future.lock);
    bool busy = async_future_busy(&semaphore->future) || async_holders_alive(&semaphore->holders);
    async_unlock(semaphore->future.lock);
    if (busy)
        return async_refused_because(UV_EBUSY, "a task holds it or waits for it");
    async_holders_deinit(&semaphore->holders);
    async_future_deinit(&semaphore->future);
    free(semaphore);
    return 0;
}
