/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "address.h"
#include "cancel.h"
#include "diagnose.h"
#include "stream.h"
#include "worker.h"

/* ---- Connect ----------------------------------------------------------------------------------- */

static void on_connect(uv_connect_t *request, int status)
{
    async_future_wake(request->data, status);
}

static int await_connection(struct async_stream *stream, const struct async_address *address)
{
    struct async_future connected;
    async_future_init(&connected, ASYNC_FUTURE_CONNECT, ASYNC_FUTURE_PENDING, stream);
    uv_connect_t request = {.data = &connected};
    int error = uv_tcp_connect(&request, &stream->uv.tcp, async_address_socket(address), on_connect);
    if (!error) {
        async_stream_connected(stream);
        async_stream_set_peer(stream, address);
        connected.fd = stream->handle.fd;
        connected.peer = stream->peer;
        connected.worker = stream->handle.worker;
        connected.site = stream->handle.site;
        error = (int)async_future_await(&connected, NULL);
    }
    /* Until the handle is closed libuv knows the request, which lies here. */
    if (error)
        async_handle_close(&stream->handle);
    async_future_deinit(&connected);
    return error;
}

static int connect_to(struct async_stream **stream_ret, const struct async_address *address,
                      const struct async_site *site)
{
    struct async_stream *stream = async_stream_allocate();
    if (!stream)
        return UV_ENOMEM;
    async_stream_open(stream, "tcp", site);
    int error = await_connection(stream, address);
    if (!error)
        *stream_ret = stream;
    return error;
}

#define ADDRESSES_MAX 8 /* of one host, that are tried */

static int connect_to_name(struct async_stream **stream_ret, const char *host, uint16_t port,
                           const struct async_site *site)
{
    struct async_address addresses[ADDRESSES_MAX];
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    int count = async_resolve_at(host, service, addresses, ADDRESSES_MAX, site);
    int error = count < 0 ? count : UV_EADDRNOTAVAIL;
    for (int i = 0; i < count && i < ADDRESSES_MAX; i++) {
        error = connect_to(stream_ret, &addresses[i], site);
        /* UV_ETIMEDOUT alone may be the network's: the next address may be nearer. */
        if (!error || error == UV_ECANCELED || async_interrupt_pending(async_self()))
            break;
    }
    return error;
}

int async_connect_at(struct async_stream **stream_ret, const char *host, uint16_t port,
                     const struct async_site *site)
{
    struct async_address address;
    if (!async_self() || !stream_ret || !host)
        return async_refused(UV_EINVAL);
    if (async_address_parse(&address, host, port) == 0)
        return connect_to(stream_ret, &address, site);
    return connect_to_name(stream_ret, host, port, site);
}

/* ---- Options ----------------------------------------------------------------------------------- */

int async_tcp_keepalive(struct async_stream *stream, uint32_t seconds)
{
    int unusable = async_handle_check(stream);
    if (unusable)
        return unusable;
    if (stream->uv.handle.type != UV_TCP)
        return UV_ENOTSUP;
    return uv_tcp_keepalive(&stream->uv.tcp, seconds != 0, seconds);
}
