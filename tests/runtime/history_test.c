/* SPDX-License-Identifier: MIT */
/* The ring of tasks that have ended, read through the contract. */
#include <string.h>

#include "contract_reader.h"
#include "descriptor.h"
#include "process.h"
#include "task.h"
#include "test.h"

#define GET(kind, record, field) reader_get(reader, ASYNC_DEBUG_##kind, record, ASYNC_DEBUG_##kind##_##field)

/* The record that was written so many records ago, 1: the last. */
static uint64_t entry(struct reader *reader, uint64_t ago)
{
    uint64_t process = reader->descriptor.process;
    uint64_t count = GET(PROCESS, process, HISTORY_COUNT), capacity = GET(PROCESS, process, HISTORY_CAPACITY);
    CHECK(ago <= count && ago <= capacity);
    return GET(PROCESS, process, HISTORY) +
           (count - ago) % capacity * reader->descriptor.records[ASYNC_DEBUG_FINISHED].size;
}

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

static int fail_with_long_text(void *unused)
{
    (void)unused;
    async_yield();
    return async_fail(UV_ENOENT, "no user %s, and %s", "bob",
                      "a text that is longer than what the history has room for, by far");
}

static int sleep_on(void *unused)
{
    (void)unused;
    return async_sleep(1000000);
}

TEST(fields_tell_the_truth)
{
    char text[128];
    int line = __LINE__ + 2;
    struct async_task *task;
    CHECK_EQUAL(async_spawn(&task, "failing", fail_with_long_text, NULL), 0);
    uint64_t id = async_task_id(task);
    CHECK_EQUAL(test_join(task), UV_ENOENT);
    uint64_t now = async_now();
    struct reader self = reader_load_self(), *reader = &self;
    uint64_t last = entry(reader, 1), site = GET(FINISHED, last, SPAWN_SITE);
    CHECK_EQUAL(GET(FINISHED, last, ID), id);
    reader_text(reader, ASYNC_DEBUG_FINISHED, last, ASYNC_DEBUG_FINISHED_NAME, text, sizeof(text));
    CHECK(strcmp(text, "failing") == 0);
    CHECK_EQUAL(GET(FINISHED, last, STATE), ASYNC_TASK_FAILED);
    CHECK_EQUAL(GET(FINISHED, last, START), (uintptr_t)fail_with_long_text);
    CHECK_EQUAL(GET(FINISHED, last, PARENT_ID), async_task_id(async_self()));
    CHECK_EQUAL(GET(SITE, site, LINE), line);
    uint64_t spawned = GET(FINISHED, last, SPAWNED_AT), finished = GET(FINISHED, last, FINISHED_AT);
    CHECK(spawned && spawned <= finished && finished <= now);
    CHECK_EQUAL((int32_t)GET(FINISHED, last, ERROR), UV_ENOENT);
    reader_text(reader, ASYNC_DEBUG_FINISHED, last, ASYNC_DEBUG_FINISHED_ERROR_TEXT, text, sizeof(text));
    CHECK(strncmp(text, "no user bob, and a text", 23) == 0 && strlen(text) == 63);
    CHECK_EQUAL(GET(FINISHED, last, RESUMES), 2);
    CHECK_EQUAL(GET(FINISHED, last, FLAGS), ASYNC_DEBUG_TASK_RETRIEVED);
    CHECK_EQUAL(GET(FINISHED, last, CPU_TIME), 0);
    CHECK(!self.problem[0]);
}

TEST(every_end_is_on_record)
{
    struct async_task *task = test_spawn("cancelled", sleep_on, NULL);
    test_settle();
    CHECK_EQUAL(async_cancel(task), 0);
    test_join(task);
    struct reader self = reader_load_self(), *reader = &self;
    CHECK_EQUAL(GET(FINISHED, entry(reader, 1), STATE), ASYNC_TASK_CANCELLED);
    CHECK_EQUAL(async_spawn(NULL, "detached", nothing, NULL), 0);
    test_settle();
    CHECK_EQUAL(GET(FINISHED, entry(reader, 1), STATE), ASYNC_TASK_RETURNED);
    CHECK_EQUAL(GET(FINISHED, entry(reader, 1), FLAGS), ASYNC_DEBUG_TASK_DETACHED);
    /* One that waits to be joined is on the list still, and nowhere else. */
    uint64_t count = async_process.history_count;
    task = test_spawn("unjoined", nothing, NULL);
    test_settle();
    CHECK_EQUAL(async_process.history_count, count);
    test_join(task);
    CHECK_EQUAL(async_process.history_count, count + 1);
}

