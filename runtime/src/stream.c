/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "diagnose.h"
#include "worker.h"

/* ---- Open -------------------------------------------------------------------------------------- */

struct async_stream *async_stream_allocate(void)
{
    return calloc(1, sizeof(struct async_stream));
}

static bool is_tcp(const struct async_stream *stream)
{
    return stream->uv.handle.type == UV_TCP;
}

void async_stream_open(struct async_stream *stream, const char *kind, const struct async_site *site)
{
    uv_loop_t *loop = &async_worker_self()->loop;
    /* Neither can fail: they make no descriptor. */
    if (strcmp(kind, "tcp") == 0)
        uv_tcp_init(loop, &stream->uv.tcp);
    else
        uv_pipe_init(loop, &stream->uv.pipe, 0);
    async_handle_open(&stream->handle, &stream->uv.handle, kind, stream->peer, site);
    async_future_init(&stream->read, ASYNC_FUTURE_READ, ASYNC_FUTURE_OPEN, stream);
    async_future_init(&stream->write, ASYNC_FUTURE_WRITE, ASYNC_FUTURE_OPEN, stream);
    stream->read.worker = stream->write.worker = stream->handle.worker;
    stream->read.site = stream->write.site = site;
    stream->read.peer = stream->write.peer = stream->handle.close.peer = stream->peer;
}

void async_stream_connected(struct async_stream *stream)
{
    uv_os_fd_t fd = -1;
    uv_fileno(&stream->uv.handle, &fd);
    async_handle_set_fd(&stream->handle, fd);
    stream->read.fd = stream->write.fd = fd;
    if (is_tcp(stream))
        uv_tcp_nodelay(&stream->uv.tcp,
                       1); /* writes are whole messages; waiting to join them only costs time */
}

int async_stream_open_fd(struct async_stream *stream, const char *kind, int fd, const struct async_site *site)
{
    async_stream_open(stream, kind, site);
    int error = is_tcp(stream) ? uv_tcp_open(&stream->uv.tcp, fd) : uv_pipe_open(&stream->uv.pipe, fd);
    if (error)
        async_handle_drop(&stream->handle);
    else
        async_stream_connected(stream);
    return error;
}

void async_stream_set_peer(struct async_stream *stream, const struct async_address *peer)
{
    char text[ASYNC_ADDRESS_SIZE] = "";
    struct ucred process;
    socklen_t size = sizeof(process);
    async_address_format(peer, text);
    if (!text[0] && getsockopt(stream->handle.fd, SOL_SOCKET, SO_PEERCRED, &process, &size) == 0 &&
        process.pid)
        snprintf(text, sizeof(text), "pid %d", process.pid);
    /* In one go, and always terminated: a reader may look at any time. */
    memcpy(stream->peer, text, sizeof(text));
}

/* The kind of stream that a descriptor makes; NULL: none. */
static const char *kind_of(int fd)
{
    int type = 0, listening = 0;
    socklen_t size = sizeof(int);
    struct stat stat;
    struct async_address local;
    if (fstat(fd, &stat) == 0 && S_ISFIFO(stat.st_mode))
        return "pipe";
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
        return NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening)
        return NULL;
    async_address_of_socket(&local, fd);
    int family = local.socket.ss_family;
    return family == AF_UNIX ? "unix" : family == AF_INET || family == AF_INET6 ? "tcp" : NULL;
}

int async_stream_adopt_at(struct async_stream **stream_ret, int fd, const struct async_site *site)
{
    const char *kind = stream_ret && async_self() ? kind_of(fd) : NULL;
    if (!kind)
        return async_refused(UV_EINVAL);
    struct async_stream *stream = async_stream_allocate();
    if (!stream)
        return UV_ENOMEM;
    int error = async_stream_open_fd(stream, kind, fd, site);
    if (error)
        return error;
    struct async_address peer = {.size = sizeof(peer.socket)};
    if (getpeername(fd, (struct sockaddr *)&peer.socket, &peer.size) != 0)
        peer.size = 0;
    async_stream_set_peer(stream, &peer);
    *stream_ret = stream;
    return 0;
}

/* ---- Read ------------------------------------------------------------------------------------------ */

