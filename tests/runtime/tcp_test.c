/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "task.h"
#include "test.h"

/* ---- A server and a pair of connected ends ------------------------------------------------------- */

static int echo(void *tcp)
{
    char buffer[4096];
    ssize_t count;
    while ((count = async_read(tcp, buffer, sizeof(buffer))) > 0)
        CHECK_EQUAL(async_write(tcp, buffer, (size_t)count), 0);
    CHECK_EQUAL(count, UV_EOF);
    return async_close(tcp);
}

static int serve(void *listener)
{
    struct async_tcp *tcp;
    int error;
    while ((error = async_accept(listener, &tcp)) == 0)
        CHECK_EQUAL(async_spawn(NULL, "echo", echo, tcp), 0);
    return error;
}

static struct async_listener *start_listener(const char *host)
{
    struct async_listener *listener;
    CHECK_EQUAL(async_listen(&listener, host, 0, 128), 0);
    CHECK(async_listener_port(listener) != 0);
    return listener;
}

struct pair {
    struct async_tcp *near, *far;
};

static struct pair make_pair(void)
{
    struct pair pair;
    struct async_listener *listener = start_listener("127.0.0.1");
    CHECK_EQUAL(async_connect(&pair.near, "127.0.0.1", async_listener_port(listener)), 0);
    CHECK_EQUAL(async_accept(listener, &pair.far), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
    return pair;
}

static void read_exactly(struct async_tcp *tcp, char *buffer, size_t size, size_t at_once)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = async_read(tcp, buffer + done, size - done < at_once ? size - done : at_once);
        CHECK(count > 0);
        done += (size_t)count;
    }
}

/* ---- Data goes through --------------------------------------------------------------------------- */

static int talk(void *port)
{
    struct async_tcp *tcp;
    char sent[300], received[300];
    CHECK_EQUAL(async_connect(&tcp, "127.0.0.1", (uint16_t)(intptr_t)port), 0);
    for (int i = 0; i < 50; i++) {
        memset(sent, i, sizeof(sent));
        CHECK_EQUAL(async_write(tcp, sent, sizeof(sent)), 0);
        read_exactly(tcp, received, sizeof(received), sizeof(received));
        CHECK(memcmp(sent, received, sizeof(sent)) == 0);
    }
    return async_close(tcp);
}

