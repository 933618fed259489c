/* SPDX-License-Identifier: MIT */
#include "async_debug.h"
#include "test.h"
#include "worker.h"

static int trace[8], steps;

static int sleep_long(void *unused)
{
    (void)unused;
    return async_sleep(1000000);
}

TEST(a_wait_ends)
{
    struct async_task *task = test_spawn("sleeper", sleep_long, NULL);
    test_settle();
    CHECK_EQUAL(async_worker_self()->timers.count, 1);
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(task->cancel_state, ASYNC_DEBUG_CANCEL_DELIVERED);
    CHECK_EQUAL(task->cancel_by, async_task_id(async_self()));
    CHECK(task->cancel_at && task->cancel_site->line == __LINE__ - 3);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    CHECK_EQUAL(async_worker_self()->timers.count, 0);
}

TEST(before_it_runs)
{
    struct async_task *task = test_spawn("sleeper", sleep_long, NULL);
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(task->cancel_state, ASYNC_DEBUG_CANCEL_REQUESTED);
    CHECK_EQUAL(async_cancel(task), UV_EALREADY);
    test_settle();
    CHECK_EQUAL(task->state, ASYNC_TASK_CANCELLED);
    CHECK_EQUAL(async_cancel(task), UV_ESRCH);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
}

static int carry_on(void *unused)
{
    (void)unused;
    trace[steps++] = async_sleep(1000000);
    trace[steps++] = async_sleep(1);
    return 7;
}

TEST(a_task_may_go_on)
{
    struct async_task *task = test_spawn("stubborn", carry_on, NULL);
    test_settle();
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(test_join(task), 7);
    CHECK_EQUAL(trace[0], UV_ECANCELED);
    CHECK_EQUAL(trace[1], 0);
}

static int hide(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_shield_begin(), 0);
    CHECK_EQUAL(async_shield_begin(), 0);
    trace[0] = async_sleep(20);
    CHECK(async_cancel_requested());
    CHECK_EQUAL(async_shield_end(), 0);
    trace[1] = async_sleep(1);
    CHECK_EQUAL(async_shield_end(), 0);
    CHECK_EQUAL(async_shield_end(), UV_EINVAL);
    trace[2] = async_sleep(1000000);
    return trace[2];
}

TEST(shields_delay_it)
{
    struct async_task *task = test_spawn("shielded", hide, NULL);
    test_settle();
    CHECK(task->flags & ASYNC_DEBUG_TASK_SHIELDED);
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(task->cancel_state, ASYNC_DEBUG_CANCEL_REQUESTED);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    CHECK_EQUAL(trace[0], 0);
    CHECK_EQUAL(trace[1], 0);
    CHECK_EQUAL(trace[2], UV_ECANCELED);
}

/* ---- Every kind of wait -------------------------------------------------------------------------- */

static struct async_mutex *mutex;
static struct async_channel *channel;
static struct async_promise *promise;
static struct async_task *other;

static int lock_it(void *unused)
{
    (void)unused;
    return async_mutex_lock(mutex);
}

static int send_it(void *unused)
{
    (void)unused;
    int item = 1;
    return async_channel_send(channel, &item);
}

static int receive_it(void *unused)
{
    (void)unused;
    int item;
    return async_channel_receive(channel, &item);
}

static int await_it(void *unused)
{
    (void)unused;
    return async_promise_await(promise, NULL);
}

static int join_it(void *unused)
{
    (void)unused;
    return async_join(other, NULL);
}

static void check_cancelled(async_function wait)
{
    struct async_task *task = test_spawn("waiting", wait, NULL);
    test_settle();
    CHECK_EQUAL(task->state, ASYNC_TASK_WAITING);
    struct async_future *future = task->awaits;
    CHECK_EQUAL(future->waiter_count, 1);
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(future->waiter_count, 0);
    CHECK(!future->waiters);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
}

TEST(every_wait_ends)
{
    CHECK_EQUAL(async_mutex_create(&mutex, "m"), 0);
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    check_cancelled(lock_it);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
    CHECK_EQUAL(async_channel_create(&channel, "c", sizeof(int), 0), 0);
    check_cancelled(send_it);
    check_cancelled(receive_it);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
    CHECK_EQUAL(async_promise_create(&promise, "p"), 0);
    check_cancelled(await_it);
    CHECK_EQUAL(async_promise_destroy(promise), 0);
    other = test_spawn("other", sleep_long, NULL);
    check_cancelled(join_it);
    CHECK_EQUAL(async_cancel(other), 0); /* its handle is still good */
    CHECK_EQUAL(test_join(other), UV_ECANCELED);
}

/* ---- Timeouts ------------------------------------------------------------------------------------ */

TEST(a_timeout_ends_waits)
{
    struct async_timeout timeout;
    uint64_t before = async_now();
    CHECK_EQUAL(async_timeout_begin(&timeout, 5), 0);
    CHECK(async_self()->deadline >= before + 5000000);
    CHECK_EQUAL(async_sleep(1000000), UV_ETIMEDOUT);
    CHECK_EQUAL(async_sleep(1000000), UV_ETIMEDOUT);
    CHECK_EQUAL(async_timeout_end(&timeout), UV_ETIMEDOUT);
    CHECK_EQUAL(async_self()->deadline, 0);
    CHECK_EQUAL(async_timeout_begin(&timeout, 1000000), 0);
    CHECK_EQUAL(async_sleep(1), 0);
    CHECK_EQUAL(async_timeout_end(&timeout), 0);
    CHECK_EQUAL(async_worker_self()->timers.count, 0);
    CHECK_EQUAL(async_timeout_end(&timeout), UV_EINVAL);
}

TEST(timeouts_nest)
{
    struct async_timeout outer, inner;
    CHECK_EQUAL(async_timeout_begin(&outer, 5), 0);
    uint64_t deadline = async_self()->deadline;
    CHECK_EQUAL(async_timeout_begin(&inner, 1000000), 0);
    CHECK_EQUAL(async_self()->deadline, deadline);
    CHECK_EQUAL(async_timeout_end(&outer), UV_EINVAL);
    CHECK_EQUAL(async_sleep(1000000), UV_ETIMEDOUT);
    CHECK_EQUAL(async_timeout_end(&inner), 0); /* it was not this one */
    CHECK_EQUAL(async_timeout_end(&outer), UV_ETIMEDOUT);
}

TEST(shields_keep_timeouts_out)
{
    struct async_timeout outer, inner;
    CHECK_EQUAL(async_timeout_begin(&outer, 1), 0);
    CHECK_EQUAL(async_shield_begin(), 0);
    CHECK_EQUAL(async_self()->deadline, 0);
    CHECK_EQUAL(async_sleep(5), 0);
    CHECK_EQUAL(async_timeout_begin(&inner, 1), 0);
    CHECK_EQUAL(async_sleep(1000000), UV_ETIMEDOUT);
    CHECK_EQUAL(async_timeout_end(&inner), UV_ETIMEDOUT);
    CHECK_EQUAL(async_shield_end(), 0);
    CHECK_EQUAL(async_sleep(1000000), UV_ETIMEDOUT);
    CHECK_EQUAL(async_timeout_end(&outer), UV_ETIMEDOUT);
}

static int leave_open(void *unused)
{
    (void)unused;
    struct async_timeout timeout;
    return async_timeout_begin(&timeout, 1);
}

TEST(a_timeout_ends_with_its_task)
{
    CHECK_EQUAL(test_join(test_spawn("forgetful", leave_open, NULL)), 0);
    CHECK_EQUAL(async_worker_self()->timers.count, 0);
    CHECK_EQUAL(async_sleep(3), 0);
}
