/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "task.h"
#include "test.h"

#define COUNT(cases) (sizeof(cases) / sizeof((cases)[0]))

static struct async_channel *first, *second;
static struct async_promise *promise;
static struct async_event *event;

static void create_channels(size_t capacity)
{
    CHECK_EQUAL(async_channel_create(&first, "first", sizeof(int), capacity), 0);
    CHECK_EQUAL(async_channel_create(&second, "second", sizeof(int), capacity), 0);
}

static void destroy_channels(void)
{
    CHECK_EQUAL(async_channel_destroy(first), 0);
    CHECK_EQUAL(async_channel_destroy(second), 0);
}

/* Receives from either; the result is 100 times the index, plus the item. */
static int receive_either(void *unused)
{
    (void)unused;
    int items[2];
    size_t index;
    const struct async_case cases[] = {ASYNC_CASE_RECEIVE(first, &items[0]),
                                       ASYNC_CASE_RECEIVE(second, &items[1])};
    int error = async_select(cases, COUNT(cases), &index);
    if (error)
        return error;
    return (int)index * 100 + items[index];
}

static int send_number(struct async_channel *channel, int number)
{
    return async_channel_send(channel, &number);
}

TEST(takes_what_is_ready)
{
    create_channels(1);
    CHECK_EQUAL(send_number(first, 5), 0);
    CHECK_EQUAL(receive_either(NULL), 5);
    CHECK_EQUAL(send_number(second, 6), 0);
    CHECK_EQUAL(receive_either(NULL), 106);
    destroy_channels();
}

TEST(waits_for_the_first)
{
    for (size_t capacity = 0; capacity < 2; capacity++) {
        create_channels(capacity);
        for (int i = 0; i < 2; i++) {
            struct async_task *task = test_spawn("select", receive_either, NULL);
            test_settle();
            CHECK_EQUAL(task->state, ASYNC_TASK_WAITING);
            CHECK_EQUAL(send_number(i ? second : first, 7), 0);
            CHECK_EQUAL(test_join(task), i * 100 + 7);
        }
        destroy_channels();
    }
}

/* It takes one item only, and is out of both queues then. */
TEST(takes_one_only)
{
    create_channels(1);
    struct async_task *task = test_spawn("select", receive_either, NULL);
    test_settle();
    CHECK_EQUAL(send_number(second, 1), 0);
    CHECK_EQUAL(send_number(first, 2), 0); /* before it has run */
    CHECK_EQUAL(test_join(task), 101);
    CHECK_EQUAL(receive_either(NULL), 2);
    int item;
    CHECK_EQUAL(async_channel_try_receive(first, &item), UV_EAGAIN);
    CHECK_EQUAL(async_channel_try_receive(second, &item), UV_EAGAIN);
    destroy_channels();
}

/* What gave it its item may be destroyed before it has run; what it has yet to leave may not. */
TEST(may_lose_what_it_got)
{
    create_channels(0);
    struct async_task *task = test_spawn("select", receive_either, NULL);
    test_settle();
    CHECK_EQUAL(async_channel_destroy(second), UV_EBUSY);
    CHECK_EQUAL(send_number(second, 1), 0);
    CHECK_EQUAL(async_channel_destroy(second), 0);
    CHECK_EQUAL(async_channel_destroy(first), UV_EBUSY);
    int item = 3;
    CHECK_EQUAL(async_channel_try_send(first, &item), UV_EAGAIN); /* finds that nobody waits any more */
    CHECK_EQUAL(async_channel_destroy(first), UV_EBUSY);
    CHECK_EQUAL(test_join(task), 101);
    CHECK_EQUAL(async_channel_destroy(first), 0);
}

static int send_either(void *number)
{
    int item = (int)(intptr_t)number;
    size_t index;
    const struct async_case cases[] = {ASYNC_CASE_SEND(first, &item), ASYNC_CASE_SEND(second, &item)};
    int error = async_select(cases, COUNT(cases), &index);
    return error ? error : (int)index;
}

TEST(sends_to_the_first)
{
    int item;
    create_channels(0);
    for (intptr_t i = 0; i < 2; i++) {
        struct async_task *task = test_spawn("select", send_either, (void *)(i + 40));
        test_settle();
        CHECK_EQUAL(async_channel_receive(i ? second : first, &item), 0);
        CHECK_EQUAL(item, i + 40);
        CHECK_EQUAL(test_join(task), i);
    }
    destroy_channels();
}

