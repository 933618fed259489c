/* SPDX-License-Identifier: MIT */
#include "work.h"

#include <unistd.h>

#include "async.h"
#include "cancel.h"
#include "diagnose.h"
#include "worker.h"

void async_work_init(struct async_work *work, enum async_future_kind kind,
                     int64_t (*call)(struct async_work *work), const struct async_site *site)
{
    *work = (struct async_work){.call = call};
    async_future_init(&work->future, kind, ASYNC_FUTURE_QUEUED, NULL);
    work->future.worker = async_worker_self();
    work->future.site = site;
}

static void set_state(struct async_work *work, enum async_future_state state, int32_t thread)
{
    __atomic_store_n(&work->future.thread, thread, __ATOMIC_RELAXED);
    __atomic_store_n(&work->future.state, state, __ATOMIC_RELEASE);
}

/* On a thread of the pool. */
static void on_work(uv_work_t *uv)
{
    struct async_work *work = uv->data;
    set_state(work, ASYNC_FUTURE_RUNNING, gettid());
    work->result = work->call(work);
    set_state(work, ASYNC_FUTURE_PENDING, 0); /* until the worker's loop turns */
}

static void on_done(uv_work_t *uv, int status)
{
    struct async_work *work = uv->data;
    work->status = status;
    work->done = true;
    work->future.state = status ? ASYNC_FUTURE_CANCELLED : ASYNC_FUTURE_RESOLVED;
    async_future_wake(&work->future, 0);
}

/* The memory is the caller's: even what was taken back must have left libuv's hands. Returns the interruption
 * if the call was not called. */
static int take_back(struct async_work *work, int interrupted)
{
    uv_cancel((uv_req_t *)&work->uv);
    if (!work->done)
        async_future_await_shielded(&work->future, NULL);
    if (work->status == UV_ECANCELED)
        return interrupted;
    async_interrupt_put_back(async_self(), interrupted);
    return 0;
}

int64_t async_work_await(struct async_work *work)
{
    struct async_task *task = async_self();
    if (!task)
        return async_refused(UV_EINVAL);
    work->uv.data = work;
    int interrupted = async_interrupt_take(task);
    if (interrupted)
        return interrupted;
    uv_queue_work(&task->worker->loop, &work->uv, on_work, on_done);
    interrupted = (int)async_future_await(&work->future, NULL);
    if (interrupted)
        interrupted = take_back(work, interrupted);
    async_future_deinit(&work->future);
    return interrupted ? interrupted : work->result;
}

/* ---- For users ----------------------------------------------------------------------------------- */

struct call {
    struct async_work work;
    async_function function;
    void *argument;
};

static int64_t call_function(struct async_work *work)
{
    struct call *call = (struct call *)work;
    return call->function(call->argument);
}

int async_work_at(const char *name, async_function function, void *argument, const struct async_site *site)
{
    if (!async_self() || !function)
        return async_refused(UV_EINVAL);
    struct call call = {.function = function, .argument = argument};
    async_work_init(&call.work, ASYNC_FUTURE_WORK, call_function, site);
    call.work.future.name = name;
    return (int)async_work_await(&call.work);
}
