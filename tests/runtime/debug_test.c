/* SPDX-License-Identifier: MIT */
/* Debug mode: each message provoked, and silence where all is well. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "async_debug.h"
#include "process.h"
#include "task.h"
#include "told.h"

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

static int fail_plainly(void *unused)
{
    (void)unused;
    return UV_EIO;
}

static int sleep_long(void *unused)
{
    (void)unused;
    return async_sleep(1000000);
}

/* ---- Steps --------------------------------------------------------------------------------------- */

static int await_line;

static void work_for(uint64_t milliseconds)
{
    for (uint64_t end = async_now() + milliseconds * 1000000; async_now() < end;)
        ;
}

static int hog(void *threshold)
{
    async_debug_set_slow_step((uintptr_t)threshold);
    work_for(20);
    await_line = __LINE__ + 1;
    int error = async_sleep(1);
    async_debug_set_slow_step(1000000);
    return error;
}

static int be_slow(void *unused)
{
    (void)unused;
    return test_join(test_spawn("hog", hog, (void *)10));
}

static int be_quick(void *unused)
{
    (void)unused;
    return test_join(test_spawn("hog", hog, (void *)1000000));
}

PLAIN(slow_step)
{
    const struct told *told = told_once(ASYNC_MESSAGE_SLOW_STEP, be_slow, be_quick);
    char start[128];
    CHECK(strcmp(told->task_name, "hog") == 0 && told->task);
    CHECK(told->duration >= 20 * 1000000);
    async_address_describe((char *)(uintptr_t)hog + 1, start, sizeof(start));
    CHECK(strstr(told->text, start) && strstr(told->text, "timer"));
    CHECK(strstr(told->file, "test.c")); /* where it was spawned */
    char suspended[64];
    snprintf(suspended, sizeof(suspended), "debug_test.c:%d\n", await_line);
    CHECK(told->depth && strstr(told->printed, suspended));
}

static int doze(void *unused)
{
    (void)unused;
    async_debug_set_slow_step(10);
    usleep(20000);
    return 0;
}

/* One that blocks is told from one that computes. */
PLAIN(slow_step_tells_cpu_time)
{
    double wall, cpu;
    told_run(doze, true);
    const struct told *told = told_last(ASYNC_MESSAGE_SLOW_STEP);
    CHECK_EQUAL(sscanf(told->text, "ran %lf ms without a wait, %lf ms", &wall, &cpu), 2);
    CHECK(wall >= 20 && cpu < wall - 10);
    CHECK(strstr(told->text, "then: ended"));
    CHECK_EQUAL(told->depth, 0);
}

PLAIN(threshold_is_100_ms)
{
    CHECK_EQUAL(async_process.slow_step, 100 * 1000000);
    struct async_options options = {.slow_step_ms = 7};
    CHECK_EQUAL(async_run(nothing, NULL, &options), 0);
    CHECK_EQUAL(async_process.slow_step, 7 * 1000000);
    async_debug_set_slow_step(0);
    CHECK_EQUAL(async_process.slow_step, 100 * 1000000);
}

/* ---- Tasks that nobody joins --------------------------------------------------------------------- */

static int spawn_line;

static int leave_task(void *unused)
{
    struct async_task *task;
    (void)unused;
    spawn_line = __LINE__ + 1;
    return async_spawn(&task, "left", nothing, NULL);
}

static int take_all(void *unused)
{
    struct async_task *task;
    (void)unused;
    async_spawn(&task, "joined", nothing, NULL);
    async_join(task, NULL);
    async_spawn(&task, "detached", nothing, NULL);
    async_detach(task);
    async_spawn(&task, "detached late", nothing, NULL);
    test_settle();
    async_detach(task);
    return async_spawn(NULL, "born detached", nothing, NULL);
}

PLAIN(never_awaited)
{
    const struct told *told = told_once(ASYNC_MESSAGE_NEVER_AWAITED, leave_task, take_all);
    CHECK(strcmp(told->task_name, "left") == 0);
    CHECK_PLACE(told, spawn_line);
    CHECK(told->depth);
}

/* ---- Failures ------------------------------------------------------------------------------------ */

static int fail_line;

__attribute__((noinline)) static int find_user(const char *name)
{
    fail_line = __LINE__ + 1;
    return async_fail(UV_ENOENT, "no user %s", name);
}

static int fail_with_text(void *unused)
{
    (void)unused;
    int error = find_user("bob");
    __asm__ volatile(""); /* no call in tail position, which would give this frame up */
    return error;
}

static int fail_detached(void *unused)
{
    (void)unused;
    return async_spawn(NULL, "failing", fail_with_text, NULL);
}