TEST(cancelled_sends_are_never_sent)
{
    int item;
    create_channels(0);
    struct async_task *task = test_spawn("select", send_either, (void *)1);
    test_settle();
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(async_channel_try_receive(first, &item), UV_EAGAIN);
    CHECK_EQUAL(async_channel_try_receive(second, &item), UV_EAGAIN);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    destroy_channels();
}

TEST(two_selects_meet)
{
    create_channels(0);
    for (int i = 0; i < 20; i++) {
        struct async_task *sender, *receiver;
        if (i % 2)
            receiver = test_spawn("receiver", receive_either, NULL),
            sender = test_spawn("sender", send_either, (void *)9);
        else
            sender = test_spawn("sender", send_either, (void *)9),
            receiver = test_spawn("receiver", receive_either, NULL);
        int got = test_join(receiver);
        CHECK_EQUAL(test_join(sender) * 100 + 9, got);
    }
    destroy_channels();
}

/* A select does not meet itself. */
TEST(both_ends_of_one_channel)
{
    int out = 1, in = 0;
    size_t index;
    create_channels(0);
    const struct async_case cases[] = {ASYNC_CASE_SEND(first, &out), ASYNC_CASE_RECEIVE(first, &in)};
    CHECK_EQUAL(async_try_select(cases, COUNT(cases), &index), UV_EAGAIN);
    CHECK_EQUAL(index, COUNT(cases));
    struct async_task *task = test_spawn("select", send_either, (void *)8);
    CHECK_EQUAL(async_select(cases, COUNT(cases), &index), 0);
    CHECK(index == 1 && in == 8);
    CHECK_EQUAL(test_join(task), 0);
    destroy_channels();
}

TEST(nobody_starves)
{
    int seen[2] = {0};
    create_channels(0);
    CHECK_EQUAL(async_channel_close(first), 0);
    CHECK_EQUAL(async_channel_close(second), 0);
    for (int i = 0; i < 100; i++) {
        int item;
        size_t index, other;
        const struct async_case cases[] = {ASYNC_CASE_RECEIVE(first, &item),
                                           ASYNC_CASE_RECEIVE(second, &item)};
        CHECK_EQUAL(async_select(cases, COUNT(cases), &index), UV_EOF);
        CHECK_EQUAL(async_select(cases, COUNT(cases), &other), UV_EOF); /* two in turn: no rhythm hides one */
        seen[index]++;
    }
    CHECK(seen[0] > 20 && seen[1] > 20);
    destroy_channels();
}

static int close_second(void *unused)
{
    (void)unused;
    return async_channel_close(second);
}

TEST(closing_ends_it)
{
    create_channels(0);
    struct async_task *receiver = test_spawn("receiver", receive_either, NULL);
    test_settle();
    CHECK_EQUAL(close_second(NULL), 0);
    CHECK_EQUAL(test_join(receiver), UV_EOF);
    CHECK_EQUAL(send_either((void *)1), UV_EPIPE);
    destroy_channels();
}

/* ---- Other things to wait for ------------------------------------------------------------------------ */

static int wait_for_any(void *other)
{
    void *value = NULL;
    size_t index;
    const struct async_case cases[] = {ASYNC_CASE_PROMISE(promise, &value), ASYNC_CASE_EVENT(event),
                                       ASYNC_CASE_END(other), ASYNC_CASE_RECEIVE(NULL, NULL)};
    int error = async_select(cases, COUNT(cases), &index);
    if (error)
        return error;
    CHECK(index != 0 || value == &promise);
    return (int)index;
}

static int wait_for_event(void *unused)
{
    (void)unused;
    return async_event_wait(event);
}

static int end_at_once(void *unused)
{
    (void)unused;
    return 77;
}

static void create_others(void)
{
    CHECK_EQUAL(async_promise_create(&promise, "promise"), 0);
    CHECK_EQUAL(async_event_create(&event, "event"), 0);
}

static void destroy_others(void)
{
    CHECK_EQUAL(async_promise_destroy(promise), 0);
    CHECK_EQUAL(async_event_destroy(event), 0);
}

