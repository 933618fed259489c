/* SPDX-License-Identifier: MIT */
/**
 * @file stream.h - TCP connections, unix-domain connections and pipes: one object for them all.
 *
 * Writing tries the kernel first, with the caller's own memory. What the kernel does not take at once goes to
 * libuv in pieces that are copied, at most one at a time, so that an interrupted writer can go.
 */
#ifndef ASYNC_STREAM_H
#define ASYNC_STREAM_H

#include <stdbool.h>
#include <uv.h>

#include "async.h"
#include "handle.h"

struct async_piece;

struct async_stream {
    struct async_handle handle;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct async_future read; /**< at most one waiter each */
    struct async_future write;
    ssize_t read_status;       /**< UV_EOF or an error that came while nobody read; stays */
    int write_status;          /**< an error that came while nobody wrote; stays */
    bool reading;              /**< libuv watches for input */
    bool writing;              /**< somebody is in the midst of a write, waiting or not */
    struct async_piece *piece; /**< what libuv has yet to send, or NULL */
    char peer[ASYNC_ADDRESS_SIZE];
};

/** Memory for one, for async_stream_open or free(). NULL: out of memory. */
struct async_stream *async_stream_allocate(void);

/** Makes it an open handle without a descriptor. Kinds: "tcp", or any other: a pipe for libuv. */
void async_stream_open(struct async_stream *stream, const char *kind, const struct async_site *site);

/** The same with a descriptor. When this fails the stream is released, and the caller keeps the descriptor. */
int async_stream_open_fd(struct async_stream *stream, const char *kind, int fd, const struct async_site *site);

/** libuv has a descriptor for it now. */
void async_stream_connected(struct async_stream *stream);

/** What to call the other end: its address, or else its process. The stream has its descriptor. */
void async_stream_set_peer(struct async_stream *stream, const struct async_address *peer);

#endif
