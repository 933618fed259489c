/* SPDX-License-Identifier: MIT */
/* What debug mode sees of a task's life, from spawn to release. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "change.h"
#include "counters.h"
#include "descriptor.h"
#include "diagnose.h"
#include "diagnose_stack.h"
#include "history.h"
#include "label.h"
#include "log.h"
#include "task.h"
#include "trace.h"
#include "worker.h"

#define TOLD 100      /* tasks left over that are told one by one */
#define TEXT_SIZE 160 /* of an error */
#define ADDRESS 256

static double ms(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1e6;
}

/* ---- Spawn and steps ----------------------------------------------------------------------------- */

void async_diagnose_spawn(struct async_task *task)
{
    uint32_t modes = async_modes();
    if (modes & ASYNC_DEBUG_MODE_ON) {
        struct async_backtrace backtrace;
        async_backtrace_capture(&backtrace);
        void **stack = async_backtrace_keep(&backtrace, &task->spawn_depth);
        async_publish(&task->spawn_stack, stack);
        async_event(ASYNC_DEBUG_EVENT_SPAWN, task);
    }
    if (modes & ASYNC_MODE_TRACE)
        async_trace(ASYNC_TRACE_SPAWN, task, 0);
}

void async_diagnose_resume(struct async_worker *worker, struct async_task *task)
{
    uint32_t modes = async_modes();
    if (modes & (ASYNC_DEBUG_MODE_ON | ASYNC_DEBUG_MODE_TIMES))
        async_step_begin(worker);
    if (modes & ASYNC_MODE_TRACE)
        async_trace(ASYNC_TRACE_RESUME, task, 0);
}

static void tell_slow_step(struct async_worker *worker, struct async_task *task, enum async_trace_event event,
                           uint32_t kind)
{
    struct async_message message = async_message_about(ASYNC_MESSAGE_SLOW_STEP, task);
    struct async_backtrace backtrace = {.depth = 0};
    char start[ADDRESS];
    const char *then = "ended";
    if (event == ASYNC_TRACE_SUSPEND) {
        async_backtrace_capture(&backtrace);
        then = kind ? async_debug_descriptor.future_kinds[kind].text : "yield";
    }
    message.duration = worker->step.wall;
    message.stack = backtrace.frames;
    message.depth = backtrace.depth;
    async_address_describe((const char *)(uintptr_t)task->start + 1, start, sizeof(start));
    async_log(&message, "ran %.1f ms without a wait, %.1f ms of it on the CPU, then: %s; start function %s",
              ms(worker->step.wall), ms(worker->step.cpu_used), then, start);
    async_event(ASYNC_DEBUG_EVENT_SLOW_STEP, task);
    worker->step.last = 0; /* telling took time too */
}

void async_diagnose_suspend(struct async_worker *worker, struct async_task *task,
                            enum async_trace_event event, uint32_t kind)
{
    uint32_t modes = async_modes();
    if (modes & (ASYNC_DEBUG_MODE_ON | ASYNC_DEBUG_MODE_TIMES))
        async_step_end(worker, task);
    if (modes & ASYNC_DEBUG_MODE_ON) {
        if (worker->step.wall >= __atomic_load_n(&async_process.slow_step, __ATOMIC_RELAXED))
            tell_slow_step(worker, task, event, kind);
        /* What was touched stays to be seen: looking now and then is enough. */
        if (event == ASYNC_TRACE_DONE || !(task->resumes & (task->resumes - 1)))
            async_stack_measure(task);
    }
    if (modes & ASYNC_MODE_TRACE)
        async_trace(event, task, kind);
}

/* ---- Failures ------------------------------------------------------------------------------------ */

static struct async_hook *failure_hook;

int async_set_failure_handler(async_failure_function function, void *data)
{
    return async_hook_set(&failure_hook, (void (*)(void))function, data);
}

static void forget_error(struct async_task *task)
{
    char *text = task->error_text;
    void **stack = task->error_stack;
    async_publish(&task->error_text, NULL);
    async_publish(&task->error_stack, NULL);
    task->error_depth = 0;
    task->error_site = NULL;
    free(text);
    free(stack);
}

int async_fail_at(const struct async_site *site, int code, const char *format, ...)
{
    struct async_task *task = async_self();
    if (!task || code >= 0 || !format)
        return async_refused(code < 0 ? code : UV_EINVAL);
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    forget_error(task);
    task->error_told = code;
    task->error_site = site;
    async_publish(&task->error_text, strdup(text));
    if (async_debugging()) {
        struct async_backtrace backtrace;
        async_backtrace_capture(&backtrace);
        void **stack = async_backtrace_keep(&backtrace, &task->error_depth);
        async_publish(&task->error_stack, stack);
        async_event(ASYNC_DEBUG_EVENT_FAILURE, task);
    }
    return code;
}

/* Where it failed, if that is known, or else where it was spawned. */
static void *const *best_stack(const struct async_task *task, size_t *depth_ret)
{
    void **stack = task->error_stack ? task->error_stack : task->spawn_stack;
    uint32_t depth = task->error_stack ? task->error_depth : task->spawn_depth;
    *depth_ret = stack ? depth : 0;
    return stack;
}

