/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "handle.h"
#include "stream.h"
#include "io_test.h"

static struct async_child *spawn(struct async_child_options options, struct async_stream *pipes[3])
{
    struct async_child *child;
    CHECK_EQUAL(async_child_spawn(&child, &options, pipes), 0);
    CHECK(async_child_pid(child) > 0);
    return child;
}

static struct async_child *run_shell(const char *script, struct async_stream *pipes[3])
{
    char *arguments[] = {"sh", "-c", (char *)script, NULL};
    struct async_child_options options = {.arguments = arguments};
    for (int i = 0; pipes && i < 3; i++)
        options.stdio[i] = ASYNC_CHILD_PIPE;
    return spawn(options, pipes);
}

static void check_no_child(void)
{
    CHECK_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_EQUAL(errno, ECHILD);
}

static void close_pipes(struct async_stream *pipes[3])
{
    for (int i = 0; i < 3; i++) {
        if (pipes[i])
            CHECK_EQUAL(async_close(pipes[i]), 0);
    }
}

/* ---- Exit ------------------------------------------------------------------------------------------------
 */

TEST(exit_status)
{
    struct async_child_status status;
    struct async_child *child = run_shell("exit 7", NULL);
    CHECK_EQUAL(async_child_wait(child, &status), 0);
    CHECK(status.code == 7 && status.signal == 0);
    CHECK_EQUAL(async_child_wait(child, NULL), 0); /* and again */
    CHECK_EQUAL(async_child_kill(child, SIGTERM), UV_ESRCH);
    CHECK_EQUAL(async_child_close(child), 0);
    child = run_shell("kill -TERM $$", NULL);
    CHECK_EQUAL(async_child_wait(child, &status), 0);
    CHECK(status.signal == SIGTERM);
    CHECK_EQUAL(async_child_close(child), 0);
    check_no_child();
}

TEST(killed)
{
    struct async_child_status status;
    struct async_child *child = run_shell("exec sleep 1000", NULL);
    CHECK_EQUAL(async_child_kill(child, 0), 0); /* it is there */
    CHECK_EQUAL(async_child_kill(child, 999), UV_EINVAL);
    CHECK_EQUAL(async_child_kill(child, SIGHUP), 0);
    CHECK_EQUAL(async_child_wait(child, &status), 0);
    CHECK_EQUAL(status.signal, SIGHUP);
    CHECK_EQUAL(async_child_close(child), 0);
    check_no_child();
}

static int wait_for(void *child)
{
    return async_child_wait(child, NULL);
}