static int end_cancelled(void *unused)
{
    (void)unused;
    async_sleep(1000000);
    return UV_ECANCELED;
}

static int take_failures(void *unused)
{
    struct async_task *task;
    struct async_group *group;
    (void)unused;
    CHECK_EQUAL(test_join(test_spawn("failing", fail_with_text, NULL)), UV_ENOENT);
    async_spawn(NULL, "cancelled", end_cancelled, NULL);
    CHECK_EQUAL(async_group_create(&group, "group"), 0);
    CHECK_EQUAL(async_group_spawn(group, "child", fail_plainly, NULL), 0);
    CHECK_EQUAL(async_group_wait(group), UV_EIO);
    CHECK_EQUAL(async_group_destroy(group), 0);
    async_spawn(&task, "gathered", fail_plainly, NULL);
    CHECK_EQUAL(async_gather(&task, 1, NULL), UV_EIO);
    return async_shutdown();
}

PLAIN(failure_never_retrieved)
{
    const struct told *told = told_once(ASYNC_MESSAGE_FAILURE, fail_detached, take_failures);
    CHECK(strcmp(told->task_name, "failing") == 0);
    CHECK_EQUAL(told->error, UV_ENOENT);
    CHECK(strstr(told->text, "no user bob") && strstr(told->text, "ENOENT"));
    CHECK_PLACE(told, fail_line);
    CHECK(told->depth >= 2);
    CHECK(strstr(told->text, "it failed at"));
}

static int fail_unjoined(void *unused)
{
    struct async_task *task;
    (void)unused;
    spawn_line = __LINE__ + 1;
    return async_spawn(&task, "unjoined", fail_plainly, NULL);
}

PLAIN(failure_of_an_unjoined_task)
{
    const struct told *told = told_once(ASYNC_MESSAGE_FAILURE, fail_unjoined, take_failures);
    CHECK_PLACE(told, spawn_line);
    CHECK_EQUAL(told->error, UV_EIO);
    CHECK(told->depth && strstr(told->text, "it was spawned at"));
}

static int detach_failed(void *unused)
{
    (void)unused;
    struct async_task *task = test_spawn("failed before", fail_plainly, NULL);
    test_settle();
    return async_detach(task);
}

PLAIN(failure_detached_later)
{
    told_once(ASYNC_MESSAGE_FAILURE, detach_failed, take_failures);
}

static int fail_when_cancelled(void *unused)
{
    (void)unused;
    async_sleep(1000000);
    return UV_EBUSY;
}

/* A group keeps the first failure only. */
static int fail_twice_in_group(void *unused)
{
    struct async_group *group;
    (void)unused;
    CHECK_EQUAL(async_group_create(&group, "group"), 0);
    CHECK_EQUAL(async_group_spawn(group, "second", fail_when_cancelled, NULL), 0);
    CHECK_EQUAL(async_group_spawn(group, "first", fail_plainly, NULL), 0);
    CHECK_EQUAL(async_group_wait(group), UV_EIO);
    return async_group_destroy(group);
}

PLAIN(second_failure_of_a_group)
{
    told_run(fail_twice_in_group, true);
    CHECK_EQUAL(told_count(ASYNC_MESSAGE_FAILURE), 1);
    CHECK(strcmp(told_last(ASYNC_MESSAGE_FAILURE)->task_name, "second") == 0);
}

static struct async_failure failure;
static char failure_text[64];
static unsigned failures;

static void on_failure(const struct async_failure *given, void *data)
{
    CHECK(data == &failures);
    failures++;
    failure = *given;
    snprintf(failure_text, sizeof(failure_text), "%s", given->text);
}

PLAIN(failure_handler_in_any_mode)
{
    CHECK_EQUAL(async_set_failure_handler(on_failure, &failures), 0);
    told_run(fail_detached, false);
    CHECK_EQUAL(failures, 1);
    CHECK_EQUAL(failure.error, UV_ENOENT);
    CHECK(failure.site && (int)failure.site->line == fail_line);
    CHECK(strcmp(failure_text, "no user bob") == 0);
    CHECK_EQUAL(failure.depth, 0);
    told_run(fail_unjoined, true);
    CHECK_EQUAL(failures, 2);
    CHECK(failure.depth && !failure.site && failure.spawn_site);
    told_run(take_failures, true);
    CHECK_EQUAL(failures, 2);
    CHECK_EQUAL(async_set_failure_handler(NULL, NULL), 0);
    told_run(fail_detached, false);
    CHECK_EQUAL(failures, 2);
}

static int recover(void *unused)
{
    (void)unused;
    CHECK_EQUAL(find_user("bob"), UV_ENOENT);
    struct async_task *self = async_self();
    CHECK(strcmp(self->error_text, "no user bob") == 0 && (int)self->error_site->line == fail_line);
    CHECK(self->error_stack && self->error_depth);
    return UV_EIO; /* for another reason */
}

