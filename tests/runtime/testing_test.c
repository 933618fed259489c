/* SPDX-License-Identifier: MIT */
/* What async_test tells of tests that hang, fail or end the process. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "async_test.h"
#include "sanitizer.h"
#include "test.h"

/* So many tasks within a deadline are too much for valgrind, and for ThreadSanitizer, who takes them for threads. */
static void need_speed(void)
{
#ifdef ASYNC_SANITIZE_THREAD
    exit(TEST_SKIPPED);
#endif
#ifdef ASYNC_VALGRIND
    if (RUNNING_ON_VALGRIND)
        exit(TEST_SKIPPED);
#endif
}

static char told[1 << 18];

static void collect(const char *line, void *data)
{
    CHECK(data == told);
    CHECK(!strchr(line, '\n'));
    strncat(told, line, sizeof(told) - strlen(told) - 2);
    strcat(told, "\n");
}

static int test_and_collect(async_function test, struct async_test_options options)
{
    told[0] = '\0';
    options.tell = collect;
    options.data = told;
    int result = async_test("the test", test, NULL, &options);
    fputs(told, stderr); /* for whoever reads why a check failed */
    return result;
}

static int run_of(struct async_options run, async_function test)
{
    return test_and_collect(test, (struct async_test_options){.run = run, .deadline_ms = 100});
}

/* The text lies in what was told, `indent` deep. */
static void check_line(int indent, const char *text)
{
    const char *at = strstr(told, text);
    if (!at)
        fprintf(stderr, "not told: %s\n", text);
    CHECK(at);
    const char *line = at;
    while (line > told && line[-1] != '\n')
        line--;
    CHECK_EQUAL(strspn(line, " "), indent);
}

/* ---- Passing and failing ------------------------------------------------------------------------- */

static int pass(void *result)
{
    return result ? 0 : 42;
}

static int fail(void *unused)
{
    (void)unused;
    return UV_EPIPE;
}

PLAIN(passing_tells_nothing)
{
    CHECK_EQUAL(test_and_collect(pass, (struct async_test_options){0}), 42);
    CHECK_EQUAL(strlen(told), 0);
    CHECK_EQUAL(async_test("no options", pass, NULL, NULL), 42);
    CHECK_EQUAL(test_and_collect(pass, (struct async_test_options){.deadline_ms = UINT64_MAX, .seeds = 3}),
                42);
    CHECK_EQUAL(strlen(told), 0);
}

PLAIN(failing_tells_the_code_and_the_seed)
{
    CHECK_EQUAL(test_and_collect(fail, (struct async_test_options){0}), UV_EPIPE);
    CHECK(strstr(told, "\"the test\"") && strstr(told, "EPIPE") && !strstr(told, "SEED"));
    CHECK_EQUAL(test_and_collect(fail, (struct async_test_options){.run.schedule_seed = 77, .seeds = 5}),
                UV_EPIPE);
    CHECK(strstr(told, "ASYNC_TEST_SEED=77\n"));
    struct async_test_options refused = {.run = {.workers = 2, .virtual_time = true}};
    CHECK_EQUAL(test_and_collect(pass, refused), UV_ENOTSUP);
    CHECK(strstr(told, "ENOTSUP"));
}

/* ---- Hanging ------------------------------------------------------------------------------------- */

static struct async_mutex *mutex;
static unsigned spawn_line;

static int wait_for_mutex(void *unused)
{
    (void)unused;
    return async_mutex_lock(mutex);
}

static int sleep_and_spawn(void *unused)
{
    (void)unused;
    spawn_line = __LINE__ + 1;
    struct async_task *child = test_spawn("inner", wait_for_mutex, NULL);
    int error = async_sleep(1000000);
    test_join(child);
    return error;
}

static int hang(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_mutex_create(&mutex, "precious"), 0);
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    struct async_task *outer = test_spawn("outer", sleep_and_spawn, NULL);
    int error = async_join(outer, NULL);
    if (error)
        test_join(outer);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
    return error;
}

PLAIN(a_hanging_test_tells_its_tasks_and_ends)
{
    CHECK_EQUAL(run_of((struct async_options){0}, hang), UV_ETIMEDOUT);
    CHECK(strstr(told, "not over after 100 ms"));
    check_line(2, "\"main\" waiting: join");
    check_line(4, "\"outer\" (");
    check_line(6, "\"inner\" (");
    CHECK(strstr(told, "waiting: timer"));
    CHECK(strstr(told, "waiting: mutex \"precious\", held by #"));
    CHECK(strstr(told, "test.c:")); /* where they were spawned */
    CHECK(strstr(told, "told to end") == NULL);
}