TEST(several_wait)
{
    struct async_child *child = run_shell("exec sleep 1000", NULL);
    struct async_task *tasks[3];
    for (int i = 0; i < 3; i++) {
        tasks[i] = test_spawn("task", wait_for, child);
        test_until_waits(tasks[i], ASYNC_FUTURE_PROCESS);
    }
    CHECK_EQUAL(async_child_kill(child, SIGKILL), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    CHECK_EQUAL(async_child_close(child), 0);
}

/* ---- Its input and output
 * ---------------------------------------------------------------------------------- */

TEST(pipes)
{
    struct async_stream *pipes[3];
    struct async_child_status status;
    char buffer[16] = "";
    struct async_child *child = run_shell("cat; echo oops >&2", pipes);
    CHECK_EQUAL(async_print(pipes[0], "through"), 0);
    CHECK_EQUAL(async_read_exactly(pipes[1], buffer, 7, NULL), 0);
    CHECK(strcmp(buffer, "through") == 0);
    CHECK_EQUAL(async_close(pipes[0]), 0);
    pipes[0] = NULL;
    CHECK_EQUAL(async_read(pipes[1], buffer, 1), UV_EOF);
    CHECK_EQUAL(async_read_exactly(pipes[2], buffer, 5, NULL), 0);
    CHECK(memcmp(buffer, "oops\n", 5) == 0);
    CHECK_EQUAL(async_read(pipes[2], buffer, 1), UV_EOF);
    CHECK_EQUAL(async_child_wait(child, &status), 0);
    CHECK_EQUAL(status.code, 0);
    close_pipes(pipes);
    CHECK_EQUAL(async_child_close(child), 0);
    check_no_child();
}

/* What of ours is not meant for it does not reach it. */
TEST(inherits_nothing_else)
{
    struct async_stream *pipes[3], *more[2];
    char text[64] = "";
    size_t count;
    for (int fd = 3; fd < 256; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC); /* what the tests' caller has left open does not count */
    CHECK_EQUAL(async_pipe(&more[0], &more[1]), 0);
    struct async_child *child = run_shell("exec ls /proc/self/fd", pipes);
    CHECK_EQUAL(async_read_exactly(pipes[1], text, sizeof(text) - 1, &count), UV_EOF);
    CHECK(strcmp(text, "0\n1\n2\n3\n") == 0); /* the last is what it reads this from */
    close_pipes(pipes);
    CHECK_EQUAL(async_close(more[0]), 0);
    CHECK_EQUAL(async_close(more[1]), 0);
    CHECK_EQUAL(async_child_close(child), 0);
}

static void check_output(struct async_child_options options, const char *expected)
{
    struct async_stream *pipes[3];
    char text[64] = "";
    size_t count;
    options.stdio[1] = ASYNC_CHILD_PIPE;
    struct async_child *child = spawn(options, pipes);
    CHECK(!pipes[0] && pipes[1] && !pipes[2]);
    CHECK_EQUAL(async_read_exactly(pipes[1], text, sizeof(text) - 1, &count), UV_EOF);
    if (strcmp(text, expected) != 0)
        fprintf(stderr, "got \"%s\"\n", text);
    CHECK(strcmp(text, expected) == 0);
    CHECK_EQUAL(async_close(pipes[1]), 0);
    CHECK_EQUAL(async_child_wait(child, NULL), 0);
    CHECK_EQUAL(async_child_close(child), 0);
}

TEST(environment_and_directory)
{
    char *words[] = {"sh", "-c", "echo $WORD; pwd; readlink /proc/self/fd/0", NULL};
    char *environment[] = {"WORD=here", "PATH=/usr/bin:/bin", NULL};
    struct async_child_options options = {.arguments = words};
    setenv("WORD", "inherited", 1);
    options.directory = "/";
    check_output(options, "inherited\n/\n/dev/null\n");
    options.environment = environment;
    options.directory = "/usr";
    check_output(options, "here\n/usr\n/dev/null\n");
}

/* ---- Errors
 * ------------------------------------------------------------------------------------------------ */

TEST(child_errors)
{
    char *nothing[] = {NULL}, *missing[] = {"/nowhere/program", NULL}, *cat[] = {"cat", NULL};
    struct async_child_options options = {.arguments = missing};
    struct async_child *child = NULL;
    struct async_stream *pipes[3] = {0};
    CHECK_EQUAL(async_child_spawn(&child, &options, NULL), UV_ENOENT);
    options.stdio[0] = options.stdio[1] = options.stdio[2] = ASYNC_CHILD_PIPE;
    CHECK_EQUAL(async_child_spawn(&child, &options, pipes), UV_ENOENT);
    options.arguments = cat;
    CHECK_EQUAL(async_child_spawn(&child, &options, NULL), UV_EINVAL);
    CHECK_EQUAL(async_child_spawn(NULL, &options, pipes), UV_EINVAL);
    CHECK_EQUAL(async_child_spawn(&child, NULL, pipes), UV_EINVAL);
    options.directory = "/nowhere";
    CHECK_EQUAL(async_child_spawn(&child, &options, pipes), UV_ENOENT);
    options.directory = NULL;
    options.arguments = nothing;
    CHECK_EQUAL(async_child_spawn(&child, &options, pipes), UV_EINVAL);
    options.arguments = cat;
    struct rlimit before = test_use_up_files();
    CHECK_EQUAL(async_child_spawn(&child, &options, pipes), UV_EMFILE);
    test_give_files_back(before);
    CHECK_EQUAL(async_child_wait(NULL, NULL), UV_EINVAL);
    CHECK_EQUAL(async_child_kill(NULL, 0), UV_EINVAL);
    CHECK_EQUAL(async_child_close(NULL), UV_EINVAL);
    CHECK(!child && !pipes[0] && !pipes[1] && !pipes[2]);
    check_no_child();
}

/* At each of the descriptors that a spawn needs it may be out of them. */
TEST(no_descriptor_left)
{
    char *cat[] = {"cat", NULL};
    struct async_child_options options = {.arguments = cat,
                                          .stdio = {ASYNC_CHILD_PIPE, ASYNC_CHILD_PIPE, ASYNC_CHILD_PIPE}};
    struct async_child *child = NULL;
    struct async_stream *pipes[3] = {0};
    struct rlimit before = test_use_up_files(), some = before;
    getrlimit(RLIMIT_NOFILE, &some);
    int error, failures = 0;
    do {
        error = async_child_spawn(&child, &options, pipes);
        async_sleep(1); /* closing takes a turn of the loop */
        if (error)
            CHECK(error == UV_EMFILE && !child && !pipes[0]);
        failures += error != 0;
        some.rlim_cur++;
        CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &some), 0);
    } while (error);
    CHECK(failures >= 6);
    test_give_files_back(before);
    CHECK_EQUAL(async_child_close(child), 0);
    close_pipes(pipes);
    check_no_child();
}

