/* SPDX-License-Identifier: MIT */
#include "tcp.h"

#include <stdlib.h>

#include "async.h"
#include "worker.h"

int async_tcp_create(struct async_tcp **tcp_ret, uv_loop_t *loop)
{
    struct async_tcp *tcp = calloc(1, sizeof(*tcp));
    int error = tcp ? uv_tcp_init(loop, &tcp->uv) : UV_ENOMEM;
    if (error) {
        free(tcp);
        return error;
    }
    async_handle_open(&tcp->handle, (uv_handle_t *)&tcp->uv, "tcp", tcp->peer);
    async_future_init(&tcp->read, ASYNC_FUTURE_READ, ASYNC_FUTURE_OPEN, tcp);
    async_future_init(&tcp->write, ASYNC_FUTURE_WRITE, ASYNC_FUTURE_OPEN, tcp);
    tcp->read.worker = tcp->write.worker = tcp->handle.worker;
    tcp->read.peer = tcp->write.peer = tcp->handle.close.peer = tcp->peer;
    *tcp_ret = tcp;
    return 0;
}

void async_tcp_opened(struct async_tcp *tcp, const struct sockaddr *peer)
{
    uv_os_fd_t fd = -1;
    uv_fileno((const uv_handle_t *)&tcp->uv, &fd);
    tcp->handle.fd = tcp->read.fd = tcp->write.fd = fd;
    async_address_format(tcp->peer, peer);
    uv_tcp_nodelay(&tcp->uv, 1); /* writes are whole messages; waiting to join them only costs time */
}

const char *async_tcp_peer(const struct async_tcp *tcp)
{
    return tcp->peer;
}

/* ---- Connect ----------------------------------------------------------------------------------- */

static void on_connect(uv_connect_t *request, int status)
{
    async_future_wake(request->data, status);
}

int async_connect_at(struct async_tcp **tcp_ret, const char *host, uint16_t port, const struct async_site *site)
{
    struct async_task *task = async_self();
    struct sockaddr_storage address;
    struct async_tcp *tcp;
    if (!task || async_address_parse(&address, host, port) != 0)
        return UV_EINVAL;
    int error = async_tcp_create(&tcp, &task->worker->loop);
    if (error)
        return error;
    struct async_future connected;
    async_future_init(&connected, ASYNC_FUTURE_CONNECT, ASYNC_FUTURE_PENDING, tcp);
    uv_connect_t request = {.data = &connected};
    error = uv_tcp_connect(&request, &tcp->uv, (struct sockaddr *)&address, on_connect);
    tcp->handle.site = site;
    if (!error) {
        async_tcp_opened(tcp, (struct sockaddr *)&address);
        connected.fd = tcp->handle.fd;
        connected.peer = tcp->peer;
        error = (int)async_future_await(&connected, NULL);
    }
    if (error) {
        /* Until the handle is closed libuv knows the request, which lies here. */
        async_handle_close(&tcp->handle);
        return error;
    }
    *tcp_ret = tcp;
    return 0;
}

/* ---- Read ------------------------------------------------------------------------------------------ */

/* The reader's own buffer; none when nobody reads, which makes libuv report UV_ENOBUFS. */
static void on_alloc(uv_handle_t *uv, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct async_tcp *tcp = uv->data;
    struct async_waiter *reader = tcp->read.waiters;
    buffer->base = reader ? reader->data : NULL;
    buffer->len = reader ? tcp->read.size : 0;
}

static void stop_reading(struct async_tcp *tcp)
{
    uv_read_stop((uv_stream_t *)&tcp->uv);
    tcp->reading = false;
}

/*
 * Watching goes on after a successful read, since the next async_read normally comes before the next input,
 * and changing the watch costs two system calls. Input that comes while nobody reads stops it.
 */
static void on_read(uv_stream_t *uv, ssize_t count, const uv_buf_t *buffer)
{
    (void)buffer;
    struct async_tcp *tcp = uv->data;
    if (count == 0)
        return;
    if (count < 0)
        stop_reading(tcp);
    if (count == UV_ENOBUFS && !tcp->read.waiters)
        return;
    if (count < 0) {
        tcp->read_status = count;
        tcp->read.state = ASYNC_FUTURE_CLOSED;
    }
    async_future_wake(&tcp->read, count);
}

ssize_t async_read(struct async_tcp *tcp, void *buffer, size_t size)
{
    if (!async_self() || !tcp || (!buffer && size))
        return UV_EINVAL;
    int unusable = async_handle_check(&tcp->handle);
    if (unusable)
        return unusable;
    if (tcp->read.waiters)
        return UV_EBUSY;
    if (size == 0 || tcp->read_status)
        return size == 0 ? 0 : tcp->read_status;
    if (!tcp->reading) {
        int error = uv_read_start((uv_stream_t *)&tcp->uv, on_alloc, on_read);
        if (error)
            return error;
        tcp->reading = true;
    }
    tcp->read.size = size;
    return async_future_await(&tcp->read, buffer);
}

/* ---- Write ----------------------------------------------------------------------------------------- */

static void on_write(uv_write_t *request, int status)
{
    struct async_tcp *tcp = request->data;
    async_future_wake(&tcp->write, status);
}

int async_write(struct async_tcp *tcp, const void *buffer, size_t size)
{
    if (!async_self() || !tcp || (!buffer && size))
        return UV_EINVAL;
    int unusable = async_handle_check(&tcp->handle);
    if (unusable)
        return unusable;
    if (tcp->write.waiters)
        return UV_EBUSY;
    uv_buf_t rest = {.base = (char *)buffer, .len = size};
    int written = uv_try_write((uv_stream_t *)&tcp->uv, &rest, 1);
    if (written < 0 && written != UV_EAGAIN)
        return written;
    if (written > 0) {
        rest.base += written;
        rest.len -= (size_t)written;
    }
    if (rest.len == 0)
        return 0;
    uv_write_t request = {.data = tcp};
    int error = uv_write(&request, (uv_stream_t *)&tcp->uv, &rest, 1, on_write);
    if (error)
        return error;
    tcp->write.size = rest.len;
    return (int)async_future_await_shielded(&tcp->write, NULL);
}

/* ---- Close ----------------------------------------------------------------------------------------- */

int async_close(struct async_tcp *tcp)
{
    if (!async_self() || !tcp)
        return UV_EINVAL;
    int unusable = async_handle_check(&tcp->handle);
    if (unusable)
        return unusable == UV_EBADF ? UV_EALREADY : unusable;
    /* libuv itself ends a pending write with UV_ECANCELED. */
    async_future_wake(&tcp->read, UV_ECANCELED);
    return async_handle_close(&tcp->handle);
}
