/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "async.h"
#include "async_debug.h"
#include "clock.h"
#include "descriptor.h"
#include "loop.h"

struct async_process async_process;

/* async_run is running, in whatever thread. */
static bool running;

static struct async_worker *workers[1];

/* The record is complete before the descriptor leads to it. */
static void publish(struct async_worker *worker)
{
    struct async_process *process = &async_process;
    async_change_begin(&process->changes);
    process->magic = ASYNC_PROCESS_MAGIC;
    process->pid = getpid();
    process->started_at = async_clock_coarse();
    workers[0] = worker;
    process->workers = workers;
    async_publish(&process->worker_count, 1);
    async_change_end(&process->changes);
    async_descriptor_publish();
}

static void withdraw(void)
{
    struct async_process *process = &async_process;
    async_change_begin(&process->changes);
    async_publish(&process->worker_count, 0);
    process->tasks_alive = 0; /* those that ended and were never joined go with their worker */
    async_change_end(&process->changes);
}

static int run(struct async_worker *worker, async_function start, void *argument, void *spawn_pc)
{
    struct async_task *task;
    struct async_task form = {
        .worker = worker,
        .start = start,
        .argument = argument,
        .spawn_pc = spawn_pc,
        .main = true,
        .flags = ASYNC_DEBUG_TASK_DETACHED,
    };
    async_worker_set_self(worker);
    publish(worker);
    int result = async_task_create(&task, &form, "main");
    if (result == 0) {
        async_worker_run(worker);
        result = worker->main_result;
    }
    async_worker_close(worker);
    withdraw();
    async_worker_set_self(NULL);
    async_worker_destroy(worker);
    return result;
}

/* A write to a closed connection is to be an error, not a death. A handler of the program's own stays. */
static bool ignore_sigpipe(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        return false;
    return signal(SIGPIPE, SIG_IGN) != SIG_ERR;
}

int async_run(async_function start, void *argument, const struct async_options *options)
{
    static const struct async_options usual;
    struct async_worker *worker;
    if (!start)
        return UV_EINVAL;
    if (__atomic_exchange_n(&running, true, __ATOMIC_ACQUIRE))
        return UV_EALREADY;
    async_process.handles_last = &async_process.handles;
    int result = async_worker_create(&worker, 0, options ? options : &usual);
    if (result == 0) {
        bool ignoring = ignore_sigpipe();
        result = run(worker, start, argument, __builtin_return_address(0));
        if (ignoring)
            signal(SIGPIPE, SIG_DFL);
    }
    __atomic_store_n(&running, false, __ATOMIC_RELEASE);
    return result;
}
