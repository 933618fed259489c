/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <stdlib.h>

#include "async.h"
#include "change.h"
#include "clock.h"
#include "diagnose.h"
#include "process.h"
#include "worker.h"

static void put_on_list(struct async_handle *handle)
{
    struct async_process *process = &async_process;
    async_lock(&process->handles_lock);
    handle->link = process->handles_last;
    async_publish(process->handles_last, handle);
    process->handles_last = &handle->next;
    async_unlock(&process->handles_lock);
}

static void take_off_list(struct async_handle *handle)
{
    async_lock(&async_process.handles_lock);
    async_publish(handle->link, handle->next);
    if (handle->next)
        handle->next->link = handle->link;
    else
        async_process.handles_last = handle->link;
    async_unlock(&async_process.handles_lock);
}

void async_handle_open(struct async_handle *handle, uv_handle_t *uv, const char *kind, const char *name,
                       const struct async_site *site)
{
    *handle = (struct async_handle){
        .uv = uv,
        .worker = async_worker_self(),
        .site = site,
        .kind = kind,
        .name = name,
        .fd = -1,
        .holds = 1,
        .task = async_task_id(async_self()),
        .opened_at = async_clock_coarse(),
    };
    async_future_init(&handle->close, ASYNC_FUTURE_CLOSE, ASYNC_FUTURE_PENDING, handle);
    handle->close.name = name;
    handle->close.site = site;
    handle->close.worker = handle->worker;
    if (uv)
        uv->data = handle;
    put_on_list(handle);
}

void async_handle_set_fd(struct async_handle *handle, int fd)
{
    handle->fd = handle->close.fd = fd;
}

/* `closing`: what is said of one that is being closed. */
static int check(const struct async_handle *handle, int closing)
{
    if (!handle || !async_self())
        return async_refused(UV_EINVAL);
    if (handle->worker != async_worker_self())
        return async_refused(UV_EXDEV);
    return handle->closing ? async_refused_because(closing, "it is being closed") : 0;
}

int async_handle_check(const void *object)
{
    return check(object, UV_EBADF);
}

int async_handle_check_close(const void *object)
{
    return check(object, UV_EALREADY);
}

void async_handle_unhold(struct async_handle *handle)
{
    if (--handle->holds)
        return;
    async_future_deinit(&handle->close);
    free(handle);
}

/* Nothing outside knows of it any more. */
static void end(struct async_handle *handle)
{
    if (handle->release)
        handle->release(handle);
    take_off_list(handle);
    handle->close.state = ASYNC_FUTURE_RESOLVED;
    async_future_wake(&handle->close, 0);
    async_handle_unhold(handle);
}

static void on_closed(uv_handle_t *uv)
{
    end(uv->data);
}

void async_handle_drop(struct async_handle *handle)
{
    handle->closing = true;
    if (handle->uv)
        uv_close(handle->uv, on_closed);
    else
        end(handle);
}

int async_handle_close(struct async_handle *handle)
{
    async_handle_hold(handle);
    async_handle_drop(handle);
    if (handle->close.state == ASYNC_FUTURE_PENDING)
        async_future_await_shielded(&handle->close, NULL);
    async_handle_unhold(handle);
    return 0;
}

/* Called when no task runs any more: nobody else changes the list. */
void async_handles_drop_all(struct async_worker *worker)
{
    for (struct async_handle *handle = async_process.handles, *next; handle; handle = next) {
        next = handle->next;
        if (handle->worker != worker || handle->closing)
            continue;
        if (async_debugging())
            async_diagnose_handle(handle);
        async_handle_drop(handle);
    }
}
