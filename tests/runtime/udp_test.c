/* SPDX-License-Identifier: MIT */
#include <sys/socket.h>

#include "handle.h"
#include "io_test.h"

static struct async_udp *open_udp(void)
{
    struct async_udp *udp;
    CHECK_EQUAL(async_udp_open(&udp, "127.0.0.1", 0), 0);
    CHECK(async_udp_port(udp) != 0);
    return udp;
}

static struct async_address address_of(const struct async_udp *udp)
{
    struct async_address address;
    CHECK_EQUAL(async_address_parse(&address, "127.0.0.1", async_udp_port(udp)), 0);
    return address;
}

/* ---- Datagrams --------------------------------------------------------------------------------------- */

TEST(boundaries_are_kept)
{
    struct async_udp *a = open_udp(), *b = open_udp();
    struct async_address to = address_of(b);
    struct async_datagram datagram;
    char buffer[16], text[ASYNC_ADDRESS_SIZE], expected[ASYNC_ADDRESS_SIZE];
    CHECK_EQUAL(async_udp_send(a, "one", 3, &to), 0);
    CHECK_EQUAL(async_udp_send(a, NULL, 0, &to), 0);
    CHECK_EQUAL(async_udp_send(a, "three", 5, &to), 0);
    CHECK_EQUAL(async_udp_receive(b, buffer, sizeof(buffer), &datagram), 3);
    CHECK(memcmp(buffer, "one", 3) == 0 && !datagram.truncated);
    async_address_format(&datagram.from, text);
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", async_udp_port(a));
    CHECK(strcmp(text, expected) == 0);
    CHECK_EQUAL(async_udp_receive(b, buffer, sizeof(buffer), &datagram), 0); /* an empty one */
    CHECK_EQUAL(async_udp_receive(b, buffer, sizeof(buffer), NULL), 5);
    CHECK_EQUAL(async_udp_send(b, "answer", 6, &datagram.from), 0);
    CHECK_EQUAL(async_udp_receive(a, buffer, sizeof(buffer), NULL), 6);
    CHECK_EQUAL(async_udp_close(a), 0);
    CHECK_EQUAL(async_udp_close(b), 0);
}

TEST(truncation_is_told)
{
    struct async_udp *a = open_udp(), *b = open_udp();
    struct async_address to = address_of(b);
    struct async_datagram datagram;
    char buffer[4];
    CHECK_EQUAL(async_udp_send(a, "12345", 5, &to), 0);
    CHECK_EQUAL(async_udp_send(a, "1234", 4, &to), 0);
    CHECK_EQUAL(async_udp_receive(b, buffer, sizeof(buffer), &datagram), 4);
    CHECK(datagram.truncated);
    CHECK_EQUAL(async_udp_receive(b, buffer, sizeof(buffer), &datagram), 4);
    CHECK(!datagram.truncated);
    CHECK_EQUAL(async_udp_close(a), 0);
    CHECK_EQUAL(async_udp_close(b), 0);
}

/* What comes while nobody receives waits in the kernel. */
TEST(nothing_is_lost_between)
{
    struct async_udp *a = open_udp(), *b = open_udp();
    struct async_address to = address_of(b);
    char number;
    for (char i = 0; i < 20; i++) {
        CHECK_EQUAL(async_udp_send(a, &i, 1, &to), 0);
        if (i % 4 == 0)
            async_sleep(1);
    }
    for (char i = 0; i < 20; i++) {
        CHECK_EQUAL(async_udp_receive(b, &number, 1, NULL), 1);
        CHECK_EQUAL(number, i);
        if (i % 3 == 0)
            async_sleep(1);
    }
    CHECK_EQUAL(async_udp_send(a, "x", 1, &to), 0);
    while (uv_is_active(((struct async_handle *)b)->uv)) /* nobody receives: libuv is to look away */
        async_sleep(1);
    CHECK_EQUAL(async_udp_close(a), 0);
    CHECK_EQUAL(async_udp_close(b), 0);
}

TEST(connected)
{
    struct async_udp *a = open_udp(), *b = open_udp();
    struct async_address to_a = address_of(a), to_b = address_of(b);
    char buffer[4];
    CHECK_EQUAL(async_udp_send(a, "x", 1, NULL), UV_EDESTADDRREQ);
    CHECK_EQUAL(async_udp_connect(a, &to_b), 0);
    CHECK_EQUAL(async_udp_send(a, "x", 1, &to_b), UV_EISCONN);
    CHECK_EQUAL(async_udp_send(a, "x", 1, NULL), 0);
    CHECK_EQUAL(async_udp_receive(b, buffer, sizeof(buffer), NULL), 1);
    CHECK_EQUAL(async_udp_close(b), 0);
    int error = 0;
    for (int i = 0; i < 100 && !error; i++) {
        error = async_udp_send(a, "x", 1, NULL); /* nobody is there: the second call or so is told */
        async_sleep(1);
    }
    CHECK_EQUAL(error, UV_ECONNREFUSED);
    CHECK_EQUAL(async_udp_connect(a, &to_a), UV_EISCONN);
    CHECK_EQUAL(async_udp_close(a), 0);
}