TEST(promises)
{
    create_others();
    struct async_task *waiting = test_spawn("select", wait_for_any, NULL);
    test_settle();
    CHECK_EQUAL(async_promise_resolve(promise, &promise), 0);
    CHECK_EQUAL(test_join(waiting), 0);
    CHECK_EQUAL(wait_for_any(NULL), 0);
    destroy_others();
    create_others();
    waiting = test_spawn("select", wait_for_any, NULL);
    test_settle();
    CHECK_EQUAL(async_promise_fail(promise, UV_EIO), 0);
    CHECK_EQUAL(test_join(waiting), UV_EIO);
    CHECK_EQUAL(wait_for_any(NULL), UV_EIO);
    destroy_others();
}

TEST(events)
{
    create_others();
    struct async_task *waiting = test_spawn("select", wait_for_any, NULL);
    test_settle();
    CHECK_EQUAL(async_event_set(event), 0);
    CHECK_EQUAL(test_join(waiting), 1);
    CHECK_EQUAL(wait_for_any(NULL), 1);
    destroy_others();
}

TEST(ends_of_tasks)
{
    create_others();
    struct async_task *ending = test_spawn("ending", end_at_once, NULL);
    struct async_task *waiting = test_spawn("select", wait_for_any, ending);
    CHECK_EQUAL(test_join(waiting), 2);
    CHECK_EQUAL(wait_for_any(ending), 2);
    CHECK_EQUAL(test_join(ending), 77); /* it was not joined */
    ending = test_spawn("not ending", wait_for_event, NULL);
    waiting = test_spawn("select", wait_for_any, ending);
    test_settle();
    CHECK_EQUAL(async_detach(ending), UV_EINVAL); /* nor can it be by another meanwhile */
    CHECK_EQUAL(async_promise_resolve(promise, &promise), 0);
    CHECK_EQUAL(test_join(waiting), 0);
    CHECK_EQUAL(async_event_set(event), 0);
    CHECK_EQUAL(test_join(ending), 0);
    destroy_others();
}

TEST(timeouts)
{
    struct async_timeout timeout;
    struct async_case cases[10] = {0};
    size_t index = 0;
    create_others();
    for (int i = 0; i < 10; i++)
        cases[i] = (struct async_case)ASYNC_CASE_EVENT(i % 2 ? NULL : event);
    CHECK_EQUAL(async_timeout_begin(&timeout, 1), 0);
    CHECK_EQUAL(async_select(cases, COUNT(cases), &index), UV_ETIMEDOUT);
    CHECK_EQUAL(index, COUNT(cases));
    CHECK_EQUAL(async_select(cases, COUNT(cases), NULL), UV_ETIMEDOUT);
    CHECK_EQUAL(async_timeout_end(&timeout), UV_ETIMEDOUT);
    CHECK_EQUAL(async_event_set(event), 0);
    CHECK_EQUAL(async_select(cases, COUNT(cases), &index), 0);
    CHECK_EQUAL(index % 2, 0);
    destroy_others();
}

TEST(misuse)
{
    size_t index;
    struct async_case one = ASYNC_CASE_EVENT(NULL);
    CHECK_EQUAL(async_select(NULL, 1, &index), UV_EINVAL);
    CHECK_EQUAL(async_select(&one, 0, &index), UV_EINVAL);
    CHECK_EQUAL(async_select(&one, 1, &index), UV_EINVAL); /* it could never end */
    one = (struct async_case)ASYNC_CASE_END(async_self());
    CHECK_EQUAL(async_select(&one, 1, &index), UV_EINVAL);
    create_channels(1);
    one = (struct async_case)ASYNC_CASE_SEND(first, NULL);
    CHECK_EQUAL(async_select(&one, 1, &index), UV_EINVAL);
    struct async_task *task = test_spawn("ending", end_at_once, NULL);
    const struct async_case cases[] = {ASYNC_CASE_END(task), ASYNC_CASE_END(task)};
    CHECK_EQUAL(async_select(cases, 2, &index), UV_EINVAL);
    CHECK_EQUAL(test_join(task), 77);
    destroy_channels();
}

PLAIN(calls_outside_a_task)
{
    struct async_case one = ASYNC_CASE_RECEIVE(NULL, NULL);
    CHECK_EQUAL(async_select(&one, 1, NULL), UV_EINVAL);
    CHECK_EQUAL(async_try_select(&one, 1, NULL), UV_EINVAL);
}