/* The ring keeps the last ones, each once, in their order. */
static void check_ring(uint64_t first_id, uint64_t last_id)
{
    struct reader self = reader_load_self(), *reader = &self;
    for (uint64_t id = first_id; id <= last_id; id++)
        CHECK_EQUAL(GET(FINISHED, entry(reader, last_id - id + 1), ID), id);
}

static void run_many(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        test_join(test_spawn("one", nothing, NULL));
}

TEST(ring_keeps_the_last)
{
    CHECK_EQUAL(async_process.history_capacity, 256);
    uint64_t first = async_process.tasks_spawned + 1;
    run_many(200);
    check_ring(first, first + 199);
    run_many(200);
    check_ring(first + 400 - 256, first + 399);
    CHECK_EQUAL(async_process.history_next, async_process.history_count % 256);
}

static int run_ten(void *unused)
{
    (void)unused;
    run_many(10);
    return 0;
}

PLAIN(capacity_is_an_option)
{
    struct async_options options = {.history = 7};
    CHECK_EQUAL(async_run(run_ten, NULL, &options), 0);
    uint64_t last = async_process.tasks_spawned;
    CHECK_EQUAL(async_process.history_capacity, 7);
    CHECK_EQUAL(async_process.history_count, 11);
    struct reader self = reader_load_self(), *reader = &self;
    CHECK_EQUAL(GET(FINISHED, entry(reader, 1), ID), last - 10); /* main, which ends after its children */
    for (unsigned i = 2; i <= 7; i++)
        CHECK_EQUAL(GET(FINISHED, entry(reader, i), ID), last - (i - 2));
    CHECK_EQUAL(async_run(nothing, NULL, &options), 0); /* it goes on from one run to the next */
    CHECK_EQUAL(async_process.history_count, 12);
    options.history = UINT32_MAX;
    CHECK_EQUAL(async_run(run_ten, NULL, &options), 0);
    CHECK(!async_process.history && !async_process.history_count && !async_process.history_capacity);
}

static int leave_one(void *unused)
{
    struct async_task *task;
    (void)unused;
    return async_spawn(&task, "left", fail_with_long_text, NULL);
}

PLAIN(unjoined_tasks_are_on_record)
{
    CHECK_EQUAL(async_run(leave_one, NULL, NULL), 0);
    struct reader self = reader_load_self(), *reader = &self;
    CHECK_EQUAL(GET(FINISHED, entry(reader, 1), START), (uintptr_t)fail_with_long_text);
    CHECK_EQUAL(GET(FINISHED, entry(reader, 1), STATE), ASYNC_TASK_FAILED);
    CHECK_EQUAL(GET(FINISHED, entry(reader, 1), FLAGS), 0);
}

/* ---- Several workers ----------------------------------------------------------------------------- */

enum { EACH = 50, SPREAD = 8 };

static int spawn_each(void *unused)
{
    (void)unused;
    run_many(EACH);
    return 0;
}

static int spread(void *unused)
{
    (void)unused;
    return (int)test_spread(SPREAD, spawn_each);
}

PLAIN(several_workers_write)
{
    enum { ALL = SPREAD * (EACH + 1) + 1 };
    bool seen[ALL + 1] = {false};
    struct async_options options = {.workers = 4, .history = 1024};
    uint64_t before = async_process.tasks_spawned;
    CHECK_EQUAL(async_run(spread, NULL, &options), 0);
    CHECK_EQUAL(async_process.history_count, ALL);
    struct reader self = reader_load_self(), *reader = &self;
    for (unsigned i = 1; i <= ALL; i++) {
        uint64_t id = GET(FINISHED, entry(reader, i), ID) - before;
        CHECK(id >= 1 && id <= ALL && !seen[id]);
        seen[id] = true;
    }
}
