/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <netinet/tcp.h>

#include "stream.h"
#include "tcp_test.h"

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
    CHECK(test_until_waits(writer, ASYNC_FUTURE_WRITE)->size > 0);
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
    while (pair.far->reading) /* nobody does: libuv is to look away */
        async_sleep(1);
    CHECK(!uv_is_active(&pair.far->uv.handle));
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
    test_until_waits(writer, ASYNC_FUTURE_WRITE);
    test_until_waits(reader, ASYNC_FUTURE_READ);
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

static int accept_any(void *listener)
{
    struct async_tcp *tcp;
    return async_accept(listener, &tcp);
}

TEST(accept_is_interrupted)
{
    struct async_listener *listener = start_listener("127.0.0.1");
    struct async_tcp *near, *far;
    test_interrupt(ASYNC_FUTURE_ACCEPT, accept_any, listener);
    CHECK_EQUAL(async_connect(&near, "127.0.0.1", async_listener_port(listener)), 0);
    CHECK_EQUAL(async_accept(listener, &far), 0);
    CHECK_EQUAL(async_close(near), 0);
    CHECK_EQUAL(async_close(far), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
}

TEST(read_is_interrupted)
{
    struct pair pair = make_pair();
    char byte;
    test_interrupt(ASYNC_FUTURE_READ, read_one, pair.near);
    CHECK_EQUAL(async_write(pair.far, "x", 1), 0);
    CHECK_EQUAL(async_read(pair.near, &byte, 1), 1);
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(async_close(pair.far), 0);
}

/* Its queue is full: the kernel ignores whoever comes, who tries again and again. */
static int connect_in_vain(void *port)
{
    struct async_tcp *tcp;
    return async_connect(&tcp, "127.0.0.1", (uint16_t)(intptr_t)port);
}

TEST(connect_is_interrupted)
{
    enum { COUNT = 8 };
    struct async_listener *listener;
    int fds[COUNT];
    CHECK_EQUAL(async_listen(&listener, "127.0.0.1", 0, 1), 0);
    uint16_t port = async_listener_port(listener);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < COUNT; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&address, sizeof(address));
    }
    test_interrupt(ASYNC_FUTURE_CONNECT, connect_in_vain, (void *)(intptr_t)port);
    struct async_task *task = test_spawn("connect", connect_in_vain, (void *)(intptr_t)port);
    const struct async_future *future = test_until_waits(task, ASYNC_FUTURE_CONNECT);
    char expected[64];
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", port);
    CHECK(strcmp(future->peer, expected) == 0);
    CHECK(future->fd >= 0 && future->worker && future->site);
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    CHECK_EQUAL(async_listener_close(listener), 0);
}

/* ---- Writes that end early ------------------------------------------------------------------------ */

/* Of the buffer, which is gone when it returns. */
static int write_until_stuck(void *tcp)
{
    char *buffer = malloc(LARGE);
    memset(buffer, 'a', LARGE);
    int error = async_write(tcp, buffer, LARGE);
    memset(buffer, '!', LARGE);
    free(buffer);
    return error;
}

/* What was sent of the interrupted write comes first, and then what was written afterwards. */
static int read_to_the_end(void *tcp)
{
    char buffer[4096];
    size_t as = 0, bs = 0;
    ssize_t count;
    while ((count = async_read(tcp, buffer, sizeof(buffer))) > 0) {
        for (ssize_t i = 0; i < count; i++) {
            CHECK(buffer[i] == (bs ? 'b' : 'a') || buffer[i] == 'b');
            as += buffer[i] == 'a';
            bs += buffer[i] == 'b';
        }
    }
    CHECK_EQUAL(count, UV_EOF);
    CHECK(as > 0);
    return (int)bs;
}

TEST(write_is_interrupted)
{
    struct pair pair = make_pair();
    char bs[5000];
    memset(bs, 'b', sizeof(bs));
    test_interrupt(ASYNC_FUTURE_WRITE, write_until_stuck, pair.near);
    struct async_task *reader = test_spawn("reader", read_to_the_end, pair.far);
    CHECK_EQUAL(async_write(pair.near, bs, sizeof(bs)), 0);
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(test_join(reader), sizeof(bs));
    CHECK_EQUAL(async_close(pair.far), 0);
}