/* ---- Waits that end early
 * ------------------------------------------------------------------------------------ */

static int close_it(void *child)
{
    return async_child_close(child);
}

TEST(child_wait_ends_early)
{
    struct async_child *child = run_shell("exec sleep 1000", NULL);
    test_interrupt(ASYNC_FUTURE_PROCESS, wait_for, child);
    CHECK_EQUAL(async_child_kill(child, 0), 0); /* it is left alone */
    test_close_meanwhile(ASYNC_FUTURE_PROCESS, wait_for, close_it, child, UV_ECANCELED);
    check_no_child();
}

static int close_and_sleep(void *child)
{
    async_yield();
    CHECK_EQUAL(async_child_close(child), 0);
    return async_sleep(100000);
}

TEST(nothing_interrupts_a_close)
{
    struct async_child *child = run_shell("exec sleep 1000", NULL);
    struct async_task *task = test_spawn("task", close_and_sleep, child);
    async_yield();
    CHECK_EQUAL(async_cancel(task), 0);
    async_yield();
    CHECK_EQUAL(async_child_close(child), UV_EALREADY);
    CHECK_EQUAL(async_child_kill(child, 0), UV_EBADF);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    check_no_child();
}

static int leave_open(void *unused)
{
    (void)unused;
    struct async_stream *pipes[3];
    run_shell("exec sleep 1000", pipes);
    run_shell("exit 3", NULL);
    return 0;
}

/* Neither a process nor a zombie is left by what was left open. */
PLAIN(left_open)
{
    CHECK_EQUAL(async_run(leave_open, NULL, NULL), 0);
    check_no_child();
}

/* ---- What a debugger sees
 * -------------------------------------------------------------------------------------- */

TEST(child_tells_the_truth)
{
    struct async_stream *pipes[3];
    char *arguments[] = {"/bin/cat", NULL}, expected[64];
    struct async_child_options options = {.arguments = arguments, .stdio = {ASYNC_CHILD_PIPE}};
    uint32_t line = __LINE__ + 2;
    struct async_child *child;
    CHECK_EQUAL(async_child_spawn(&child, &options, pipes), 0);
    const struct async_handle *handle = (const struct async_handle *)child;
    snprintf(expected, sizeof(expected), "pid %d cat", async_child_pid(child));
    CHECK(strcmp(handle->kind, "child") == 0 && strcmp(handle->name, expected) == 0);
    CHECK(test_is_site(handle->site, __FILE__, line));
    CHECK(strcmp(async_stream_peer(pipes[0]), expected) == 0);
    struct async_task *task = test_spawn("task", wait_for, child);
    const struct async_future *future = test_until_waits(task, ASYNC_FUTURE_PROCESS);
    CHECK(strcmp(future->name, expected) == 0);
    CHECK(future->site == handle->site && future->worker == async_self()->worker);
    CHECK_EQUAL(async_close(pipes[0]), 0);
    CHECK_EQUAL(test_join(task), 0);
    CHECK_EQUAL(async_child_close(child), 0);
}

/* ---- Several workers
 * --------------------------------------------------------------------------------------------- */

static int use_from_elsewhere(void *child)
{
    CHECK_EQUAL(async_child_wait(child, NULL), UV_EXDEV);
    CHECK_EQUAL(async_child_kill(child, SIGTERM), UV_EXDEV);
    CHECK_EQUAL(async_child_close(child), UV_EXDEV);
    return 0;
}

static int run_some(void *unused)
{
    (void)unused;
    for (int i = 0; i < 5; i++) {
        struct async_child_status status;
        struct async_child *child = run_shell("exit 5", NULL);
        CHECK_EQUAL(async_child_wait(child, &status), 0);
        CHECK_EQUAL(status.code, 5);
        CHECK_EQUAL(async_child_close(child), 0);
    }
    return 0;
}

static int on_three_workers(void *unused)
{
    (void)unused;
    struct async_task *tasks[6];
    struct async_child *child = run_shell("exec sleep 1000", NULL);
    CHECK_EQUAL(async_spawn_on(&tasks[0], 1, "elsewhere", use_from_elsewhere, child), 0);
    CHECK_EQUAL(test_join(tasks[0]), 0);
    for (uint32_t i = 0; i < 6; i++)
        CHECK_EQUAL(async_spawn_on(&tasks[i], i % 3, "task", run_some, NULL), 0);
    for (int i = 0; i < 6; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    CHECK_EQUAL(async_child_close(child), 0);
    return 0;
}

PLAIN(several_workers)
{
    test_run_on_workers(3, on_three_workers);
    check_no_child();
}
