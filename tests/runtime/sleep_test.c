/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "clock.h"
#include "test.h"
#include "worker.h"

struct sleeper {
    uint64_t length; /* ms */
    uint64_t deadline;
};

enum { SLEEPERS = 200 };

static struct sleeper sleepers[SLEEPERS];
static const struct sleeper *awake[SLEEPERS];
static int awake_count;

static int sleep_and_note(void *argument)
{
    const struct sleeper *sleeper = argument;
    CHECK_EQUAL(async_sleep(sleeper->length), 0);
    awake[awake_count++] = sleeper;
    return 0;
}

TEST(wakes_in_order_of_deadlines)
{
    struct async_task *tasks[SLEEPERS];
    for (uint64_t i = 0; i < SLEEPERS; i++) {
        sleepers[i].length = 50 + i * 7919 % 199;
        tasks[i] = test_spawn("sleeper", sleep_and_note, &sleepers[i]);
    }
    async_yield();
    for (int i = 0; i < SLEEPERS; i++)
        sleepers[i].deadline = tasks[i]->awaits ? tasks[i]->awaits->deadline : 0; /* 0: woke already */
    for (int i = 0; i < SLEEPERS; i++)
        test_join(tasks[i]);
    for (int i = 1; i < SLEEPERS; i++)
        CHECK(awake[i - 1]->deadline <= awake[i]->deadline);
}

TEST(sleeps_no_shorter)
{
    for (uint64_t length = 0; length < 8; length++) {
        uint64_t before = async_clock_exact();
        CHECK_EQUAL(async_sleep(length), 0);
        CHECK(async_clock_exact() - before >= length * 1000000);
    }
}

static char order[8];

static int note_letter(void *letter)
{
    async_sleep(0);
    strncat(order, letter, 1);
    return 0;
}

TEST(sleep_of_nothing_lets_others_run)
{
    struct async_task *a = test_spawn("a", note_letter, "a"), *b = test_spawn("b", note_letter, "b");
    strncat(order, "0", 2);
    test_join(a), test_join(b);
    CHECK(strcmp(order, "0ab") == 0);
}

static int sleep_for_ever(void *unused)
{
    (void)unused;
    return async_sleep(UINT64_MAX);
}

/* The worker tells how many sleep and until when. */
TEST(worker_knows_its_timers)
{
    struct async_timers *timers = &async_worker_self()->timers;
    CHECK_EQUAL(timers->count, 0);
    CHECK_EQUAL(timers->next, 0);
    struct sleeper lengths[3] = {{.length = 300}, {.length = 100}, {.length = 200}};
    struct async_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = test_spawn("sleeper", sleep_and_note, &lengths[i]);
    async_yield();
    CHECK_EQUAL(timers->count, 3);
    CHECK_EQUAL(timers->next, tasks[1]->awaits->deadline);
    CHECK(tasks[1]->awaits->deadline < tasks[0]->awaits->deadline);
    for (int i = 0; i < 3; i++)
        test_join(tasks[i]);
    CHECK_EQUAL(timers->count, 0);
    CHECK_EQUAL(timers->next, 0);
}

/* An absurd length does not wrap around. */
TEST(endless_sleep_saturates)
{
    struct async_task *task = test_spawn("endless", sleep_for_ever, NULL);
    test_settle();
    CHECK(task->awaits->deadline == UINT64_MAX);
    CHECK_EQUAL(task->state, ASYNC_TASK_WAITING);
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
}

static int idle(void *ticks_ret)
{
    uint64_t before = async_worker_self()->ticks;
    async_sleep(60);
    *(uint64_t *)ticks_ret = async_worker_self()->ticks - before;
    return 0;
}

/* An idle loop turns at every tick, so that its clocks stay fresh; without ticks it only turns to wake. */
PLAIN(tick_turns_an_idle_loop)
{
    uint64_t ticks = 0;
    struct async_options options = {.tick_interval_ms = 5};
    for (int tries = 0; ticks < 5 && tries < 100; tries++) /* fewer on a busy machine */
        CHECK_EQUAL(async_run(idle, &ticks, &options), 0);
    CHECK(ticks >= 5);
    options.tick_interval_ms = UINT32_MAX;
    CHECK_EQUAL(async_run(idle, &ticks, &options), 0);
    CHECK(ticks <= 3);
}
