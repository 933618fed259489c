/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "async.h"
#include "diagnose.h"
#include "handle.h"
#include "worker.h"

struct async_signal {
    struct async_handle handle;
    uv_signal_t uv;
    struct async_future wait; /**< at most one waiter; count: signals that came and nobody took */
    char name[16];
};

static void set_name(struct async_signal *signal, int number)
{
    const char *name = sigabbrev_np(number);
    if (name)
        snprintf(signal->name, sizeof(signal->name), "SIG%s", name);
    else
        snprintf(signal->name, sizeof(signal->name), "signal %d", number);
}

static void on_signal(uv_signal_t *uv, int number)
{
    (void)number;
    struct async_signal *signal = uv->data;
    signal->wait.count++;
    async_future_wake(&signal->wait, 0);
}

int async_signal_open_at(struct async_signal **signal_ret, int number, const struct async_site *site)
{
    struct async_task *task = async_self();
    if (!task || !signal_ret)
        return async_refused(UV_EINVAL);
    struct async_signal *signal = calloc(1, sizeof(*signal));
    int error = signal ? uv_signal_init(&task->worker->loop, &signal->uv) : UV_ENOMEM;
    if (error) {
        free(signal);
        return error;
    }
    set_name(signal, number);
    async_handle_open(&signal->handle, (uv_handle_t *)&signal->uv, "signal", signal->name, site);
    async_future_init(&signal->wait, ASYNC_FUTURE_SIGNAL, ASYNC_FUTURE_OPEN, signal);
    signal->wait.name = signal->name;
    signal->wait.site = site;
    signal->wait.worker = signal->handle.worker;
    error = uv_signal_start(&signal->uv, on_signal, number);
    if (error) {
        async_handle_drop(&signal->handle);
        return error;
    }
    *signal_ret = signal;
    return 0;
}

/* The count stays with the object, so that nothing is lost when a wait ends otherwise. */
int async_signal_wait(struct async_signal *signal)
{
    int unusable = async_handle_check(signal);
    if (unusable)
        return unusable;
    if (signal->wait.waiters)
        return async_refused_because(UV_EBUSY, "another task is in this call");
    async_handle_hold(&signal->handle);
    int result = signal->wait.count ? 0 : (int)async_future_await(&signal->wait, NULL);
    if (!result) {
        result = signal->wait.count < INT32_MAX ? (int)signal->wait.count : INT32_MAX;
        signal->wait.count = 0;
    }
    async_handle_unhold(&signal->handle);
    return result;
}

int async_signal_close(struct async_signal *signal)
{
    int unusable = async_handle_check_close(signal);
    if (unusable)
        return unusable;
    async_future_wake(&signal->wait, UV_ECANCELED);
    return async_handle_close(&signal->handle);
}
