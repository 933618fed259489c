/* SPDX-License-Identifier: MIT */
#include <fenv.h>
#include <string.h>

#include "task.h"
#include "test.h"

static int return_argument(void *argument)
{
    return (int)(intptr_t)argument;
}

static int sleep_then_return(void *argument)
{
    async_sleep(1);
    return (int)(intptr_t)argument;
}

TEST(join_gets_result)
{
    struct async_task *quick = test_spawn("quick", return_argument, (void *)3);
    struct async_task *slow = test_spawn("slow", sleep_then_return, (void *)-5);
    CHECK_EQUAL(test_join(slow), -5);
    CHECK_EQUAL(test_join(quick), 3);
    CHECK_EQUAL(async_join(test_spawn("ignored", return_argument, NULL), NULL), 0);
}

static int join_it(void *task)
{
    return async_join(task, NULL);
}

TEST(join_misuse)
{
    struct async_task *task = test_spawn("joined", sleep_then_return, NULL);
    struct async_task *first = test_spawn("first", join_it, task),
                      *second = test_spawn("second", join_it, task);
    CHECK_EQUAL(test_join(second), UV_EINVAL);
    CHECK_EQUAL(test_join(first), 0);
    CHECK_EQUAL(async_join(task, NULL), UV_EINVAL);
    CHECK_EQUAL(async_join(async_self(), NULL), UV_EINVAL);
    CHECK_EQUAL(async_join(NULL, NULL), UV_EINVAL);
}

TEST(detach)
{
    struct async_task *task = test_spawn("detached", sleep_then_return, NULL);
    CHECK_EQUAL(async_detach(task), 0);
    CHECK_EQUAL(async_detach(task), UV_EINVAL);
    CHECK_EQUAL(async_join(task, NULL), UV_EINVAL);
    struct async_task *ended = test_spawn("ended", return_argument, NULL);
    test_settle();
    CHECK_EQUAL(async_detach(ended), 0);
    CHECK_EQUAL(async_task_id(ended), 0);
    struct async_task *awaited = test_spawn("awaited", sleep_then_return, NULL);
    struct async_task *joiner = test_spawn("joiner", join_it, awaited);
    async_yield();
    CHECK_EQUAL(async_detach(awaited), UV_EINVAL);
    CHECK_EQUAL(test_join(joiner), 0);
    CHECK_EQUAL(async_detach(NULL), UV_EINVAL);
}

static int count_up(void *counter)
{
    async_sleep(1);
    ++*(int *)counter;
    return 0;
}

static int leave_children(void *counter)
{
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(async_spawn(NULL, "child", count_up, counter), 0);
    return 17;
}

PLAIN(run_waits_for_every_task)
{
    int counter = 0;
    CHECK_EQUAL(async_run(leave_children, &counter, NULL), 17);
    CHECK_EQUAL(counter, 5);
    CHECK_EQUAL(async_run(return_argument, (void *)-9, NULL), -9);
}

static int leave_unjoined(void *unused)
{
    (void)unused;
    test_spawn("unjoined", sleep_then_return, (void *)-1);
    return 0;
}

PLAIN(run_releases_unjoined_tasks)
{
    CHECK_EQUAL(async_run(leave_unjoined, NULL, NULL), 0);
}

static int run_again(void *unused)
{
    (void)unused;
    return async_run(return_argument, NULL, NULL);
}

PLAIN(run_misuse)
{
    CHECK_EQUAL(async_run(NULL, NULL, NULL), UV_EINVAL);
    CHECK_EQUAL(async_run(run_again, NULL, NULL), UV_EALREADY);
}

PLAIN(calls_outside_a_task)
{
    struct async_task *task;
    CHECK(!async_self());
    CHECK_EQUAL(async_spawn(&task, "no", return_argument, NULL), UV_EINVAL);
    CHECK_EQUAL(async_yield(), UV_EINVAL);
    CHECK_EQUAL(async_sleep(1), UV_EINVAL);
    CHECK_EQUAL(async_task_id(NULL), 0);
    CHECK(strcmp(async_task_name(NULL), "") == 0);
    async_task_set_name(NULL, "%d", 1);
}

TEST(spawn_needs_a_function)
{
    struct async_task *task = NULL;
    CHECK_EQUAL(async_spawn(&task, "no", NULL, NULL), UV_EINVAL);
    CHECK(!task);
}

TEST(names)
{
    struct async_task *self = async_self();
    CHECK(strcmp(async_task_name(self), "main") == 0);
    async_task_set_name(self, "client %d of %s", 7, "a very long list of clients");
    CHECK(strcmp(async_task_name(self), "client 7 of a very long list of") == 0);
    struct async_task *task = test_spawn("0123456789012345678901234567890123456789", return_argument, NULL);
    CHECK(strcmp(async_task_name(task), "0123456789012345678901234567890") == 0);
    test_join(task);
    task = test_spawn(NULL, return_argument, NULL);
    CHECK(strcmp(async_task_name(task), "") == 0);
    test_join(task);
}