/* ---- Waits that end early ---------------------------------------------------------------------------- */

static int receive_one(void *udp)
{
    char byte;
    return (int)async_udp_receive(udp, &byte, 1, NULL);
}

static int close_it(void *udp)
{
    return async_udp_close(udp);
}

TEST(receive_ends_early)
{
    struct async_udp *udp = open_udp();
    struct async_address to = address_of(udp);
    char byte;
    test_interrupt(ASYNC_FUTURE_RECEIVE, receive_one, udp);
    struct async_task *task = test_spawn("receiver", receive_one, udp);
    test_until_waits(task, ASYNC_FUTURE_RECEIVE);
    CHECK_EQUAL(async_udp_receive(udp, &byte, 1, NULL), UV_EBUSY);
    CHECK_EQUAL(async_udp_send(udp, "x", 1, &to), 0);
    CHECK_EQUAL(test_join(task), 1);
    test_close_meanwhile(ASYNC_FUTURE_RECEIVE, receive_one, close_it, udp, UV_ECANCELED);
}

/* A datagram socket that does block: a unix-domain one, whose receiver has enough. */
static struct async_udp *open_full(int *far_ret)
{
    int fds[2];
    struct async_udp *udp;
    char byte = 0;
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    while (send(fds[0], &byte, 1, MSG_DONTWAIT) == 1)
        byte++;
    CHECK_EQUAL(async_udp_adopt(&udp, fds[0]), 0);
    *far_ret = fds[1];
    return udp;
}

static int send_one(void *udp)
{
    char buffer[8] = "waited";
    int error = async_udp_send(udp, buffer, 7, NULL);
    memset(buffer, '!', sizeof(buffer));
    return error;
}

