/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include "descriptor.h"
#include "diagnose.h"
#include "log.h"
#include "task.h"
#include "worker.h"

static struct async_hook *trace_hook;

int async_set_trace(async_trace_function function, void *data)
{
    int error = async_hook_set(&trace_hook, (void (*)(void))function, data);
    if (!error)
        async_mode_set(ASYNC_MODE_TRACE, function);
    return error;
}

static const char *awaited(enum async_trace_event event, uint32_t kind)
{
    if (event != ASYNC_TRACE_SUSPEND)
        return "";
    return kind ? async_debug_descriptor.future_kinds[kind].text : "yield";
}

void async_trace(enum async_trace_event event, const struct async_task *task, uint32_t kind)
{
    const struct async_hook *hook = async_hook_get(&trace_hook);
    if (!hook)
        return;
    struct async_trace trace = {
        .event = event,
        .worker = task->worker->id,
        .task = task->id,
        .parent = task->parent_id,
        .task_name = task->name,
        .start = task->start,
        .awaits = awaited(event, kind),
        .result = event == ASYNC_TRACE_DONE ? task->result : 0,
    };
    ((async_trace_function)hook->function)(&trace, hook->data);
}