static int forget_old_error(void *unused)
{
    (void)unused;
    return async_spawn(NULL, "recovering", recover, NULL);
}

PLAIN(text_of_another_error_is_dropped)
{
    told_run(forget_old_error, true);
    CHECK(!strstr(told_last(ASYNC_MESSAGE_FAILURE)->text, "bob"));
    CHECK(strstr(told_last(ASYNC_MESSAGE_FAILURE)->text, "EIO"));
}

/* ---- Cancellation -------------------------------------------------------------------------------- */

static int cancel_line;

static int cancel_and_join(async_function function)
{
    struct async_task *task = test_spawn("asked", function, NULL);
    test_settle();
    cancel_line = __LINE__ + 1;
    CHECK_EQUAL(async_cancel(task), 0);
    test_settle();
    if (function == end_cancelled)
        CHECK_EQUAL(task->cancel_state, ASYNC_DEBUG_CANCEL_DELIVERED);
    else
        CHECK_EQUAL(task->cancel_state, ASYNC_DEBUG_CANCEL_SWALLOWED);
    test_join(task);
    return 0;
}

static int swallow_it(void *unused)
{
    (void)unused;
    async_sleep(1000000);
    return 5;
}

static int cancel_swallower(void *unused)
{
    (void)unused;
    return cancel_and_join(swallow_it);
}

static int cancel_obedient(void *unused)
{
    (void)unused;
    return cancel_and_join(end_cancelled);
}

PLAIN(cancel_swallowed)
{
    const struct told *told = told_once(ASYNC_MESSAGE_CANCEL_SWALLOWED, cancel_swallower, cancel_obedient);
    CHECK(strcmp(told->task_name, "asked") == 0);
    CHECK_PLACE(told, cancel_line);
    CHECK(strstr(told->text, "returned 5"));
}

PLAIN(cancel_is_logged)
{
    told_run(cancel_obedient, true);
    CHECK_EQUAL(told_count(0), 0);
    const struct told *asked = told_last(ASYNC_MESSAGE_CANCEL_REQUESTED);
    CHECK_PLACE(asked, cancel_line);
    CHECK(asked->note && strstr(asked->text, "by task #"));
    const struct told *delivered = told_last(ASYNC_MESSAGE_CANCEL_DELIVERED);
    CHECK_PLACE(delivered, cancel_line);
    CHECK(delivered->note && delivered > asked);
    told_run(nothing, true);
    CHECK_EQUAL(told_count(ASYNC_MESSAGE_CANCEL_REQUESTED), 0);
}

/* ---- Timeouts ------------------------------------------------------------------------------------ */

static int timeout_line;

static int leave_timeout(void *unused)
{
    struct async_timeout outer, timeout;
    (void)unused;
    CHECK_EQUAL(async_timeout_begin(&outer, 1000000), 0);
    CHECK_EQUAL(async_timeout_begin(&timeout, 1000000), 0);
    CHECK_EQUAL(async_timeout_end(&timeout), 0);
    timeout_line = __LINE__ + 1;
    CHECK_EQUAL(async_timeout_begin(&timeout, 1000000), 0);
    async_yield();
    return 0;
}

static int end_timeout(void *unused)
{
    struct async_timeout timeout;
    (void)unused;
    CHECK_EQUAL(async_timeout_begin(&timeout, 1000000), 0);
    return async_timeout_end(&timeout);
}

PLAIN(timeout_left_open)
{
    const struct told *told = told_once(ASYNC_MESSAGE_TIMEOUT_LEFT_OPEN, leave_timeout, end_timeout);
    CHECK_PLACE(told, timeout_line);
}

/* ---- Handles ------------------------------------------------------------------------------------- */

static int open_line;

static int leave_open(void *unused)
{
    struct async_listener *listener;
    (void)unused;
    open_line = __LINE__ + 1;
    return async_listen(&listener, "127.0.0.1", 0, 5);
}

static int open_and_close(void *unused)
{
    struct async_listener *listener;
    (void)unused;
    CHECK_EQUAL(async_listen(&listener, "127.0.0.1", 0, 5), 0);
    return async_listener_close(listener);
}

PLAIN(left_open)
{
    const struct told *told = told_once(ASYNC_MESSAGE_LEFT_OPEN, leave_open, open_and_close);
    CHECK_PLACE(told, open_line);
    CHECK(strstr(told->text, "listener \"127.0.0.1:"));
    CHECK(told->task);
}

/* ---- When to switch on --------------------------------------------------------------------------- */

