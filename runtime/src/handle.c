/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <stdlib.h>

#include "async.h"
#include "change.h"
#include "clock.h"
#include "process.h"

void async_handle_open(struct async_handle *handle, uv_handle_t *uv, const char *kind, const char *name)
{
    struct async_process *process = &async_process;
    *handle = (struct async_handle){
        .uv = uv,
        .kind = kind,
        .name = name,
        .fd = -1,
        .task = async_task_id(async_self()),
        .opened_at = async_clock_coarse(),
        .link = process->handles_last,
    };
    async_future_init(&handle->close, ASYNC_FUTURE_CLOSE, ASYNC_FUTURE_PENDING, handle);
    handle->close.name = name;
    uv->data = handle;
    async_publish(process->handles_last, handle);
    process->handles_last = &handle->next;
}

static void take_off_list(struct async_handle *handle)
{
    async_publish(handle->link, handle->next);
    if (handle->next)
        handle->next->link = handle->link;
    else
        async_process.handles_last = handle->link;
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
    if (handle->closing)
        return UV_EALREADY;
    handle->close.fd = handle->fd;
    async_handle_drop(handle);
    async_future_await(&handle->close, NULL);
    free(handle);
    return 0;
}

void async_handles_drop_all(void)
{
    for (struct async_handle *handle = async_process.handles; handle; handle = handle->next)
        async_handle_drop(handle);
}
