/* SPDX-License-Identifier: MIT */
/* Two streams and what goes through them: all of it, in order, however little the kernel takes or gives at
 * once. */
#include "program.h"

#include <sys/socket.h>
#include <uv.h>

#include "stream.h"

enum { MOST = 100000 };

/* One direction. */
struct flow {
    uint64_t random;
    struct async_stream *stream;
    size_t size; /* to be written */
    size_t offered;
    size_t read;
    bool broken; /* a write has failed: nobody knows how much of it was sent */
};

static char byte_at(size_t offset)
{
    return (char)(offset * 31 ^ offset >> 8);
}

static size_t size_for(uint64_t *random)
{
    return 1 + random_below(random, random_below(random, 4) ? 600 : 30000);
}

static int write_all(void *argument)
{
    struct flow *flow = argument;
    char buffer[30000];
    while (flow->offered < flow->size && !flow->broken) {
        size_t size = size_for(&flow->random), left = flow->size - flow->offered;
        size = size < left ? size : left;
        for (size_t i = 0; i < size; i++)
            buffer[i] = byte_at(flow->offered + i);
        flow->offered += size;
        int code = async_write(flow->stream, buffer, size);
        HOLDS(code == 0 || (code == UV_ENOMEM && faults_made()));
        flow->broken = code != 0;
    }
    int code = async_stream_shutdown(flow->stream);
    HOLDS(code == 0 || (code == UV_ENOMEM && faults_made()));
    if (code)
        shutdown(flow->stream->handle.fd, SHUT_WR); /* or the other side would wait for ever */
    flow->broken |= code != 0;
    return 0;
}

/* Sometimes with a time limit: what it interrupts loses nothing. */
static ssize_t read_some(struct flow *flow, char *buffer, size_t size)
{
    struct async_timeout timeout;
    if (random_below(&flow->random, 8) || async_timeout_begin(&timeout, 0) != 0)
        return async_read(flow->stream, buffer, size);
    ssize_t got = async_read(flow->stream, buffer, size);
    int expired = async_timeout_end(&timeout);
    HOLDS(got != UV_ETIMEDOUT || expired);
    return got;
}

static int read_all(void *argument)
{
    struct flow *flow = argument;
    char buffer[30000];
    for (;;) {
        ssize_t got = read_some(flow, buffer, size_for(&flow->random));
        if (got == UV_EOF)
            return 0;
        if (got == UV_ETIMEDOUT || (got == UV_ENOMEM && faults_made()))
            continue;
        HOLDS(got > 0);
        for (ssize_t i = 0; i < got; i++)
            HOLDS(buffer[i] == byte_at(flow->read + (size_t)i));
        flow->read += (size_t)got;
    }
}

/* ---- Pairs of streams ---------------------------------------------------------------------------- */

/* Without memory, again. */
static void adopt(struct async_stream **stream_ret, int fd)
{
    int code;
    faults_name_file(fd);
    do
        code = async_stream_adopt(stream_ret, fd);
    while (code == UV_ENOMEM && faults_made());
    HOLDS(code == 0);
}

static int accept_one(void *argument)
{
    struct async_listener *listener = ((void **)argument)[0];
    int code;
    do
        code = async_accept(listener, (struct async_stream **)&((void **)argument)[1]);
    while (code == UV_ENOMEM && faults_made());
    HOLDS(code == 0);
    return 0;
}

static void connect_pair(struct async_stream *pair[2])
{
    void *accepted[2];
    struct async_listener *listener;
    struct async_task *task;
    HOLDS(async_listen(&listener, "127.0.0.1", 0, 1) == 0);
    accepted[0] = listener;
    HOLDS(async_spawn(&task, "accepts", accept_one, accepted) == 0);
    HOLDS(async_connect(&pair[0], "127.0.0.1", async_listener_port(listener)) == 0);
    HOLDS(async_join(task, NULL) == 0);
    HOLDS(async_listener_close(listener) == 0);
    pair[1] = accepted[1];
    faults_name_file(pair[0]->handle.fd);
}

static void make_pair(uint64_t *random, struct async_stream *pair[2])
{
    int fds[2];
    if (random_below(random, 4) == 0) {
        connect_pair(pair);
        return;
    }
    HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    int room = 5000; /* less than is written at once */
    for (unsigned i = 0; i < 2; i++)
        HOLDS(setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) == 0);
    adopt(&pair[0], fds[0]);
    adopt(&pair[1], fds[1]);
}

/* Both directions at once: a stream has a reader and a writer. */
static int stream_both_ways(void *argument)
{
    struct world *world = argument;
    struct async_stream *pair[2];
    struct flow writers[2], readers[2];
    struct async_task *tasks[4];
    faults_held = true;
    make_pair(&world->random, pair);
    for (unsigned i = 0; i < 2; i++) {
        size_t size = random_below(&world->random, random_below(&world->random, 4) ? 3000 : MOST);
        writers[i] = (struct flow){.random = random_next(&world->random), .stream = pair[i], .size = size};
        readers[i] = (struct flow){.random = random_next(&world->random), .stream = pair[!i]};
        HOLDS(async_spawn(&tasks[i], "writer", write_all, &writers[i]) == 0);
        HOLDS(async_spawn(&tasks[2 + i], "reader", read_all, &readers[i]) == 0);
    }
    HOLDS(async_gather(tasks, 4, NULL) == 0);
    for (unsigned i = 0; i < 2; i++) {
        HOLDS(writers[i].broken ? readers[i].read <= writers[i].offered : readers[i].read == writers[i].size);
        HOLDS(async_close(pair[i]) == 0);
    }
    return 4711;
}

void program_run_streams(uint64_t seed, unsigned faults)
{
    program_run_in_world(stream_both_ways, seed, faults);
}