/* However often it is tried, at most one piece is left behind; and closing drops it. */
TEST(interrupted_writes_leave_little)
{
    struct pair pair = make_pair();
    for (int i = 0; i < 5; i++)
        test_interrupt(ASYNC_FUTURE_WRITE, write_until_stuck, pair.near);
    CHECK(pair.near->uv.stream.write_queue_size > 0);
    CHECK(pair.near->uv.stream.write_queue_size <= 65536);
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(async_close(pair.far), 0);
}

static int shut_down(void *tcp)
{
    return async_stream_shutdown(tcp);
}

static int drain(void *tcp)
{
    static char buffer[65536]; /* of nobody's stack */
    ssize_t count;
    while ((count = async_read(tcp, buffer, sizeof(buffer))) > 0)
        ;
    return (int)count;
}

/* The other may have been woken but not have run yet: its message must not be broken into. */
TEST(one_writer_at_a_time)
{
    struct pair pair = make_pair();
    struct async_task *writer = test_spawn("writer", write_until_stuck, pair.near);
    test_until_waits(writer, ASYNC_FUTURE_WRITE);
    CHECK_EQUAL(async_write(pair.near, "x", 1), UV_EBUSY);
    CHECK_EQUAL(async_stream_shutdown(pair.near), UV_EBUSY);
    int fd;
    CHECK_EQUAL(async_stream_release(pair.near, &fd), UV_EBUSY);
    struct async_task *reader = test_spawn("reader", drain, pair.far);
    while (!async_task_ended(writer)) {
        CHECK_EQUAL(async_write(pair.near, "x", 1), UV_EBUSY);
        async_yield();
    }
    CHECK_EQUAL(test_join(writer), 0);
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(test_join(reader), UV_EOF);
    CHECK_EQUAL(async_close(pair.far), 0);
}

TEST(half_close)
{
    struct pair pair = make_pair();
    char buffer[8];
    CHECK_EQUAL(async_write(pair.near, "bye", 3), 0);
    CHECK_EQUAL(async_stream_shutdown(pair.near), 0);
    CHECK_EQUAL(async_write(pair.near, "x", 1), UV_EPIPE);
    CHECK_EQUAL(async_stream_shutdown(pair.near), UV_ENOTCONN);
    CHECK_EQUAL(async_read(pair.far, buffer, sizeof(buffer)), 3);
    CHECK_EQUAL(async_read(pair.far, buffer, sizeof(buffer)), UV_EOF);
    CHECK_EQUAL(async_write(pair.far, "so long", 7), 0);
    CHECK_EQUAL(async_read(pair.near, buffer, sizeof(buffer)), 7);
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(async_close(pair.far), 0);
}

/* It waits for what an interrupted write has left; then it happens behind that. */
TEST(half_close_is_interrupted)
{
    struct pair pair = make_pair();
    test_interrupt(ASYNC_FUTURE_WRITE, write_until_stuck, pair.near);
    test_interrupt(ASYNC_FUTURE_WRITE, shut_down, pair.near);
    struct async_task *task = test_spawn("shutdown", shut_down, pair.near);
    test_until_waits(task, ASYNC_FUTURE_WRITE);
    struct async_task *reader = test_spawn("reader", drain, pair.far);
    CHECK_EQUAL(test_join(task), 0);
    CHECK_EQUAL(test_join(reader), UV_EOF);
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(async_close(pair.far), 0);
}

TEST(half_close_meets_close)
{
    struct pair pair = make_pair();
    test_interrupt(ASYNC_FUTURE_WRITE, write_until_stuck, pair.near);
    test_close_meanwhile(ASYNC_FUTURE_WRITE, shut_down, close_it, pair.near, UV_ECANCELED);
    CHECK_EQUAL(async_close(pair.far), 0);
}

/* ---- Exactly so many bytes --------------------------------------------------------------------------- */

static int write_in_two_parts(void *tcp)
{
    CHECK_EQUAL(async_write(tcp, "12345", 5), 0);
    async_sleep(2);
    return async_print(tcp, "%d%s", 678, "90");
}

TEST(exactly)
{
    struct pair pair = make_pair();
    char buffer[20] = "";
    size_t count = 99;
    struct async_task *writer = test_spawn("writer", write_in_two_parts, pair.near);
    CHECK_EQUAL(async_read_exactly(pair.far, buffer, 8, NULL), 0);
    CHECK(strcmp(buffer, "12345678") == 0);
    CHECK_EQUAL(test_join(writer), 0);
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(async_read_exactly(pair.far, buffer, 8, &count), UV_EOF);
    CHECK_EQUAL(count, 2);
    CHECK_EQUAL(async_read_exactly(pair.far, buffer, 0, &count), 0);
    CHECK_EQUAL(count, 0);
    CHECK_EQUAL(async_close(pair.far), 0);
}

