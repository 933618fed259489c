/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "task.h"
#include "test.h"

static struct async_mutex *mutex;
static char order[64];

static int lock_and_note(void *letter)
{
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    strncat(order, letter, 1);
    async_yield(); /* the others must not get in */
    strncat(order, letter, 1);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    return 0;
}

TEST(first_come_first_served)
{
    CHECK_EQUAL(async_mutex_create(&mutex, "fair"), 0);
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    struct async_task *a = test_spawn("a", lock_and_note, "a"), *b = test_spawn("b", lock_and_note, "b");
    struct async_task *c = test_spawn("c", lock_and_note, "c");
    test_settle();
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    /* It was handed over: nobody can take it in passing. */
    CHECK_EQUAL(async_mutex_try_lock(mutex), UV_EBUSY);
    test_join(c), test_join(b), test_join(a);
    CHECK(strcmp(order, "aabbcc") == 0);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
}

static int unlock_it(void *unused)
{
    (void)unused;
    return async_mutex_unlock(mutex);
}

static int lock_it(void *unused)
{
    (void)unused;
    return async_mutex_lock(mutex);
}

TEST(misuse)
{
    CHECK_EQUAL(async_mutex_create(&mutex, NULL), 0);
    CHECK_EQUAL(async_mutex_unlock(mutex), UV_EPERM);
    CHECK_EQUAL(async_mutex_try_lock(mutex), 0);
    CHECK_EQUAL(async_mutex_try_lock(mutex), UV_EBUSY);
    CHECK_EQUAL(test_join(test_spawn("thief", unlock_it, NULL)), UV_EPERM);
    CHECK_EQUAL(async_mutex_destroy(mutex), UV_EBUSY);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
    CHECK_EQUAL(async_mutex_lock(NULL), UV_EINVAL);
    CHECK_EQUAL(async_mutex_unlock(NULL), UV_EINVAL);
    CHECK_EQUAL(async_mutex_destroy(NULL), 0);
}

PLAIN(calls_outside_a_task)
{
    CHECK_EQUAL(async_mutex_create(&mutex, "outside"), 0);
    CHECK_EQUAL(async_mutex_lock(mutex), UV_EINVAL);
    CHECK_EQUAL(async_mutex_unlock(mutex), UV_EINVAL);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
}

/* The future tells who holds it, who waits, and in which order. */
TEST(future_tells_the_truth)
{
    CHECK_EQUAL(async_mutex_create(&mutex, "key alice"), 0);
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    struct async_task *a = test_spawn("a", lock_and_note, "a"), *b = test_spawn("b", lock_and_note, "b");
    test_settle();
    struct async_future *future = a->awaits;
    CHECK(strcmp(future->name, "key alice") == 0);
    CHECK_EQUAL(future->kind, ASYNC_FUTURE_MUTEX);
    CHECK_EQUAL(future->state, ASYNC_FUTURE_HELD);
    CHECK(future->owner == async_self() && future->owned_since);
    CHECK_EQUAL(future->waiter_count, 2);
    CHECK(future->waiters->task == a && future->waiters->next->task == b && !future->waiters->next->next);
    CHECK(b->waiters->future == future && b->waiters->since);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    CHECK(future->owner == a && !a->awaits && future->waiters->task == b);
    test_join(a), test_join(b);
    CHECK_EQUAL(future->state, ASYNC_FUTURE_FREE);
    CHECK(!future->owner && !future->waiters);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
}

/* A task that ends with a lock in hand stays on record, joined or not: the lock's owner is never a reused
 * slot. */
TEST(holder_that_ended_stays_on_record)
{
    CHECK_EQUAL(async_mutex_create(&mutex, "lost"), 0);
    struct async_task *holder = test_spawn("careless", lock_it, NULL);
    CHECK_EQUAL(test_join(holder), 0);
    struct async_task *waiting = test_spawn("waiting", lock_it, NULL);
    test_settle();
    CHECK(waiting != holder && waiting->awaits->owner == holder);
    CHECK_EQUAL(holder->state, ASYNC_TASK_RETURNED);
    CHECK(strcmp(async_task_name(holder), "careless") == 0);
    CHECK_EQUAL(async_mutex_destroy(mutex), UV_EBUSY);
    CHECK_EQUAL(async_cancel(waiting), 0);
    CHECK_EQUAL(test_join(waiting), UV_ECANCELED);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
    CHECK_EQUAL(async_task_id(holder), 0);
}
