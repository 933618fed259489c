/* SPDX-License-Identifier: MIT */
/* What tasks and start functions have cost. */
#include <string.h>
#include <unistd.h>

#include "async_debug.h"
#include "process.h"
#include "task.h"
#include "test.h"

static struct async_counters counters_of(async_function start)
{
    struct async_counters counters;
    for (const void *position = NULL; async_counters_next(&position, &counters);) {
        if (counters.start == start)
            return counters;
    }
    return (struct async_counters){0};
}

/* Computes, and says for how long at least. */
static uint64_t work(void)
{
    uint64_t begun = async_now(), now;
    while ((now = async_now()) < begun + 5000000)
        ;
    return now - begun;
}

/* ---- Counts, in any mode ------------------------------------------------------------------------- */

static int yield_twice(void *result)
{
    async_yield();
    async_yield();
    return (int)(intptr_t)result;
}

static int sleep_on(void *unused)
{
    (void)unused;
    return async_sleep(1000000);
}

TEST(counts_of_a_function)
{
    CHECK(!counters_of(yield_twice).start);
    struct async_task *task = test_spawn("yields", yield_twice, NULL);
    CHECK_EQUAL(counters_of(yield_twice).spawned, 1);
    CHECK_EQUAL(counters_of(yield_twice).finished, 0);
    test_join(task);
    test_join(test_spawn("yields and fails", yield_twice, (void *)(intptr_t)UV_EIO));
    task = test_spawn("sleeps", sleep_on, NULL);
    test_settle();
    CHECK_EQUAL(async_cancel(task), 0);
    test_join(task);
    struct async_counters counters = counters_of(yield_twice);
    CHECK_EQUAL(counters.spawned, 2);
    CHECK_EQUAL(counters.finished, 2);
    CHECK_EQUAL(counters.failed, 1);
    CHECK_EQUAL(counters.resumes, 6);
    CHECK_EQUAL(counters.wall_time, 0);
    CHECK_EQUAL(counters.cpu_time, 0);
    CHECK_EQUAL(counters.longest_task, 0);
    CHECK_EQUAL(counters_of(sleep_on).failed, 0); /* cancelled */
    CHECK_EQUAL(counters_of(sleep_on).resumes, 2);
}

static int spawn_and_join(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++)
        test_join(test_spawn("yields", yield_twice, NULL));
    return 0;
}

static int spread(void *unused)
{
    (void)unused;
    return (int)test_spread(8, spawn_and_join);
}

PLAIN(counts_of_several_workers)
{
    struct async_options options = {.workers = 4, .times = true};
    CHECK_EQUAL(async_run(spread, NULL, &options), 0);
    struct async_counters counters = counters_of(yield_twice);
    CHECK_EQUAL(counters.spawned, 800);
    CHECK_EQUAL(counters.finished, 800);
    CHECK_EQUAL(counters.resumes, 2400);
    CHECK(counters.wall_time >= counters.longest_step && counters.longest_step && counters.longest_task);
}

/* ---- More functions than there is room for ------------------------------------------------------- */

#define ONE(number)                                                                                          \
    static int function_##number(void *unused)                                                               \
    {                                                                                                        \
        (void)unused;                                                                                        \
        return 1##number - 10000;                                                                            \
    }