/* The reader's own buffer; none when nobody reads, which makes libuv report UV_ENOBUFS. */
static void on_alloc(uv_handle_t *uv, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct async_stream *stream = uv->data;
    struct async_waiter *reader = stream->read.waiters;
    buffer->base = reader ? reader->data : NULL;
    buffer->len = reader ? stream->read.size : 0;
}

static void stop_reading(struct async_stream *stream)
{
    uv_read_stop(&stream->uv.stream);
    stream->reading = false;
}

/*
 * Watching goes on after a successful read, since the next async_read normally comes before the next input,
 * and changing the watch costs two system calls. Input that comes while nobody reads stops it.
 */
static void on_read(uv_stream_t *uv, ssize_t count, const uv_buf_t *buffer)
{
    (void)buffer;
    struct async_stream *stream = uv->data;
    if (count == 0)
        return;
    if (count < 0)
        stop_reading(stream);
    if (count == UV_ENOBUFS && !stream->read.waiters)
        return;
    if (count < 0) {
        stream->read_status = count;
        stream->read.state = ASYNC_FUTURE_CLOSED;
    }
    async_future_wake(&stream->read, count);
}

ssize_t async_read(struct async_stream *stream, void *buffer, size_t size)
{
    int unusable = async_handle_check(stream);
    if (unusable || (!buffer && size))
        return unusable ? unusable : async_refused(UV_EINVAL);
    if (stream->read.waiters)
        return async_refused_because(UV_EBUSY, "another task is in this call");
    if (size == 0 || stream->read_status)
        return size == 0 ? 0 : stream->read_status;
    if (!stream->reading) {
        int error = uv_read_start(&stream->uv.stream, on_alloc, on_read);
        if (error)
            return error;
        stream->reading = true;
    }
    stream->read.size = size;
    return async_future_await(&stream->read, buffer);
}

int async_read_exactly(struct async_stream *stream, void *buffer, size_t size, size_t *count_ret)
{
    size_t done = 0;
    ssize_t count = 0;
    while (done < size && (count = async_read(stream, (char *)buffer + done, size - done)) > 0)
        done += (size_t)count;
    if (count_ret)
        *count_ret = done;
    return done == size ? 0 : (int)count;
}

/* ---- Write ----------------------------------------------------------------------------------------- */

#define PIECE_SIZE 65536

/* What libuv is to send when the kernel has room. */
struct async_piece {
    uv_write_t uv;
    struct async_stream *stream;
    char bytes[];
};

static void on_write(uv_write_t *uv, int status)
{
    struct async_piece *piece = (struct async_piece *)uv;
    struct async_stream *stream = piece->stream;
    free(piece);
    stream->piece = NULL;
    if (status)
        stream->write_status = status;
    async_future_wake(&stream->write, status);
}

/* Waits until libuv has sent the piece it has. `left`: bytes to be written besides. */
static int await_piece(struct async_stream *stream, size_t left)
{
    stream->write.size = left;
    int error = stream->piece ? (int)async_future_await(&stream->write, NULL) : 0;
    return error ? error : stream->write_status;
}

static void advance(uv_buf_t *rest, size_t count)
{
    rest->base += count;
    rest->len -= count;
}

static int give_piece(struct async_stream *stream, uv_buf_t *rest)
{
    size_t size = rest->len < PIECE_SIZE ? rest->len : PIECE_SIZE;
    struct async_piece *piece = malloc(sizeof(*piece) + size);
    if (!piece)
        return UV_ENOMEM;
    memcpy(piece->bytes, rest->base, size);
    piece->stream = stream;
    uv_buf_t bytes = {.base = piece->bytes, .len = size};
    int error = uv_write(&piece->uv, &stream->uv.stream, &bytes, 1, on_write);
    if (error) {
        free(piece);
        return error;
    }
    stream->piece = piece;
    advance(rest, size);
    return 0;
}

/* As much as the kernel takes at once; all of it needs no memory and no wait. */
static int try_write(struct async_stream *stream, uv_buf_t *rest)
{
    int written = rest->len ? uv_try_write(&stream->uv.stream, rest, 1) : 0;
    if (written > 0)
        advance(rest, (size_t)written);
    return written < 0 && written != UV_EAGAIN ? written : 0;
}

