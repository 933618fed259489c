/* SPDX-License-Identifier: MIT */
/**
 * @file io_test.h - what the tests of input and output share. Include it last.
 */
#ifndef IO_TEST_H
#define IO_TEST_H

#include <fcntl.h>
#include <semaphore.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "task.h"
#include "test.h"

/** Turns the loop until the task waits for a future of this kind; the future. */
static inline struct async_future *test_until_waits(struct async_task *task, enum async_future_kind kind)
{
    while (task->state != ASYNC_TASK_WAITING || task->awaits->kind != kind) {
        CHECK(!async_task_ended(task));
        async_sleep(1);
    }
    return task->awaits;
}

/** A call that waits, and its time limit. */
struct test_wait {
    async_function wait;
    void *argument;
};

static inline int test_wait_briefly(void *argument)
{
    const struct test_wait *wait = argument;
    struct async_timeout timeout;
    CHECK_EQUAL(async_timeout_begin(&timeout, 3), 0);
    int result = wait->wait(wait->argument);
    CHECK_EQUAL(async_timeout_end(&timeout), UV_ETIMEDOUT);
    return result;
}

/** A call that waits, and would for ever, ends when it is cancelled and when its time is up. */
static inline void test_interrupt(enum async_future_kind kind, async_function function, void *argument)
{
    struct test_wait wait = {function, argument};
    struct async_task *task = test_spawn("cancelled", function, argument);
    test_until_waits(task, kind);
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    CHECK_EQUAL(test_join(test_spawn("timed out", test_wait_briefly, &wait)), UV_ETIMEDOUT);
}

/** The same call, while `close` is called by another task: it returns `expected`. */
static inline void test_close_meanwhile(enum async_future_kind kind, async_function function,
                                        async_function close, void *object, int expected)
{
    struct async_task *task = test_spawn("waits", function, object);
    test_until_waits(task, kind);
    struct async_task *closer = test_spawn("closes", close, object);
    CHECK_EQUAL(test_join(closer), 0);
    CHECK_EQUAL(test_join(task), expected);
}

/** Whether it was made at this place of the calling file. */
static inline bool test_is_site(const struct async_site *site, const char *file, uint32_t line)
{
    return site && strcmp(site->file, file) == 0 && site->line == line;
}

static inline int test_do_nothing(void *unused)
{
    return unused != NULL;
}

/** Cancels a task that waits, so that the loop turns before it runs: many others are first. */
static inline void test_cancel_in_a_crowd(struct async_task *task)
{
    for (int i = 0; i < 1000; i++)
        CHECK_EQUAL(async_spawn(NULL, "crowd", test_do_nothing, NULL), 0);
    CHECK_EQUAL(async_cancel(task), 0);
}

/** Threads of the pool that do nothing else until let go. */
struct test_pool {
    sem_t gate;
    sem_t inside;
    int count;
    struct async_task *tasks[8];
};

static inline int test_pool_block(void *pool)
{
    sem_post(&((struct test_pool *)pool)->inside);
    sem_wait(&((struct test_pool *)pool)->gate);
    return 0;
}

static inline int test_pool_task(void *pool)
{
    return async_work("blocker", test_pool_block, pool);
}

/** Before the pool's first use in the process: it has as many threads, and all are busy. */
static inline void test_pool_fill(struct test_pool *pool, int count)
{
    char text[8];
    snprintf(text, sizeof(text), "%d", count);
    setenv("UV_THREADPOOL_SIZE", text, 1);
    *pool = (struct test_pool){.count = count};
    sem_init(&pool->gate, 0, 0);
    sem_init(&pool->inside, 0, 0);
    for (int i = 0; i < count; i++)
        pool->tasks[i] = test_spawn("blocker", test_pool_task, pool);
    for (int i = 0; i < count; i++) {
        while (sem_trywait(&pool->inside) != 0)
            async_sleep(1);
    }
}

static inline void test_pool_let_go(struct test_pool *pool)
{
    for (int i = 0; i < pool->count; i++)
        sem_post(&pool->gate);
    for (int i = 0; i < pool->count; i++)
        CHECK_EQUAL(test_join(pool->tasks[i]), 0);
    sem_destroy(&pool->gate);
    sem_destroy(&pool->inside);
}

/** No descriptor can be opened from now on. */
static inline struct rlimit test_use_up_files(void)
{
    struct rlimit before, none;
    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(next >= 0);
    close(next);
    none = before;
    none.rlim_cur = (rlim_t)next;
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
    return before;
}

static inline void test_give_files_back(struct rlimit before)
{
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/** Runs a function as the first task of several workers. */
static inline void test_run_on_workers(uint32_t count, async_function start)
{
    struct async_options options = {.workers = count};
    CHECK_EQUAL(async_run(start, NULL, &options), 0);
}

#endif
