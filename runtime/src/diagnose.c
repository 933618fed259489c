/* SPDX-License-Identifier: MIT */
#include "diagnose.h"

#include <stdlib.h>
#include <uv.h>

#include "counters.h"
#include "diagnose_exit.h"
#include "handle.h"
#include "history.h"
#include "log.h"
#include "stack.h"
#include "task.h"
#include "worker.h"

/* ---- Switches ------------------------------------------------------------------------------------ */

void async_mode_set(uint32_t mode, bool on)
{
    if (on)
        __atomic_fetch_or(&async_process.debug_flags, mode, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&async_process.debug_flags, ~mode, __ATOMIC_SEQ_CST);
}

void async_debug_enable(bool on)
{
    async_mode_set(ASYNC_DEBUG_MODE_ON, on);
    if (on)
        async_exit_watch();
}

bool async_debug_enabled(void)
{
    return async_debugging();
}

void async_times_enable(bool on)
{
    async_mode_set(ASYNC_DEBUG_MODE_TIMES, on);
}

void async_debug_set_slow_step(uint64_t milliseconds)
{
    uint64_t threshold = ASYNC_SLOW_STEP_USUAL;
    if (milliseconds && __builtin_mul_overflow(milliseconds, (uint64_t)1000000, &threshold))
        threshold = UINT64_MAX;
    __atomic_store_n(&async_process.slow_step, threshold, __ATOMIC_RELAXED);
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value && !(value[0] == '0' && !value[1]);
}

int async_diagnose_begin(const struct async_options *options)
{
    if (options->debug || is_set("ASYNCRT_DEBUG"))
        async_debug_enable(true);
    if (options->times || is_set("ASYNCRT_TIMES"))
        async_times_enable(true);
    if (options->slow_step_ms)
        async_debug_set_slow_step(options->slow_step_ms);
    if (options->stack_size && options->stack_size < ASYNC_STACK_LEAST)
        async_refused_because(0, "the stack size is less than 16 KiB, which tasks get instead");
    if (options->stack_size > ASYNC_STACK_ABSURD)
        async_refused_because(0, "the stack size is more than 1 TiB");
    uint32_t history = options->history ? options->history : ASYNC_HISTORY_USUAL;
    return async_history_init(history == UINT32_MAX ? 0 : history);
}

/* A debugger may just have switched it on. */
void async_diagnose_turn(struct async_worker *worker)
{
    uint32_t modes = async_modes();
    if (modes & ASYNC_DEBUG_MODE_ON)
        async_exit_watch();
    if (modes & (ASYNC_DEBUG_MODE_ON | ASYNC_DEBUG_MODE_TIMES))
        async_step_turn(worker);
}

/* ---- For debuggers ------------------------------------------------------------------------------- */

/* Empty: a place to break at, with the event and the task at hand. */
__attribute__((noinline, used)) void async_event(uint32_t event, const struct async_task *task)
{
    __asm__ volatile("" : : "r"(event), "r"(task) : "memory");
}

/* ---- Handles left open --------------------------------------------------------------------------- */

void async_diagnose_handle(const struct async_handle *handle)
{
    struct async_message message = async_message_about(ASYNC_MESSAGE_LEFT_OPEN, NULL);
    async_message_set_site(&message, handle->site);
    message.task = handle->task;
    async_log(&message, "has left open: %s \"%s\", fd %d", handle->kind, handle->name ? handle->name : "",
              handle->fd);
}

/* ---- Calls that are not as they should be -------------------------------------------------------- */

static struct async_message classify(int code)
{
    struct async_task *self = async_self();
    enum async_message_code about = ASYNC_MESSAGE_MISUSE;
    if (!code)
        ; /* the call is made all the same */
    else if (!self)
        about = async_process.worker_count ? ASYNC_MESSAGE_OUTSIDE_TASK : ASYNC_MESSAGE_NOT_RUNNING;
    else if (code == UV_EXDEV)
        about = ASYNC_MESSAGE_WRONG_WORKER;
    else if (code == UV_ESHUTDOWN || code == UV_ECANCELED)
        about = ASYNC_MESSAGE_SPAWN_REFUSED;
    return async_message_about(about, self);
}

static const char *usual_reason(const struct async_message *message, int code)
{
    switch (message->code) {
    case ASYNC_MESSAGE_NOT_RUNNING:
        return "async_run is not running";
    case ASYNC_MESSAGE_OUTSIDE_TASK:
        return async_worker_self() ? "called on a worker's thread, but not by a task"
                                   : "called on a thread that is no worker's";
    case ASYNC_MESSAGE_WRONG_WORKER:
        return "it belongs to another worker than the calling task's";
    case ASYNC_MESSAGE_SPAWN_REFUSED:
        return "async_shutdown was called";
    default:
        return code == UV_EINVAL ? "an argument is missing, or cannot be used here" : "not as things stand";
    }
}

static void tell_refusal(int code, const char *reason)
{
    struct async_message message = classify(code);
    struct async_backtrace backtrace;
    struct async_place place = {.name = "a call"};
    async_backtrace_capture(&backtrace);
    message.file = NULL;
    message.line = 0;
    message.error = code;
    if (backtrace.depth && async_call_find(backtrace.frames[0], &place)) {
        message.file = place.file;
        message.line = place.line;
    }
    message.stack = backtrace.frames;
    message.depth = backtrace.depth;
    if (!reason || (code && !async_self()))
        reason = usual_reason(&message, code);
    async_log(&message, "%s: %s%s%s", place.name, code ? async_strerror(code) : "", code ? ": " : "", reason);
}

int async_refused(int code)
{
    if (async_debugging())
        tell_refusal(code, NULL);
    return code;
}

int async_refused_because(int code, const char *reason)
{
    if (async_debugging())
        tell_refusal(code, reason);
    return code;
}