static int write_rest(struct async_stream *stream, uv_buf_t *rest)
{
    int error = await_piece(stream, rest->len); /* an interrupted write may have left one */
    while (!error && rest->len) {
        size_t left = rest->len;
        error = give_piece(stream, rest);
        if (!error)
            error = await_piece(stream, left);
        if (!error)
            error = try_write(stream, rest);
    }
    return error;
}

/* Whether the running task may write. */
static int check_writable(struct async_stream *stream)
{
    int unusable = async_handle_check(stream);
    if (unusable)
        return unusable;
    return stream->writing ? async_refused_because(UV_EBUSY, "another task writes") : 0;
}

/* Others keep away while the task may be waiting; the stream lasts until it is done. */
static void begin_writing(struct async_stream *stream)
{
    async_handle_hold(&stream->handle);
    stream->writing = true;
}

static void end_writing(struct async_stream *stream)
{
    stream->writing = false;
    async_handle_unhold(&stream->handle);
}

int async_write(struct async_stream *stream, const void *buffer, size_t size)
{
    int unusable = check_writable(stream);
    if (unusable || (!buffer && size))
        return unusable ? unusable : async_refused(UV_EINVAL);
    uv_buf_t rest = {.base = (char *)buffer, .len = size};
    int error = try_write(stream, &rest);
    if (error || !rest.len)
        return error;
    begin_writing(stream);
    error = write_rest(stream, &rest);
    end_writing(stream);
    return error;
}

int async_print(struct async_stream *stream, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return UV_ENOMEM;
    int error = async_write(stream, text, (size_t)length);
    free(text);
    return error;
}

/* ---- Shutdown -------------------------------------------------------------------------------------- */

/* On the heap: the task may be gone when it is done. */
static void on_shutdown(uv_shutdown_t *uv, int status)
{
    struct async_stream *stream = uv->data;
    free(uv);
    async_future_wake(&stream->write, status);
}

static int request_shutdown(struct async_stream *stream)
{
    uv_shutdown_t *request = malloc(sizeof(*request));
    if (!request)
        return UV_ENOMEM;
    request->data = stream;
    int error = uv_shutdown(request, &stream->uv.stream, on_shutdown);
    if (error) {
        free(request);
        return error;
    }
    return (int)async_future_await(&stream->write, NULL);
}

int async_stream_shutdown(struct async_stream *stream)
{
    int unusable = check_writable(stream);
    if (unusable)
        return unusable;
    begin_writing(stream);
    int error = await_piece(stream, 0);
    if (!error)
        error = request_shutdown(stream);
    end_writing(stream);
    return error;
}

/* ---- Close ----------------------------------------------------------------------------------------- */

int async_close(struct async_stream *stream)
{
    int unusable = async_handle_check_close(stream);
    if (unusable)
        return unusable;
    /* libuv itself ends a pending write with UV_ECANCELED. */
    async_future_wake(&stream->read, UV_ECANCELED);
    return async_handle_close(&stream->handle);
}

int async_stream_release(struct async_stream *stream, int *fd_ret)
{
    int unusable = check_writable(stream);
    if (unusable || !fd_ret || stream->read.waiters)
        return unusable ? unusable : !fd_ret ? UV_EINVAL : UV_EBUSY;
    begin_writing(stream);
    int error = await_piece(stream, 0);
    end_writing(stream);
    if (error)
        return error;
    int fd = fcntl(stream->handle.fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return uv_translate_sys_error(errno);
    *fd_ret = fd;
    return async_handle_close(&stream->handle);
}

/* ---- Ask --------------------------------------------------------------------------------------------- */

const char *async_stream_peer(const struct async_stream *stream)
{
    return stream->peer;
}

const char *async_tcp_peer(const struct async_stream *stream)
{
    return stream->peer;
}

int async_stream_local(const struct async_stream *stream, char text[ASYNC_ADDRESS_SIZE])
{
    int unusable = async_handle_check(stream);
    if (unusable || !text)
        return unusable ? unusable : async_refused(UV_EINVAL);
    struct async_address local;
    async_address_of_socket(&local, stream->handle.fd);
    async_address_format(&local, text);
    return 0;
}