PLAIN(switched_by_options_and_environment)
{
    struct async_options options = {.debug = true};
    told_begin();
    CHECK(!async_debug_enabled());
    CHECK_EQUAL(async_run(leave_task, NULL, &options), 0);
    CHECK_EQUAL(told_count(ASYNC_MESSAGE_NEVER_AWAITED), 1);
    CHECK(async_debug_enabled());
    async_debug_enable(false);
    setenv("ASYNCRT_DEBUG", "0", 1);
    CHECK_EQUAL(async_run(leave_task, NULL, NULL), 0);
    CHECK(!async_debug_enabled());
    setenv("ASYNCRT_DEBUG", "1", 1);
    CHECK_EQUAL(async_run(leave_task, NULL, NULL), 0);
    CHECK_EQUAL(told_count(ASYNC_MESSAGE_NEVER_AWAITED), 2);
}

static void *enable(void *unused)
{
    (void)unused;
    async_debug_enable(true);
    return NULL;
}

static int switch_on_late(void *unused)
{
    pthread_t thread;
    (void)unused;
    struct async_task *task = test_spawn("before", sleep_long, NULL);
    test_settle();
    CHECK_EQUAL(async_join(async_self(), NULL), UV_EINVAL);
    CHECK_EQUAL(told_count(0), 0);
    CHECK_EQUAL(pthread_create(&thread, NULL, enable, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_EQUAL(async_join(async_self(), NULL), UV_EINVAL);
    CHECK_EQUAL(told_count(ASYNC_MESSAGE_MISUSE), 1);
    CHECK_EQUAL(async_cancel(task), 0);
    test_join(task);
    CHECK_EQUAL(told_count(ASYNC_MESSAGE_CANCEL_DELIVERED), 1);
    async_debug_enable(false);
    CHECK_EQUAL(async_join(async_self(), NULL), UV_EINVAL);
    CHECK_EQUAL(told_count(0), 1);
    return 0;
}

PLAIN(switched_on_a_running_loop)
{
    told_run(switch_on_late, false);
}

/* ---- Stacks -------------------------------------------------------------------------------------- */

static int inner_line, outer_line;

__attribute__((noinline)) static struct async_task *spawn_inner(void)
{
    struct async_task *task;
    inner_line = __LINE__ + 1;
    CHECK_EQUAL(async_spawn(&task, "deep", nothing, NULL), 0);
    return task;
}

__attribute__((noinline)) static struct async_task *spawn_outer(void)
{
    outer_line = __LINE__ + 1;
    struct async_task *task = spawn_inner();
    __asm__ volatile("");
    return task;
}

/* addr2line's word for a printed line: "function\nfile:line". */
static void ask_addr2line(const char *printed, char *answer, size_t size)
{
    char module[512], command[1600];
    unsigned long offset;
    CHECK_EQUAL(sscanf(printed, " %511[^+]+0x%lx", module, &offset), 2);
    /* The former may not know another machine's programs. */
    snprintf(command, sizeof(command), "addr2line -f -e '%s' 0x%lx || eu-addr2line -f -e '%s' 0x%lx", module,
             offset, module, offset);
    FILE *pipe = popen(command, "r");
    CHECK(pipe);
    answer[fread(answer, 1, size - 1, pipe)] = 0;
    CHECK_EQUAL(pclose(pipe), 0);
}

static void check_frame(const char *printed, const char *function, int line)
{
    char answer[1024], wanted[64];
    ask_addr2line(printed, answer, sizeof(answer));
    snprintf(wanted, sizeof(wanted), "debug_test.c:%d", line);
    if (!strstr(answer, function) || !strstr(answer, wanted)) {
        fprintf(stderr, "%s\nis not in %s at %s, but %s\n", printed, function, wanted, answer);
        _exit(1);
    }
}

static int spawn_deep(void *unused)
{
    (void)unused;
    struct async_task *task = spawn_outer();
    CHECK(task->spawn_stack && task->spawn_depth >= 3);
    CHECK(task->spawn_stack[0] == task->spawn_pc);
    return 0;
}

PLAIN(spawn_stack_is_what_addr2line_says)
{
    told_run(spawn_deep, true);
    const char *frames = strchr(told_last(ASYNC_MESSAGE_NEVER_AWAITED)->printed, '\n') + 1;
    check_frame(frames, "spawn_inner", inner_line);
    check_frame(strchr(frames, '\n') + 1, "spawn_outer", outer_line);
}

static int check_no_stack(void *unused)
{
    (void)unused;
    struct async_task *task = test_spawn("plain", nothing, NULL);
    CHECK(!task->spawn_stack && !task->spawn_depth);
    return test_join(task);
}

PLAIN(no_spawn_stack_when_off)
{
    told_run(check_no_stack, false);
}
