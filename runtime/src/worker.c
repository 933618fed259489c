/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "change.h"
#include "clock.h"
#include "sanitizer.h"
#include "switch.h"

static _Thread_local struct async_worker *self __attribute__((tls_model("initial-exec")));

/* Not inlined: a task may one day continue on another thread, where a remembered TLS address is wrong. */
__attribute__((noinline)) struct async_worker *async_worker_self(void)
{
    __asm__ volatile("");
    return self;
}

void async_worker_set_self(struct async_worker *worker)
{
    self = worker;
}

struct async_task *async_self(void)
{
    struct async_worker *worker = async_worker_self();
    return worker ? worker->current : NULL;
}

uint64_t async_worker_read_clock(struct async_worker *worker)
{
    return worker->now = async_clock_coarse();
}

void async_worker_queue(struct async_worker *worker, struct async_task *task)
{
    task->ready_next = NULL;
    async_publish(worker->ready_last, task);
    worker->ready_last = &task->ready_next;
    worker->ready_count++;
    if (worker->state == ASYNC_WORKER_POLLING)
        worker->state = ASYNC_WORKER_LOOP; /* in a callback: libuv tells us no sooner that the poll is over */
}

static struct async_task *take_first(struct async_worker *worker)
{
    struct async_task *task = worker->ready;
    async_change_begin(&worker->changes);
    async_publish(&worker->ready, task->ready_next);
    if (!task->ready_next)
        worker->ready_last = &worker->ready;
    worker->ready_count--;
    async_change_end(&worker->changes);
    return task;
}

/* Going on would run on a neighbour's stack: end here, where a core still tells whose fault it is. */
__attribute__((noreturn)) static void die_of_overflow(const struct async_task *task)
{
    fprintf(stderr, "libasyncrt: task #%llu \"%s\" has overflowed its stack of %zu bytes\n",
            (unsigned long long)task->id, task->name, (size_t)task->stack_size);
    abort();
}

static void check_stack(struct async_task *task)
{
    uint64_t used = (uint64_t)(task->stack_low + task->stack_size - (char *)task->context);
    if (used > task->stack_used_max)
        task->stack_used_max = used;
    if (!async_stack_intact(task->stack, task->context))
        die_of_overflow(task);
}

struct async_task *async_worker_resume(struct async_worker *worker)
{
    struct async_task *task = take_first(worker);
    void *fake = NULL;
    worker->current = task;
    worker->switches++;
    task->resumes++;
    task->resumed_at = worker->now;
    async_fiber_leave(&fake, task->stack_low, task->stack_size);
    async_switch(&worker->context, task->context, &worker->state, ASYNC_WORKER_TASK, &task->state,
                 ASYNC_TASK_RUNNING);
    async_fiber_arrive(fake, NULL, NULL);
    async_publish(&worker->current, NULL);
    check_stack(task);
    return task;
}

void async_suspend(enum async_task_state state)
{
    struct async_worker *worker = async_worker_self();
    struct async_task *task = worker->current;
    void *fake = NULL;
    task->suspended_at = worker->now;
    async_fiber_leave(&fake, worker->stack_low, worker->stack_size);
    async_switch(&task->context, worker->context, &task->state, state, &worker->state, ASYNC_WORKER_LOOP);
    async_fiber_arrive(fake, NULL, NULL);
}

void async_task_main(void *argument)
{
    struct async_task *task = argument;
    struct async_worker *worker = task->worker;
    async_fiber_arrive(NULL, &worker->stack_low, &worker->stack_size);
    task->result = task->start(task->argument);
    worker = task->worker;
    async_change_begin(&worker->changes); /* async_task_end makes it even again */
    task->suspended_at = async_worker_read_clock(worker);
    async_fiber_leave(NULL, worker->stack_low, worker->stack_size);
    async_switch(&task->context, worker->context, &task->state,
                 task->result < 0 ? ASYNC_TASK_FAILED : ASYNC_TASK_RETURNED, &worker->state,
                 ASYNC_WORKER_LOOP);
    abort();
}
