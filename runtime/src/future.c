/* SPDX-License-Identifier: MIT */
#include "future.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cancel.h"
#include "change.h"
#include "clear.h"
#include "clock.h"
#include "process.h"
#include "worker.h"

void async_future_init(struct async_future *future, enum async_future_kind kind,
                       enum async_future_state state, void *object)
{
    _Static_assert(sizeof(*future) % ASYNC_CLEAR_UNIT == 0, "whole units");
    async_clear(future, sizeof(*future));
    async_future_fill(future, kind, state, object, async_clock_here());
}

void async_future_deinit(struct async_future *future)
{
    /* Whoever woke the last waiter may still hold the lock. */
    async_lock(future->lock);
    async_unlock(future->lock);
    assert(!async_future_busy(future));
    future->magic = ASYNC_DEAD_MAGIC;
}

void async_future_set_owner(struct async_future *future, struct async_task *task)
{
    struct async_task *before = future->owner;
    async_task_pin(task);
    future->owned_since = task ? async_clock_here() : 0;
    future->owner_id = task ? task->id : 0;
    async_publish(&future->owner, task);
    async_task_unpin(before);
}

/* Tasks, and what they pin, end with their workers. */
bool async_future_owned(const struct async_future *future)
{
    return future->owner && async_process.worker_count && !async_task_ended(future->owner);
}

void async_future_disown(struct async_future *future)
{
    if (async_process.worker_count)
        async_future_set_owner(future, NULL);
    else
        future->owner = NULL;
}

/* ---- The queue ----------------------------------------------------------------------------------- */

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
    waiter->link = NULL;
    future->waiter_count--;
}

void async_waiter_enter(struct async_waiter *waiter, struct async_future *future)
{
    struct async_changes *changes = &async_worker_self()->changes;
    waiter->future = future;
    async_change_begin(changes);
    append(future, waiter);
    async_change_end(changes);
}

void async_waiter_leave(struct async_waiter *waiter)
{
    struct async_changes *changes = &async_worker_self()->changes;
    struct async_lock *lock = waiter->future->lock;
    async_lock(lock);
    async_change_begin(changes);
    if (waiter->link)
        take_out(waiter);
    else if (waiter->leaving)
        waiter->future->leaving--;
    if (waiter->left)
        waiter->left(waiter);
    async_change_end(changes);
    waiter->magic = ASYNC_DEAD_MAGIC;
    async_unlock(lock);
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

void async_wait_begin(struct async_waiter *waiter, struct async_future *future)
{
    struct async_worker *worker = async_worker_self();
    struct async_task *task = worker->current;
    waiter->magic = ASYNC_WAITER_MAGIC;
    waiter->task = task;
    waiter->future = future;
    waiter->since = async_worker_read_clock(worker);
    worker->awaits = future->kind;
    async_change_begin(&worker->changes);
    __atomic_store_n(&task->wait, ASYNC_WAIT_ARMED, __ATOMIC_RELAXED);
    append(future, waiter);
    async_publish(&task->waiters, waiter);
    async_publish(&task->awaits, future);
    async_change_end(&worker->changes);
}

int64_t async_wait_end(struct async_waiter *waiter)
{
    async_suspend(ASYNC_TASK_WAITING);
    return waiter->result;
}

int64_t async_future_await(struct async_future *future, void *data)
{
    int interrupted = async_interrupt_take(async_task_here());
    if (interrupted) {
        async_unlock(future->lock);
        return interrupted;
    }
    struct async_waiter waiter = {.data = data};
    async_wait_begin(&waiter, future);
    async_unlock(future->lock);
    async_suspend(ASYNC_TASK_WAITING);
    return waiter.result;
}

int64_t async_future_await_shielded(struct async_future *future, void *data)
{
    struct async_task *task = async_task_here();
    async_shield_enter(task);
    int64_t result = async_future_await(future, data);
    async_shield_leave(task);
    return result;
}

/* ---- Waking -------------------------------------------------------------------------------------- */

bool async_task_claim(struct async_task *task)
{
    uint16_t armed = ASYNC_WAIT_ARMED;
    if (async_parallel)
        return __atomic_compare_exchange_n(&task->wait, &armed, ASYNC_WAIT_CLAIMED, false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED);
    if (task->wait != ASYNC_WAIT_ARMED)
        return false;
    task->wait = ASYNC_WAIT_CLAIMED;
    return true;
}

/* The wait may be over by another way. Then its task has yet to leave the queue, which must not vanish. */
bool async_waiter_claim(struct async_waiter *waiter)
{
    bool won = async_task_claim(waiter->task);
    take_out(waiter);
    if (!won) {
        waiter->leaving = true;
        waiter->future->leaving++;
    }
    return won;
}

struct async_waiter *async_future_claim(struct async_future *future)
{
    struct async_changes *changes = &async_worker_self()->changes;
    struct async_waiter *waiter;
    async_change_begin(changes);
    while ((waiter = future->waiters) && !async_waiter_claim(waiter))
        ;
    async_change_end(changes);
    return waiter;
}

/* `changes` is odd. */
static void wake(struct async_waiter *waiter, int64_t result, uint64_t now)
{
    struct async_task *task = waiter->task;
    struct async_waiter *whole = waiter->whole;
    waiter->result = result;
    if (whole) {
        whole->data = waiter; /* which of the children it was */
        whole->result = result;
        async_waiter_leave(whole);
    } else {
        waiter->magic = ASYNC_DEAD_MAGIC;
    }
    async_worker_wake(task, now);
}

void async_waiter_wake(struct async_waiter *waiter, int64_t result)
{
    struct async_changes *changes = &async_worker_self()->changes;
    async_change_begin(changes);
    wake(waiter, result, async_clock_here());
    async_change_end(changes);
}

bool async_future_wake(struct async_future *future, int64_t result)
{
    struct async_changes *changes = &async_worker_self()->changes;
    async_change_begin(changes);
    struct async_waiter *waiter = async_future_claim(future);
    if (waiter)
        wake(waiter, result, async_clock_here());
    async_change_end(changes);
    return waiter;
}

void async_future_wake_all(struct async_future *future, int64_t result)
{
    if (future->waiters)
        async_future_wake_all_at(future, result, async_clock_here());
}

void async_future_wake_all_at(struct async_future *future, int64_t result, uint64_t now)
{
    struct async_changes *changes = &async_worker_self()->changes;
    async_change_begin(changes);
    for (struct async_waiter *waiter; (waiter = future->waiters);) {
        if (waiter->notify) {
            take_out(waiter);
            waiter->notify(waiter, result);
        } else if (async_waiter_claim(waiter)) {
            wake(waiter, result, now);
        }
    }
    async_change_end(changes);
}

bool async_wait_interrupt(struct async_task *task, int code)
{
    if (task->state != ASYNC_TASK_WAITING || !async_task_claim(task))
        return false;
    struct async_changes *changes = &task->worker->changes;
    struct async_waiter *waiter = task->waiters;
    async_change_begin(changes);
    waiter->result = code;
    async_waiter_leave(waiter);
    async_worker_wake(task, async_clock_here());
    async_change_end(changes);
    return true;
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
