/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <stdlib.h>

#include "async.h"
#include "change.h"
#include "clock.h"
#include "process.h"
#include "worker.h"

void async_handle_open(struct async_handle *handle, uv_handle_t *uv, const char *kind, const char *name)
{
    struct async_process *process = &async_process;
    *handle = (struct async_handle){
        .uv = uv,
        .worker = async_worker_self(),
        .kind = kind,
        .name = name,
        .fd = -1,
        .task = async_task_id(async_self()),
        .opened_at = async_clock_coarse(),
    };
    async_future_init(&handle->close, ASYNC_FUTURE_CLOSE, ASYNC_FUTURE_PENDING, handle);
    handle->close.name = name;
    handle->close.worker = handle->worker;
    uv->data = handle;
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

/* The closing task frees the object, if there is one. */
static void on_closed(uv_handle_t *uv)
{
    struct async_handle *handle = uv->data;
    take_off_list(handle);
    if (!async_future_wake(&handle->close, 0))
        free(handle);
}

void async_handle_drop(struct async_handle *handle)
{
    if (handle->closing)
        return;
    handle->closing = true;
    uv_close(handle->uv, on_closed);
}

int async_handle_close(struct async_handle *handle)
{
    if (handle->worker != async_worker_self())
        return UV_EXDEV;
    if (handle->closing)
        return UV_EALREADY;
    handle->close.fd = handle->fd;
    async_handle_drop(handle);
    async_future_await_shielded(&handle->close, NULL);
    free(handle);
    return 0;
}

int async_handle_check(const struct async_handle *handle)
{
    if (handle->worker != async_worker_self())
        return UV_EXDEV;
    return handle->closing ? UV_EBADF : 0;
}

/* Called when no task runs any more: nobody else changes the list. */
void async_handles_drop_all(struct async_worker *worker)
{
    for (struct async_handle *handle = async_process.handles; handle; handle = handle->next) {
        if (handle->worker == worker)
            async_handle_drop(handle);
    }
}
