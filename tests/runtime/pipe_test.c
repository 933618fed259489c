/* SPDX-License-Identifier: MIT */
#include <sys/socket.h>
#include <sys/un.h>

#include "stream.h"
#include "io_test.h"

static char directory[64];

/* Removed by hand at the end of a test. */
static const char *path_of(const char *name)
{
    static char path[128];
    if (!directory[0]) {
        strcpy(directory, "/tmp/async-pipe-XXXXXX");
        CHECK(mkdtemp(directory));
    }
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

/* ---- Unix-domain connections ----------------------------------------------------------------------- */

struct pair {
    struct async_stream *near, *far;
};

static struct pair make_pair(const char *path)
{
    struct pair pair;
    struct async_listener *listener;
    CHECK_EQUAL(async_listen_unix(&listener, path, 16), 0);
    CHECK_EQUAL(async_connect_unix(&pair.near, path), 0);
    CHECK_EQUAL(async_accept(listener, &pair.far), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
    return pair;
}

static void close_pair(struct pair pair)
{
    CHECK_EQUAL(async_close(pair.near), 0);
    CHECK_EQUAL(async_close(pair.far), 0);
}

static void talk(struct pair pair)
{
    char buffer[8] = "";
    CHECK_EQUAL(async_write(pair.near, "there", 5), 0);
    CHECK_EQUAL(async_read(pair.far, buffer, sizeof(buffer)), 5);
    CHECK(strcmp(buffer, "there") == 0);
    CHECK_EQUAL(async_write(pair.far, "back", 4), 0);
    CHECK_EQUAL(async_stream_shutdown(pair.far), 0);
    CHECK_EQUAL(async_read_exactly(pair.near, buffer, 4, NULL), 0);
    CHECK(memcmp(buffer, "back", 4) == 0);
    CHECK_EQUAL(async_read(pair.near, buffer, 1), UV_EOF);
}

TEST(by_path)
{
    const char *path = path_of("socket");
    struct pair pair = make_pair(path);
    char pid[32], local[ASYNC_ADDRESS_SIZE];
    snprintf(pid, sizeof(pid), "pid %d", getpid());
    CHECK(strcmp(async_stream_peer(pair.near), path) == 0);
    CHECK(strcmp(async_stream_peer(pair.far), pid) == 0);
    CHECK_EQUAL(async_stream_local(pair.far, local), 0);
    CHECK(strcmp(local, path) == 0);
    CHECK_EQUAL(async_stream_local(pair.near, local), 0);
    CHECK(strcmp(local, "") == 0);
    CHECK(strcmp(pair.near->handle.kind, "unix") == 0);
    CHECK_EQUAL(async_tcp_keepalive(pair.near, 1), UV_ENOTSUP);
    talk(pair);
    close_pair(pair);
    CHECK(access(path, F_OK) != 0); /* the listener has removed it */
    CHECK_EQUAL(rmdir(directory), 0);
}

TEST(by_abstract_name)
{
    char name[64];
    snprintf(name, sizeof(name), "@async-pipe-test-%d", getpid());
    struct pair pair = make_pair(name);
    CHECK(strcmp(async_stream_peer(pair.near), name) == 0);
    talk(pair);
    close_pair(pair);
}

TEST(unix_errors)
{
    struct async_listener *first, *second = NULL;
    struct async_stream *stream = NULL;
    const char *path = path_of("socket");
    char longest[300];
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = 0;
    CHECK_EQUAL(async_connect_unix(&stream, path), UV_ENOENT);
    CHECK_EQUAL(async_connect_unix(&stream, longest), UV_ENAMETOOLONG);
    CHECK_EQUAL(async_connect_unix(&stream, ""), UV_EINVAL);
    CHECK_EQUAL(async_connect_unix(NULL, path), UV_EINVAL);
    CHECK_EQUAL(async_listen_unix(&second, longest, 1), UV_ENAMETOOLONG);
    CHECK_EQUAL(async_listen_unix(&first, path, 1), 0);
    CHECK_EQUAL(async_listen_unix(&second, path, 1), UV_EADDRINUSE);
    CHECK(access(path, F_OK) == 0); /* it is the first one's */
    CHECK_EQUAL(async_listener_close(first), 0);
    CHECK_EQUAL(rmdir(directory), 0);
    CHECK(!stream && !second);
}

/* Nobody accepts: it does not wait. */
TEST(unix_backlog)
{
    struct async_listener *listener;
    struct async_stream *stream;
    char name[64];
    int error;
    snprintf(name, sizeof(name), "@async-pipe-test-%d", getpid());
    CHECK_EQUAL(async_listen_unix(&listener, name, 1), 0);
    do
        error = async_connect_unix(&stream, name);
    while (!error);
    CHECK_EQUAL(error, UV_EAGAIN);
    CHECK_EQUAL(async_listener_close(listener), 0);
}

static int accept_any(void *listener)
{
    struct async_stream *stream;
    return async_accept(listener, &stream);
}

static int close_listener(void *listener)
{
    return async_listener_close(listener);
}

TEST(unix_accept_ends_early)
{
    struct async_listener *listener;
    char name[64];
    snprintf(name, sizeof(name), "@async-pipe-test-%d", getpid());
    CHECK_EQUAL(async_listen_unix(&listener, name, 1), 0);
    test_interrupt(ASYNC_FUTURE_ACCEPT, accept_any, listener);
    test_close_meanwhile(ASYNC_FUTURE_ACCEPT, accept_any, close_listener, listener, UV_ECANCELED);
}

/* ---- Anonymous pipes --------------------------------------------------------------------------------- */

static struct pair make_pipe(void)
{
    struct pair pair;
    CHECK_EQUAL(async_pipe(&pair.far, &pair.near), 0);
    return pair;
}

enum { LARGE = 1024 * 1024 };

static int write_large(void *stream)
{
    char *buffer = malloc(LARGE);
    memset(buffer, 'x', LARGE);
    int error = async_write(stream, buffer, LARGE);
    free(buffer);
    return error ? error : async_close(stream);
}

TEST(through_a_pipe)
{
    struct pair pair = make_pipe();
    struct async_task *writer = test_spawn("writer", write_large, pair.near);
    char *buffer = malloc(LARGE);
    CHECK_EQUAL(async_read_exactly(pair.far, buffer, LARGE, NULL), 0);
    CHECK_EQUAL(test_join(writer), 0);
    CHECK_EQUAL(async_read(pair.far, buffer, 1), UV_EOF);
    for (int i = 0; i < LARGE; i++)
        CHECK(buffer[i] == 'x');
    free(buffer);
    CHECK_EQUAL(async_close(pair.far), 0);
}

TEST(ends_have_a_direction)
{
    struct pair pair = make_pipe();
    char byte;
    CHECK(strcmp(pair.near->handle.kind, "pipe") == 0);
    CHECK_EQUAL(async_read(pair.near, &byte, 1), UV_ENOTCONN);
    CHECK_EQUAL(async_write(pair.far, "x", 1), UV_EPIPE);
    close_pair(pair);
}

TEST(nobody_reads)
{
    struct pair pair = make_pipe();
    CHECK_EQUAL(async_close(pair.far), 0);
    CHECK_EQUAL(async_write(pair.near, "x", 1), UV_EPIPE);
    CHECK_EQUAL(async_close(pair.near), 0);
}

static int read_one(void *stream)
{
    char byte;
    return (int)async_read(stream, &byte, 1);
}

static int write_until_stuck(void *stream)
{
    char *buffer = calloc(1, LARGE);
    int error = async_write(stream, buffer, LARGE);
    free(buffer);
    return error;
}

static int close_it(void *stream)
{
    return async_close(stream);
}

TEST(pipe_waits_end_early)
{
    struct pair pair = make_pipe();
    test_interrupt(ASYNC_FUTURE_READ, read_one, pair.far);
    test_interrupt(ASYNC_FUTURE_WRITE, write_until_stuck, pair.near);
    struct async_task *reader = test_spawn("reader", read_one, pair.far);
    CHECK_EQUAL(test_join(reader), 1);
    test_close_meanwhile(ASYNC_FUTURE_WRITE, write_until_stuck, close_it, pair.near, UV_ECANCELED);
    CHECK_EQUAL(async_close(pair.far), 0);
    pair = make_pipe();
    test_close_meanwhile(ASYNC_FUTURE_READ, read_one, close_it, pair.far, UV_ECANCELED);
    CHECK_EQUAL(async_close(pair.near), 0);
}

TEST(no_descriptor_left)
{
    struct pair pair = {0};
    struct rlimit before = test_use_up_files();
    CHECK_EQUAL(async_pipe(&pair.far, &pair.near), UV_EMFILE);
    test_give_files_back(before);
    CHECK(!pair.near && !pair.far);
}

/* ---- Adoption ---------------------------------------------------------------------------------------- */

TEST(adopts_what_is_connected)
{
    int fds[2], fd;
    struct pair pair;
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    CHECK_EQUAL(async_stream_adopt(&pair.near, fds[0]), 0);
    CHECK_EQUAL(async_stream_adopt(&pair.far, fds[1]), 0);
    CHECK_EQUAL(async_stream_release(pair.near, &fd), 0);
    CHECK_EQUAL(async_stream_adopt(&pair.near, fd), 0);
    talk(pair);
    close_pair(pair);
}

TEST(adopts_nothing_else)
{
    struct async_stream *stream = NULL;
    int file = open("/dev/null", O_RDWR), listening = socket(AF_UNIX, SOCK_STREAM, 0);
    int datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);
    sa_family_t family = AF_UNIX; /* the kernel chooses a name */
    CHECK_EQUAL(bind(listening, (struct sockaddr *)&family, sizeof(family)), 0);
    CHECK_EQUAL(listen(listening, 1), 0);
    CHECK_EQUAL(async_stream_adopt(&stream, file), UV_EINVAL);
    CHECK_EQUAL(async_stream_adopt(&stream, listening), UV_EINVAL);
    CHECK_EQUAL(async_stream_adopt(&stream, datagrams), UV_EINVAL);
    CHECK_EQUAL(async_stream_adopt(&stream, -1), UV_EINVAL);
    CHECK_EQUAL(async_stream_adopt(NULL, file), UV_EINVAL);
    CHECK(!stream);
    close(file);
    close(listening);
    close(datagrams);
}
