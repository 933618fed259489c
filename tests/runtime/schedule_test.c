/* SPDX-License-Identifier: MIT */
/* Schedules drawn from a seed: the same each time, different for others, and everything still holds. */
#include <string.h>

#include "async_test.h"
#include "process.h"
#include "test.h"

enum { TASKS = 5, STEPS = 4 };

static char trail[TASKS * STEPS + 1];
static size_t length;

static int leave_trail(void *letter)
{
    for (int i = 0; i < STEPS; i++) {
        trail[length++] = (char)(intptr_t)letter;
        async_yield();
    }
    return 0;
}

static int leave_trails(void *unused)
{
    (void)unused;
    struct async_task *tasks[TASKS];
    length = 0;
    memset(trail, 0, sizeof(trail));
    for (intptr_t i = 0; i < TASKS; i++)
        tasks[i] = test_spawn("walker", leave_trail, (void *)('a' + i));
    CHECK_EQUAL(async_gather(tasks, TASKS, NULL), 0);
    CHECK_EQUAL(length, TASKS * STEPS);
    for (int i = 0; i < TASKS; i++) {
        int found = 0;
        for (size_t at = 0; at < length; at++)
            found += trail[at] == 'a' + i;
        CHECK_EQUAL(found, STEPS);
    }
    return 0;
}

static const char *trail_of(uint64_t seed)
{
    struct async_options options = {.virtual_time = true, .schedule_seed = seed};
    CHECK_EQUAL(async_run(leave_trails, NULL, &options), 0);
    CHECK_EQUAL(async_process.debug_flags, 0);
    return trail;
}

PLAIN(same_seed_same_schedule)
{
    enum { SEEDS = 200 };
    static char trails[SEEDS][sizeof(trail)];
    for (unsigned i = 0; i < SEEDS; i++)
        strcpy(trails[i], trail_of(i + 1));
    unsigned same = 0;
    for (unsigned i = 0; i < SEEDS; i++) {
        CHECK(strcmp(trails[i], trail_of(i + 1)) == 0);
        same += i && strcmp(trails[i], trails[i - 1]) == 0;
    }
    CHECK_EQUAL(same, 0);
    CHECK(strcmp(trail_of(0), "abcdeabcdeabcdeabcde") == 0); /* without a seed, first come first served */
}

/* ---- Orders that a program did not think of ------------------------------------------------------ */

static struct async_mutex *mutex;
static bool busy, met;

/* No call here waits if nobody else runs: only a seed lets the two meet. */
static int assume_to_be_alone(void *unused)
{
    (void)unused;
    met |= busy;
    busy = true;
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    busy = false;
    return 0;
}

static int run_two(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_mutex_create(&mutex, "mutex"), 0);
    struct async_task *tasks[2] = {test_spawn("one", assume_to_be_alone, NULL),
                                   test_spawn("other", assume_to_be_alone, NULL)};
    CHECK_EQUAL(async_gather(tasks, 2, NULL), 0);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
    return met ? UV_EIO : 0;
}

static unsigned lines;

static void count_lines(const char *line, void *first_seed)
{
    unsigned long long seed;
    const char *at = strstr(line, "ASYNC_TEST_SEED=");
    lines++;
    if (at) {
        CHECK_EQUAL(sscanf(at, "ASYNC_TEST_SEED=%llu", &seed), 1);
        *(uint64_t *)first_seed = seed;
    }
}

PLAIN(seeds_find_what_the_usual_order_hides)
{
    uint64_t seed = 0;
    struct async_test_options options = {.tell = count_lines, .data = &seed};
    CHECK_EQUAL(async_test("usual", run_two, NULL, &options), 0);
    CHECK_EQUAL(lines, 0);
    options.seeds = 1000;
    CHECK_EQUAL(async_test("seeded", run_two, NULL, &options), UV_EIO);
    CHECK(lines == 2 && seed);
    /* The seed told is the one that failed, and fails alone. */
    met = false;
    options = (struct async_test_options){.run.schedule_seed = seed, .tell = count_lines, .data = &seed};
    CHECK_EQUAL(async_test("again", run_two, NULL, &options), UV_EIO);
    char text[32];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
    setenv("ASYNC_TEST_SEED", text, 1);
    met = false;
    options = (struct async_test_options){.seeds = 1, .tell = count_lines, .data = &seed};
    CHECK_EQUAL(async_test("by the environment", run_two, NULL, &options), UV_EIO);
    unsetenv("ASYNC_TEST_SEED");
}
