/* SPDX-License-Identifier: MIT */
/*
 * echo, plain libuv callbacks, as fast as that goes: a buffer for each connection, answers tried at once; only
 * what the socket does not take is queued, and nothing is read meanwhile. Prints its port.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "contest.h"

#define BUFFER_SIZE ((size_t)16 << 10)

struct connection {
    uv_tcp_t tcp;
    uv_write_t write;
    char buffer[BUFFER_SIZE];
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(connection->buffer, sizeof(connection->buffer));
}

static void on_close(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static void on_written(uv_write_t *request, int status)
{
    if (status == 0)
        uv_read_start(request->handle, on_alloc, on_read);
}

/* False: the connection is of no use any more. */
static bool answer(uv_stream_t *stream, size_t count)
{
    struct connection *connection = stream->data;
    uv_buf_t rest = uv_buf_init(connection->buffer, (unsigned)count);
    int written = uv_try_write(stream, &rest, 1);
    if (written == (int)count)
        return true;
    if (written < 0 && written != UV_EAGAIN)
        return false;
    if (written > 0) {
        rest.base += written;
        rest.len -= (size_t)written;
    }
    uv_read_stop(stream);
    return uv_write(&connection->write, stream, &rest, 1, on_written) == 0;
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    (void)buffer;
    if (count < 0 || (count > 0 && !answer(stream, (size_t)count)))
        uv_close((uv_handle_t *)stream, on_close);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct connection *connection = status == 0 ? malloc(sizeof(*connection)) : NULL;
    contest_require(connection != NULL, "accepting");
    uv_tcp_init(listener->loop, &connection->tcp);
    connection->tcp.data = connection;
    contest_require(uv_accept(listener, (uv_stream_t *)&connection->tcp) == 0, "uv_accept");
    uv_tcp_nodelay(&connection->tcp, 1);
    uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
}

int main(void)
{
    uv_tcp_t listener;
    struct sockaddr_in address;
    int size = sizeof(address);
    uv_tcp_init(uv_default_loop(), &listener);
    uv_ip4_addr("127.0.0.1", 0, &address);
    contest_require(uv_tcp_bind(&listener, (struct sockaddr *)&address, 0) == 0, "uv_tcp_bind");
    contest_require(uv_listen((uv_stream_t *)&listener, 511, on_connection) == 0, "uv_listen");
    uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size);
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