/* ---- Out of descriptors ------------------------------------------------------------------------------ */

TEST(no_descriptor_left)
{
    if (test_under_valgrind())
        return; /* it accepts a connection before it finds that there is no descriptor, and so loses it */
    struct async_listener *listener = start_listener("127.0.0.1"), *second;
    struct async_tcp *near, *far, *more;
    uint16_t port = async_listener_port(listener);
    char byte = 0;
    CHECK_EQUAL(async_connect(&near, "127.0.0.1", port), 0);
    CHECK_EQUAL(async_write(near, "x", 1), 0);
    struct rlimit before = test_use_up_files();
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(async_accept(listener, &far), UV_EMFILE);
    CHECK_EQUAL(async_connect(&more, "127.0.0.1", port), UV_EMFILE);
    CHECK_EQUAL(async_listen(&second, "127.0.0.1", 0, 1), UV_EMFILE);
    int fd;
    CHECK_EQUAL(async_stream_release(near, &fd), UV_EMFILE);
    test_give_files_back(before);
    CHECK_EQUAL(async_accept(listener, &far), 0);
    CHECK_EQUAL(async_read(far, &byte, 1), 1);
    CHECK_EQUAL(byte, 'x');
    CHECK_EQUAL(async_close(near), 0);
    CHECK_EQUAL(async_close(far), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
}

/* ---- Several workers --------------------------------------------------------------------------------- */

static int use_from_elsewhere(void *argument)
{
    struct pair *pair = argument;
    char byte;
    int fd;
    CHECK_EQUAL(async_read(pair->near, &byte, 1), UV_EXDEV);
    CHECK_EQUAL(async_write(pair->near, &byte, 1), UV_EXDEV);
    CHECK_EQUAL(async_stream_shutdown(pair->near), UV_EXDEV);
    CHECK_EQUAL(async_stream_release(pair->near, &fd), UV_EXDEV);
    CHECK_EQUAL(async_tcp_keepalive(pair->near, 1), UV_EXDEV);
    CHECK_EQUAL(async_close(pair->near), UV_EXDEV);
    return 0;
}

static int serve_elsewhere(void *fd)
{
    struct async_tcp *tcp;
    CHECK_EQUAL(async_stream_adopt(&tcp, (int)(intptr_t)fd), 0);
    CHECK(strncmp(async_tcp_peer(tcp), "127.0.0.1:", 10) == 0);
    return echo(tcp);
}

static int move_connections(void *unused)
{
    (void)unused;
    struct async_task *task;
    for (uint32_t worker = 0; worker < 3; worker++) {
        struct pair pair = make_pair();
        int fd;
        CHECK_EQUAL(async_spawn_on(&task, 1, "elsewhere", use_from_elsewhere, &pair), 0);
        CHECK_EQUAL(test_join(task), 0);
        int before = pair.far->handle.fd;
        CHECK_EQUAL(async_stream_release(pair.far, &fd), 0);
        CHECK(fcntl(before, F_GETFD) < 0);
        CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
        CHECK_EQUAL(async_spawn_on(&task, worker, "echo", serve_elsewhere, (void *)(intptr_t)fd), 0);
        char text[6] = "";
        CHECK_EQUAL(async_write(pair.near, "hello", 5), 0);
        read_exactly(pair.near, text, 5, 5);
        CHECK(strcmp(text, "hello") == 0);
        CHECK_EQUAL(async_close(pair.near), 0);
        CHECK_EQUAL(test_join(task), 0);
    }
    return 0;
}

PLAIN(connections_move_between_workers)
{
    test_run_on_workers(3, move_connections);
}

static uint16_t shared_port;
static struct async_listener *shared[3];

static int serve_shared(void *unused)
{
    (void)unused;
    int index = async_worker_index();
    CHECK_EQUAL(async_listen_shared(&shared[index], "127.0.0.1", shared_port, 128), 0);
    shared_port = async_listener_port(shared[index]);
    CHECK_EQUAL(async_spawn(NULL, "server", serve, shared[index]), 0);
    return 0;
}

static int close_shared(void *unused)
{
    (void)unused;
    return async_listener_close(shared[async_worker_index()]);
}

static int on_each_worker(async_function function)
{
    struct async_task *task;
    for (uint32_t i = 0; i < async_worker_count(); i++) {
        CHECK_EQUAL(async_spawn_on(&task, i, "each", function, NULL), 0);
        CHECK_EQUAL(test_join(task), 0);
    }
    return 0;
}

static int share_port(void *unused)
{
    (void)unused;
    struct async_listener *alone;
    struct async_task *clients[60];
    on_each_worker(serve_shared);
    CHECK_EQUAL(async_listen(&alone, "127.0.0.1", shared_port, 1), UV_EADDRINUSE);
    for (uint32_t i = 0; i < 60; i++)
        CHECK_EQUAL(async_spawn_on(&clients[i], i % 3, "client", talk, (void *)(intptr_t)shared_port), 0);
    for (int i = 0; i < 60; i++)
        CHECK_EQUAL(test_join(clients[i]), 0);
    return on_each_worker(close_shared);
}

PLAIN(listeners_share_a_port)
{
    test_run_on_workers(3, share_port);
}

/* ---- Names, addresses, options --------------------------------------------------------------------- */

TEST(connect_by_name)
{
    struct async_listener *listener = start_listener("127.0.0.1");
    struct async_tcp *near, *far;
    CHECK_EQUAL(async_connect(&near, "localhost", async_listener_port(listener)), 0);
    CHECK_EQUAL(async_accept(listener, &far), 0);
    char local[ASYNC_ADDRESS_SIZE];
    CHECK_EQUAL(async_stream_local(near, local), 0);
    CHECK(strcmp(local, async_tcp_peer(far)) == 0);
    CHECK_EQUAL(async_stream_local(far, local), 0);
    CHECK(strcmp(local, async_tcp_peer(near)) == 0);
    CHECK_EQUAL(async_close(near), 0);
    CHECK_EQUAL(async_close(far), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
}

static int option(const struct async_tcp *tcp, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    CHECK_EQUAL(getsockopt(tcp->handle.fd, level, name, &value, &size), 0);
    return value;
}

TEST(options)
{
    struct pair pair = make_pair();
    CHECK(option(pair.near, IPPROTO_TCP, TCP_NODELAY));
    CHECK(option(pair.far, IPPROTO_TCP, TCP_NODELAY));
    CHECK_EQUAL(async_tcp_keepalive(pair.near, 77), 0);
    CHECK(option(pair.near, SOL_SOCKET, SO_KEEPALIVE));
    CHECK_EQUAL(option(pair.near, IPPROTO_TCP, TCP_KEEPIDLE), 77);
    CHECK_EQUAL(async_tcp_keepalive(pair.near, 0), 0);
    CHECK(!option(pair.near, SOL_SOCKET, SO_KEEPALIVE));
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(async_close(pair.far), 0);
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

TEST(handles_tell_the_truth)
{
    struct async_listener *listener = start_listener("127.0.0.1");
    struct async_tcp *near, *far;
    uint32_t line = __LINE__ + 1;
    CHECK_EQUAL(async_connect(&near, "127.0.0.1", async_listener_port(listener)), 0);
    CHECK_EQUAL(async_accept(listener, &far), 0);
    CHECK(test_is_site(near->handle.site, __FILE__, line));
    CHECK(test_is_site(far->handle.site, __FILE__, line + 1));
    CHECK(strcmp(near->handle.kind, "tcp") == 0);
    CHECK(strcmp(far->handle.name, far->peer) == 0);
    CHECK_EQUAL(near->handle.task, async_self()->id);
    CHECK_EQUAL(far->handle.task, async_self()->id);
    struct async_task *writer = test_spawn("writer", write_until_stuck, near);
    const struct async_future *future = test_until_waits(writer, ASYNC_FUTURE_WRITE);
    CHECK(future->fd == near->handle.fd && future->worker == async_self()->worker);
    CHECK(future->size > 0 && future->size < LARGE);
    CHECK(strcmp(future->peer, near->peer) == 0);
    CHECK(test_is_site(future->site, __FILE__, line));
    CHECK_EQUAL(async_close(near), 0);
    CHECK_EQUAL(test_join(writer), UV_ECANCELED);
    CHECK_EQUAL(async_close(far), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
}

/* The harness sees that async_run closed all of it. */
TEST(left_open)
{
    struct pair pair = make_pair();
    start_listener("127.0.0.1");
    test_interrupt(ASYNC_FUTURE_WRITE, write_until_stuck, pair.near);
}
