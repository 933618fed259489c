/* SPDX-License-Identifier: MIT */
/**
 * @file tcp.h - a TCP connection, as tcp.c and listener.c share it.
 */
#ifndef ASYNC_TCP_H
#define ASYNC_TCP_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

#include "handle.h"

#define ASYNC_ADDRESS_SIZE 64 /**< "[IPv6 address%scope]:port" and its NUL */

struct async_tcp {
    struct async_handle handle;
    uv_tcp_t uv;
    struct async_future read; /**< at most one waiter each */
    struct async_future write;
    ssize_t read_status; /**< UV_EOF or an error that came while nobody read; stays */
    bool reading;        /**< libuv watches for input */
    char peer[ASYNC_ADDRESS_SIZE];
};

/** A connection without a socket yet. UV_ENOMEM. */
int async_tcp_create(struct async_tcp **tcp_ret, uv_loop_t *loop);

/** It has a socket now: records it, and the peer. */
void async_tcp_opened(struct async_tcp *tcp, const struct sockaddr *peer);

/** Parses a numeric IPv4 or IPv6 address. UV_EINVAL. */
int async_address_parse(struct sockaddr_storage *address_ret, const char *host, uint16_t port);

/** "127.0.0.1:4711" or "[::1]:4711". */
void async_address_format(char text[ASYNC_ADDRESS_SIZE], const struct sockaddr *address);

#endif
