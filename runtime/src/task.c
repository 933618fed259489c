/* SPDX-License-Identifier: MIT */
#include "task.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "async_debug.h"
#include "change.h"
#include "clear.h"
#include "clock.h"
#include "counters.h"
#include "diagnose.h"
#include "group.h"
#include "heritage.h"
#include "history.h"
#include "process.h"
#include "schedule.h"
#include "switch.h"
#include "trace.h"
#include "worker.h"

bool async_is_task(const struct async_task *task)
{
    return task && __atomic_load_n(&task->magic, __ATOMIC_RELAXED) == ASYNC_TASK_MAGIC;
}

/* What the calling thread changes meanwhile is marked as being changed, and the registry is its own. */
static void change_begin(struct async_registry *registry)
{
    async_lock(&registry->lock);
    async_change_begin(&async_worker_self()->changes);
}

static void change_end(struct async_registry *registry)
{
    async_change_end(&async_worker_self()->changes);
    async_unlock(&registry->lock);
}

/* ---- Spawn ------------------------------------------------------------------------------------- */

/* Everything but what makes it visible. */
static void fill(struct async_task *task, const struct async_task_form *form, const char *name)
{
    _Static_assert(sizeof(*task) % ASYNC_CLEAR_UNIT == 0, "whole units");
    async_clear(task, sizeof(*task));
    task->magic = ASYNC_DEAD_MAGIC;
    task->state = ASYNC_TASK_READY;
    task->flags = form->flags;
    task->worker = form->worker;
    task->start = form->start;
    task->argument = form->argument;
    task->parent = form->parent;
    task->parent_id = form->parent ? form->parent->id : 0;
    task->group = form->group;
    task->spawn_site = form->spawn_site;
    task->spawn_pc = form->spawn_pc;
    task->labels = form->labels;
    task->locals = form->locals;
    task->main = form->main;
    async_float_modes(&task->modes);
    task->pins = 1; /* its own life */
    task->function = async_function_spawned(&async_worker_self()->spawned_last, form->start);
    for (size_t i = 0; i < sizeof(task->name) - 1 && name[i]; i++)
        task->name[i] = name[i]; /* most are short: calls would cost more */
    task->spawned_at = task->ready_since = async_worker_read_clock(async_worker_self());
    async_future_fill(&task->join, ASYNC_FUTURE_JOIN, ASYNC_FUTURE_PENDING, task, task->spawned_at);
    task->join.owner = task;
    task->join.name = task->name;
}

/* The record is whole: it appears on both roads, each time with one store. */
static void publish(struct async_registry *registry, struct async_task *task)
{
    task->id = async_count_up(&async_process.tasks_spawned) + 1;
    task->join.owner_id = task->id;
    async_count_up(&async_process.tasks_alive);
    async_publish(&task->magic, ASYNC_TASK_MAGIC);
    task->link = registry->tasks_last;
    async_publish(registry->tasks_last, task);
    registry->tasks_last = &task->next;
    registry->tasks_alive++;
}

/* A slot and the promise of a stack. Both, or none. */
static struct async_task *take_slot(struct async_registry *registry)
{
    struct async_task *task = async_slot_take(&registry->slabs);
    if (task && !async_stack_promise(&registry->stacks)) {
        async_slot_give(&registry->slabs, task);
        return NULL;
    }
    return task;
}

int async_task_create(struct async_task **task_ret, const struct async_task_form *form, const char *name)
{
    struct async_registry *registry = &form->worker->registry;
    if (__atomic_load_n(&async_process.stopping, __ATOMIC_RELAXED))
        return async_refused(UV_ESHUTDOWN);
    change_begin(registry);
    struct async_task *task = take_slot(registry);
    if (task) {
        fill(task, form, name ? name : "");
        publish(registry, task);
        if (form->group)
            async_group_adopt(form->group, task);
        *task_ret = task;
        ASYNC_PROBE4(spawn, task->id, task->name, task->start, task->parent_id);
        if (async_modes())
            async_diagnose_spawn(task);
        async_worker_wake(task, task->ready_since);
    }
    change_end(registry);
    return task ? 0 : UV_ENOMEM;
}