#define TEN(use, tens)                                                                                       \
    use(tens##0) use(tens##1) use(tens##2) use(tens##3) use(tens##4) use(tens##5) use(tens##6) use(tens##7)  \
        use(tens##8) use(tens##9)
#define HUNDRED(use, hundreds)                                                                               \
    TEN(use, hundreds##0)                                                                                    \
    TEN(use, hundreds##1)                                                                                    \
    TEN(use, hundreds##2)                                                                                    \
    TEN(use, hundreds##3)                                                                                    \
    TEN(use, hundreds##4)                                                                                    \
    TEN(use, hundreds##5)                                                                                    \
    TEN(use, hundreds##6)                                                                                    \
    TEN(use, hundreds##7)                                                                                    \
    TEN(use, hundreds##8)                                                                                    \
    TEN(use, hundreds##9)
#define NINE_HUNDRED(use)                                                                                    \
    HUNDRED(use, 00)                                                                                         \
    HUNDRED(use, 01)                                                                                         \
    HUNDRED(use, 02)                                                                                         \
    HUNDRED(use, 03)                                                                                         \
    HUNDRED(use, 04)                                                                                         \
    HUNDRED(use, 05)                                                                                         \
    HUNDRED(use, 06)                                                                                         \
    HUNDRED(use, 07)                                                                                         \
    HUNDRED(use, 08)
#define NAMED(number) function_##number,

NINE_HUNDRED(ONE)

TEST(more_functions_than_room)
{
    static async_function const functions[] = {NINE_HUNDRED(NAMED)};
    enum { COUNT = sizeof(functions) / sizeof(functions[0]) };
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++)
            CHECK_EQUAL(test_join(test_spawn("one", functions[i], NULL)), i);
    }
    unsigned records = 0, ours = 0;
    struct async_counters counters;
    uint64_t counted = 0;
    for (const void *position = NULL; async_counters_next(&position, &counters); records++) {
        counted += counters.spawned;
        ours += counters.start == functions[0] || counters.start == functions[500];
    }
    CHECK_EQUAL(records, 768 + 1);
    CHECK_EQUAL(counted, async_process.tasks_spawned);
    CHECK_EQUAL(ours, 2);
    CHECK(counters_of(NULL).finished >= 2 * (COUNT - 768));
    CHECK_EQUAL(counters_of(functions[500]).finished, 2);
}

/* ---- Times --------------------------------------------------------------------------------------- */

static uint64_t worked;

static int work_twice(void *unused)
{
    (void)unused;
    uint64_t first = work();
    async_yield();
    uint64_t second = work();
    worked = first + second;
    struct async_counters counters;
    CHECK_EQUAL(async_task_counters(async_self(), &counters), 0);
    /* Of the first step only: this one is not over. */
    CHECK(!counters.wall_time || (counters.longest_step >= first && counters.wall_time >= first));
    CHECK_EQUAL(counters.resumes, 2);
    return 0;
}

static int wait_long(void *unused)
{
    (void)unused;
    return async_sleep(50);
}

static int block(void *unused)
{
    (void)unused;
    usleep(30000);
    return 0;
}

/* Its own CPU time, as the kernel tells it. */
static uint64_t cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int use_time(void *unused)
{
    (void)unused;
    uint64_t cpu = cpu_now();
    struct async_task *working = test_spawn("works", work_twice, NULL);
    uint64_t id = async_task_id(working);
    test_join(working);
    test_join(test_spawn("waits", wait_long, NULL));
    test_join(test_spawn("blocks", block, NULL));
    cpu = cpu_now() - cpu;
    struct async_counters works = counters_of(work_twice), waits = counters_of(wait_long),
                          blocks = counters_of(block);
    CHECK(works.wall_time >= worked && works.cpu_time <= works.wall_time);
    CHECK(works.longest_step >= 5000000 && works.longest_step < works.wall_time);
    CHECK_EQUAL(works.longest_task, id);
    CHECK(waits.wall_time < 50000000);
    CHECK(blocks.wall_time >= 30000000 && blocks.cpu_time <= blocks.wall_time - 20000000);
    CHECK(works.cpu_time + blocks.cpu_time <= cpu);
    CHECK(works.cpu_time > 0);
    return 0;
}

PLAIN(times_of_a_function)
{
    struct async_options options = {.times = true};
    CHECK_EQUAL(async_run(use_time, NULL, &options), 0);
}

/* Short steps are not measured on the CPU's clock one by one, yet their sum is right. */
static int yield_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20000; i++)
        async_yield();
    return 0;
}

static int run_short_steps(void *unused)
{
    (void)unused;
    uint64_t wall = async_now();
    struct async_task *tasks[2] = {test_spawn("a", yield_often, NULL), test_spawn("b", yield_often, NULL)};
    CHECK_EQUAL(async_gather(tasks, 2, NULL), 0);
    wall = async_now() - wall;
    struct async_counters counters = counters_of(yield_often);
    CHECK(counters.wall_time <= wall && counters.cpu_time <= counters.wall_time && counters.cpu_time);
    return 0;
}

PLAIN(short_steps_add_up)
{
    struct async_options options = {.times = true};
    CHECK_EQUAL(async_run(run_short_steps, NULL, &options), 0);
}

static int switch_times(void *unused)
{
    (void)unused;
    test_join(test_spawn("uncounted", work_twice, NULL));
    CHECK_EQUAL(counters_of(work_twice).wall_time, 0);
    async_times_enable(true);
    struct async_task *task = test_spawn("counted", sleep_on, NULL);
    test_settle();
    CHECK(counters_of(sleep_on).wall_time > 0 && task->wall_time == counters_of(sleep_on).wall_time);
    async_times_enable(false);
    uint64_t before = task->wall_time;
    CHECK_EQUAL(async_cancel(task), 0);
    test_join(task);
    CHECK_EQUAL(counters_of(sleep_on).wall_time, before);
    return 0;
}

PLAIN(times_switched_while_running)
{
    CHECK_EQUAL(async_run(switch_times, NULL, NULL), 0);
}

static int work_uncounted(void *unused)
{
    (void)unused;
    work();
    return 0;
}

PLAIN(times_by_environment)
{
    setenv("ASYNCRT_TIMES", "1", 1);
    CHECK_EQUAL(async_run(work_uncounted, NULL, NULL), 0);
    CHECK(counters_of(work_uncounted).wall_time >= 5000000);
    CHECK(async_process.debug_flags == ASYNC_DEBUG_MODE_TIMES);
}

PLAIN(no_times_when_off)
{
    CHECK_EQUAL(async_run(work_uncounted, NULL, NULL), 0);
    CHECK_EQUAL(counters_of(work_uncounted).wall_time, 0);
    CHECK_EQUAL(counters_of(work_uncounted).resumes, 1);
}

/* ---- The table ----------------------------------------------------------------------------------- */

static int print_table(void *file)
{
    async_times_enable(true);
    test_join(test_spawn("yields", yield_twice, NULL));
    test_join(test_spawn("works", work_uncounted, NULL));
    async_counters_print(file);
    return 0;
}

PLAIN(table_has_the_hungriest_first)
{
    char text[8192] = "", address[128];
    FILE *file = fmemopen(text, sizeof(text), "w");
    CHECK(file);
    CHECK_EQUAL(async_run(print_table, file, NULL), 0);
    fclose(file);
    async_address_describe((char *)(uintptr_t)work_uncounted + 1, address, sizeof(address));
    double before = 1e300, wall, worked_ms = 0;
    unsigned rows = 0;
    for (char *row = strtok(strchr(text, '\n'), "\n"); row; row = strtok(NULL, "\n"), rows++) {
        CHECK_EQUAL(sscanf(row, "%*u %*u %*u %*u %lf", &wall), 1);
        CHECK(wall <= before);
        before = wall;
        worked_ms += strstr(row, address) ? wall : 0;
    }
    CHECK_EQUAL(rows, 4); /* and the harness's own */
    CHECK(worked_ms >= 5);
}