static void call_handler(const struct async_task *task)
{
    const struct async_hook *hook = async_hook_get(&failure_hook);
    if (!hook)
        return;
    struct async_failure failure = {
        .task = task->id,
        .task_name = task->name,
        .error = task->error,
        .text = task->error_text ? task->error_text : "",
        .site = task->error_site,
        .spawn_site = task->spawn_site,
    };
    failure.stack = best_stack(task, &failure.depth);
    ((async_failure_function)hook->function)(&failure, hook->data);
}

static void tell_failure(const struct async_task *task)
{
    struct async_message message = async_message_about(ASYNC_MESSAGE_FAILURE, task);
    bool told = task->error_text;
    call_handler(task);
    if (!async_debugging())
        return;
    async_message_set_site(&message, task->error_site);
    message.error = task->error;
    message.stack = best_stack(task, &message.depth);
    const char *stack = task->error_stack ? "; it failed at" : "; it was spawned at";
    async_log(&message, "failed, and nobody takes its error: %s%s%s%s", told ? task->error_text : "",
              told ? ": " : "", async_strerror(task->error),
              message.depth ? stack : "");
}

void async_diagnose_failure(struct async_task *task)
{
    struct async_lock *lock = &task->worker->registry.lock;
    async_lock(lock);
    bool lost = async_task_has_flag(task, ASYNC_DEBUG_TASK_DETACHED) &&
                !async_task_has_flag(task, ASYNC_DEBUG_TASK_RETRIEVED) && !task->failure_told;
    task->failure_told |= lost;
    async_unlock(lock);
    if (lost)
        tell_failure(task);
}

/* ---- The end ------------------------------------------------------------------------------------- */

void async_diagnose_end(struct async_task *task)
{
    if (task->error_text && task->error_told != task->result)
        forget_error(task);
    if (async_debugging() && task->state == ASYNC_TASK_FAILED && !task->error_text)
        async_event(ASYNC_DEBUG_EVENT_FAILURE, task);
    if (task->cancel_state != ASYNC_DEBUG_CANCEL_DELIVERED || task->state == ASYNC_TASK_CANCELLED)
        return;
    task->cancel_state = ASYNC_DEBUG_CANCEL_SWALLOWED;
    if (!async_debugging())
        return;
    struct async_message message = async_message_about(ASYNC_MESSAGE_CANCEL_SWALLOWED, task);
    async_message_set_site(&message, task->cancel_site);
    message.error = task->result < 0 ? task->result : 0;
    async_log(&message, "was told to end by task #%llu, and has ended otherwise: it returned %d",
              (unsigned long long)task->cancel_by, task->result);
}

void async_diagnose_release(struct async_task *task)
{
    void **stack = task->spawn_stack;
    async_publish(&task->spawn_stack, NULL);
    free(stack);
    forget_error(task);
    async_labels_drop(task);
}

static void tell_left(struct async_task *task, unsigned *told)
{
    if (async_task_has_flag(task, ASYNC_DEBUG_TASK_DETACHED | ASYNC_DEBUG_TASK_RETRIEVED))
        return;
    if (task->state == ASYNC_TASK_FAILED) {
        tell_failure(task);
        return;
    }
    if (!async_debugging() || (*told)++ >= TOLD)
        return;
    struct async_message message = async_message_about(ASYNC_MESSAGE_NEVER_AWAITED, task);
    message.stack = task->spawn_stack;
    message.depth = task->spawn_stack ? task->spawn_depth : 0;
    async_log(&message, "has ended (%s), and was neither joined nor detached",
              async_debug_descriptor.task_states[task->state].text);
}

void async_diagnose_left(struct async_worker *worker)
{
    unsigned told = 0;
    for (struct async_task *task = worker->registry.tasks; task; task = task->next) {
        tell_left(task, &told);
        async_history_note(task);
        async_diagnose_release(task);
    }
    if (told <= TOLD)
        return;
    struct async_message message = async_message_about(ASYNC_MESSAGE_NEVER_AWAITED, NULL);
    async_log(&message, "and %u tasks more of %s", told - TOLD, worker->name);
}

/* ---- Cancellation and timeouts ------------------------------------------------------------------- */

void async_diagnose_cancel(const struct async_task *task)
{
    struct async_message message = async_message_about(ASYNC_MESSAGE_CANCEL_REQUESTED, task);
    async_message_set_site(&message, task->cancel_site);
    async_log(&message, "is asked to end by task #%llu", (unsigned long long)task->cancel_by);
    async_event(ASYNC_DEBUG_EVENT_CANCEL, task);
}

void async_diagnose_cancelled(const struct async_task *task)
{
    struct async_message message = async_message_about(ASYNC_MESSAGE_CANCEL_DELIVERED, task);
    async_message_set_site(&message, task->cancel_site);
    async_log(&message, "is told to end, as task #%llu has asked", (unsigned long long)task->cancel_by);
}

void async_diagnose_timeout(const struct async_task *task, const void *opened)
{
    struct async_message message = async_message_about(ASYNC_MESSAGE_TIMEOUT_LEFT_OPEN, task);
    struct async_place place = {.name = "async_timeout_begin"};
    void *stack[1] = {(void *)opened};
    async_backtrace_prepare();
    if (async_call_find(opened, &place)) {
        message.file = place.file;
        message.line = place.line;
    }
    message.stack = stack;
    message.depth = 1;
    async_log(&message, "has ended without async_timeout_end for its %s", place.name);
}
