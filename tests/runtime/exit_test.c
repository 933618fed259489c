/* SPDX-License-Identifier: MIT */
/* Programs that end through exit() while tasks live, and what they print: each in a process of its own. */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "async_debug.h"
#include "process.h"
#include "sanitizer.h"
#include "test.h"

static int exit_line;

/* Who ends in the midst of things leaves memory behind. */
static bool is_child;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return is_child;
}

static int sleep_long(void *unused)
{
    (void)unused;
    return async_sleep(1000000);
}

/* Runs a program in a child, which ends with status 3; what it wrote to stderr. */
static const char *run_in_child(void (*program)(void), bool debug)
{
    static char output[65536];
    int ends[2], status;
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        is_child = true;
        async_debug_enable(debug);
        program();
        exit(3);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(ends[0], output + length, sizeof(output) - 1 - length)) > 0;)
        length += (size_t)got;
    output[length] = 0;
    close(ends[0]);
    CHECK(waitpid(pid, &status, 0) == pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
        fputs(output, stderr);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    return output;
}

static unsigned lines(const char *text, const char *with)
{
    unsigned found = 0;
    for (const char *at = text; (at = strstr(at, with)); at++)
        found++;
    return found;
}

/* The rest of the line where something stands. */
static const char *line_from(const char *text, const char *begin)
{
    static char line[512];
    const char *at = strstr(text, begin);
    CHECK(at);
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

static struct async_task *spawn_asleep(void)
{
    struct async_task *task;
    exit_line = __LINE__ + 1;
    CHECK_EQUAL(async_spawn(&task, "asleep", sleep_long, NULL), 0);
    return task;
}

static int spawn_only(void *unused)
{
    (void)unused;
    struct async_task *task = spawn_asleep();
    async_cancel(task);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    return 0;
}

static int exit_in_task(void *unused)
{
    (void)unused;
    spawn_asleep();
    async_yield();
    async_spawn(NULL, "too late", sleep_long, NULL);
    exit(3);
}

static void exit_early(void)
{
    async_run(exit_in_task, NULL, NULL);
}

PLAIN(tasks_pending_at_exit)
{
    char place[64];
    const char *said = run_in_child(exit_early, true);
    CHECK_EQUAL(lines(said, "asyncrt: "), 3);
    CHECK_EQUAL(lines(said, "asyncrt: pending-at-exit: "), 2);
    CHECK_EQUAL(lines(said, "asyncrt: never-started: "), 1);
    CHECK(strstr(line_from(said, " \"main\": "), "is running"));
    CHECK(strstr(line_from(said, " \"too late\" ("), "before the task has started"));
    CHECK(strstr(line_from(said, " \"asleep\" ("), "is waiting"));
    CHECK_EQUAL(async_run(spawn_only, NULL, NULL), 0); /* for the line */
    snprintf(place, sizeof(place), "(tests/runtime/exit_test.c:%d): ", exit_line);
    CHECK(strstr(line_from(said, " \"asleep\" ("), place));
    CHECK(lines(said, "runtime_exit_test+0x") >= 2); /* where they were spawned */
    CHECK_EQUAL(strlen(run_in_child(exit_early, false)), 0);
}

static int finish(void *unused)
{
    (void)unused;
    return 0;
}

static void exit_properly(void)
{
    async_run(finish, NULL, NULL);
}

PLAIN(nothing_pending_at_exit)
{
    CHECK_EQUAL(strlen(run_in_child(exit_properly, true)), 0);
}

static int park_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < 150; i++)
        async_spawn(NULL, "one of many", sleep_long, NULL);
    async_yield();
    exit(3);
}

static void exit_with_many(void)
{
    async_run(park_many, NULL, NULL);
}

PLAIN(many_pending_at_exit)
{
    const char *said = run_in_child(exit_with_many, true);
    CHECK_EQUAL(lines(said, "asyncrt: pending-at-exit: task #"), 100);
    CHECK(strstr(said, "asyncrt: pending-at-exit: and 51 tasks more\n"));
}

/* ---- From another thread, with several workers --------------------------------------------------- */

static int parked;

static int park(void *unused)
{
    (void)unused;
    __atomic_fetch_add(&parked, 1, __ATOMIC_SEQ_CST);
    return async_sleep(1000000);
}

static int park_everywhere(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; i < 20; i++)
        async_spawn_on(NULL, i % 4, "parked", park, NULL);
    return async_sleep(1000000);
}

static void *run(void *unused)
{
    struct async_options options = {.workers = 4};
    (void)unused;
    async_run(park_everywhere, NULL, &options);
    return NULL;
}

static void exit_elsewhere(void)
{
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, run, NULL), 0);
    while (__atomic_load_n(&parked, __ATOMIC_SEQ_CST) < 20)
        usleep(1000);
}

PLAIN(exit_in_another_thread)
{
    const char *said = run_in_child(exit_elsewhere, true);
    CHECK_EQUAL(lines(said, "asyncrt: pending-at-exit: task #"), 21);
}

/* ---- What goes to stderr ------------------------------------------------------------------------- */

static int misuse(void *unused)
{
    (void)unused;
    exit_line = __LINE__ + 1;
    async_join(NULL, NULL);
    return 0;
}

static void run_misuse(void)
{
    async_run(misuse, NULL, NULL);
}

PLAIN(messages_go_to_stderr)
{
    const char *said = run_in_child(run_misuse, true);
    char wanted[256];
    CHECK_EQUAL(async_run(misuse, NULL, NULL), 0); /* for the line */
    snprintf(
        wanted, sizeof(wanted),
        "asyncrt: misuse: task #%llu \"main\" (tests/runtime/exit_test.c:%d): async_join: invalid argument "
        "(EINVAL): no task, ",
        (unsigned long long)async_process.tasks_spawned, exit_line);
    CHECK(strncmp(said, wanted, strlen(wanted)) == 0);
    CHECK(strstr(said, "\n    /") && strstr(said, "runtime_exit_test+0x"));
    CHECK_EQUAL(strlen(run_in_child(run_misuse, false)), 0);
}
