/* SPDX-License-Identifier: MIT */
/** @file tcp_test.h - a listener and a pair of connected ends. */
#ifndef TCP_TEST_H
#define TCP_TEST_H

#include "io_test.h"

static inline struct async_listener *start_listener(const char *host)
{
    struct async_listener *listener;
    CHECK_EQUAL(async_listen(&listener, host, 0, 128), 0);
    CHECK(async_listener_port(listener) != 0);
    return listener;
}

struct pair {
    struct async_tcp *near, *far;
};

static inline struct pair make_pair(void)
{
    struct pair pair;
    struct async_listener *listener = start_listener("127.0.0.1");
    CHECK_EQUAL(async_connect(&pair.near, "127.0.0.1", async_listener_port(listener)), 0);
    CHECK_EQUAL(async_accept(listener, &pair.far), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
    return pair;
}

#endif