TEST(send_waits)
{
    int far;
    struct async_udp *udp = open_full(&far);
    struct async_task *tasks[2];
    char buffer[16];
    for (int i = 0; i < 2; i++) {
        tasks[i] = test_spawn("sender", send_one, udp);
        const struct async_future *future = test_until_waits(tasks[i], ASYNC_FUTURE_SEND);
        CHECK_EQUAL(future->size, 7);
        CHECK(future->fd >= 0 && future->worker && future->site);
    }
    int ones = 0, sevens = 0;
    while (sevens < 2) {
        ssize_t count = recv(far, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (count < 0)
            async_sleep(1);
        ones += count == 1;
        sevens += count == 7 && strcmp(buffer, "waited") == 0;
    }
    CHECK(ones > 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    CHECK_EQUAL(async_udp_close(udp), 0);
    close(far);
}

TEST(send_ends_early)
{
    int far;
    struct async_udp *udp = open_full(&far);
    test_interrupt(ASYNC_FUTURE_SEND, send_one, udp);
    char buffer[16];
    for (int sevens = 0; sevens < 2;) { /* both are sent in the end, as they were */
        ssize_t count = recv(far, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (count < 0)
            async_sleep(1);
        CHECK(count != 7 || strcmp(buffer, "waited") == 0);
        sevens += count == 7;
    }
    CHECK_EQUAL(async_udp_close(udp), 0);
    close(far);
    udp = open_full(&far);
    test_close_meanwhile(ASYNC_FUTURE_SEND, send_one, close_it, udp, UV_ECANCELED);
    close(far);
}

static int send_much(void *udp)
{
    char *buffer = calloc(1, 60000);
    int error = async_udp_send(udp, buffer, 60000, NULL);
    free(buffer);
    return error;
}

TEST(interrupted_sends_are_limited)
{
    int far, count = 0;
    struct async_udp *udp = open_full(&far);
    for (;; count++) {
        struct async_task *task = test_spawn("sender", send_much, udp);
        async_yield();
        if (async_task_ended(task)) {
            CHECK_EQUAL(test_join(task), UV_ENOBUFS);
            break;
        }
        CHECK_EQUAL(async_cancel(task), 0);
        CHECK_EQUAL(test_join(task), UV_ECANCELED);
    }
    CHECK(count > 10 && count < 30);
    CHECK_EQUAL(async_udp_close(udp), 0);
    close(far);
}

/* ---- Errors, and what a debugger sees ------------------------------------------------------------------ */

TEST(udp_errors)
{
    struct async_udp *udp = open_udp(), *second = NULL;
    struct async_address to = address_of(udp);
    static char buffer[70000];
    char byte;
    CHECK_EQUAL(async_udp_open(&second, "127.0.0.1", async_udp_port(udp)), UV_EADDRINUSE);
    CHECK_EQUAL(async_udp_open(&second, "nowhere", 0), UV_EINVAL);
    CHECK_EQUAL(async_udp_open(NULL, "127.0.0.1", 0), UV_EINVAL);
    CHECK_EQUAL(async_udp_adopt(&second, -1), UV_EINVAL);
    int stream = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQUAL(async_udp_adopt(&second, stream), UV_EINVAL);
    close(stream);
    CHECK_EQUAL(async_udp_send(udp, buffer, 65530, &to), UV_EMSGSIZE);
    CHECK_EQUAL(async_udp_send(udp, buffer, sizeof(buffer), &to), UV_EMSGSIZE);
    CHECK_EQUAL(async_udp_send(udp, NULL, 1, &to), UV_EINVAL);
    CHECK_EQUAL(async_udp_send(NULL, "x", 1, &to), UV_EINVAL);
    CHECK_EQUAL(async_udp_receive(udp, &byte, 0, NULL), UV_EINVAL);
    CHECK_EQUAL(async_udp_receive(NULL, &byte, 1, NULL), UV_EINVAL);
    CHECK_EQUAL(async_udp_connect(udp, NULL), UV_EINVAL);
    struct rlimit before = test_use_up_files();
    CHECK_EQUAL(async_udp_open(&second, "127.0.0.1", 0), UV_EMFILE);
    test_give_files_back(before);
    CHECK_EQUAL(async_udp_close(NULL), UV_EINVAL);
    CHECK_EQUAL(async_udp_close(udp), 0);
    CHECK(!second);
}

TEST(udp_tells_the_truth)
{
    struct async_udp *udp = open_udp(), *other = open_udp();
    struct async_address to = address_of(other);
    char name[64], peer[64];
    snprintf(name, sizeof(name), "127.0.0.1:%u", async_udp_port(udp));
    snprintf(peer, sizeof(peer), "127.0.0.1:%u", async_udp_port(other));
    CHECK_EQUAL(async_udp_connect(udp, &to), 0);
    struct async_task *task = test_spawn("receiver", receive_one, udp);
    const struct async_future *future = test_until_waits(task, ASYNC_FUTURE_RECEIVE);
    const struct async_handle *handle = (const struct async_handle *)udp;
    CHECK(strcmp(future->name, name) == 0 && strcmp(handle->name, name) == 0);
    CHECK(strcmp(future->peer, peer) == 0);
    CHECK(strcmp(handle->kind, "udp") == 0);
    CHECK(future->fd == handle->fd && future->size == 1 && future->worker == async_self()->worker);
    CHECK(future->site == handle->site && strcmp(handle->site->file, __FILE__) == 0);
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    CHECK_EQUAL(async_udp_close(udp), 0);
    CHECK_EQUAL(async_udp_close(other), 0);
}

static int use_from_elsewhere(void *udp)
{
    char byte;
    CHECK_EQUAL(async_udp_receive(udp, &byte, 1, NULL), UV_EXDEV);
    CHECK_EQUAL(async_udp_send(udp, &byte, 1, NULL), UV_EXDEV);
    CHECK_EQUAL(async_udp_connect(udp, NULL), UV_EXDEV);
    CHECK_EQUAL(async_udp_close(udp), UV_EXDEV);
    return 0;
}

static int ping(void *port)
{
    struct async_udp *udp = open_udp();
    struct async_address to;
    char sent[4] = "ping", received[8];
    CHECK_EQUAL(async_address_parse(&to, "127.0.0.1", (uint16_t)(intptr_t)port), 0);
    for (int i = 0; i < 20; i++) {
        CHECK_EQUAL(async_udp_send(udp, sent, sizeof(sent), &to), 0);
        CHECK_EQUAL(async_udp_receive(udp, received, sizeof(received), NULL), sizeof(sent));
    }
    return async_udp_close(udp);
}

static int answer(void *udp)
{
    char buffer[8];
    struct async_datagram datagram;
    ssize_t count;
    while ((count = async_udp_receive(udp, buffer, sizeof(buffer), &datagram)) > 0)
        CHECK_EQUAL(async_udp_send(udp, buffer, (size_t)count, &datagram.from), 0);
    return (int)count;
}

static int on_three_workers(void *unused)
{
    (void)unused;
    struct async_udp *udp = open_udp();
    struct async_task *server = test_spawn("server", answer, udp), *task;
    CHECK_EQUAL(async_spawn_on(&task, 1, "elsewhere", use_from_elsewhere, udp), 0);
    CHECK_EQUAL(test_join(task), 0);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQUAL(async_spawn_on(&task, i, "client", ping, (void *)(intptr_t)async_udp_port(udp)), 0);
        CHECK_EQUAL(test_join(task), 0);
    }
    CHECK_EQUAL(async_udp_close(udp), 0);
    CHECK_EQUAL(test_join(server), UV_ECANCELED);
    return 0;
}

PLAIN(several_workers)
{
    test_run_on_workers(3, on_three_workers);
}

TEST(left_open)
{
    int far;
    struct async_udp *udp = open_full(&far);
    open_udp();
    test_interrupt(ASYNC_FUTURE_SEND, send_one, udp);
    close(far);
}
