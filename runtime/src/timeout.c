/* SPDX-License-Identifier: MIT */
#include "timeout.h"

#include <uv.h>

#include "async.h"
#include "cancel.h"
#include "clock.h"
#include "diagnose.h"
#include "timer.h"
#include "worker.h"

/* What struct async_timeout of async.h really holds. */
struct scope {
    struct async_timer timer;
    struct async_task *task;
    struct async_timeout *outer;
    const void *opened; /**< return address of what began it */
    uint32_t shields;   /**< how many were around the task when it began */
    bool expired;
};

_Static_assert(sizeof(struct scope) <= sizeof(struct async_timeout), "room in async.h");

static struct scope *scope_of(struct async_timeout *timeout)
{
    return (struct scope *)timeout;
}

bool async_timeouts_expired(const struct async_task *task)
{
    if (!(task->interrupts & ASYNC_INTERRUPT_TIMEOUT))
        return false;
    for (struct scope *scope = scope_of(task->timeouts); scope; scope = scope_of(scope->outer)) {
        if (scope->expired && scope->shields == task->shields)
            return true;
    }
    return false;
}

void async_timeouts_note_deadline(struct async_task *task)
{
    uint64_t earliest = 0;
    if (!task->timeouts && !task->deadline)
        return;
    for (struct scope *scope = scope_of(task->timeouts); scope; scope = scope_of(scope->outer)) {
        if (scope->shields == task->shields && (!earliest || scope->timer.deadline < earliest))
            earliest = scope->timer.deadline;
    }
    task->deadline = earliest;
}

static void on_expired(struct async_timer *timer)
{
    struct scope *scope = (struct scope *)timer;
    struct async_task *task = scope->task;
    scope->expired = true;
    task->interrupts |= ASYNC_INTERRUPT_TIMEOUT;
    if (scope->shields == task->shields)
        async_wait_interrupt(task, UV_ETIMEDOUT);
}

static int begin(struct async_timeout *timeout, uint64_t deadline, const void *opened)
{
    struct async_task *task = async_self();
    if (!task || !timeout)
        return async_refused(UV_EINVAL);
    struct scope *scope = scope_of(timeout);
    *scope = (struct scope){
        .task = task, .shields = task->shields, .outer = task->timeouts, .opened = opened};
    scope->timer.expired = on_expired;
    int error = async_timer_start(&task->worker->timers, &scope->timer, deadline);
    if (error)
        return error;
    task->timeouts = timeout;
    task->timeout_opened = opened;
    async_timeouts_note_deadline(task);
    return 0;
}

int async_deadline_begin(struct async_timeout *timeout, uint64_t deadline)
{
    return begin(timeout, deadline, __builtin_return_address(0));
}

int async_timeout_begin(struct async_timeout *timeout, uint64_t milliseconds)
{
    return begin(timeout, async_clock_after(milliseconds), __builtin_return_address(0));
}

int async_timeout_end(struct async_timeout *timeout)
{
    struct async_task *task = async_self();
    if (!task || !timeout || task->timeouts != timeout)
        return async_refused_because(UV_EINVAL, "it is not the task's innermost timeout");
    struct scope *scope = scope_of(timeout);
    async_timer_stop(&task->worker->timers, &scope->timer);
    task->timeouts = scope->outer;
    task->timeout_opened = scope->outer ? scope_of(scope->outer)->opened : NULL;
    bool any = false;
    for (struct scope *left = scope_of(task->timeouts); left; left = scope_of(left->outer))
        any |= left->expired;
    if (!any)
        task->interrupts &= ~(uint32_t)ASYNC_INTERRUPT_TIMEOUT;
    async_timeouts_note_deadline(task);
    return scope->expired ? UV_ETIMEDOUT : 0;
}

void async_timeouts_drop_slow(struct async_task *task)
{
    if (async_debugging())
        async_diagnose_timeout(task, task->timeout_opened);
    task->timeouts = NULL;
    task->deadline = 0;
    async_timers_forget(&task->worker->timers, task->stack_low, task->stack_size);
}

uint64_t async_now(void)
{
    return async_clock_exact();
}
