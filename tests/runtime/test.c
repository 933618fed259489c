/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <dirent.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

/* Allocations that must fail are to fail, not to end a sanitized run. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/*
 * ThreadSanitizer keeps a word for each file descriptor, written by whoever opens it and by whoever closes it.
 * libuv closes by syscall(SYS_close), which it does not see: a number that is used again on another worker then
 * looks like a race between the two openings. Nothing of the program is touched there.
 */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race_top:pipe2\n"
           "race_top:socket\n"
           "race_top:socketpair\n"
           "race_top:accept4\n"
           "race_top:open\n"
           "race_top:open64\n"
           "race_top:eventfd\n"
           "race_top:epoll_create1\n";
}

static struct test *tests;

void test_register(struct test *test)
{
    test->next = tests;
    tests = test;
}

void test_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
    _exit(1);
}

void test_fail_equal(const char *file, int line, const char *what, long long actual, long long expected)
{
    fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", file, line, what, actual, expected);
    _exit(1);
}

struct async_task *test_spawn(const char *name, async_function function, void *argument)
{
    struct async_task *task;
    CHECK_EQUAL(async_spawn(&task, name, function, argument), 0);
    return task;
}

int test_join(struct async_task *task)
{
    int result;
    CHECK_EQUAL(async_join(task, &result), 0);
    return result;
}

bool test_is_nightly(void)
{
    const char *nightly = getenv("ASYNCDUMP_NIGHTLY");
    return nightly && *nightly;
}

bool test_under_valgrind(void)
{
#ifdef ASYNC_VALGRIND
    return RUNNING_ON_VALGRIND;
#else
    return false;
#endif
}

int test_many(void)
{
#ifdef ASYNC_SANITIZE_THREAD
    return 2000; /* it takes each for a thread, of which it knows 8128 */
#else
    return test_under_valgrind() && !test_is_nightly() ? 2000 : 20000; /* it seeks among all stacks */
#endif
}

void test_settle(void)
{
    for (int i = 0; i < 10; i++)
        async_yield();
}

void test_run_on_several(async_function start)
{
    static const struct async_options several = {.workers = TEST_WORKERS};
    CHECK_EQUAL(async_run(start, NULL, &several), 0);
}

long test_spread(uint32_t count, async_function function)
{
    struct async_task **tasks = calloc(count, sizeof(struct async_task *));
    long sum = 0;
    CHECK(tasks);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t worker = i % async_worker_count();
        CHECK_EQUAL(async_spawn_on(&tasks[i], worker, "spread", function, (void *)(uintptr_t)i), 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        int result = test_join(tasks[i]);
        CHECK(result >= 0);
        sum += result;
    }
    free(tasks);
    return sum;
}

/* ---- Nothing is left ----------------------------------------------------------------------------- */

struct residue {
    int files;
    int guards; /* inaccessible pages, as lie at the edge of every slab of stacks */
};

/* A line of /proc/self/maps that is anonymous memory of such rights; its size, or 0. */
static unsigned long long anonymous(const char *line, const char *wanted)
{
    unsigned long long start, end;
    char rights[5];
    bool is = sscanf(line, "%llx-%llx %4s", &start, &end, rights) == 3 && strcmp(rights, wanted) == 0 &&
              strstr(line, " 00:00 0 ");
    return is ? end - start : 0;
}

/* One inaccessible page; but libc keeps the stacks of threads that have ended, 8 MiB behind a page each. */
static bool is_guard(const char *before, const char *line)
{
    return anonymous(before, "---p") == 4096 && anonymous(line, "rw-p") != 8 << 20;
}

static struct residue take_stock(void)
{
    struct residue residue = {0};
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory);
    while (readdir(directory))
        residue.files++;
    closedir(directory);
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps);
    char before[512] = "";
    for (char line[512]; fgets(line, sizeof(line), maps); strcpy(before, line))
        residue.guards += is_guard(before, line);
    fclose(maps);
    return residue;
}

static void check_nothing_left(struct residue before)
{
    struct residue after = take_stock();
    CHECK_EQUAL(async_process.worker_count, 0);
    CHECK_EQUAL(async_process.tasks_alive, 0);
    CHECK_EQUAL(async_process.tasks_finished, async_process.tasks_spawned);
    CHECK_EQUAL(async_process.changes.count % 2, 0);
    CHECK(!async_process.handles);
    CHECK(!async_self());
    CHECK_EQUAL(after.files, before.files);
    CHECK_EQUAL(after.guards, before.guards);
}

/* ---- Run ------------------------------------------------------------------------------------------- */

static int run_body(void *test)
{
    ((const struct test *)test)->body();
    return 4711;
}

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

static void run(struct test *test)
{
    /* More of them, so that locks are taken; the body is on the first. */
    const char *workers = getenv("TEST_WORKERS");
    struct async_options options = {.workers = workers ? (uint32_t)atoi(workers) : 0};
    /* libuv keeps two files for signals from its first loop on. */
    CHECK_EQUAL(async_run(nothing, NULL, NULL), 0);
    struct residue before = take_stock();
    if (test->plain)
        test->body();
    else
        CHECK_EQUAL(async_run(run_body, test, &options), 4711);
    check_nothing_left(before);
    uv_library_shutdown();
}

static bool fails_in_a_child(struct test *test)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run(test);
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    bool well = WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == TEST_SKIPPED);
    if (!well)
        fprintf(stderr, "%s: failed, status %#x\n", test->name, status);
    return !well;
}

/* Each in a process of its own: for checkers that take longer to start than a test to run. */
static int run_all(void)
{
    int failed = 0;
    for (struct test *test = tests; test; test = test->next)
        failed += fails_in_a_child(test);
    return failed > 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--all") == 0)
        return run_all();
    for (struct test *test = tests; test; test = test->next) {
        if (argc == 2 && strcmp(argv[1], test->name) == 0) {
            run(test);
            return 0;
        }
    }
    fprintf(stderr, "usage: %s TEST | --all\n", argv[0]);
    return 2;
}
