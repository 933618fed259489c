/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "process.h"
#include "test.h"
#include "worker.h"

#define WORKERS 4
#define ROUNDS 2000

static const struct async_options several = {.workers = WORKERS};

static void run_on_several(async_function start)
{
    CHECK_EQUAL(async_run(start, NULL, &several), 0);
}

/* ---- Spawn and join ------------------------------------------------------------------------------ */

static int tell_index(void *unused)
{
    (void)unused;
    return async_worker_index();
}

static int spawn_everywhere(void *unused)
{
    (void)unused;
    struct async_task *task;
    CHECK_EQUAL(async_worker_count(), WORKERS);
    for (uint32_t i = 0; i < WORKERS * 100; i++) {
        CHECK_EQUAL(async_spawn_on(&task, i % WORKERS, "there", tell_index, NULL), 0);
        CHECK_EQUAL(test_join(task), i % WORKERS);
    }
    CHECK_EQUAL(async_spawn_on(&task, WORKERS, "nowhere", tell_index, NULL), UV_EINVAL);
    return 0;
}

PLAIN(tasks_run_where_they_are_sent)
{
    run_on_several(spawn_everywhere);
}

static int spawn_on_next(void *levels)
{
    struct async_task *task;
    intptr_t level = (intptr_t)levels;
    if (!level)
        return 0;
    uint32_t next = ((uint32_t)async_worker_index() + 1) % WORKERS;
    CHECK_EQUAL(async_spawn_on(&task, next, "next", spawn_on_next, (void *)(level - 1)), 0);
    CHECK_EQUAL(async_spawn_on(NULL, next, "detached", tell_index, NULL), 0);
    return test_join(task) + 1;
}

static int start_chain(void *unused)
{
    (void)unused;
    CHECK_EQUAL(spawn_on_next((void *)200), 200);
    return 0;
}

PLAIN(joins_across_workers)
{
    run_on_several(start_chain);
}

/* ---- Locks and channels -------------------------------------------------------------------------- */

static struct async_mutex *mutex;
static struct async_channel *requests, *answers;
static long long total;

static int add_up(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQUAL(async_mutex_lock(mutex), 0);
        long long before = total;
        if (i % 16 == 0)
            async_yield();
        total = before + 1;
        CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    }
    return 0;
}

static int contend(void *unused)
{
    (void)unused;
    struct async_task *tasks[WORKERS * 2];
    CHECK_EQUAL(async_mutex_create(&mutex, "total"), 0);
    for (uint32_t i = 0; i < WORKERS * 2; i++)
        CHECK_EQUAL(async_spawn_on(&tasks[i], i % WORKERS, "adder", add_up, NULL), 0);
    CHECK_EQUAL(async_gather(tasks, WORKERS * 2, NULL), 0);
    CHECK_EQUAL(total, WORKERS * 2 * ROUNDS);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
    return 0;
}

PLAIN(mutex_across_workers)
{
    run_on_several(contend);
}

static int echo(void *unused)
{
    (void)unused;
    long item;
    while (async_channel_receive(requests, &item) == 0)
        CHECK_EQUAL(async_channel_send(answers, &item), 0);
    return 0;
}

static int ask(void *unused)
{
    (void)unused;
    for (long i = 1; i <= ROUNDS; i++)
        CHECK_EQUAL(async_channel_send(requests, &i), 0);
    return 0;
}

static void exchange(size_t capacity)
{
    struct async_task *echoes[WORKERS], *askers[WORKERS];
    long long sum = 0;
    CHECK_EQUAL(async_channel_create(&requests, "requests", sizeof(long), capacity), 0);
    CHECK_EQUAL(async_channel_create(&answers, "answers", sizeof(long), capacity), 0);
    for (uint32_t i = 0; i < WORKERS; i++) {
        CHECK_EQUAL(async_spawn_on(&echoes[i], i, "echo", echo, NULL), 0);
        CHECK_EQUAL(async_spawn_on(&askers[i], i, "asker", ask, NULL), 0);
    }
    for (int i = 0; i < WORKERS * ROUNDS; i++) {
        long item;
        CHECK_EQUAL(async_channel_receive(answers, &item), 0);
        sum += item;
    }
    CHECK_EQUAL(sum, (long long)WORKERS * ROUNDS * (ROUNDS + 1) / 2);
    CHECK_EQUAL(async_gather(askers, WORKERS, NULL), 0);
    CHECK_EQUAL(async_channel_close(requests), 0);
    CHECK_EQUAL(async_gather(echoes, WORKERS, NULL), 0);
    CHECK_EQUAL(async_channel_destroy(requests), 0);
    CHECK_EQUAL(async_channel_destroy(answers), 0);
}

