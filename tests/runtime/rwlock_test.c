/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "task.h"
#include "test.h"

static struct async_rwlock *rwlock;
static char order[64];

/* Small letters read, capitals write; each notes when it enters, and when it leaves. */
static int enter_and_note(void *letter)
{
    char name = *(const char *)letter;
    int error = name >= 'a' ? async_rwlock_read_lock(rwlock) : async_rwlock_write_lock(rwlock);
    if (error)
        return error;
    strncat(order, &name, 1);
    async_yield();
    strcat(order, "-");
    return async_rwlock_unlock(rwlock);
}

static void note_all(const char *letters, struct async_task **tasks)
{
    for (size_t i = 0; letters[i]; i++)
        tasks[i] = test_spawn("note", enter_and_note, (void *)&letters[i]);
    test_settle();
}

static void create(void)
{
    order[0] = '\0';
    CHECK_EQUAL(async_rwlock_create(&rwlock, "config"), 0);
}

static void end(void)
{
    CHECK_EQUAL(async_rwlock_destroy(rwlock), 0);
}

TEST(first_come_first_served)
{
    struct async_task *tasks[8];
    create();
    CHECK_EQUAL(async_rwlock_write_lock(rwlock), 0);
    note_all("abCdeFGh", tasks);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    /* It was handed over: nobody gets in by passing. */
    CHECK_EQUAL(async_rwlock_try_write_lock(rwlock), UV_EBUSY);
    CHECK_EQUAL(async_rwlock_try_read_lock(rwlock), UV_EBUSY);
    for (int i = 0; i < 8; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    CHECK(strcmp(order, "ab--C-de--F-G-h-") == 0);
    end();
}

/* A writer that waits stops readers that come later, and lets them in when it gives up. */
TEST(writers_do_not_starve)
{
    struct async_task *tasks[4];
    create();
    CHECK_EQUAL(async_rwlock_read_lock(rwlock), 0);
    note_all("aBcd", tasks);
    CHECK(strcmp(order, "a-") == 0);
    CHECK_EQUAL(async_rwlock_try_read_lock(rwlock), UV_EBUSY);
    CHECK_EQUAL(async_cancel(tasks[1]), 0);
    CHECK_EQUAL(test_join(tasks[1]), UV_ECANCELED);
    for (int i = 0; i < 4; i++) {
        if (i != 1)
            CHECK_EQUAL(test_join(tasks[i]), 0);
    }
    CHECK(strcmp(order, "a-cd--") == 0);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    end();
}

static int unlock_it(void *unused)
{
    (void)unused;
    return async_rwlock_unlock(rwlock);
}

TEST(misuse)
{
    CHECK_EQUAL(async_rwlock_create(NULL, "nowhere"), UV_EINVAL);
    CHECK_EQUAL(async_rwlock_read_lock(NULL), UV_EINVAL);
    CHECK_EQUAL(async_rwlock_write_lock(NULL), UV_EINVAL);
    CHECK_EQUAL(async_rwlock_try_read_lock(NULL), UV_EINVAL);
    CHECK_EQUAL(async_rwlock_try_write_lock(NULL), UV_EINVAL);
    CHECK_EQUAL(async_rwlock_unlock(NULL), UV_EINVAL);
    CHECK_EQUAL(async_rwlock_destroy(NULL), 0);
    CHECK_EQUAL(async_rwlock_create(&rwlock, NULL), 0);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), UV_EPERM);
    CHECK_EQUAL(async_rwlock_try_write_lock(rwlock), 0);
    CHECK_EQUAL(async_rwlock_try_read_lock(rwlock), UV_EBUSY);
    CHECK_EQUAL(test_join(test_spawn("thief", unlock_it, NULL)), UV_EPERM);
    CHECK_EQUAL(async_rwlock_destroy(rwlock), UV_EBUSY);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    CHECK_EQUAL(async_rwlock_try_read_lock(rwlock), 0);
    CHECK_EQUAL(async_rwlock_try_read_lock(rwlock), 0); /* nobody writes: even twice */
    CHECK_EQUAL(test_join(test_spawn("thief", unlock_it, NULL)), UV_EPERM);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    CHECK_EQUAL(async_rwlock_destroy(rwlock), UV_EBUSY);
    CHECK_EQUAL(async_rwlock_try_write_lock(rwlock), UV_EBUSY);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), UV_EPERM);
    end();
}

PLAIN(calls_outside_a_task)
{
    create();
    CHECK_EQUAL(async_rwlock_read_lock(rwlock), UV_EINVAL);
    CHECK_EQUAL(async_rwlock_write_lock(rwlock), UV_EINVAL);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), UV_EINVAL);
    end();
}

static const struct async_waiter *nth(const struct async_waiter *waiter, int n)
{
    while (waiter && n-- > 0)
        waiter = waiter->next;
    return waiter;
}

