/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "task.h"
#include "test.h"

static struct async_mutex *mutex;
static struct async_condition *condition;
static int state;

static void create(void)
{
    state = 0;
    CHECK_EQUAL(async_mutex_create(&mutex, "state"), 0);
    CHECK_EQUAL(async_condition_create(&condition, "changed"), 0);
}

static void end(void)
{
    CHECK_EQUAL(async_condition_destroy(condition), 0);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
}

static int wait_once(void *number)
{
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    int error = async_condition_wait(condition, mutex);
    if (!error)
        state = state * 10 + (int)(intptr_t)number;
    CHECK_EQUAL(async_mutex_unlock(mutex), 0); /* it has it again, whatever happened */
    return error;
}

static void spawn_three(struct async_task **tasks)
{
    for (intptr_t i = 0; i < 3; i++)
        tasks[i] = test_spawn("waiting", wait_once, (void *)(i + 1));
    test_settle();
}

TEST(signal_wakes_who_waited_longest)
{
    struct async_task *tasks[3];
    create();
    spawn_three(tasks);
    CHECK_EQUAL(async_mutex_try_lock(mutex), 0); /* they have let go of it */
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    CHECK_EQUAL(async_condition_destroy(condition), UV_EBUSY);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(async_condition_signal(condition), 0);
        CHECK_EQUAL(test_join(tasks[i]), 0);
    }
    CHECK_EQUAL(state, 123);
    CHECK_EQUAL(async_condition_signal(condition), 0); /* nobody: it is not kept */
    struct async_task *late = test_spawn("late", wait_once, NULL);
    test_settle();
    CHECK_EQUAL(late->state, ASYNC_TASK_WAITING);
    CHECK_EQUAL(async_cancel(late), 0);
    CHECK_EQUAL(test_join(late), UV_ECANCELED);
    end();
}

TEST(broadcast_wakes_all)
{
    struct async_task *tasks[3];
    create();
    spawn_three(tasks);
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    CHECK_EQUAL(async_condition_broadcast(condition), 0);
    test_settle();
    CHECK(state == 0 && tasks[1]->awaits && tasks[1]->awaits->kind == ASYNC_FUTURE_MUTEX);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    CHECK_EQUAL(state, 123);
    end();
}

/* An interrupted wait, too, returns with the mutex: nothing hurries it. */
TEST(interrupted_waits_lock_again)
{
    struct async_task *tasks[3];
    create();
    spawn_three(tasks);
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    CHECK_EQUAL(async_cancel(tasks[0]), 0);
    test_settle();
    CHECK(tasks[0]->awaits && tasks[0]->awaits->kind == ASYNC_FUTURE_MUTEX);
    CHECK_EQUAL(async_cancel(tasks[0]), 0); /* once more: it does not reach the locking */
    test_settle();
    CHECK(tasks[0]->awaits && tasks[0]->awaits->kind == ASYNC_FUTURE_MUTEX);
    CHECK_EQUAL(async_condition_signal(condition), 0);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    CHECK_EQUAL(test_join(tasks[0]), UV_ECANCELED);
    CHECK_EQUAL(test_join(tasks[1]), 0); /* the signal was not lost on who was interrupted */
    CHECK_EQUAL(state, 2);
    CHECK_EQUAL(async_condition_signal(condition), 0);
    CHECK_EQUAL(test_join(tasks[2]), 0);
    end();
}

static int wait_cancelled(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_cancel(async_self()), 0);
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    int error = async_condition_wait(condition, mutex);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    return error;
}

TEST(cancelled_before_the_wait)
{
    create();
    CHECK_EQUAL(test_join(test_spawn("cancelled", wait_cancelled, NULL)), UV_ECANCELED);
    end();
}

TEST(misuse)
{
    create();
    CHECK_EQUAL(async_condition_create(NULL, "nowhere"), UV_EINVAL);
    CHECK_EQUAL(async_condition_wait(NULL, mutex), UV_EINVAL);
    CHECK_EQUAL(async_condition_wait(condition, NULL), UV_EINVAL);
    CHECK_EQUAL(async_condition_wait(condition, mutex), UV_EPERM);
    CHECK_EQUAL(async_condition_signal(NULL), UV_EINVAL);
    CHECK_EQUAL(async_condition_broadcast(NULL), UV_EINVAL);
    CHECK_EQUAL(async_condition_destroy(NULL), 0);
    end();
}

PLAIN(calls_outside_a_task)
{
    create();
    CHECK_EQUAL(async_condition_wait(condition, mutex), UV_EINVAL);
    CHECK_EQUAL(async_condition_signal(condition), UV_EINVAL);
    CHECK_EQUAL(async_condition_broadcast(condition), UV_EINVAL);
    end();
}

TEST(future_tells_the_truth)
{
    struct async_task *tasks[3];
    create();
    spawn_three(tasks);
    struct async_future *future = tasks[0]->awaits;
    CHECK_EQUAL(future->kind, ASYNC_FUTURE_CONDITION);
    CHECK(strcmp(future->name, "changed") == 0 && future->waiter_count == 3 && future->object == condition);
    CHECK(future->waiters->task == tasks[0] && future->waiters->next->task == tasks[1]);
    CHECK_EQUAL(async_condition_broadcast(condition), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    end();
}

/* ---- Several workers: a bounded queue, whose every item must arrive ---------------------------------- */

enum { TASKS = TEST_WORKERS * 4, ITEMS = 1000, ROOM = 3 };

static int queued, interruptions;

/* Half of them produce, half consume; now and then they are in a hurry. */
static int trade(void *number)
{
    bool produces = (uintptr_t)number % 2;
    struct async_timeout timeout;
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    for (int done = 0; done < ITEMS;) {
        if (produces ? queued < ROOM : queued > 0) {
            queued += produces ? 1 : -1;
            CHECK_EQUAL(async_condition_broadcast(condition), 0);
            done++;
            continue;
        }
        CHECK_EQUAL(async_timeout_begin(&timeout, done % 16 ? 100000 : 0), 0);
        interruptions += async_condition_wait(condition, mutex) == UV_ETIMEDOUT;
        async_timeout_end(&timeout);
        CHECK(queued >= 0 && queued <= ROOM);
    }
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    return 0;
}

static int trade_everywhere(void *unused)
{
    (void)unused;
    create();
    CHECK_EQUAL(test_spread(TASKS, trade), 0);
    CHECK_EQUAL(queued, 0);
    CHECK(interruptions > 0);
    end();
    return 0;
}

PLAIN(several_workers)
{
    test_run_on_several(trade_everywhere);
}
