/* SPDX-License-Identifier: MIT */
/* Virtual time: hours pass at once, and only when nothing that really happens is waited for. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "test.h"

#define HOUR_MS UINT64_C(3600000)
#define MS UINT64_C(1000000)

static void run_virtually(async_function start, uint32_t patience_ms)
{
    struct async_options options = {.virtual_time = true, .virtual_patience_ms = patience_ms};
    CHECK_EQUAL(async_run(start, NULL, &options), 0);
    CHECK_EQUAL(async_virtual_now, 0);
}

/* ---- Timers -------------------------------------------------------------------------------------- */

static unsigned order[3], ended;

static int sleep_hours(void *hours)
{
    CHECK_EQUAL(async_sleep((uintptr_t)hours * HOUR_MS), 0);
    order[ended++] = (unsigned)(uintptr_t)hours;
    return 0;
}

static int sleep_a_year(void *unused)
{
    (void)unused;
    uint64_t before = async_now();
    struct async_task *tasks[3] = {test_spawn("third", sleep_hours, (void *)300),
                                   test_spawn("first", sleep_hours, (void *)100),
                                   test_spawn("second", sleep_hours, (void *)200)};
    CHECK_EQUAL(async_now(), before);
    CHECK_EQUAL(async_gather(tasks, 3, NULL), 0);
    CHECK(order[0] == 100 && order[1] == 200 && order[2] == 300);
    CHECK_EQUAL(async_now() - before, 300 * HOUR_MS * MS);
    CHECK_EQUAL(async_sleep(365 * 24 * HOUR_MS), 0);
    CHECK_EQUAL(async_now() - before, (300 + 365 * 24) * HOUR_MS * MS);
    return 0;
}

PLAIN(sleeps_take_no_time)
{
    run_virtually(sleep_a_year, 0);
}

static uint64_t beginnings[2];

static int tell_time(void *at_ret)
{
    *(uint64_t *)at_ret = async_now();
    async_sleep(1);
    return (int)(async_now() - *(uint64_t *)at_ret - MS);
}

PLAIN(begins_at_the_same_time)
{
    struct async_options options = {.virtual_time = true};
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(async_run(tell_time, &beginnings[i], &options), 0);
    CHECK_EQUAL(beginnings[0], beginnings[1]);
    CHECK(async_now() != beginnings[0]); /* real again */
}

static int time_out(void *unused)
{
    (void)unused;
    struct async_promise *promise;
    struct async_timeout timeout;
    uint64_t before = async_now();
    CHECK_EQUAL(async_promise_create(&promise, "never"), 0);
    CHECK_EQUAL(async_timeout_begin(&timeout, HOUR_MS), 0);
    CHECK_EQUAL(async_promise_await(promise, NULL), UV_ETIMEDOUT);
    CHECK_EQUAL(async_timeout_end(&timeout), UV_ETIMEDOUT);
    CHECK_EQUAL(async_now() - before, HOUR_MS * MS);
    return async_promise_destroy(promise);
}

PLAIN(timeouts_expire_at_once)
{
    run_virtually(time_out, 0);
}

static int spin(void *unused)
{
    (void)unused;
    struct async_task *sleeper = test_spawn("sleeper", sleep_hours, (void *)1);
    uint64_t before = async_now();
    ended = 0;
    for (int i = 0; i < 10000; i++)
        async_yield();
    CHECK_EQUAL(ended, 0); /* as long as somebody has something to do, no time passes */
    CHECK_EQUAL(async_now(), before);
    return test_join(sleeper);
}

PLAIN(time_stands_still_while_tasks_run)
{
    run_virtually(spin, 0);
}

/* ---- What holds the clock ------------------------------------------------------------------------ */

static int nap(void *unused)
{
    (void)unused;
    usleep(30000);
    return 7;
}

static int work_within_an_hour(void *unused)
{
    (void)unused;
    struct async_timeout timeout;
    uint64_t before = async_now();
    CHECK_EQUAL(async_timeout_begin(&timeout, 1), 0);
    CHECK_EQUAL(async_work("nap", nap, NULL), 7);
    CHECK_EQUAL(async_timeout_end(&timeout), 0);
    CHECK_EQUAL(async_now(), before);
    return 0;
}

PLAIN(work_holds_the_clock)
{
    run_virtually(work_within_an_hour, 1);
}

