/* SPDX-License-Identifier: MIT */
#include "select.h"

#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "cancel.h"
#include "diagnose.h"
#include "schedule.h"
#include "worker.h"

/*
 * All locks are held from the look at every case until the wait in all queues can be claimed: so whatever
 * becomes ready either is seen by the look or finds us in its queue. Of those who find us one wins the claim.
 * Locks are taken in the order of their addresses, and everybody else holds no second one while taking one.
 */
struct selection {
    struct async_future future; /* kind SELECT: what the task awaits */
    struct async_waiter whole;  /* data: the child that was claimed */
    const struct async_case *cases;
    size_t count;
    struct async_waiter *children; /* one for each case */
    struct async_lock **locks;     /* of all cases, in order, each once */
    size_t lock_count;
    uint64_t start; /* the case that is looked at first */
    void *memory;   /* of both, where there is no room for them here: */
    struct async_waiter few_children[4];
    struct async_lock *few_locks[4];
};

#define FEW (sizeof(((struct selection *)NULL)->few_locks) / sizeof(struct async_lock *))

/* ---- Cases --------------------------------------------------------------------------------------- */

/* NULL: this one is never ready. */
static struct async_future *queue_of(const struct async_case *one)
{
    if (!one->object)
        return NULL;
    switch (one->kind) {
    case ASYNC_SELECT_SEND:
    case ASYNC_SELECT_RECEIVE:
        return async_channel_queue(one->channel, one->kind == ASYNC_SELECT_SEND);
    case ASYNC_SELECT_PROMISE:
        return async_promise_queue(one->promise);
    case ASYNC_SELECT_EVENT:
        return async_event_queue(one->event);
    case ASYNC_SELECT_END:
        return &one->task->join;
    }
    return NULL;
}

static bool attempt(const struct async_case *one, int *result_ret)
{
    *result_ret = 0;
    if (!one->object)
        return false;
    switch (one->kind) {
    case ASYNC_SELECT_SEND:
        return async_channel_attempt_send(one->channel, one->data, result_ret);
    case ASYNC_SELECT_RECEIVE:
        return async_channel_attempt_receive(one->channel, one->data, result_ret);
    case ASYNC_SELECT_PROMISE:
        return async_promise_attempt(one->promise, one->data, result_ret);
    case ASYNC_SELECT_EVENT:
        return async_event_attempt(one->event);
    case ASYNC_SELECT_END:
        return one->task->join.state != ASYNC_FUTURE_PENDING;
    }
    return false;
}

static bool is_valid(const struct async_case *one)
{
    if (!one->object)
        return true;
    if (one->kind == ASYNC_SELECT_SEND || one->kind == ASYNC_SELECT_RECEIVE)
        return one->data || !async_channel_queue(one->channel, true)->size;
    return one->kind != ASYNC_SELECT_END || (async_is_task(one->task) && one->task != async_self());
}

static bool is_end(const struct async_case *one)
{
    return one->kind == ASYNC_SELECT_END && one->object;
}

/* The first `count` cases that wait for a task's end give its handle back. */
static void give_handles_back(const struct async_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_end(&cases[i]))
            async_task_settle_handle(cases[i].task, 0);
    }
}

/* So that nobody else releases those tasks meanwhile. All handles, or none. */
static bool take_cases(const struct async_case *cases, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (!is_valid(&cases[i]) || (is_end(&cases[i]) && !async_task_take_handle(cases[i].task))) {
            give_handles_back(cases, i);
            return false;
        }
        any |= cases[i].object != NULL;
    }
    return any;
}

/* ---- Locks --------------------------------------------------------------------------------------- */

/* A place in the order, found from the end: cases are few. */
static void add_lock(struct selection *selection, struct async_lock *lock)
{
    struct async_lock **locks = selection->locks;
    size_t place = selection->lock_count;
    while (place && locks[place - 1] > lock)
        place--;
    if (place && locks[place - 1] == lock)
        return;
    for (size_t i = selection->lock_count++; i > place; i--)
        locks[i] = locks[i - 1];
    locks[place] = lock;
}

static void lock_all(struct selection *selection)
{
    for (size_t i = 0; i < selection->lock_count; i++)
        async_lock(selection->locks[i]);
}

static void unlock_all(struct selection *selection)
{
    for (size_t i = selection->lock_count; i-- > 0;)
        async_unlock(selection->locks[i]);
}

/* ---- A selection --------------------------------------------------------------------------------- */