TEST(ids_are_never_reused)
{
    uint64_t last = async_task_id(async_self());
    struct async_task *slot = NULL;
    for (int i = 0; i < 100; i++) {
        struct async_task *task = test_spawn("one", return_argument, NULL);
        CHECK(async_task_id(task) > last);
        CHECK(i == 0 || task == slot); /* though the record is the same */
        last = async_task_id(task);
        slot = task;
        test_join(task);
    }
}

static char order[64];

static int write_letter(void *letter)
{
    for (int i = 0; i < 3; i++) {
        strncat(order, letter, 1);
        async_yield();
    }
    return 0;
}

TEST(yield_takes_turns)
{
    struct async_task *a = test_spawn("a", write_letter, "a"), *b = test_spawn("b", write_letter, "b");
    struct async_task *c = test_spawn("c", write_letter, "c");
    CHECK(strcmp(order, "") == 0); /* nobody runs before the spawner waits */
    test_join(a), test_join(b), test_join(c);
    CHECK(strcmp(order, "abcabcabc") == 0);
}

static int spin(void *stop)
{
    while (!*(volatile bool *)stop)
        async_yield();
    return 0;
}

/* Timers get their turn though the run queue is never empty. */
TEST(yielding_starves_no_timer)
{
    bool stop = false;
    struct async_task *task = test_spawn("spinner", spin, &stop);
    async_sleep(5);
    stop = true;
    test_join(task);
}

static int sum_of_waits(void *argument)
{
    volatile double floating = (double)(intptr_t)argument; /* lives across the switches */
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        async_yield();
        sum += (int)floating;
    }
    return sum;
}

TEST(many_tasks)
{
    int count = test_many();
    struct async_task **tasks = malloc((size_t)count * sizeof(struct async_task *));
    for (intptr_t i = 0; i < count; i++)
        tasks[i] = test_spawn("many", sum_of_waits, (void *)i);
    for (int i = 0; i < count; i++)
        CHECK_EQUAL(test_join(tasks[i]), 3 * i);
    free(tasks);
}

static int spawn_chain(void *depth)
{
    intptr_t left = (intptr_t)depth;
    if (left == 0)
        return 0;
    return 1 + test_join(test_spawn("link", spawn_chain, (void *)(left - 1)));
}

TEST(chain_of_joins)
{
    CHECK_EQUAL(spawn_chain((void *)1000), 1000);
}

static int record_of_self(void *unused)
{
    (void)unused;
    struct async_task *self = async_self();
    CHECK_EQUAL(self->state, ASYNC_TASK_RUNNING);
    char here;
    CHECK(&here > self->stack_low && &here < self->stack_low + self->stack_size);
    return 0;
}

static int tell_rounding(void *unused)
{
    (void)unused;
    return fegetround();
}

/* Whatever the task that runs just before it has. */
TEST(rounds_as_its_spawner_did)
{
    int usual = fegetround();
    CHECK_EQUAL(fesetround(FE_UPWARD), 0);
    struct async_task *task = test_spawn("upward", tell_rounding, NULL);
    CHECK_EQUAL(fesetround(FE_DOWNWARD), 0);
    CHECK_EQUAL(test_join(task), FE_UPWARD);
    CHECK_EQUAL(fegetround(), FE_DOWNWARD);
    CHECK_EQUAL(fesetround(usual), 0);
}

TEST(record_follows_the_life)
{
    struct async_task *task = test_spawn("watched", record_of_self, &order);
    CHECK_EQUAL(task->state, ASYNC_TASK_READY);
    CHECK_EQUAL(task->parent_id, async_task_id(async_self()));
    CHECK(task->start == record_of_self && task->argument == &order);
    CHECK(!task->context && !task->stack_low && !task->stack_size); /* it has not begun */
    CHECK(task->spawn_site->line && strstr(task->spawn_site->file, "tests/runtime/test.c"));
    test_settle();
    CHECK_EQUAL(task->state, ASYNC_TASK_RETURNED);
    CHECK_EQUAL(task->resumes, 1);
    CHECK(!task->context && !task->stack_low && !task->stack_size);
    CHECK(task->suspended_at >= task->resumed_at && task->resumed_at >= task->spawned_at);
    test_join(task);
    task = test_spawn("failing", return_argument, (void *)(intptr_t)UV_EIO);
    test_settle();
    CHECK_EQUAL(task->state, ASYNC_TASK_FAILED);
    CHECK_EQUAL(task->error, UV_EIO);
    test_join(task);
}

PLAIN(error_texts)
{
    CHECK(strcmp(async_strerror(UV_EBUSY), "resource busy or locked (EBUSY)") == 0);
    CHECK(strcmp(async_strerror(-123456), "unknown error") == 0);
    CHECK(strcmp(async_strerror(0), "success") == 0);
}
