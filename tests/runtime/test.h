/* SPDX-License-Identifier: MIT */
/**
 * @file test.h - tests of the runtime. `program NAME` runs one test; CMake makes a ctest of each. `program
 * --all` runs all of them, each in a process of its own.
 *
 *     TEST(name) { ... }    runs as async_run's first task
 *     PLAIN(name) { ... }   runs outside the runtime
 *
 * After the body the harness proves that everything is closed: no worker, no task, no handle, no file
 * descriptor and no stack is left.
 */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "sanitizer.h"

struct test {
    const char *name;
    bool plain;
    void (*body)(void);
    struct test *next;
};

void test_register(struct test *test);

#define TEST_DEFINE(name_, plain_)                                                                           \
    static void name_(void);                                                                                 \
    __attribute__((constructor)) static void name_##_register(void)                                          \
    {                                                                                                        \
        static struct test test = {.name = #name_, .plain = plain_, .body = name_};                          \
        test_register(&test);                                                                                \
    }                                                                                                        \
    static void name_(void)

#define TEST(name) TEST_DEFINE(name, false)
#define PLAIN(name) TEST_DEFINE(name, true)

/** Ends the test as failed unless the condition holds. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            test_fail(__FILE__, __LINE__, #condition);                                                       \
    } while (0)

/** Ends the test as failed unless both integers are equal; shows them. */
#define CHECK_EQUAL(actual, expected)                                                                        \
    do {                                                                                                     \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected);                          \
        if (actual_ != expected_)                                                                            \
            test_fail_equal(__FILE__, __LINE__, #actual, actual_, expected_);                                \
    } while (0)

__attribute__((noreturn)) void test_fail(const char *file, int line, const char *condition);
__attribute__((noreturn)) void test_fail_equal(const char *file, int line, const char *what, long long actual,
                                               long long expected);

/** Exit status of a test that this machine does not allow. */
#define TEST_SKIPPED 77

/** Spawns or fails. */
struct async_task *test_spawn(const char *name, async_function function, void *argument);

/** Joins or fails; the task's result. */
int test_join(struct async_task *task);

/** Lets all others run until they wait. */
void test_settle(void);

/** A number of tasks that the checker at hand can bear: 20,000, or less. */
int test_many(void);

bool test_under_valgrind(void);

/** ASYNCDUMP_NIGHTLY is set: there is time. */
bool test_is_nightly(void);

#define TEST_WORKERS 4

/** async_run on so many workers; fails unless the result is 0. */
void test_run_on_several(async_function start);

/** Runs `count` tasks, spread over the workers, and waits for them; the sum of their results, all >= 0. Each
 *  one's argument is its number. */
long test_spread(uint32_t count, async_function function);

#endif
