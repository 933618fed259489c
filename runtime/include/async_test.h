/* SPDX-License-Identifier: MIT */
/**
 * @file async_test.h - tests of what runs on libasyncrt, under any test framework or none: a deadline that
 * tells what hung, time that takes no time, and schedules that a seed repeats.
 *
 *     static int transfers(void *unused) { ...; return 0; }
 *
 *     int main(void)
 *     {
 *         struct async_test_options options = {.run.virtual_time = true, .seeds = 1000};
 *         return async_test("transfers", transfers, NULL, &options) ? 1 : 0;
 *     }
 *
 * Virtual time (async_options.virtual_time): clocks stand still while tasks run and jump to the next deadline
 * when all of them wait, so that sleeps and timeouts take no real time and end in the same order each time.
 * It begins at one hour; async_now tells it. A task that turns in circles until a time comes must sleep in
 * between. What comes from outside takes real time, and the clock does not jump over it:
 *
 *     work in the thread pool, files, DNS, child processes     until they end
 *     reads, writes, connections, datagrams, signals           for async_options.virtual_patience_ms of real
 *                                                              time (0: 10; -1u: forever): whoever is to send
 *                                                              or to read may be asleep in this same process
 *
 * and what another thread is to do, such as to resolve a promise, does not hold it.
 *
 * Seeded schedules (async_options.schedule_seed, not 0): which of the ready tasks runs next is drawn from the
 * seed, and calls that may wait but need not now and then let the others run. So each seed tries another
 * order of all the orders that a program must bear. The same seed gives the same run, if nothing comes from
 * outside and time is virtual.
 *
 * Both need one worker (UV_ENOTSUP). Without them nothing of this costs anything.
 */
#ifndef ASYNC_TEST_H
#define ASYNC_TEST_H

#include <stdio.h>

#include "async.h"

#ifdef __cplusplus
extern "C" {
#endif

struct async_test_options {
    struct async_options run; /**< as for async_run */
    uint64_t deadline_ms;     /**< of one run, in real time; 0: 10,000; UINT64_MAX: none */
    uint64_t seeds; /**< runs, with run.schedule_seed (0: 1) and the numbers that follow; 0: one run */
    /** Gets all that is to be told, a line at a time, without its end. NULL: printed to stderr. */
    void (*tell)(const char *line, void *data);
    void *data;
};

/**
 * Runs a test as async_run's first task, once or with many seeds until it fails. Its result: negative is a
 * failure, and is told with the seed; run again with ASYNC_TEST_SEED=<seed> in the environment, it runs with
 * that one only. A process that ends within the test, as by a failed assertion, tells the seed too.
 *
 * When the deadline passes, the tree of tasks is told and all of them are cancelled: UV_ETIMEDOUT. If they do
 * not end within another second, or a task keeps its worker busy, the process is aborted: a core tells more.
 * Errors of async_run are told and returned. `options` may be NULL.
 */
int async_test(const char *name, async_function test, void *argument,
               const struct async_test_options *options);

/** The seed of the schedule that is running; 0: none. For messages of failed assertions. */
uint64_t async_test_seed(void);

/**
 * Prints the tree of the calling worker's tasks: parents, and under them what they spawned.
 *
 *     #1 "main" waits for the end of #2 "server"
 *       #2 "server" (svc.c:31) waits in accept "127.0.0.1:80", for 12.0 s
 *         #7 "client" (svc.c:40) waits for mutex "accounts" held by #6 "audit", for 3.2 s
 */
void async_tasks_print(FILE *file);

#ifdef __cplusplus
}
#endif

#endif
