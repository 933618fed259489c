/* SPDX-License-Identifier: MIT */
/* The trace function: what it is called with, and that it is not called when there is none. */
#include <pthread.h>
#include <string.h>

#include "process.h"
#include "task.h"
#include "test.h"

static char log_text[4096];

/* "+b/a" spawned by a, ">b" resumed, "<b:timer" suspended, "-b:5" done. */
static void note(const struct async_trace *trace, void *data)
{
    size_t length = strlen(log_text), room = sizeof(log_text) - length;
    char *at = log_text + length;
    CHECK(data == log_text && trace->task && trace->start);
    CHECK(trace->event == ASYNC_TRACE_SUSPEND || !trace->awaits[0]);
    switch (trace->event) {
    case ASYNC_TRACE_SPAWN:
        snprintf(at, room, "+%s/%llu ", trace->task_name, (unsigned long long)trace->parent);
        break;
    case ASYNC_TRACE_RESUME:
        snprintf(at, room, ">%s ", trace->task_name);
        break;
    case ASYNC_TRACE_SUSPEND:
        snprintf(at, room, "<%s:%s ", trace->task_name, trace->awaits);
        break;
    case ASYNC_TRACE_DONE:
        snprintf(at, room, "-%s:%d ", trace->task_name, trace->result);
        break;
    }
}

static int sleep_and_yield(void *unused)
{
    (void)unused;
    async_sleep(1);
    async_yield();
    return 5;
}

static int start(void *unused)
{
    (void)unused;
    return test_join(test_spawn("b", sleep_and_yield, NULL));
}

PLAIN(events_in_order)
{
    char wanted[256];
    CHECK_EQUAL(async_set_trace(note, log_text), 0);
    CHECK_EQUAL(async_run(start, NULL, NULL), 5);
    unsigned long long id = async_process.tasks_spawned - 1;
    snprintf(wanted, sizeof(wanted),
             "+main/0 >main +b/%llu <main:join >b <b:timer >b <b:yield >b -b:5 >main -main:5 ", id);
    if (strcmp(log_text, wanted) != 0)
        fprintf(stderr, "%s\nis not\n%s\n", log_text, wanted);
    CHECK(strcmp(log_text, wanted) == 0);
    CHECK_EQUAL(async_set_trace(NULL, NULL), 0);
    CHECK_EQUAL(async_process.debug_flags, 0);
    CHECK_EQUAL(async_run(start, NULL, NULL), 5);
    CHECK(strcmp(log_text, wanted) == 0);
}

/* ---- Several workers ----------------------------------------------------------------------------- */

enum { TASKS = 200 };

static struct {
    unsigned spawned, resumed, suspended, done;
} tally[16];
static unsigned out_of_order;

/* By worker: events but spawns come on the task's own thread. */
static void count(const struct async_trace *trace, void *data)
{
    static _Thread_local uint64_t running;
    (void)data;
    switch (trace->event) {
    case ASYNC_TRACE_SPAWN:
        __atomic_fetch_add(&tally[trace->worker].spawned, 1, __ATOMIC_RELAXED);
        return;
    case ASYNC_TRACE_RESUME:
        tally[trace->worker].resumed++;
        break;
    case ASYNC_TRACE_SUSPEND:
        tally[trace->worker].suspended++;
        break;
    case ASYNC_TRACE_DONE:
        tally[trace->worker].done++;
        break;
    }
    uint64_t expected = trace->event == ASYNC_TRACE_RESUME ? 0 : trace->task;
    if (running != expected || (int)trace->worker != async_worker_index())
        __atomic_fetch_add(&out_of_order, 1, __ATOMIC_RELAXED);
    running = trace->event == ASYNC_TRACE_RESUME ? trace->task : 0;
}

static int yield_thrice(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        async_yield();
    return 0;
}

static int spread(void *unused)
{
    (void)unused;
    return (int)test_spread(TASKS, yield_thrice);
}

PLAIN(several_workers)
{
    CHECK_EQUAL(async_set_trace(count, NULL), 0);
    test_run_on_several(spread);
    CHECK_EQUAL(out_of_order, 0);
    for (unsigned i = 0; i < TEST_WORKERS; i++) {
        unsigned tasks = TASKS / TEST_WORKERS + (i == 0); /* main */
        CHECK_EQUAL(tally[i].spawned, tasks);
        CHECK_EQUAL(tally[i].done, tasks);
        CHECK_EQUAL(tally[i].resumed, tally[i].suspended + tally[i].done);
        CHECK(tally[i].suspended >= 3 * (TASKS / TEST_WORKERS));
    }
}

/* ---- Changed while it is called ------------------------------------------------------------------ */

static int numbers[2];

static void check_one(const struct async_trace *trace, void *data)
{
    (void)trace;
    CHECK(data == &numbers[1]);
}

static void check_other(const struct async_trace *trace, void *data)
{
    (void)trace;
    CHECK(data == &numbers[0]);
}

static bool stop;

static void *change_often(void *unused)
{
    for (int i = 0; i < 2000; i++)
        CHECK_EQUAL(
            i % 2 ? async_set_trace(check_one, &numbers[1]) : async_set_trace(check_other, &numbers[0]), 0);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    return unused;
}

TEST(changed_from_another_thread)
{
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, change_often, NULL), 0);
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
        async_yield();
    pthread_join(thread, NULL);
    CHECK_EQUAL(async_set_trace(NULL, NULL), 0);
}
