/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "task.h"
#include "test.h"

static struct async_event *event;

static int wait_for_it(void *unused)
{
    (void)unused;
    return async_event_wait(event);
}

TEST(set_ends_all_waits)
{
    struct async_task *tasks[3];
    CHECK_EQUAL(async_event_create(&event, "ready"), 0);
    CHECK(!async_event_is_set(event));
    for (int i = 0; i < 3; i++)
        tasks[i] = test_spawn("waiting", wait_for_it, NULL);
    test_settle();
    CHECK_EQUAL(tasks[2]->state, ASYNC_TASK_WAITING);
    CHECK_EQUAL(async_event_destroy(event), UV_EBUSY);
    CHECK_EQUAL(async_cancel(tasks[1]), 0);
    CHECK_EQUAL(async_event_set(event), 0);
    CHECK_EQUAL(async_event_set(event), 0);
    CHECK(async_event_is_set(event));
    CHECK_EQUAL(wait_for_it(NULL), 0);
    CHECK_EQUAL(test_join(tasks[0]), 0);
    CHECK_EQUAL(test_join(tasks[1]), UV_ECANCELED);
    CHECK_EQUAL(test_join(tasks[2]), 0);
    CHECK_EQUAL(async_event_clear(event), 0);
    CHECK(!async_event_is_set(event));
    struct async_task *task = test_spawn("waiting", wait_for_it, NULL);
    test_settle();
    CHECK_EQUAL(task->state, ASYNC_TASK_WAITING);
    CHECK_EQUAL(async_event_set(event), 0);
    CHECK_EQUAL(async_event_destroy(event), 0); /* whom it has woken needs it no more */
    CHECK_EQUAL(test_join(task), 0);
}

TEST(future_tells_the_truth)
{
    CHECK_EQUAL(async_event_create(&event, "ready"), 0);
    struct async_task *task = test_spawn("waiting", wait_for_it, NULL);
    test_settle();
    struct async_future *future = task->awaits;
    CHECK_EQUAL(future->kind, ASYNC_FUTURE_EVENT);
    CHECK_EQUAL(future->state, ASYNC_FUTURE_PENDING);
    CHECK(strcmp(future->name, "ready") == 0 && future->object == event && future->site &&
          future->site->line);
    CHECK_EQUAL(async_event_set(event), 0);
    CHECK_EQUAL(future->state, ASYNC_FUTURE_RESOLVED);
    CHECK_EQUAL(test_join(task), 0);
    CHECK_EQUAL(async_event_destroy(event), 0);
}

PLAIN(misuse)
{
    CHECK_EQUAL(async_event_create(NULL, "nowhere"), UV_EINVAL);
    CHECK_EQUAL(async_event_create(&event, NULL), 0);
    CHECK_EQUAL(async_event_wait(event), UV_EINVAL); /* outside a task */
    CHECK_EQUAL(async_event_set(event), UV_EINVAL);
    CHECK_EQUAL(async_event_clear(event), UV_EINVAL);
    CHECK(!async_event_is_set(event) && !async_event_is_set(NULL));
    CHECK_EQUAL(async_event_destroy(event), 0);
    CHECK_EQUAL(async_event_destroy(NULL), 0);
}

TEST(nothing_to_wait_for)
{
    CHECK_EQUAL(async_event_wait(NULL), UV_EINVAL);
    CHECK_EQUAL(async_event_set(NULL), UV_EINVAL);
    CHECK_EQUAL(async_event_clear(NULL), UV_EINVAL);
}

/* ---- Several workers: rounds that all must see ------------------------------------------------------- */

enum { TASKS = TEST_WORKERS * 2, ROUNDS = 500 };

static struct async_event *rounds[ROUNDS];
static int arrived;

static int take_part(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        if (__atomic_add_fetch(&arrived, 1, __ATOMIC_RELAXED) == TASKS * (i + 1))
            CHECK_EQUAL(async_event_set(rounds[i]), 0);
        CHECK_EQUAL(async_event_wait(rounds[i]), 0);
        CHECK(__atomic_load_n(&arrived, __ATOMIC_RELAXED) >= TASKS * (i + 1));
    }
    return 0;
}

static int meet_everywhere(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++)
        CHECK_EQUAL(async_event_create(&rounds[i], "round"), 0);
    CHECK_EQUAL(test_spread(TASKS, take_part), 0);
    for (int i = 0; i < ROUNDS; i++)
        CHECK_EQUAL(async_event_destroy(rounds[i]), 0);
    return 0;
}

PLAIN(several_workers)
{
    test_run_on_several(meet_everywhere);
}
