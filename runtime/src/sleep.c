/* SPDX-License-Identifier: MIT */
#include <uv.h>

#include "async.h"
#include "clock.h"
#include "diagnose.h"
#include "future.h"
#include "timer.h"
#include "worker.h"

/* Lives on the sleeper's stack. */
struct sleeper {
    struct async_timer timer;
    struct async_future future;
};

static void on_expired(struct async_timer *timer)
{
    async_future_wake(&((struct sleeper *)timer)->future, 0);
}

int async_sleep_until(uint64_t deadline)
{
    struct async_task *task = async_self();
    if (!task)
        return async_refused(UV_EINVAL);
    struct async_timers *timers = &task->worker->timers;
    struct sleeper sleeper = {.timer = {.expired = on_expired}};
    async_future_init(&sleeper.future, ASYNC_FUTURE_TIMER, ASYNC_FUTURE_PENDING, NULL);
    sleeper.future.deadline = deadline;
    sleeper.future.worker = task->worker;
    int error = async_timer_start(timers, &sleeper.timer, deadline);
    if (error)
        return error;
    error = (int)async_future_await(&sleeper.future, NULL);
    async_timer_stop(timers, &sleeper.timer);
    async_future_deinit(&sleeper.future);
    return error;
}

int async_sleep(uint64_t milliseconds)
{
    return async_sleep_until(async_clock_after(milliseconds));
}
