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

/*
 * Two queues, one for each kind of future, and one order: whoever waits has a ticket, and the lowest is next.
 * So neither readers nor writers starve. Both futures tell the same owner and holders, as those who wait to
 * read and to write wait for the same tasks.
 */
struct async_rwlock {
    struct async_future write; /**< owner: the writer; count: readers that are inside. In `read` the same */
    struct async_future read;  /**< under the lock of `write` */
    struct async_holders readers;
    uint64_t tickets; /**< given out */
};

/* Somebody who waits. */
struct arrival {
    struct async_waiter waiter;
    uint64_t ticket;
    struct async_holder *holder; /* NULL: it is to write */
};

int async_rwlock_create_at(struct async_rwlock **rwlock_ret, const char *name, const struct async_site *site)
{
    const char *copy;
    if (!rwlock_ret)
        return async_refused(UV_EINVAL);
    struct async_rwlock *rwlock = async_object_create(sizeof(*rwlock), name, &copy);
    if (!rwlock)
        return UV_ENOMEM;
    async_future_init(&rwlock->write, ASYNC_FUTURE_RWLOCK_WRITE, ASYNC_FUTURE_FREE, rwlock);
    async_future_init(&rwlock->read, ASYNC_FUTURE_RWLOCK_READ, ASYNC_FUTURE_FREE, rwlock);
    async_holders_init(&rwlock->readers, &rwlock->write, &rwlock->read);
    rwlock->write.name = rwlock->read.name = copy;
    rwlock->write.site = rwlock->read.site = site;
    rwlock->read.lock = rwlock->write.lock;
    *rwlock_ret = rwlock;
    return 0;
}

/* ---- Inside. The lock is held, and `changes` odd ------------------------------------------------- */

static void note(struct async_rwlock *rwlock, uint64_t readers, struct async_task *writer)
{
    uint32_t state = readers || writer ? ASYNC_FUTURE_HELD : ASYNC_FUTURE_FREE;
    rwlock->write.count = rwlock->read.count = readers;
    async_publish(&rwlock->write.state, state);
    async_publish(&rwlock->read.state, state);
    if (rwlock->write.owner == writer)
        return;
    async_future_set_owner(&rwlock->write, writer);
    async_future_set_owner(&rwlock->read, writer);
}

static bool may_enter(const struct async_rwlock *rwlock, bool reads)
{
    return !rwlock->write.owner && (reads || !rwlock->write.count);
}

/* To read with a holder, to write without. */
static void enter(struct async_rwlock *rwlock, struct async_task *task, struct async_holder *holder)
{
    if (holder)
        async_holder_enter(&rwlock->readers, holder, task);
    note(rwlock, rwlock->write.count + (holder ? 1 : 0), holder ? NULL : task);
}

static struct arrival *first_of(const struct async_rwlock *rwlock)
{
    struct arrival *reader = (struct arrival *)rwlock->read.waiters;
    struct arrival *writer = (struct arrival *)rwlock->write.waiters;
    if (!reader || !writer)
        return reader ? reader : writer;
    return reader->ticket < writer->ticket ? reader : writer;
}

/* Lets in, one after the other, whoever may enter now. */
static void admit(struct async_rwlock *rwlock)
{
    struct arrival *first;
    while ((first = first_of(rwlock)) && may_enter(rwlock, first->holder)) {
        if (!async_waiter_claim(&first->waiter))
            continue;
        enter(rwlock, first->waiter.task, first->holder);
        async_waiter_wake(&first->waiter, 0);
    }
}

/* ---- Lock ---------------------------------------------------------------------------------------- */

/* A writer that gives up may have stood before readers that can enter. */
static void on_left(struct async_waiter *waiter)
{
    admit(waiter->future->object);
}

/* The lock is held, and given back. */
static int await_turn(struct async_rwlock *rwlock, struct async_holder *holder)
{
    struct arrival arrival = {.waiter = {.left = on_left}, .ticket = rwlock->tickets++, .holder = holder};
    int result = async_interrupt_take(async_self());
    if (!result)
        async_wait_begin(&arrival.waiter, holder ? &rwlock->read : &rwlock->write);
    async_unlock(rwlock->write.lock);
    if (!result)
        result = (int)async_wait_end(&arrival.waiter);
    if (result)
        free(holder); /* the lock may be gone */
    return result;
}

static int lock_for(struct async_rwlock *rwlock, bool reads, bool waits)
{
    struct async_task *self = async_self();
    if (!self || !rwlock)
        return async_refused(UV_EINVAL);
    struct async_holder *holder = reads ? async_holder_create(&rwlock->readers) : NULL;
    if (reads && !holder)
        return UV_ENOMEM;
    async_lock(rwlock->write.lock);
    bool enters = !first_of(rwlock) && may_enter(rwlock, reads);
    if (!enters && waits)
        return await_turn(rwlock, holder);
    if (enters) {
        async_change_begin(&self->worker->changes);
        enter(rwlock, self, holder);
        async_change_end(&self->worker->changes);
    } else if (holder) {
        async_holder_spare(&rwlock->readers, holder);
    }
    async_unlock(rwlock->write.lock);
    return enters ? 0 : UV_EBUSY;
}

int async_rwlock_read_lock(struct async_rwlock *rwlock)
{
    async_schedule_point();
    return lock_for(rwlock, true, true);
}

int async_rwlock_write_lock(struct async_rwlock *rwlock)
{
    async_schedule_point();
    return lock_for(rwlock, false, true);
}

int async_rwlock_try_read_lock(struct async_rwlock *rwlock)
{
    return lock_for(rwlock, true, false);
}

int async_rwlock_try_write_lock(struct async_rwlock *rwlock)
{
    return lock_for(rwlock, false, false);
}

/* ---- Unlock -------------------------------------------------------------------------------------- */

static bool leave(struct async_rwlock *rwlock, struct async_task *self)
{
    bool writes = rwlock->write.owner == self;
    struct async_holder *holder = writes ? NULL : async_holder_find(&rwlock->readers, self);
    if (!writes && !holder)
        return false;
    async_change_begin(&self->worker->changes);
    if (holder)
        async_holder_leave(&rwlock->readers, holder);
    note(rwlock, rwlock->write.count - (holder ? 1 : 0), NULL);
    admit(rwlock);
    async_change_end(&self->worker->changes);
    return true;
}

int async_rwlock_unlock(struct async_rwlock *rwlock)
{
    struct async_task *self = async_self();
    if (!self || !rwlock)
        return async_refused(UV_EINVAL);
    async_lock(rwlock->write.lock);
    bool left = leave(rwlock, self);
    async_unlock(rwlock->write.lock);
    return left ? 0 : async_refused_because(UV_EPERM, "the calling task does not hold it");
}

int async_rwlock_destroy(struct async_rwlock *rwlock)
{
    if (!rwlock)
        return 0;
    async_lock(rwlock->write.lock);
    bool busy = async_future_busy(&rwlock->write) || async_future_busy(&rwlock->read) ||
                async_future_owned(&rwlock->write) || async_holders_alive(&rwlock->readers);
    if (!busy) {
        async_future_disown(&rwlock->write);
        async_future_disown(&rwlock->read);
    }
    async_unlock(rwlock->write.lock);
    if (busy)
        return async_refused_because(UV_EBUSY, "a task holds it or waits for it");
    async_holders_deinit(&rwlock->readers);
    async_future_deinit(&rwlock->read);
    async_future_deinit(&rwlock->write);
    free(rwlock);
    return 0;
}
