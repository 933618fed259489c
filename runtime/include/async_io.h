/* SPDX-License-Identifier: MIT */
/**
 * @file async_io.h - what comes from outside: included by async.h.
 *
 * Handles belong to the worker where they were opened (UV_EXDEV elsewhere). To be interrupted by cancellation
 * or a timeout leaves a handle as it was, unless a call says otherwise.
 */
#ifndef ASYNC_IO_H
#define ASYNC_IO_H

#include "async.h"

/* ---- TCP ---------------------------------------------------------------------------------------- */

struct async_listener;
struct async_tcp;

/** Listens on a numeric IPv4 or IPv6 address; port 0 takes a free one (see async_listener_port). UV_EINVAL:
 *  not an address; otherwise the kernel's errors, such as UV_EADDRINUSE. */
#define async_listen(listener_ret, host, port, backlog)                                                      \
    async_listen_at(listener_ret, host, port, backlog, ASYNC_SITE())
int async_listen_at(struct async_listener **listener_ret, const char *host, uint16_t port, int backlog,
                    const struct async_site *site);
uint16_t async_listener_port(const struct async_listener *listener);
/** The next connection, first come first served. UV_EBADF: being closed. */
int async_accept(struct async_listener *listener, struct async_tcp **tcp_ret);
/** Tasks that wait in async_accept get UV_ECANCELED. UV_EALREADY: being closed by another. */
int async_listener_close(struct async_listener *listener);

/** To a numeric address; TCP_NODELAY is set. UV_EINVAL: not an address; otherwise the kernel's errors. */
#define async_connect(tcp_ret, host, port) async_connect_at(tcp_ret, host, port, ASYNC_SITE())
int async_connect_at(struct async_tcp **tcp_ret, const char *host, uint16_t port, const struct async_site *site);
/** Reads up to `size` bytes: their number, UV_EOF (from then on always), or an error. One reader at a time
 *  (UV_EBUSY). UV_EBADF: being closed. */
ssize_t async_read(struct async_tcp *tcp, void *buffer, size_t size);
/** Writes all of it. One writer at a time (UV_EBUSY). UV_EBADF: being closed. */
int async_write(struct async_tcp *tcp, const void *buffer, size_t size);
/** Closes; a waiting reader or writer gets UV_ECANCELED. Waits until libuv has let go, and then the
 *  connection is no more. UV_EALREADY: being closed by another. */
int async_close(struct async_tcp *tcp);
/** "127.0.0.1:4711"; lives as long as the connection. */
const char *async_tcp_peer(const struct async_tcp *tcp);

#endif
