/* SPDX-License-Identifier: MIT */
#include "tcp_test.h"

TEST(connect_errors)
{
    struct async_tcp *tcp = NULL;
    struct async_listener *listener = start_listener("127.0.0.1");
    uint16_t port = async_listener_port(listener);
    CHECK_EQUAL(async_listener_close(listener), 0);
    CHECK_EQUAL(async_connect(&tcp, "127.0.0.1", port), UV_ECONNREFUSED);
    CHECK_EQUAL(async_connect(&tcp, "localhost", port), UV_ECONNREFUSED);
    CHECK_EQUAL(async_connect(&tcp, NULL, port), UV_EINVAL);
    CHECK(!tcp);
}

TEST(listen_errors)
{
    struct async_listener *first = start_listener("127.0.0.1"), *second = NULL;
    CHECK_EQUAL(async_listen(&second, "127.0.0.1", async_listener_port(first), 1), UV_EADDRINUSE);
    CHECK_EQUAL(async_listen(&second, "nowhere", 0, 1), UV_EINVAL);
    CHECK_EQUAL(async_listen(&second, "192.0.2.1", 0, 1), UV_EADDRNOTAVAIL);
    CHECK(!second);
    CHECK_EQUAL(async_accept(NULL, NULL), UV_EINVAL);
    CHECK_EQUAL(async_listener_close(NULL), UV_EINVAL);
    CHECK_EQUAL(async_listener_close(first), 0);
}

TEST(argument_errors)
{
    struct pair pair = make_pair();
    char byte;
    CHECK_EQUAL(async_read(pair.near, &byte, 0), 0);
    CHECK_EQUAL(async_read(pair.near, NULL, 1), UV_EINVAL);
    CHECK_EQUAL(async_write(pair.near, NULL, 1), UV_EINVAL);
    CHECK_EQUAL(async_write(pair.near, NULL, 0), 0);
    CHECK_EQUAL(async_read(NULL, &byte, 1), UV_EINVAL);
    CHECK_EQUAL(async_write(NULL, &byte, 1), UV_EINVAL);
    CHECK_EQUAL(async_close(NULL), UV_EINVAL);
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(async_close(pair.far), 0);
}

PLAIN(calls_outside_a_task)
{
    struct async_listener *listener;
    struct async_tcp *tcp;
    CHECK_EQUAL(async_listen(&listener, "127.0.0.1", 0, 1), UV_EINVAL);
    CHECK_EQUAL(async_connect(&tcp, "127.0.0.1", 1), UV_EINVAL);
}
