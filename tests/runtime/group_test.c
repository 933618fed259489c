/* SPDX-License-Identifier: MIT */
#include "async_debug.h"
#include "test.h"
#include "worker.h"

static int cancelled, ended;

static int sleep_for(void *milliseconds)
{
    int error = async_sleep((uintptr_t)milliseconds);
    cancelled += error == UV_ECANCELED;
    ended++;
    return error;
}

static int fail_after(void *milliseconds)
{
    async_sleep((uintptr_t)milliseconds);
    return UV_EIO;
}

static struct async_group *group;

static int wait_for_group(void *unused)
{
    (void)unused;
    return async_group_wait(group);
}

TEST(waits_for_all)
{
    CHECK_EQUAL(async_group_create(&group, "requests"), 0);
    for (uintptr_t i = 1; i <= 5; i++)
        CHECK_EQUAL(async_group_spawn(group, "child", sleep_for, (void *)i), 0);
    CHECK_EQUAL(async_group_destroy(group), UV_EBUSY);
    struct async_task *task = test_spawn("waiting", wait_for_group, NULL);
    test_settle();
    CHECK_EQUAL(task->awaits->kind, ASYNC_FUTURE_GROUP);
    CHECK_EQUAL(task->awaits->count, 5);
    CHECK_EQUAL(test_join(task), 0);
    CHECK_EQUAL(ended, 5);
    CHECK_EQUAL(async_group_wait(group), 0);
    CHECK_EQUAL(async_group_destroy(group), 0);
}

TEST(a_failure_cancels_the_others)
{
    CHECK_EQUAL(async_group_create(&group, "requests"), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(async_group_spawn(group, "child", sleep_for, (void *)1000000), 0);
    CHECK_EQUAL(async_group_spawn(group, "bad", fail_after, (void *)2), 0);
    CHECK_EQUAL(async_group_wait(group), UV_EIO);
    CHECK_EQUAL(cancelled, 5);
    CHECK_EQUAL(async_group_spawn(group, "late", sleep_for, NULL), UV_ECANCELED);
    CHECK_EQUAL(async_group_destroy(group), 0);
}

TEST(an_interrupted_wait_takes_the_children_along)
{
    struct async_timeout timeout;
    CHECK_EQUAL(async_group_create(&group, "requests"), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(async_group_spawn(group, "child", sleep_for, (void *)1000000), 0);
    CHECK_EQUAL(async_timeout_begin(&timeout, 2), 0);
    CHECK_EQUAL(async_group_wait(group), UV_ETIMEDOUT);
    CHECK_EQUAL(async_timeout_end(&timeout), UV_ETIMEDOUT);
    CHECK_EQUAL(cancelled, 5);
    CHECK_EQUAL(async_group_destroy(group), 0);
}

TEST(a_child_cannot_wait_for_its_group)
{
    CHECK_EQUAL(async_group_create(&group, "own"), 0);
    CHECK_EQUAL(async_group_spawn(group, "child", wait_for_group, NULL), 0);
    CHECK_EQUAL(async_group_wait(group), UV_EINVAL);
    CHECK_EQUAL(async_group_destroy(group), 0);
}

/* ---- Gather and first ---------------------------------------------------------------------------- */

static int give(void *value)
{
    async_sleep((uintptr_t)value);
    return (int)(uintptr_t)value;
}

TEST(gather_has_all_results)
{
    struct async_task *tasks[20];
    int results[20];
    for (uintptr_t i = 0; i < 20; i++)
        tasks[i] = test_spawn("giver", give, (void *)(20 - i));
    CHECK_EQUAL(async_gather(tasks, 20, results), 0);
    for (int i = 0; i < 20; i++)
        CHECK_EQUAL(results[i], 20 - i);
    CHECK_EQUAL(async_gather(tasks, 20, results), UV_EINVAL);
    CHECK_EQUAL(async_gather(NULL, 0, NULL), 0);
}

static struct async_task *several[3];

static int gather_several(void *unused)
{
    (void)unused;
    return async_gather(several, 3, NULL);
}

TEST(gather_shows_what_it_waits_for)
{
    for (uintptr_t i = 0; i < 3; i++)
        several[i] = test_spawn("sleeper", sleep_for, (void *)1000000);
    struct async_task *task = test_spawn("gathering", gather_several, NULL);
    test_settle();
    struct async_future *future = task->awaits;
    CHECK_EQUAL(future->kind, ASYNC_FUTURE_ALL);
    CHECK_EQUAL(future->count, 3);
    int children = 0;
    for (struct async_waiter *child = future->children; child; child = child->sibling, children++)
        CHECK(child->task == task && child->future == &several[children]->join);
    CHECK_EQUAL(children, 3);
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    for (int i = 0; i < 3; i++) { /* the handles are still good */
        CHECK_EQUAL(several[i]->join.waiter_count, 0);
        CHECK_EQUAL(async_cancel(several[i]), 0);
    }
    CHECK_EQUAL(async_gather(several, 3, NULL), UV_ECANCELED);
}

TEST(first_tells_which)
{
    size_t index;
    for (uintptr_t i = 0; i < 3; i++)
        several[i] = test_spawn("giver", give, (void *)(uintptr_t)(i == 1 ? 1 : 200));
    CHECK_EQUAL(async_first(several, 3, &index), 0);
    CHECK_EQUAL(index, 1);
    CHECK_EQUAL(test_join(several[1]), 1);
    CHECK_EQUAL(async_first(several, 3, &index), UV_EINVAL); /* one is joined */
    CHECK_EQUAL(async_cancel(several[0]), 0);
    CHECK_EQUAL(async_first(several, 1, &index), 0);
    CHECK_EQUAL(index, 0);
    CHECK_EQUAL(async_cancel(several[2]), 0);
    test_join(several[0]);
    test_join(several[2]);
}
