/* SPDX-License-Identifier: MIT */
#include "task.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "async_debug.h"
#include "change.h"
#include "clock.h"
#include "process.h"
#include "switch.h"
#include "worker.h"

/* A slot outlives its task, so that this may be asked of a stale handle too. */
static bool is_task(const struct async_task *task)
{
    return task && task->magic == ASYNC_TASK_MAGIC;
}

static void change_begin(struct async_worker *worker)
{
    async_change_begin(&async_process.changes);
    async_change_begin(&worker->changes);
}

static void change_end(struct async_worker *worker)
{
    async_change_end(&worker->changes);
    async_change_end(&async_process.changes);
}

/* ---- Spawn ------------------------------------------------------------------------------------- */

/* Everything but what makes it visible. */
static void fill(struct async_task *task, const struct async_task *form, const char *name)
{
    *task = *form;
    task->magic = ASYNC_DEAD_MAGIC;
    task->id = async_process.tasks_spawned + 1;
    task->state = ASYNC_TASK_READY;
    task->parent_id = form->parent ? form->parent->id : 0;
    task->spawned_at = task->ready_since = async_clock_coarse();
    memcpy(task->name, name, strnlen(name, sizeof(task->name) - 1)); /* the rest is zero already */
    async_future_init(&task->join, ASYNC_FUTURE_JOIN, ASYNC_FUTURE_PENDING, task);
    task->join.owner = task;
}

/* The record is whole: it appears on both roads, each time with one store. */
static void publish(struct async_task *task)
{
    struct async_worker *worker = task->worker;
    change_begin(worker);
    async_publish(&task->magic, ASYNC_TASK_MAGIC);
    task->link = worker->tasks_last;
    async_publish(worker->tasks_last, task);
    worker->tasks_last = &task->next;
    worker->tasks_alive++;
    async_process.tasks_alive++;
    async_process.tasks_spawned++;
    async_worker_queue(worker, task);
    change_end(worker);
}

int async_task_create(struct async_task **task_ret, const struct async_task *form, const char *name)
{
    struct async_worker *worker = form->worker;
    struct async_task *task = async_slot_take(&worker->slabs);
    struct async_stack *stack = task ? async_stack_take(&worker->stacks) : NULL;
    if (!stack) {
        if (task)
            async_slot_give(&worker->slabs, task);
        return UV_ENOMEM;
    }
    fill(task, form, name ? name : "");
    task->stack = stack;
    task->stack_low = stack->low;
    task->stack_size = stack->size;
    task->context = async_context_create(stack->low, stack->size, async_task_main, task);
    publish(task);
    *task_ret = task;
    return 0;
}

int async_spawn_at(struct async_task **task_ret, const char *name, async_function function, void *argument,
                   const struct async_site *site)
{
    struct async_task *parent = async_self(), *task;
    if (!parent || !function)
        return UV_EINVAL;
    struct async_task form = {
        .worker = parent->worker,
        .parent = parent,
        .start = function,
        .argument = argument,
        .spawn_site = site,
        .spawn_pc = __builtin_return_address(0),
        .flags = task_ret ? 0 : ASYNC_DEBUG_TASK_DETACHED,
    };
    return async_task_create(task_ret ? task_ret : &task, &form, name);
}

/* ---- End and release --------------------------------------------------------------------------- */

static void take_off_list(struct async_task *task)
{
    async_publish(task->link, task->next);
    if (task->next)
        task->next->link = task->link;
    else
        task->worker->tasks_last = task->link;
}

/* Once nobody needs the record any more. */
static void release_if_done(struct async_task *task)
{
    struct async_worker *worker = task->worker;
    bool given_up = task->flags & (ASYNC_DEBUG_TASK_DETACHED | ASYNC_DEBUG_TASK_RETRIEVED);
    if (!async_task_ended(task) || !given_up || task->pins)
        return;
    change_begin(worker);
    take_off_list(task);
    async_future_deinit(&task->join);
    worker->tasks_alive--;
    async_process.tasks_alive--;
    async_slot_give(&worker->slabs, task);
    change_end(worker);
}

void async_task_end(struct async_task *task)
{
    struct async_worker *worker = task->worker;
    struct async_stack *stack = task->stack;
    async_change_begin(&async_process.changes);
    async_publish(&task->context, NULL);
    task->stack_low = NULL;
    task->stack_size = 0;
    task->stack = NULL;
    task->error = task->result < 0 ? task->result : 0;
    task->join.error = task->error;
    task->join.state = task->error ? ASYNC_FUTURE_FAILED : ASYNC_FUTURE_RESOLVED;
    async_process.tasks_finished++;
    async_future_wake(&task->join, 0);
    if (task->main)
        worker->main_result = task->result;
    async_stack_give(&worker->stacks, stack);
    release_if_done(task);
    change_end(worker); /* the worker's was begun by async_task_main */
}

void async_task_pin(struct async_task *task)
{
    if (task)
        task->pins++;
}

void async_task_unpin(struct async_task *task)
{
    if (!task)
        return;
    task->pins--;
    release_if_done(task);
}

/* ---- What tasks may do with each other ----------------------------------------------------------- */

int async_join(struct async_task *task, int *result_ret)
{
    struct async_task *self = async_self();
    if (!self || self == task || !is_task(task) || task->joined || (task->flags & ASYNC_DEBUG_TASK_DETACHED))
        return UV_EINVAL;
    task->joined = true;
    if (!async_task_ended(task))
        async_future_await(&task->join, NULL);
    if (result_ret)
        *result_ret = task->result;
    task->flags |= ASYNC_DEBUG_TASK_RETRIEVED;
    release_if_done(task);
    return 0;
}

int async_detach(struct async_task *task)
{
    if (!async_self() || !is_task(task) || task->joined || (task->flags & ASYNC_DEBUG_TASK_DETACHED))
        return UV_EINVAL;
    task->flags |= ASYNC_DEBUG_TASK_DETACHED;
    release_if_done(task);
    return 0;
}

int async_yield(void)
{
    struct async_task *task = async_self();
    if (!task)
        return UV_EINVAL;
    struct async_worker *worker = task->worker;
    async_change_begin(&worker->changes);
    task->ready_since = async_worker_read_clock(worker);
    async_worker_queue(worker, task);
    async_change_end(&worker->changes);
    async_suspend(ASYNC_TASK_READY);
    return 0;
}

uint64_t async_task_id(const struct async_task *task)
{
    return is_task(task) ? task->id : 0;
}

const char *async_task_name(const struct async_task *task)
{
    return is_task(task) ? task->name : "";
}

void async_task_set_name(struct async_task *task, const char *format, ...)
{
    if (!is_task(task))
        return;
    char name[ASYNC_TASK_NAME_SIZE] = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    /* In one go, and always terminated: a reader may look at any time. */
    memcpy(task->name, name, sizeof(name));
}