PLAIN(a_hanging_test_tells_its_seed)
{
    struct async_test_options options = {.run.schedule_seed = 5, .deadline_ms = 100};
    CHECK_EQUAL(test_and_collect(hang, options), UV_ETIMEDOUT);
    CHECK(strstr(told, "ASYNC_TEST_SEED=5\n"));
}

static int sleep_long(void *unused)
{
    (void)unused;
    return async_sleep(1000000);
}

static int hang_everywhere(void *unused)
{
    (void)unused;
    struct async_task *tasks[4];
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQUAL(async_spawn_on(&tasks[i], i, "spread", sleep_long, NULL), 0);
    int error = async_gather(tasks, 4, NULL);
    for (int i = 0; error == UV_ECANCELED && i < 4; i++)
        async_join(tasks[i], NULL);
    return error;
}

PLAIN(tasks_of_all_workers_are_told)
{
    need_speed();
    CHECK_EQUAL(run_of((struct async_options){.workers = 4}, hang_everywhere), UV_ETIMEDOUT);
    for (int i = 1; i < 4; i++) {
        char text[32];
        snprintf(text, sizeof(text), "[worker %d]", i);
        check_line(4, text);
    }
}

static int spawn_chain(void *depth)
{
    if (!depth)
        return async_sleep(1000000);
    struct async_task *next = test_spawn("link", spawn_chain, (char *)depth - 1);
    int error = async_join(next, NULL);
    if (error)
        test_join(next);
    return error;
}

static int hang_deep(void *unused)
{
    (void)unused;
    return spawn_chain((void *)1000);
}

PLAIN(of_many_tasks_the_first_are_told)
{
    struct async_test_options options = {.deadline_ms = 100};
    need_speed();
    CHECK_EQUAL(test_and_collect(hang_deep, options), UV_ETIMEDOUT);
    CHECK(strstr(told, "  and 501 more tasks\n"));
}

/* ---- Ending the process -------------------------------------------------------------------------- */

static int defy(void *unused)
{
    (void)unused;
    async_shield_begin();
    async_sleep(1000000);
    return 0;
}

static int spin(void *unused)
{
    (void)unused;
    for (volatile bool for_ever = true; for_ever;)
        ;
    return 0;
}

static int assert_something(void *unused)
{
    (void)unused;
    abort();
}

static int leave(void *unused)
{
    (void)unused;
    exit(0);
}

/* Runs a test in a child; what it told on stderr is in `told`. Returns the child's status. */
static int run_in_a_child(async_function test, uint64_t seed)
{
    int fds[2], status;
    CHECK_EQUAL(pipe(fds), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct async_test_options options = {.run.schedule_seed = seed, .deadline_ms = 100};
        dup2(fds[1], STDERR_FILENO);
        async_test("child's", test, NULL, &options);
        _exit(0);
    }
    close(fds[1]);
    size_t size = 0;
    for (ssize_t got; (got = read(fds[0], told + size, sizeof(told) - 1 - size)) > 0;)
        size += (size_t)got;
    told[size] = '\0';
    fputs(told, stderr);
    close(fds[0]);
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

PLAIN(tasks_that_do_not_end_abort)
{
    int status = run_in_a_child(defy, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    check_line(2, "\"main\" waiting: timer");
    CHECK(strstr(told, "shielded") && strstr(told, "some do not: aborted"));
}

PLAIN(a_busy_worker_aborts)
{
    int status = run_in_a_child(spin, 9);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strstr(told, "keeps its worker busy") && strstr(told, "ASYNC_TEST_SEED=9\n"));
}

PLAIN(a_process_that_ends_tells_the_seed)
{
    int status = run_in_a_child(assert_something, 12);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strstr(told, "the process ends within it; ASYNC_TEST_SEED=12\n"));
    status = run_in_a_child(leave, 13);
    CHECK(WIFEXITED(status));
    CHECK(strstr(told, "ASYNC_TEST_SEED=13\n"));
    CHECK_EQUAL(run_in_a_child(pass, 14), 0);
    CHECK_EQUAL(strlen(told), 0);
}

/* ---- Printing at any time ------------------------------------------------------------------------ */

TEST(tasks_can_be_printed)
{
    static char text[4096];
    struct async_task *task = test_spawn("sleeper", sleep_long, NULL);
    async_yield();
    FILE *file = fmemopen(text, sizeof(text), "w");
    CHECK(file);
    async_tasks_print(file);
    fclose(file);
    CHECK(strstr(text, "\"main\" running\n") && strstr(text, "    #") && strstr(text, "\"sleeper\" ("));
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
}