TEST(many_clients)
{
    struct async_listener *listener = start_listener("127.0.0.1");
    struct async_task *server = test_spawn("server", serve, listener), *clients[100];
    for (int i = 0; i < 100; i++)
        clients[i] = test_spawn("client", talk, (void *)(intptr_t)async_listener_port(listener));
    for (int i = 0; i < 100; i++)
        CHECK_EQUAL(test_join(clients[i]), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
    CHECK_EQUAL(test_join(server), UV_ECANCELED);
}

enum { LARGE = 8 * 1024 * 1024 };

static int write_large(void *tcp)
{
    char *buffer = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        buffer[i] = (char)(i * 31 >> 3);
    int error = async_write(tcp, buffer, LARGE);
    free(buffer);
    return error ? error : async_close(tcp);
}

/* More than the kernel takes at once; read with a buffer that is always full, so that watching stops. */
TEST(large_write_small_reads)
{
    struct pair pair = make_pair();
    struct async_task *writer = test_spawn("writer", write_large, pair.near);
    char *buffer = malloc(LARGE);
    async_sleep(5);
    CHECK_EQUAL(writer->state, ASYNC_TASK_WAITING);
    CHECK_EQUAL(writer->awaits->kind, ASYNC_FUTURE_WRITE);
    CHECK(writer->awaits->size > 0);
    read_exactly(pair.far, buffer, LARGE, 100000);
    for (size_t i = 0; i < LARGE; i++)
        CHECK(buffer[i] == (char)(i * 31 >> 3));
    CHECK_EQUAL(test_join(writer), 0);
    CHECK_EQUAL(async_read(pair.far, buffer, 1), UV_EOF);
    CHECK_EQUAL(async_read(pair.far, buffer, 1), UV_EOF); /* it stays the end */
    free(buffer);
    CHECK_EQUAL(async_close(pair.far), 0);
}

/* Input that arrives while nobody reads waits, and so does the end behind it. */
TEST(nothing_is_lost_between_reads)
{
    struct pair pair = make_pair();
    char buffer[16];
    CHECK_EQUAL(async_write(pair.near, "1", 1), 0);
    CHECK_EQUAL(async_read(pair.far, buffer, sizeof(buffer)), 1);
    CHECK_EQUAL(async_write(pair.near, "234", 3), 0);
    async_sleep(5);
    CHECK_EQUAL(async_close(pair.near), 0);
    async_sleep(5);
    CHECK_EQUAL(async_read(pair.far, buffer, 2), 2);
    async_sleep(5);
    CHECK_EQUAL(async_read(pair.far, buffer, sizeof(buffer)), 1);
    CHECK(buffer[0] == '4');
    CHECK_EQUAL(async_read(pair.far, buffer, sizeof(buffer)), UV_EOF);
    CHECK_EQUAL(async_close(pair.far), 0);
}

TEST(ipv6)
{
    struct async_listener *listener;
    int error = async_listen(&listener, "::1", 0, 1);
    if (error == UV_EADDRNOTAVAIL || error == UV_EAFNOSUPPORT)
        return; /* a machine without it */
    CHECK_EQUAL(error, 0);
    struct async_tcp *near, *far;
    CHECK_EQUAL(async_connect(&near, "::1", async_listener_port(listener)), 0);
    CHECK_EQUAL(async_accept(listener, &far), 0);
    char expected[64];
    snprintf(expected, sizeof(expected), "[::1]:%u", async_listener_port(listener));
    CHECK(strcmp(async_tcp_peer(near), expected) == 0);
    CHECK(strncmp(async_tcp_peer(far), "[::1]:", 6) == 0);
    CHECK_EQUAL(async_close(near), 0);
    CHECK_EQUAL(async_close(far), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
}

/* ---- Waits that end early ------------------------------------------------------------------------- */

static int read_one(void *tcp)
{
    char byte;
    return (int)async_read(tcp, &byte, 1);
}

static int close_it(void *tcp)
{
    return async_close(tcp);
}

TEST(one_reader_at_a_time)
{
    struct pair pair = make_pair();
    char byte;
    struct async_task *reader = test_spawn("reader", read_one, pair.near);
    test_settle();
    CHECK_EQUAL(async_read(pair.near, &byte, 1), UV_EBUSY);
    CHECK_EQUAL(async_write(pair.far, "x", 1), 0);
    CHECK_EQUAL(test_join(reader), 1);
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(async_close(pair.far), 0);
}

TEST(close_cancels)
{
    struct pair pair = make_pair();
    struct async_task *writer = test_spawn("writer", write_large, pair.near);
    struct async_task *reader = test_spawn("reader", read_one, pair.near);
    async_sleep(5);
    CHECK_EQUAL(async_write(pair.near, "x", 1), UV_EBUSY);
    struct async_task *closer = test_spawn("closer", close_it, pair.near);
    async_yield();
    CHECK_EQUAL(async_close(pair.near), UV_EALREADY);
    CHECK_EQUAL(read_one(pair.near), UV_EBADF);
    CHECK_EQUAL(async_write(pair.near, "x", 1), UV_EBADF);
    CHECK_EQUAL(test_join(closer), 0);
    CHECK_EQUAL(test_join(reader), UV_ECANCELED);
    CHECK_EQUAL(test_join(writer), UV_ECANCELED);
    CHECK_EQUAL(async_close(pair.far), 0);
}

static int accept_one(void *listener)
{
    struct async_tcp *tcp;
    int error = async_accept(listener, &tcp);
    return error ? error : async_close(tcp);
}

static int connect_and_close(void *port)
{
    struct async_tcp *tcp;
    int error = async_connect(&tcp, "127.0.0.1", (uint16_t)(intptr_t)port);
    return error ? error : async_close(tcp);
}

TEST(accepts_queue_and_cancel)
{
    struct async_listener *listener = start_listener("127.0.0.1");
    struct async_task *tasks[4];
    for (int i = 0; i < 4; i++)
        tasks[i] = test_spawn("acceptor", accept_one, listener);
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(connect_and_close((void *)(intptr_t)async_listener_port(listener)), 0);
    CHECK_EQUAL(test_join(tasks[0]), 0);
    CHECK_EQUAL(test_join(tasks[1]), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
    CHECK_EQUAL(test_join(tasks[2]), UV_ECANCELED);
    CHECK_EQUAL(test_join(tasks[3]), UV_ECANCELED);
}

/* The peer is gone: an error, and no signal. */
TEST(write_to_nobody)
{
    struct pair pair = make_pair();
    CHECK_EQUAL(async_close(pair.far), 0);
    int error = 0;
    for (int i = 0; i < 100 && !error; i++) {
        error = async_write(pair.near, "x", 1);
        async_sleep(1);
    }
    CHECK(error == UV_EPIPE || error == UV_ECONNRESET);
    CHECK_EQUAL(async_close(pair.near), 0);
}

/* ---- Errors ------------------------------------------------------------------------------------------ */

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

/* ---- What a debugger sees ------------------------------------------------------------------------------ */

TEST(futures_tell_the_truth)
{
    struct pair pair = make_pair();
    struct async_task *reader = test_spawn("reader", read_one, pair.near);
    test_settle();
    struct async_future *future = reader->awaits;
    CHECK_EQUAL(future->kind, ASYNC_FUTURE_READ);
    CHECK_EQUAL(future->size, 1);
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    CHECK_EQUAL(getpeername(future->fd, (struct sockaddr *)&address, &size), 0);
    char expected[64];
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", ntohs(address.sin_port));
    CHECK(strcmp(future->peer, expected) == 0);
    CHECK(strcmp(async_tcp_peer(pair.near), expected) == 0);
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(test_join(reader), UV_ECANCELED);
    CHECK_EQUAL(async_close(pair.far), 0);
}

/* The harness sees that async_run closed all of it. */
TEST(left_open)
{
    make_pair();
    start_listener("127.0.0.1");
}
