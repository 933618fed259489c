/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "task.h"
#include "test.h"

static struct async_promise *promise;

static int await_it(void *value_ret)
{
    return async_promise_await(promise, value_ret);
}

TEST(resolve_reaches_everybody)
{
    int thing;
    void *values[3] = {0}, *late = NULL;
    struct async_task *tasks[3];
    CHECK_EQUAL(async_promise_create(&promise, "thing"), 0);
    for (int i = 0; i < 3; i++)
        tasks[i] = test_spawn("waiting", await_it, &values[i]);
    struct async_task *careless = test_spawn("careless", await_it, NULL);
    test_settle();
    CHECK_EQUAL(async_promise_resolve(promise, &thing), 0);
    CHECK_EQUAL(async_promise_resolve(promise, NULL), UV_EALREADY);
    CHECK_EQUAL(async_promise_fail(promise, UV_EIO), UV_EALREADY);
    CHECK_EQUAL(async_promise_await(promise, &late), 0);
    CHECK(late == &thing);
    /* Those that were woken need the promise no more. */
    CHECK_EQUAL(async_promise_destroy(promise), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(test_join(tasks[i]), 0);
        CHECK(values[i] == &thing);
    }
    CHECK_EQUAL(test_join(careless), 0);
}

TEST(failure_reaches_everybody)
{
    void *value;
    CHECK_EQUAL(async_promise_create(&promise, "thing"), 0);
    struct async_task *task = test_spawn("waiting", await_it, &value);
    test_settle();
    CHECK_EQUAL(async_promise_fail(promise, 0), UV_EINVAL);
    CHECK_EQUAL(async_promise_fail(promise, 1), UV_EINVAL);
    CHECK_EQUAL(async_promise_fail(promise, UV_EIO), 0);
    CHECK_EQUAL(async_promise_fail(promise, UV_EIO), UV_EALREADY);
    CHECK_EQUAL(test_join(task), UV_EIO);
    CHECK_EQUAL(async_promise_await(promise, &value), UV_EIO);
    CHECK_EQUAL(async_promise_destroy(promise), 0);
}

TEST(misuse)
{
    void *value;
    CHECK_EQUAL(async_promise_await(NULL, &value), UV_EINVAL);
    CHECK_EQUAL(async_promise_resolve(NULL, NULL), UV_EINVAL);
    CHECK_EQUAL(async_promise_fail(NULL, UV_EIO), UV_EINVAL);
    CHECK_EQUAL(async_promise_set_producer(NULL, NULL), UV_EINVAL);
    CHECK_EQUAL(async_promise_destroy(NULL), 0);
    CHECK_EQUAL(async_promise_create(&promise, NULL), 0);
    struct async_task *task = test_spawn("waiting", await_it, &value);
    test_settle();
    CHECK_EQUAL(async_promise_destroy(promise), UV_EBUSY);
    CHECK_EQUAL(async_promise_resolve(promise, NULL), 0);
    CHECK_EQUAL(test_join(task), 0);
    CHECK_EQUAL(async_promise_set_producer(promise, task), UV_EINVAL);
    CHECK_EQUAL(async_promise_set_producer(promise, async_self()), UV_EALREADY);
    CHECK_EQUAL(async_promise_destroy(promise), 0);
}

PLAIN(calls_outside_a_task)
{
    CHECK_EQUAL(async_promise_create(&promise, "outside"), 0);
    CHECK_EQUAL(async_promise_await(promise, NULL), UV_EINVAL);
    CHECK_EQUAL(async_promise_resolve(promise, NULL), UV_ESRCH);
    CHECK_EQUAL(async_promise_fail(promise, UV_EIO), UV_ESRCH);
    CHECK_EQUAL(async_promise_destroy(promise), 0);
}

static int produce_nothing(void *unused)
{
    (void)unused;
    return 0;
}

/* The producer that ended without producing can still be named. */
TEST(producer_stays_on_record)
{
    CHECK_EQUAL(async_promise_create(&promise, "never"), 0);
    struct async_task *producer = test_spawn("producer", produce_nothing, NULL);
    CHECK_EQUAL(async_promise_set_producer(promise, producer), 0);
    struct async_task *waiting = test_spawn("waiting", await_it, NULL);
    CHECK_EQUAL(test_join(producer), 0);
    CHECK(waiting->awaits->owner == producer && producer->state == ASYNC_TASK_RETURNED);
    CHECK(strcmp(waiting->awaits->name, "never") == 0);
    CHECK_EQUAL(async_promise_resolve(promise, NULL), 0);
    CHECK_EQUAL(async_task_id(producer), 0);
    CHECK_EQUAL(test_join(waiting), 0);
    CHECK_EQUAL(async_promise_destroy(promise), 0);
}
