/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "address.h"
#include "diagnose.h"
#include "stream.h"
#include "worker.h"

/*
 * libuv only tells when there is something to accept. Its own listening accepts a connection before anybody
 * wants it, and when the process is out of descriptors it accepts and closes those that wait.
 */
struct async_listener {
    struct async_handle handle;
    uv_poll_t uv;
    struct async_future accept;
    bool watching;
    bool tcp;
    bool made_file; /* at `name`, to be removed */
    uint16_t port;
    char name[ASYNC_ADDRESS_SIZE];
};

/* ---- Open -------------------------------------------------------------------------------------- */

static int bind_and_listen(int fd, const struct async_address *address, int backlog, bool shared)
{
    int on = 1;
    if (address->socket.ss_family != AF_UNIX) /* so that a restarted service can listen */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
        return uv_translate_sys_error(errno);
    if (bind(fd, async_address_socket(address), address->size) != 0 || listen(fd, backlog) != 0)
        return uv_translate_sys_error(errno);
    return 0;
}

static void on_release(struct async_handle *handle)
{
    const struct async_listener *listener = (const struct async_listener *)handle;
    close(handle->fd);
    if (listener->made_file)
        unlink(listener->name);
}

static struct async_listener *create(int fd, int *error_ret)
{
    struct async_listener *listener = calloc(1, sizeof(*listener));
    *error_ret = listener ? uv_poll_init(&async_worker_self()->loop, &listener->uv, fd) : UV_ENOMEM;
    if (*error_ret) {
        free(listener);
        return NULL;
    }
    return listener;
}

static int open_listener(struct async_listener **listener_ret, int fd, const struct async_site *site)
{
    int error;
    struct async_address bound;
    struct async_listener *listener = create(fd, &error);
    if (error)
        return error;
    async_handle_open(&listener->handle, (uv_handle_t *)&listener->uv, "listener", listener->name, site);
    async_future_init(&listener->accept, ASYNC_FUTURE_ACCEPT, ASYNC_FUTURE_OPEN, listener);
    async_handle_set_fd(&listener->handle, fd);
    async_address_of_socket(&bound, fd);
    async_address_format(&bound, listener->name);
    listener->handle.release = on_release;
    listener->tcp = bound.socket.ss_family != AF_UNIX;
    listener->made_file = !listener->tcp && listener->name[0] != '@';
    listener->port = async_address_port(&bound);
    listener->accept.name = listener->name;
    listener->accept.worker = listener->handle.worker;
    listener->accept.site = site;
    listener->accept.fd = fd;
    *listener_ret = listener;
    return 0;
}

/* What bind has made. */
static void remove_file(const struct async_address *address)
{
    char path[ASYNC_ADDRESS_SIZE];
    async_address_format(address, path);
    if (address->socket.ss_family == AF_UNIX && path[0] != '@')
        unlink(path);
}

static int listen_at_address(struct async_listener **listener_ret, const struct async_address *address,
                             int backlog, bool shared, const struct async_site *site)
{
    int fd = async_address_open_socket(address, SOCK_STREAM);
    if (fd < 0)
        return fd;
    int error = bind_and_listen(fd, address, backlog, shared);
    if (!error) {
        error = open_listener(listener_ret, fd, site);
        if (error)
            remove_file(address);
    }
    if (error)
        close(fd);
    return error;
}

int async_listen_at(struct async_listener **listener_ret, const char *host, uint16_t port, int backlog,
                    bool shared, const struct async_site *site)
{
    struct async_address address;
    int error =
        async_self() && listener_ret ? async_address_parse(&address, host, port) : async_refused(UV_EINVAL);
    return error ? error : listen_at_address(listener_ret, &address, backlog, shared, site);
}

int async_listen_unix_at(struct async_listener **listener_ret, const char *path, int backlog,
                         const struct async_site *site)
{
    struct async_address address;
    int error =
        async_self() && listener_ret ? async_address_parse_unix(&address, path) : async_refused(UV_EINVAL);
    return error ? error : listen_at_address(listener_ret, &address, backlog, false, site);
}

uint16_t async_listener_port(const struct async_listener *listener)
{
    return listener->port;
}

/* ---- Accept ------------------------------------------------------------------------------------ */

/* What a waiting task wants. */
struct wish {
    struct async_stream **stream_ret;
    const struct async_site *site;
};

/* The memory first: a connection that was accepted could not be put back. */
static int take(struct async_listener *listener, const struct wish *wish)
{
    struct async_address peer = {.size = sizeof(peer.socket)};
    struct async_stream *stream = async_stream_allocate();
    if (!stream)
        return UV_ENOMEM;
    int fd = accept4(listener->handle.fd, (struct sockaddr *)&peer.socket, &peer.size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        free(stream);
        return uv_translate_sys_error(errno);
    }
    int error = async_stream_open_fd(stream, listener->tcp ? "tcp" : "unix", fd, wish->site);
    if (error) {
        close(fd);
        return error;
    }
    async_stream_set_peer(stream, &peer);
    *wish->stream_ret = stream;
    return 0;
}

static void stop_watching(struct async_listener *listener)
{
    uv_poll_stop(&listener->uv);
    listener->watching = false;
}

/* The connection was another's, or was given up: the next one will do. */
static bool is_passing(int error)
{
    return error == UV_EAGAIN || error == UV_ECONNABORTED || error == UV_EINTR;
}

static void on_readable(uv_poll_t *uv, int status, int events)
{
    (void)events;
    struct async_listener *listener = uv->data;
    struct async_waiter *waiter = listener->accept.waiters;
    if (!waiter || status < 0)
        stop_watching(listener);
    if (!waiter)
        return;
    struct wish wish = *(const struct wish *)waiter->data;
    struct async_task *task = waiter->task;
    if (status == 0)
        status = take(listener, &wish);
    if (is_passing(status))
        return;
    if (status == 0)
        (*wish.stream_ret)->handle.task = async_task_id(task);
    async_future_wake(&listener->accept, status);
}

int async_accept_at(struct async_listener *listener, struct async_stream **stream_ret,
                    const struct async_site *site)
{
    int unusable = async_handle_check(listener);
    if (unusable || !stream_ret)
        return unusable ? unusable : async_refused(UV_EINVAL);
    if (!listener->watching) {
        int error = uv_poll_start(&listener->uv, UV_READABLE, on_readable);
        if (error)
            return error;
        listener->watching = true;
    }
    struct wish wish = {stream_ret, site};
    return (int)async_future_await(&listener->accept, &wish);
}

int async_listener_close(struct async_listener *listener)
{
    int unusable = async_handle_check_close(listener);
    if (unusable)
        return unusable;
    async_future_wake_all(&listener->accept, UV_ECANCELED);
    return async_handle_close(&listener->handle);
}