/* Whoever looks at one who waits finds all that it waits for, in either future. */
TEST(futures_tell_the_truth)
{
    struct async_task *tasks[4];
    create();
    CHECK_EQUAL(async_rwlock_read_lock(rwlock), 0);
    CHECK_EQUAL(async_rwlock_read_lock(rwlock), 0);
    note_all("aBcD", tasks);
    struct async_future *write = tasks[1]->awaits, *read = tasks[2]->awaits;
    CHECK_EQUAL(write->kind, ASYNC_FUTURE_RWLOCK_WRITE);
    CHECK_EQUAL(read->kind, ASYNC_FUTURE_RWLOCK_READ);
    CHECK(write->object == rwlock && read->object == rwlock && strcmp(read->name, "config") == 0);
    CHECK(write->count == 2 && read->count == 2 && !write->owner && !read->owner);
    CHECK(write->state == ASYNC_FUTURE_HELD && read->state == ASYNC_FUTURE_HELD);
    CHECK(nth(write->holders, 1) && !nth(write->holders, 2) && nth(read->holders, 1) &&
          !nth(read->holders, 2));
    CHECK(write->holders->task == async_self() && write->holders->future == write && write->holders->since);
    CHECK(read->holders->task == async_self() && read->holders->future == read);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    CHECK(write->owner == tasks[1] && read->owner == tasks[1] && read->owner_id == tasks[1]->id);
    CHECK(!write->holders && !read->holders && write->owned_since);
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    CHECK(!write->owner && !read->owner && write->state == ASYNC_FUTURE_FREE &&
          read->state == ASYNC_FUTURE_FREE);
    end();
}

static int read_and_end(void *unused)
{
    (void)unused;
    return async_rwlock_read_lock(rwlock);
}

static int write_and_end(void *unused)
{
    (void)unused;
    return async_rwlock_write_lock(rwlock);
}

/* Whoever ends with the lock in hand stays on record: no list names a reused slot. */
TEST(holders_that_ended_stay_on_record)
{
    create();
    struct async_task *reader = test_spawn("careless", read_and_end, NULL);
    CHECK_EQUAL(test_join(reader), 0);
    struct async_task *writer = test_spawn("writer", write_and_end, NULL);
    test_settle();
    CHECK(writer != reader && writer->awaits->holders->task == reader);
    CHECK(strcmp(async_task_name(reader), "careless") == 0);
    CHECK_EQUAL(async_rwlock_destroy(rwlock), UV_EBUSY);
    CHECK_EQUAL(async_cancel(writer), 0);
    CHECK_EQUAL(test_join(writer), UV_ECANCELED);
    end();
    CHECK_EQUAL(async_task_id(reader), 0);
}

static int leave_it_locked(void *unused)
{
    (void)unused;
    create();
    CHECK_EQUAL(async_rwlock_read_lock(rwlock), 0);
    return 0;
}

PLAIN(destroyed_after_the_end)
{
    CHECK_EQUAL(async_run(leave_it_locked, NULL, NULL), 0);
    end();
}

/* ---- Several workers ----------------------------------------------------------------------------- */

enum { TASKS = TEST_WORKERS * 4, ROUNDS = 1500 };

static int inside; /* readers; a writer: -1 */
static long written;

static void check_inside(bool reads)
{
    int now = reads ? __atomic_add_fetch(&inside, 1, __ATOMIC_RELAXED)
                    : __atomic_sub_fetch(&inside, 1, __ATOMIC_RELAXED);
    CHECK(reads ? now > 0 : now == -1);
}

static void work_inside(bool reads, int round)
{
    check_inside(reads);
    long before = written;
    if (round % 8 == 0)
        async_yield();
    CHECK_EQUAL(written, before);
    if (!reads)
        written = before + 1;
    __atomic_add_fetch(&inside, reads ? -1 : 1, __ATOMIC_RELAXED);
}

static int contend(void *number)
{
    uintptr_t seed = (uintptr_t)number;
    int writes = 0;
    for (int i = 0; i < ROUNDS; i++) {
        bool reads = (seed + (uintptr_t)i) % 4;
        CHECK_EQUAL(reads ? async_rwlock_read_lock(rwlock) : async_rwlock_write_lock(rwlock), 0);
        work_inside(reads, i);
        CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
        writes += !reads;
    }
    return writes;
}

static int contend_everywhere(void *unused)
{
    (void)unused;
    create();
    CHECK_EQUAL(test_spread(TASKS, contend), written);
    CHECK(written > 0);
    end();
    return 0;
}

PLAIN(contention)
{
    test_run_on_several(contend_everywhere);
}

/* Who is interrupted holds nothing, and who is not holds what it wanted. */
static int hurry(void *number)
{
    uintptr_t seed = (uintptr_t)number;
    int interrupted = 0;
    for (int i = 0; i < 300; i++) {
        struct async_timeout timeout;
        bool reads = (seed + (uintptr_t)i) % 3;
        CHECK_EQUAL(async_timeout_begin(&timeout, (uint64_t)i % 2), 0);
        int error = reads ? async_rwlock_read_lock(rwlock) : async_rwlock_write_lock(rwlock);
        async_timeout_end(&timeout);
        CHECK(error == 0 || error == UV_ETIMEDOUT);
        interrupted += error != 0;
        if (error)
            continue;
        check_inside(reads);
        if (i % 8 == 0)
            async_sleep(1);
        __atomic_add_fetch(&inside, reads ? -1 : 1, __ATOMIC_RELAXED);
        CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    }
    return interrupted;
}

static int hurry_everywhere(void *unused)
{
    (void)unused;
    create();
    CHECK(test_spread(TASKS, hurry) > 0);
    CHECK_EQUAL(async_rwlock_try_write_lock(rwlock), 0);
    CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    end();
    return 0;
}

PLAIN(timeouts_race_with_handing_over)
{
    test_run_on_several(hurry_everywhere);
}