static int spawn(struct async_task **task_ret, struct async_task_form *form, const char *name)
{
    struct async_task *unused;
    form->parent = async_task_here();
    if (!form->parent || !form->start)
        return async_refused(UV_EINVAL);
    form->worker = form->worker ? form->worker : form->parent->worker;
    form->flags = task_ret ? 0 : ASYNC_DEBUG_TASK_DETACHED;
    int error = async_heritage_take(form);
    if (error)
        return error;
    error = async_task_create(task_ret ? task_ret : &unused, form, name);
    if (error)
        async_heritage_drop(form);
    return error;
}

int async_spawn_at(struct async_task **task_ret, const char *name, async_function function, void *argument,
                   const struct async_site *site)
{
    struct async_task_form form = {
        .start = function, .argument = argument, .spawn_site = site, .spawn_pc = __builtin_return_address(0)};
    return spawn(task_ret, &form, name);
}

int async_spawn_on_at(struct async_task **task_ret, uint32_t worker, const char *name,
                      async_function function, void *argument, const struct async_site *site)
{
    struct async_task_form form = {
        .start = function, .argument = argument, .spawn_site = site, .spawn_pc = __builtin_return_address(0)};
    form.worker = async_process_worker(worker);
    return form.worker ? spawn(task_ret, &form, name)
                       : async_refused_because(UV_EINVAL, "there is no such worker");
}

/* ---- End and release --------------------------------------------------------------------------- */

static void take_off_list(struct async_registry *registry, struct async_task *task)
{
    async_publish(task->link, task->next);
    if (task->next)
        task->next->link = task->link;
    else
        registry->tasks_last = task->link;
}

/* Once nobody needs the record any more. The registry is locked. */
static void release_if_done(struct async_registry *registry, struct async_task *task)
{
    bool given_up = async_task_has_flag(task, ASYNC_DEBUG_TASK_DETACHED | ASYNC_DEBUG_TASK_RETRIEVED);
    if (!given_up || task->pins)
        return;
    async_change_begin(&async_worker_self()->changes);
    async_history_note(task);
    take_off_list(registry, task);
    if (task->spawn_stack || task->error_told || task->labels)
        async_diagnose_release(task);
    async_future_deinit(&task->join);
    registry->tasks_alive--;
    async_count_down(&async_process.tasks_alive);
    async_slot_give(&registry->slabs, task);
    async_change_end(&async_worker_self()->changes);
}

void async_task_pin(struct async_task *task)
{
    if (!task)
        return;
    struct async_registry *registry = &task->worker->registry;
    async_lock(&registry->lock);
    task->pins++;
    async_unlock(&registry->lock);
}

void async_task_unpin(struct async_task *task)
{
    if (!task)
        return;
    struct async_registry *registry = &task->worker->registry;
    async_lock(&registry->lock);
    task->pins--;
    release_if_done(registry, task);
    async_unlock(&registry->lock);
}

struct async_task *async_task_walk(struct async_registry *registry, struct async_task *task)
{
    async_lock(&registry->lock);
    struct async_task *next = task ? task->next : registry->tasks;
    if (next)
        next->pins++;
    if (task) {
        task->pins--;
        release_if_done(registry, task);
    }
    async_unlock(&registry->lock);
    return next;
}

static void complete_join(struct async_task *task)
{
    struct async_future *join = &task->join;
    async_lock(join->lock);
    join->error = task->error;
    join->state = task->error ? ASYNC_FUTURE_FAILED : ASYNC_FUTURE_RESOLVED;
    if (join->waiters)
        async_future_wake_all_at(join, 0, task->suspended_at);
    async_unlock(join->lock);
}

static void give_stack_back(struct async_registry *registry, struct async_task *task)
{
    struct async_stack *stack = task->stack;
    async_publish(&task->context, NULL);
    task->stack_low = NULL;
    task->stack_size = 0;
    task->stack = NULL;
    async_lock(&registry->lock);
    async_stack_give(&registry->stacks, stack);
    async_unlock(&registry->lock);
}