/* Any case may be the first, whatever the rhythm of the calls: none starves behind one always ready. */
static uint64_t choose_start(struct async_task *task, size_t count)
{
    uint64_t x = task->id * UINT64_C(0x9e3779b97f4a7c15) + ++task->selects;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (x ^ (x >> 31)) % count;
}

static int init(struct selection *selection, const struct async_case *cases, size_t count)
{
    size_t bytes;
    selection->cases = cases;
    selection->count = count;
    selection->lock_count = 0;
    selection->whole = (struct async_waiter){0};
    selection->children = selection->few_children;
    selection->locks = selection->few_locks;
    selection->memory = NULL;
    if (count > FEW) {
        if (__builtin_mul_overflow(count, sizeof(struct async_waiter) + sizeof(struct async_lock *), &bytes))
            return UV_ENOMEM;
        selection->memory = malloc(bytes);
        if (!selection->memory)
            return UV_ENOMEM;
        selection->children = selection->memory;
        selection->locks = (struct async_lock **)(selection->children + count);
    }
    for (size_t i = 0; i < count; i++) {
        struct async_future *queue = queue_of(&cases[i]);
        if (queue)
            add_lock(selection, queue->lock);
    }
    selection->start = choose_start(async_self(), count);
    async_future_init(&selection->future, ASYNC_FUTURE_SELECT, ASYNC_FUTURE_PENDING, NULL);
    return 0;
}

static void deinit(struct selection *selection)
{
    async_future_deinit(&selection->future);
    free(selection->memory);
}

/* The locks are held. */
static bool find_ready(struct selection *selection, size_t *index_ret, int *result_ret)
{
    for (size_t i = 0; i < selection->count; i++) {
        size_t index = (selection->start + i) % selection->count;
        if (attempt(&selection->cases[index], result_ret)) {
            *index_ret = index;
            return true;
        }
    }
    return false;
}

static void enter_all(struct selection *selection)
{
    for (size_t i = selection->count; i-- > 0;) {
        struct async_waiter *child = &selection->children[i];
        struct async_future *queue = queue_of(&selection->cases[i]);
        *child = (struct async_waiter){
            .magic = ASYNC_WAITER_MAGIC,
            .task = async_self(),
            .since = selection->future.created_at,
            .data = selection->cases[i].data,
            .whole = &selection->whole,
        };
        if (!queue)
            continue;
        child->sibling = selection->future.children;
        async_waiter_enter(child, queue);
        selection->future.children = child;
    }
}

/* What was claimed is out of its queue, which may be gone by now. */
static void leave_all(struct selection *selection)
{
    for (struct async_waiter *child = selection->future.children; child; child = child->sibling) {
        if (child != selection->whole.data)
            async_waiter_leave(child);
    }
}

/* The locks are held, and given back. */
static int await_any(struct selection *selection, size_t *index_ret)
{
    int result = async_interrupt_take(async_self());
    if (!result) {
        enter_all(selection);
        async_wait_begin(&selection->whole, &selection->future);
    }
    unlock_all(selection);
    if (result)
        return result;
    result = (int)async_wait_end(&selection->whole);
    leave_all(selection);
    const struct async_waiter *claimed = selection->whole.data;
    if (claimed)
        *index_ret = (size_t)(claimed - selection->children);
    return result;
}

static int run(const struct async_case *cases, size_t count, size_t *index_ret, bool waits)
{
    struct selection selection;
    int result = init(&selection, cases, count);
    if (result)
        return result;
    lock_all(&selection);
    if (!find_ready(&selection, index_ret, &result) && waits) {
        result = await_any(&selection, index_ret);
    } else {
        if (*index_ret == count)
            result = UV_EAGAIN;
        unlock_all(&selection);
    }
    deinit(&selection);
    return result;
}

static int start(const struct async_case *cases, size_t count, size_t *index_ret, bool waits)
{
    size_t index = count;
    if (!async_self() || !cases || !count || !take_cases(cases, count))
        return async_refused(UV_EINVAL);
    int result = run(cases, count, &index, waits);
    give_handles_back(cases, count);
    if (index_ret)
        *index_ret = index;
    return result;
}

int async_select(const struct async_case *cases, size_t count, size_t *index_ret)
{
    async_schedule_point();
    return start(cases, count, index_ret, true);
}

int async_try_select(const struct async_case *cases, size_t count, size_t *index_ret)
{
    return start(cases, count, index_ret, false);
}