static int exchange_all(void *unused)
{
    (void)unused;
    exchange(0);
    exchange(1);
    exchange(64);
    return 0;
}

PLAIN(channels_across_workers)
{
    run_on_several(exchange_all);
}

/* ---- Cancellation -------------------------------------------------------------------------------- */

static int sleep_long(void *unused)
{
    (void)unused;
    return async_sleep(1000000);
}

static int cancel_everywhere(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct async_task *task;
        CHECK_EQUAL(async_spawn_on(&task, i % WORKERS, "sleeper", sleep_long, NULL), 0);
        if (i % 3)
            async_yield();
        CHECK_EQUAL(async_cancel(task), 0);
        CHECK_EQUAL(test_join(task), UV_ECANCELED);
    }
    return 0;
}

PLAIN(cancellation_across_workers)
{
    run_on_several(cancel_everywhere);
}

/* Timeouts race with the handing over of a lock: whoever has it gives it back, and nobody is forgotten. */
static int lock_hastily(void *unused)
{
    (void)unused;
    int timed_out = 0;
    for (int i = 0; i < 300; i++) {
        struct async_timeout timeout;
        CHECK_EQUAL(async_timeout_begin(&timeout, (uint64_t)i % 2), 0);
        int error = async_mutex_lock(mutex);
        async_timeout_end(&timeout);
        CHECK(error == 0 || error == UV_ETIMEDOUT);
        timed_out += error != 0;
        if (error)
            continue;
        total++;
        if (i % 8 == 0)
            async_sleep(1);
        CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    }
    return timed_out;
}

static int race(void *unused)
{
    (void)unused;
    struct async_task *tasks[WORKERS * 3];
    int timed_out[WORKERS * 3], sum = 0;
    total = 0;
    CHECK_EQUAL(async_mutex_create(&mutex, "contended"), 0);
    for (uint32_t i = 0; i < WORKERS * 3; i++)
        CHECK_EQUAL(async_spawn_on(&tasks[i], i % WORKERS, "hasty", lock_hastily, NULL), 0);
    CHECK_EQUAL(async_gather(tasks, WORKERS * 3, timed_out), 0);
    for (int i = 0; i < WORKERS * 3; i++)
        sum += timed_out[i];
    CHECK_EQUAL(total + sum, WORKERS * 3 * 300);
    CHECK(sum > 0);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
    return 0;
}

PLAIN(timeouts_race_with_handing_over)
{
    run_on_several(race);
}

/* ---- Other threads ------------------------------------------------------------------------------- */

static void *resolve_from_outside(void *promise)
{
    usleep(1000);
    CHECK_EQUAL(async_promise_resolve(promise, promise), 0);
    CHECK_EQUAL(async_promise_resolve(promise, promise), UV_EALREADY);
    return NULL;
}

static int await_outside(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++) {
        struct async_promise *promise;
        pthread_t thread;
        void *value;
        CHECK_EQUAL(async_promise_create(&promise, "from outside"), 0);
        CHECK_EQUAL(pthread_create(&thread, NULL, resolve_from_outside, promise), 0);
        CHECK_EQUAL(async_promise_await(promise, &value), 0);
        CHECK(value == promise);
        pthread_join(thread, NULL);
        CHECK_EQUAL(async_promise_destroy(promise), 0);
    }
    return 0;
}

PLAIN(promises_from_other_threads)
{
    CHECK_EQUAL(async_run(await_outside, NULL, NULL), 0);
    run_on_several(await_outside);
}

/* ---- Shutdown ------------------------------------------------------------------------------------ */

static int shut_down(void *unused)
{
    (void)unused;
    struct async_task *tasks[WORKERS * 10];
    for (uint32_t i = 0; i < WORKERS * 10; i++)
        CHECK_EQUAL(async_spawn_on(&tasks[i], i % WORKERS, "sleeper", sleep_long, NULL), 0);
    async_sleep(1);
    CHECK_EQUAL(async_shutdown(), 0);
    CHECK_EQUAL(async_shutdown(), UV_EALREADY);
    CHECK_EQUAL(async_spawn(NULL, "late", sleep_long, NULL), UV_ESHUTDOWN);
    CHECK_EQUAL(async_gather(tasks, WORKERS * 10, NULL), UV_ECANCELED);
    return 0;
}

PLAIN(shutdown_cancels_all)
{
    run_on_several(shut_down);
    CHECK_EQUAL(async_run(tell_index, NULL, NULL), 0); /* and the next run may spawn again */
}
