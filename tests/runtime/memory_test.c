/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out: of what each scenario allocates one after the other fails. Then its caller is told, and
 * nothing is lost: what was made is destroyed, what is held is given back, and it works the next time.
 */
#include <string.h>

#include "task.h"
#include "test.h"

/* ---- Allocations that fail -------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static int to_come = -1; /* allocations before the one that fails; negative: none does */

static bool fails(void)
{
    return to_come >= 0 && to_come-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

/* Runs it with its first, second, ... allocation failing, until it has made them all. */
static void fail_each(int (*scenario)(void))
{
    int failures = 0;
    for (int i = 0;; i++) {
        to_come = i;
        int result = scenario();
        bool failed = to_come < 0;
        to_come = -1;
        test_settle();
        CHECK(result == 0 || (result == UV_ENOMEM && failed));
        if (!failed)
            break;
        failures += result == UV_ENOMEM;
    }
    CHECK(failures > 0);
    CHECK_EQUAL(scenario(), 0);
}

/* ---- Scenarios: each returns 0 or UV_ENOMEM and leaves nothing ---------------------------------------- */

static struct async_rwlock *rwlock;
static struct async_semaphore *semaphore;
static struct async_event *event;

static int create_and_destroy(void)
{
    struct async_mutex *mutex = NULL;
    struct async_channel *channel = NULL;
    struct async_promise *promise = NULL;
    struct async_condition *condition = NULL;
    struct async_group *group = NULL;
    event = NULL;
    int error = async_mutex_create(&mutex, "mutex");
    error = error ? error : async_channel_create(&channel, "channel", 8, 8);
    error = error ? error : async_promise_create(&promise, "promise");
    error = error ? error : async_condition_create(&condition, "condition");
    error = error ? error : async_event_create(&event, "event");
    error = error ? error : async_group_create(&group, "group");
    CHECK(async_mutex_destroy(mutex) == 0 && async_channel_destroy(channel) == 0);
    CHECK(async_promise_destroy(promise) == 0 && async_condition_destroy(condition) == 0);
    CHECK(async_event_destroy(event) == 0 && async_group_destroy(group) == 0);
    return error;
}

TEST(objects)
{
    fail_each(create_and_destroy);
}

static int read_it(void *unused)
{
    (void)unused;
    int error = async_rwlock_read_lock(rwlock);
    return error ? error : async_rwlock_unlock(rwlock);
}

/* One reader at once, and one that waits. */
static int read_two(void)
{
    struct async_task *reader = NULL;
    int error = async_rwlock_create(&rwlock, "rwlock");
    if (error)
        return error;
    int first = async_rwlock_try_read_lock(rwlock);
    if (!first)
        CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    CHECK_EQUAL(async_rwlock_write_lock(rwlock), 0); /* needs no memory */
    error = async_spawn(&reader, "reader", read_it, NULL);
    test_settle();
    CHECK_EQUAL(async_rwlock_unlock(rwlock), 0);
    if (!error)
        error = test_join(reader);
    CHECK_EQUAL(async_rwlock_destroy(rwlock), 0);
    return first ? first : error;
}

TEST(rwlocks)
{
    fail_each(read_two);
}

static int acquire_it(void *unused)
{
    (void)unused;
    int error = async_semaphore_acquire(semaphore, 2);
    return error ? error : async_semaphore_release(semaphore, 2);
}

static int acquire_two(void)
{
    struct async_task *task = NULL;
    int error = async_semaphore_create(&semaphore, "semaphore", 2);
    if (error)
        return error;
    int first = async_semaphore_acquire(semaphore, 1);
    error = async_spawn(&task, "task", acquire_it, NULL);
    test_settle();
    if (!first)
        CHECK_EQUAL(async_semaphore_release(semaphore, 1), 0);
    if (!error)
        error = test_join(task);
    CHECK_EQUAL(async_semaphore_destroy(semaphore), 0);
    return first ? first : error;
}

TEST(semaphores)
{
    fail_each(acquire_two);
}

static int select_many(void)
{
    struct async_case cases[9];
    size_t index = 99;
    int error = async_event_create(&event, "event");
    if (error)
        return error;
    for (int i = 0; i < 9; i++)
        cases[i] = (struct async_case)ASYNC_CASE_EVENT(event);
    CHECK_EQUAL(async_event_set(event), 0);
    error = async_select(cases, 9, &index);
    CHECK(error ? index == 9 : index < 9);
    CHECK_EQUAL(async_event_destroy(event), 0);
    return error;
}

TEST(selects)
{
    fail_each(select_many);
}

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

static int label_all(void)
{
    int error = async_label_set("one", "%d", 1);
    error = error ? error : async_label_set("two", "%d", 2);
    error = error ? error : async_label_set("one", "%d", 3);
    if (!error)
        CHECK(strcmp(async_label("one"), "3") == 0 && strcmp(async_label("two"), "2") == 0);
    error = error ? error : async_spawn(NULL, "child", nothing, NULL);
    int removed = async_label_remove("one");
    if (removed == UV_ENOMEM)
        CHECK_EQUAL(async_label_remove("one"), 0); /* it was still there */
    int last = async_label_remove("two");
    CHECK(last == 0 || last == UV_ENOENT); /* the last needs no memory */
    CHECK(!async_self()->labels);
    return error ? error : removed;
}

TEST(labels)
{
    fail_each(label_all);
}

static int users;

static void *count_up(void *value)
{
    users++;
    return value;
}

static void count_down(void *unused)
{
    (void)unused;
    users--;
}

#define COUNTED                                                                                              \
    {                                                                                                        \
        .destroy = count_down, .inherit = count_up                                                           \
    }
static const struct async_local keys[5] = {COUNTED, COUNTED, COUNTED, COUNTED, COUNTED};

static int set_all(void *unused)
{
    (void)unused;
    int error = 0;
    for (int i = 0; i < 5 && !error; i++) {
        error = async_local_set(&keys[i], &users);
        users += !error;
        CHECK(error || async_local_get(&keys[i]) == &users);
    }
    return error ? error : async_spawn(NULL, "child", nothing, NULL);
}

static int local_all(void)
{
    struct async_task *task;
    users = 0;
    int error = async_spawn(&task, "parent", set_all, NULL);
    if (error)
        return error;
    error = test_join(task);
    test_settle();
    CHECK_EQUAL(users, 0);
    return error;
}

TEST(locals)
{
    fail_each(local_all);
}

/* In a process that has spawned nothing yet: the first needs a slab and a stack. */
static int spawn_first(void *unused)
{
    struct async_task *tasks[100];
    int error = 0, count = 0;
    (void)unused;
    while (count < 100 && !(error = async_spawn(&tasks[count], "task", nothing, NULL)))
        count++;
    for (int i = 0; i < count; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    return error;
}

static int run_fresh(void)
{
    return async_run(spawn_first, NULL, NULL);
}

PLAIN(runs)
{
    fail_each(run_fresh);
}
