/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "task.h"
#include "test.h"

static char destroyed[64];

static void note(void *letter)
{
    strncat(destroyed, letter, 1);
}

static void *count_up(void *counter)
{
    __atomic_add_fetch((int *)counter, 1, __ATOMIC_RELAXED);
    return counter;
}

static void count_down(void *counter)
{
    __atomic_sub_fetch((int *)counter, 1, __ATOMIC_RELAXED);
}

static void *give_nothing(void *value)
{
    (void)value;
    return NULL;
}

static const struct async_local plain, noted = {.destroy = note}, also_noted = {.destroy = note};
static const struct async_local shared = {.inherit = async_local_share};
static const struct async_local counted = {.destroy = count_down, .inherit = count_up};
static const struct async_local withheld = {.destroy = note, .inherit = give_nothing};

TEST(set_and_get)
{
    static const struct async_local keys[20];
    static int values[20];
    CHECK(!async_self()->locals && !async_local_get(&plain));
    for (int i = 0; i < 20; i++)
        CHECK_EQUAL(async_local_set(&keys[i], &values[i]), 0);
    for (int i = 0; i < 20; i++)
        CHECK(async_local_get(&keys[i]) == &values[i]);
    CHECK_EQUAL(async_local_set(&keys[3], &values[0]), 0);
    CHECK(async_local_get(&keys[3]) == &values[0] && async_local_get(&keys[4]) == &values[4]);
    CHECK_EQUAL(async_local_set(&keys[3], NULL), 0);
    CHECK(!async_local_get(&keys[3]) && async_self()->locals);
}

static int set_noted(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_local_set(&noted, "a"), 0);
    CHECK_EQUAL(async_local_set(&plain, "b"), 0);
    CHECK_EQUAL(async_local_set(&also_noted, "c"), 0);
    CHECK_EQUAL(async_local_set(&also_noted, "d"), 0); /* what was before is the caller's */
    CHECK_EQUAL(async_local_set(&withheld, "e"), 0);
    CHECK_EQUAL(async_local_set(&withheld, NULL), 0);
    return 5;
}

TEST(destroyed_at_the_end)
{
    struct async_task *task = test_spawn("task", set_noted, NULL);
    CHECK_EQUAL(test_join(task), 5);
    CHECK(strcmp(destroyed, "da") == 0); /* the newest first */
    CHECK(!async_local_get(&noted));     /* nobody else has it */
}

static void look_and_wait(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_sleep(1), 0);
    CHECK(async_local_get(&noted)); /* older, and still there */
    CHECK_EQUAL(async_local_set(&plain, "x"), UV_ESHUTDOWN);
    CHECK_EQUAL(async_local_set(&noted, "y"), UV_ESHUTDOWN);
}

static int set_looking(void *unused)
{
    (void)unused;
    static const struct async_local looking = {.destroy = look_and_wait};
    CHECK_EQUAL(async_local_set(&noted, "a"), 0);
    return async_local_set(&looking, "b");
}

TEST(destroying_may_wait)
{
    CHECK_EQUAL(test_join(test_spawn("task", set_looking, NULL)), 0);
    CHECK(strcmp(destroyed, "a") == 0);
}

static int get_inherited(void *counter)
{
    CHECK(strcmp(async_local_get(&shared), "shared") == 0);
    CHECK(async_local_get(&counted) == counter);
    CHECK(!async_local_get(&noted) && !async_local_get(&withheld));
    CHECK_EQUAL(async_local_set(&shared, "own"), 0);
    return *(int *)counter;
}

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

TEST(inherited_by_choice)
{
    static int users = 1;
    struct async_group *group;
    CHECK_EQUAL(async_local_set(&shared, "shared"), 0);
    CHECK_EQUAL(async_local_set(&counted, &users), 0);
    CHECK_EQUAL(async_local_set(&noted, "a"), 0);
    CHECK_EQUAL(async_local_set(&withheld, "b"), 0);
    struct async_task *child = test_spawn("child", get_inherited, &users);
    CHECK_EQUAL(users, 2);
    CHECK_EQUAL(test_join(child), 2);
    CHECK_EQUAL(users, 1);
    CHECK(strcmp(async_local_get(&shared), "shared") == 0);
    CHECK_EQUAL(async_group_create(&group, "group"), 0);
    CHECK_EQUAL(async_group_spawn(group, "member", get_inherited, &users), 0);
    CHECK_EQUAL(async_group_wait(group), 0);
    CHECK_EQUAL(users, 1);
    /* A task that does not come to be has nothing. */
    CHECK_EQUAL(async_group_cancel(group), 0);
    CHECK_EQUAL(async_group_spawn(group, "too late", get_inherited, &users), UV_ECANCELED);
    CHECK_EQUAL(users, 1);
    CHECK_EQUAL(async_group_destroy(group), 0);
    CHECK_EQUAL(async_shutdown(), 0);
    CHECK_EQUAL(async_spawn(&child, "too late", nothing, NULL), UV_ESHUTDOWN);
    CHECK_EQUAL(users, 1);
}

PLAIN(misuse)
{
    CHECK_EQUAL(async_local_set(&plain, "a"), UV_EINVAL); /* outside a task */
    CHECK(!async_local_get(&plain));
}

TEST(no_key)
{
    CHECK_EQUAL(async_local_set(NULL, "a"), UV_EINVAL);
    CHECK(!async_local_get(NULL));
}

/* ---- Several workers -------------------------------------------------------------------------------------
 */

static int spawn_on_all(void *level)
{
    intptr_t left = (intptr_t)level % 4;
    struct async_task *children[TEST_WORKERS] = {0};
    int *users = async_local_get(&counted);
    CHECK(users && __atomic_load_n(users, __ATOMIC_RELAXED) > 0);
    for (uint32_t i = 0; left && i < TEST_WORKERS; i++)
        CHECK_EQUAL(async_spawn_on(&children[i], i, "child", spawn_on_all, (void *)(left - 1)), 0);
    CHECK_EQUAL(async_local_set(&plain, users), 0);
    return left ? async_gather(children, TEST_WORKERS, NULL) : 0;
}

static int share_everywhere(void *unused)
{
    (void)unused;
    static int users = 1;
    CHECK_EQUAL(async_local_set(&counted, &users), 0);
    CHECK_EQUAL(test_spread(TEST_WORKERS * 4, spawn_on_all), 0);
    CHECK_EQUAL(users, 1);
    return 0;
}

PLAIN(several_workers)
{
    test_run_on_several(share_everywhere);
}