TEST(future_tells_the_truth)
{
    create_others();
    struct async_task *ending = test_spawn("ending", wait_for_event, NULL);
    struct async_task *task = test_spawn("select", wait_for_any, ending);
    test_settle();
    struct async_future *future = task->awaits;
    CHECK_EQUAL(future->kind, ASYNC_FUTURE_SELECT);
    CHECK(task->waiters->future == future && future->waiters == task->waiters);
    struct async_waiter *child = future->children;
    CHECK(child->future->kind == ASYNC_FUTURE_PROMISE && child->task == task && child->since);
    child = child->sibling;
    CHECK(child->future->kind == ASYNC_FUTURE_EVENT && child->future->object == event);
    child = child->sibling;
    CHECK(child->future == &ending->join && !child->sibling); /* what can never be is left out */
    CHECK_EQUAL(async_event_set(event), 0);
    CHECK_EQUAL(test_join(task), 1);
    CHECK_EQUAL(test_join(ending), 0);
    destroy_others();
}

/* ---- Several workers --------------------------------------------------------------------------------- */

enum { TASKS = TEST_WORKERS * 2, ITEMS = 3000 };

static long sent, received;

/* Everybody selects: half send their numbers on either channel, half take whatever comes. */
static int send_many(uintptr_t seed)
{
    for (int i = 1; i <= ITEMS; i++) {
        size_t index;
        const struct async_case cases[] = {ASYNC_CASE_SEND(seed % 4 ? first : second, &i),
                                           ASYNC_CASE_SEND(seed % 4 ? second : first, &i),
                                           ASYNC_CASE_SEND(first, &i)}; /* one of them twice */
        CHECK_EQUAL(async_select(cases, 3, &index), 0);
        __atomic_add_fetch(&sent, i, __ATOMIC_RELAXED);
    }
    return 0;
}

static int receive_many(uintptr_t seed)
{
    for (int done = 0; done < ITEMS;) {
        int items[2];
        size_t index;
        struct async_timeout timeout;
        const struct async_case cases[] = {ASYNC_CASE_RECEIVE(seed % 4 ? first : second, &items[0]),
                                           ASYNC_CASE_RECEIVE(seed % 4 ? second : first, &items[1])};
        CHECK_EQUAL(async_timeout_begin(&timeout, done % 64 ? 100000 : 0), 0);
        int error = async_select(cases, 2, &index);
        async_timeout_end(&timeout);
        CHECK(error == 0 || error == UV_ETIMEDOUT);
        if (error)
            CHECK_EQUAL(index, 2);
        else
            __atomic_add_fetch(&received, items[index], __ATOMIC_RELAXED), done++;
    }
    return 0;
}

static int take_part(void *number)
{
    uintptr_t seed = (uintptr_t)number;
    return (seed / TEST_WORKERS + seed) % 2 ? send_many(seed) : receive_many(seed);
}

static int meet(void *unused)
{
    (void)unused;
    for (size_t capacity = 0; capacity < 4; capacity++) {
        create_channels(capacity);
        CHECK_EQUAL(test_spread(TASKS, take_part), 0);
        destroy_channels(); /* and every wait on them has been left */
        CHECK(sent == received && sent == ((long)capacity + 1) * TASKS / 2 * ITEMS * (ITEMS + 1) / 2);
    }
    return 0;
}

PLAIN(selects_meet_across_workers)
{
    test_run_on_several(meet);
}

/* A promise, an event and an end come at the same time from other workers: one of them is it. */
static int settle(void *number)
{
    if ((uintptr_t)number % 2)
        return async_promise_resolve(promise, &promise);
    return async_event_set(event);
}

static int race(void *unused)
{
    (void)unused;
    for (int i = 0; i < 500; i++) {
        struct async_task *tasks[3];
        create_others();
        CHECK_EQUAL(async_spawn_on(&tasks[0], 1, "ending", i % 2 ? end_at_once : settle, (void *)0), 0);
        CHECK_EQUAL(async_spawn_on(&tasks[1], 2, "promise", settle, (void *)1), 0);
        CHECK_EQUAL(async_spawn_on(&tasks[2], 3, "event", settle, (void *)2), 0);
        int index = wait_for_any(tasks[0]);
        CHECK(index >= 0 && index <= 2);
        CHECK_EQUAL(async_gather(tasks, 3, NULL), 0);
        destroy_others();
    }
    return 0;
}

PLAIN(several_things_at_once)
{
    test_run_on_several(race);
}