void async_task_end(struct async_task *task)
{
    struct async_worker *worker = task->worker;
    task->error = task->result < 0 ? task->result : 0;
    give_stack_back(&worker->registry, task);
    if (task->main) {
        worker->main_result = task->result;
        async_task_set_flag(task, ASYNC_DEBUG_TASK_RETRIEVED);
    }
    async_function_finished(task);
    if (task->cancel_state || task->error)
        async_diagnose_end(task);
    complete_join(task);
    if (task->group)
        async_group_child_ended(task);
    if (task->state == ASYNC_TASK_FAILED)
        async_diagnose_failure(task);
    async_task_unpin(task);
    async_count_up(&async_process.tasks_finished);
    async_change_end(&worker->changes); /* begun by async_task_main */
}

/* ---- What tasks may do with each other ----------------------------------------------------------- */

void async_task_set_flag(struct async_task *task, uint32_t flag)
{
    if (async_parallel)
        __atomic_fetch_or(&task->flags, flag, __ATOMIC_RELAXED);
    else
        task->flags |= flag;
}

void async_task_clear_flag(struct async_task *task, uint32_t flag)
{
    if (async_parallel)
        __atomic_fetch_and(&task->flags, ~flag, __ATOMIC_RELAXED);
    else
        task->flags &= ~flag;
}

static inline bool take_handle(struct async_task *task)
{
    struct async_registry *registry = &task->worker->registry;
    async_lock(&registry->lock);
    bool taken = !task->joined && !async_task_has_flag(task, ASYNC_DEBUG_TASK_DETACHED);
    if (taken)
        task->joined = true;
    async_unlock(&registry->lock);
    return taken;
}

bool async_task_take_handle(struct async_task *task)
{
    return take_handle(task);
}

static inline void settle_handle(struct async_task *task, uint32_t flag)
{
    struct async_registry *registry = &task->worker->registry;
    async_lock(&registry->lock);
    task->joined = flag & ASYNC_DEBUG_TASK_RETRIEVED;
    async_task_set_flag(task, flag);
    release_if_done(registry, task);
    async_unlock(&registry->lock);
}

void async_task_settle_handle(struct async_task *task, uint32_t flag)
{
    settle_handle(task, flag);
}

static int await_end(struct async_task *task)
{
    async_lock(task->join.lock);
    if (task->join.state == ASYNC_FUTURE_PENDING)
        return (int)async_future_await(&task->join, NULL);
    async_unlock(task->join.lock);
    return 0;
}

/* Why its handle cannot be used. */
static int refuse_handle(const struct async_task *task)
{
    if (!async_is_task(task))
        return async_refused_because(UV_EINVAL, "no task, or one that was joined or has ended detached");
    if (task == async_task_here())
        return async_refused_because(UV_EINVAL, "it is the calling task itself");
    if (async_task_has_flag(task, ASYNC_DEBUG_TASK_DETACHED))
        return async_refused_because(UV_EINVAL, "the task is detached");
    return async_refused_because(UV_EINVAL, "another task joins it");
}

int async_join(struct async_task *task, int *result_ret)
{
    async_schedule_point();
    struct async_task *self = async_task_here();
    if (!self || self == task || !async_is_task(task) || !take_handle(task))
        return refuse_handle(task);
    int interrupted = await_end(task);
    if (interrupted) {
        async_task_settle_handle(task, 0);
        return interrupted;
    }
    if (result_ret)
        *result_ret = task->result;
    settle_handle(task, ASYNC_DEBUG_TASK_RETRIEVED);
    return 0;
}

int async_detach(struct async_task *task)
{
    if (!async_task_here() || !async_is_task(task) || !async_task_take_handle(task))
        return refuse_handle(task);
    async_task_pin(task);
    async_task_settle_handle(task, ASYNC_DEBUG_TASK_DETACHED);
    if (task->state == ASYNC_TASK_FAILED)
        async_diagnose_failure(task); /* its end did not know */
    async_task_unpin(task);
    return 0;
}

uint64_t async_task_id(const struct async_task *task)
{
    return async_is_task(task) ? task->id : 0;
}

const char *async_task_name(const struct async_task *task)
{
    return async_is_task(task) ? task->name : "";
}

void async_task_set_name(struct async_task *task, const char *format, ...)
{
    if (!async_is_task(task))
        return;
    char name[ASYNC_TASK_NAME_SIZE] = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    /* In one go, and always terminated: a reader may look at any time. */
    memcpy(task->name, name, sizeof(name));
}
