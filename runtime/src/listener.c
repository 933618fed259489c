/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdlib.h>

#include "async.h"
#include "change.h"
#include "tcp.h"
#include "worker.h"

struct async_listener {
    struct async_handle handle;
    uv_tcp_t uv;
    struct async_future accept;
    bool pending; /**< libuv holds a connection for us and listens on when it is taken */
    uint16_t port;
    char address[ASYNC_ADDRESS_SIZE];
};

/* Takes the connection that libuv holds. */
static int take(struct async_listener *listener, struct async_tcp **tcp_ret)
{
    struct async_tcp *tcp;
    int error = async_tcp_create(&tcp, listener->uv.loop);
    if (error) {
        listener->pending = true;
        return error;
    }
    struct sockaddr_storage peer = {0};
    int size = sizeof(peer);
    error = uv_accept((uv_stream_t *)&listener->uv, (uv_stream_t *)&tcp->uv);
    if (error) {
        async_handle_drop(&tcp->handle);
        return error;
    }
    uv_tcp_getpeername(&tcp->uv, (struct sockaddr *)&peer, &size);
    async_tcp_opened(tcp, (struct sockaddr *)&peer);
    *tcp_ret = tcp;
    return 0;
}

static void on_connection(uv_stream_t *uv, int status)
{
    struct async_listener *listener = uv->data;
    struct async_changes *changes = &listener->handle.worker->changes;
    async_change_begin(changes);
    struct async_waiter *waiter = async_future_claim(&listener->accept);
    if (!waiter) {
        async_change_end(changes);
        listener->pending = status == 0;
        return;
    }
    if (status == 0) {
        struct async_tcp **tcp_ret = waiter->data;
        status = take(listener, tcp_ret);
        if (status == 0)
            (*tcp_ret)->handle.task = async_task_id(waiter->task);
    }
    async_waiter_wake(waiter, status);
    async_change_end(changes);
}

static int open_listener(struct async_listener *listener, const struct sockaddr *wanted, int backlog)
{
    int error = uv_tcp_bind(&listener->uv, wanted, 0);
    if (!error)
        error = uv_listen((uv_stream_t *)&listener->uv, backlog, on_connection);
    if (error)
        return error;
    struct sockaddr_storage bound = {0};
    int size = sizeof(bound);
    uv_os_fd_t fd = -1;
    uv_tcp_getsockname(&listener->uv, (struct sockaddr *)&bound, &size);
    uv_fileno((const uv_handle_t *)&listener->uv, &fd);
    listener->handle.fd = listener->accept.fd = fd;
    /* The port stands at the same place in both families. */
    listener->port = ntohs(((const struct sockaddr_in *)&bound)->sin_port);
    async_address_format(listener->address, (struct sockaddr *)&bound);
    return 0;
}

int async_listen_at(struct async_listener **listener_ret, const char *host, uint16_t port, int backlog,
                    const struct async_site *site)
{
    struct async_task *task = async_self();
    struct sockaddr_storage address;
    if (!task || async_address_parse(&address, host, port) != 0)
        return UV_EINVAL;
    struct async_listener *listener = calloc(1, sizeof(*listener));
    int error = listener ? uv_tcp_init(&task->worker->loop, &listener->uv) : UV_ENOMEM;
    if (error) {
        free(listener);
        return error;
    }
    async_handle_open(&listener->handle, (uv_handle_t *)&listener->uv, "listener", listener->address);
    async_future_init(&listener->accept, ASYNC_FUTURE_ACCEPT, ASYNC_FUTURE_OPEN, listener);
    listener->accept.name = listener->address;
    listener->accept.worker = listener->handle.worker;
    listener->handle.site = site;
    error = open_listener(listener, (struct sockaddr *)&address, backlog);
    if (error) {
        async_handle_drop(&listener->handle);
        return error;
    }
    *listener_ret = listener;
    return 0;
}

uint16_t async_listener_port(const struct async_listener *listener)
{
    return listener->port;
}

int async_accept(struct async_listener *listener, struct async_tcp **tcp_ret)
{
    if (!async_self() || !listener || !tcp_ret)
        return UV_EINVAL;
    int unusable = async_handle_check(&listener->handle);
    if (unusable)
        return unusable;
    if (listener->pending) {
        listener->pending = false;
        return take(listener, tcp_ret);
    }
    return (int)async_future_await(&listener->accept, tcp_ret);
}

int async_listener_close(struct async_listener *listener)
{
    if (!async_self() || !listener)
        return UV_EINVAL;
    int unusable = async_handle_check(&listener->handle);
    if (unusable)
        return unusable == UV_EBADF ? UV_EALREADY : unusable;
    async_future_wake_all(&listener->accept, UV_ECANCELED);
    return async_handle_close(&listener->handle);
}
