/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "task.h"
#include "test.h"

static struct async_semaphore *semaphore;
static char order[64];

static void create(uint64_t permits)
{
    order[0] = '\0';
    CHECK_EQUAL(async_semaphore_create(&semaphore, "pool", permits), 0);
}

static void end(void)
{
    CHECK_EQUAL(async_semaphore_destroy(semaphore), 0);
}

/* "3": takes three permits, notes it, gives them back. */
static int take_and_note(void *digit)
{
    uint64_t permits = (uint64_t)(*(const char *)digit - '0');
    int error = async_semaphore_acquire(semaphore, permits);
    if (error)
        return error;
    strncat(order, digit, 1);
    async_yield();
    strcat(order, "-");
    return async_semaphore_release(semaphore, permits);
}

static void note_all(const char *digits, struct async_task **tasks)
{
    for (size_t i = 0; digits[i]; i++)
        tasks[i] = test_spawn("note", take_and_note, (void *)&digits[i]);
    test_settle();
}

TEST(first_come_first_served)
{
    struct async_task *tasks[5];
    create(3);
    CHECK_EQUAL(async_semaphore_acquire(semaphore, 2), 0);
    note_all("23111", tasks);
    CHECK(strcmp(order, "") == 0); /* one is left, but they wait behind those who want more */
    CHECK_EQUAL(async_semaphore_try_acquire(semaphore, 1), UV_EBUSY);
    CHECK_EQUAL(async_semaphore_release(semaphore, 1), 0);
    CHECK_EQUAL(async_semaphore_try_acquire(semaphore, 1), UV_EBUSY);
    test_settle();
    CHECK(strcmp(order, "2-") == 0);
    CHECK_EQUAL(async_semaphore_release(semaphore, 1), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    CHECK(strcmp(order, "2-3-111---") == 0);
    end();
}

TEST(who_gives_up_makes_room)
{
    struct async_task *tasks[3];
    create(3);
    CHECK_EQUAL(async_semaphore_acquire(semaphore, 1), 0);
    note_all("311", tasks);
    CHECK(strcmp(order, "") == 0);
    CHECK_EQUAL(async_cancel(tasks[0]), 0);
    CHECK_EQUAL(test_join(tasks[0]), UV_ECANCELED);
    CHECK_EQUAL(test_join(tasks[1]), 0);
    CHECK_EQUAL(test_join(tasks[2]), 0);
    CHECK(strcmp(order, "11--") == 0);
    CHECK_EQUAL(async_semaphore_release(semaphore, 1), 0);
    end();
}

TEST(misuse)
{
    CHECK_EQUAL(async_semaphore_create(NULL, "nowhere", 1), UV_EINVAL);
    CHECK_EQUAL(async_semaphore_create(&semaphore, "none", 0), UV_EINVAL);
    CHECK_EQUAL(async_semaphore_acquire(NULL, 1), UV_EINVAL);
    CHECK_EQUAL(async_semaphore_try_acquire(NULL, 1), UV_EINVAL);
    CHECK_EQUAL(async_semaphore_release(NULL, 1), UV_EINVAL);
    CHECK_EQUAL(async_semaphore_destroy(NULL), 0);
    create(2);
    CHECK_EQUAL(async_semaphore_acquire(semaphore, 0), UV_EINVAL);
    CHECK_EQUAL(async_semaphore_acquire(semaphore, 3), UV_EINVAL);
    CHECK_EQUAL(async_semaphore_release(semaphore, 0), UV_EINVAL);
    CHECK_EQUAL(async_semaphore_release(semaphore, 1), UV_EPERM);
    CHECK_EQUAL(async_semaphore_try_acquire(semaphore, 1), 0);
    CHECK_EQUAL(async_semaphore_release(semaphore, 2), UV_EPERM);
    CHECK_EQUAL(async_semaphore_destroy(semaphore), UV_EBUSY);
    CHECK_EQUAL(async_semaphore_release(semaphore, 1), 0);
    end();
}

PLAIN(calls_outside_a_task)
{
    create(1);
    CHECK_EQUAL(async_semaphore_acquire(semaphore, 1), UV_EINVAL);
    CHECK_EQUAL(async_semaphore_try_acquire(semaphore, 1), UV_EINVAL);
    CHECK_EQUAL(async_semaphore_release(semaphore, 1), UV_EINVAL);
    end();
}

static int take_one_and_wait(void *event)
{
    CHECK_EQUAL(async_semaphore_acquire(semaphore, 1), 0);
    return async_event_wait(event);
}

static int take_one(void *unused)
{
    (void)unused;
    return async_semaphore_acquire(semaphore, 1);
}

/* A release takes the caller's own off the record, or else what has been held longest. */
TEST(holders_are_on_record)
{
    struct async_event *event;
    create(3);
    CHECK_EQUAL(async_event_create(&event, "over"), 0);
    struct async_task *a = test_spawn("a", take_one_and_wait, event),
                      *b = test_spawn("b", take_one_and_wait, event);
    test_settle();
    CHECK_EQUAL(async_semaphore_acquire(semaphore, 1), 0);
    struct async_task *waiting = test_spawn("waiting", take_one, NULL);
    test_settle();
    struct async_future *future = waiting->awaits;
    CHECK_EQUAL(future->kind, ASYNC_FUTURE_SEMAPHORE);
    CHECK_EQUAL(future->state, ASYNC_FUTURE_HELD);
    CHECK(strcmp(future->name, "pool") == 0 && future->capacity == 3 && future->count == 0);
    struct async_waiter *first = future->holders;
    CHECK(first->task == a && first->next->task == b && first->next->next->task == async_self());
    CHECK(!first->next->next->next && first->future == future && first->since);
    CHECK_EQUAL(async_semaphore_release(semaphore, 1), 0); /* its own */
    CHECK(future->holders == first && first->next->task == b && first->next->next->task == waiting);
    CHECK_EQUAL(async_semaphore_release(semaphore, 1), 0); /* the oldest */
    CHECK(future->holders->task == b && future->count == 1);
    CHECK_EQUAL(future->state, ASYNC_FUTURE_HELD); /* one that wants many would wait for b */
    CHECK_EQUAL(test_join(waiting), 0);
    CHECK_EQUAL(async_event_set(event), 0);
    CHECK(test_join(a) == 0 && test_join(b) == 0);
    CHECK(future->holders->task == b && async_task_id(b)); /* they have ended, and are still to be named */
    CHECK_EQUAL(async_event_destroy(event), 0);
    end();
    CHECK_EQUAL(async_task_id(b), 0);
}

/* ---- Several workers ----------------------------------------------------------------------------- */

enum { TASKS = TEST_WORKERS * 4, PERMITS = 5 };

static int taken;

static void hold(uint64_t permits, bool sleeps)
{
    int now = __atomic_add_fetch(&taken, (int)permits, __ATOMIC_RELAXED);
    CHECK(now <= PERMITS);
    if (sleeps)
        async_sleep(1);
    __atomic_sub_fetch(&taken, (int)permits, __ATOMIC_RELAXED);
}

static int contend(void *number)
{
    uint64_t seed = (uintptr_t)number;
    for (uint64_t i = 0; i < 1500; i++) {
        uint64_t permits = (seed + i) % PERMITS + 1;
        CHECK_EQUAL(async_semaphore_acquire(semaphore, permits), 0);
        hold(permits, false);
        CHECK_EQUAL(async_semaphore_release(semaphore, permits), 0);
    }
    return 0;
}

static int hurry(void *number)
{
    uint64_t seed = (uintptr_t)number;
    int interrupted = 0;
    for (uint64_t i = 0; i < 300; i++) {
        struct async_timeout timeout;
        uint64_t permits = (seed + i) % PERMITS + 1;
        CHECK_EQUAL(async_timeout_begin(&timeout, i % 2), 0);
        int error = async_semaphore_acquire(semaphore, permits);
        async_timeout_end(&timeout);
        CHECK(error == 0 || error == UV_ETIMEDOUT);
        interrupted += error != 0;
        if (error)
            continue;
        hold(permits, i % 8 == 0);
        CHECK_EQUAL(async_semaphore_release(semaphore, permits), 0);
    }
    return interrupted;
}

static int contend_everywhere(void *unused)
{
    (void)unused;
    create(PERMITS);
    CHECK_EQUAL(test_spread(TASKS, contend), 0);
    CHECK(test_spread(TASKS, hurry) > 0);
    CHECK_EQUAL(async_semaphore_try_acquire(semaphore, PERMITS), 0);
    CHECK_EQUAL(async_semaphore_release(semaphore, PERMITS), 0);
    end();
    return 0;
}

PLAIN(contention)
{
    test_run_on_several(contend_everywhere);
}