static struct async_listener *listener;

static int say_late(void *unused)
{
    (void)unused;
    struct async_tcp *tcp;
    async_sleep(HOUR_MS);
    CHECK_EQUAL(async_connect(&tcp, "127.0.0.1", async_listener_port(listener)), 0);
    async_sleep(HOUR_MS);
    CHECK_EQUAL(async_write(tcp, "x", 1), 0);
    async_sleep(HOUR_MS);
    return async_close(tcp);
}

/* Both ends are in this process: the reader's peer sleeps, and is not waited for in vain. */
static int listen_for_hours(void *unused)
{
    (void)unused;
    struct async_tcp *tcp;
    char byte;
    uint64_t before = async_now();
    CHECK_EQUAL(async_listen(&listener, "127.0.0.1", 0, 1), 0);
    struct async_task *task = test_spawn("late", say_late, NULL);
    CHECK_EQUAL(async_accept(listener, &tcp), 0);
    CHECK_EQUAL(async_now() - before, HOUR_MS * MS);
    CHECK_EQUAL(async_read(tcp, &byte, 1), 1);
    CHECK_EQUAL(async_now() - before, 2 * HOUR_MS * MS);
    CHECK_EQUAL(async_read(tcp, &byte, 1), UV_EOF);
    CHECK_EQUAL(async_now() - before, 3 * HOUR_MS * MS);
    CHECK_EQUAL(async_close(tcp), 0);
    CHECK_EQUAL(async_listener_close(listener), 0);
    return test_join(task);
}

PLAIN(peers_in_the_process_may_sleep)
{
    run_virtually(listen_for_hours, 0);
}

static void *write_later(void *fd)
{
    usleep(50000);
    CHECK_EQUAL(write(*(int *)fd, "x", 1), 1);
    return NULL;
}

static int read_within_an_hour(void *unused)
{
    (void)unused;
    struct async_timeout timeout;
    struct async_stream *pipe_end;
    pthread_t thread;
    int fds[2];
    char byte;
    uint64_t before = async_now();
    CHECK_EQUAL(pipe(fds), 0);
    CHECK_EQUAL(async_stream_adopt(&pipe_end, fds[0]), 0);
    CHECK_EQUAL(pthread_create(&thread, NULL, write_later, &fds[1]), 0);
    CHECK_EQUAL(async_timeout_begin(&timeout, HOUR_MS), 0);
    CHECK_EQUAL(async_read(pipe_end, &byte, 1), 1);
    CHECK_EQUAL(async_timeout_end(&timeout), 0);
    CHECK_EQUAL(async_now(), before);
    pthread_join(thread, NULL);
    close(fds[1]);
    return async_close(pipe_end);
}

PLAIN(patience_waits_for_what_comes_from_outside)
{
    run_virtually(read_within_an_hour, UINT32_MAX);
    run_virtually(read_within_an_hour, 60000);
}

static void *resolve_later(void *promise)
{
    usleep(20000);
    CHECK_EQUAL(async_promise_resolve(promise, NULL), 0);
    return NULL;
}

static int await_thread(void *unused)
{
    (void)unused;
    struct async_promise *promise;
    pthread_t thread;
    CHECK_EQUAL(async_promise_create(&promise, "from a thread"), 0);
    CHECK_EQUAL(pthread_create(&thread, NULL, resolve_later, promise), 0);
    CHECK_EQUAL(async_promise_await(promise, NULL), 0); /* with no timer, there is nowhere to jump to */
    pthread_join(thread, NULL);
    return async_promise_destroy(promise);
}

PLAIN(word_from_other_threads_arrives)
{
    run_virtually(await_thread, 0);
}

/* ---- Limits -------------------------------------------------------------------------------------- */

PLAIN(one_worker_only)
{
    struct async_options options = {.virtual_time = true, .workers = 2};
    CHECK_EQUAL(async_run(time_out, NULL, &options), UV_ENOTSUP);
    options = (struct async_options){.schedule_seed = 1, .workers = 2};
    CHECK_EQUAL(async_run(time_out, NULL, &options), UV_ENOTSUP);
    options = (struct async_options){.virtual_time = true, .schedule_seed = 1, .workers = 1};
    CHECK_EQUAL(async_run(time_out, NULL, &options), 0);
}
