/* SPDX-License-Identifier: MIT */
/* Calls that should not have been made: the code, and in debug mode the message with the call's place. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "process.h"
#include "task.h"
#include "told.h"
#include "worker.h"

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

/* Makes a call that is to be refused with `code_`, and remembers its line. */
#define REFUSED(call, code_)                                                                                 \
    do {                                                                                                     \
        refused_line = __LINE__;                                                                             \
        CHECK_EQUAL(call, code_);                                                                            \
    } while (0)

static int refused_line;

/* Tells it once, of the calling function, with a reason. */
static const struct told *check_refusal(enum async_message_code code, async_function wrong,
                                        async_function right, const char *call, const char *reason)
{
    const struct told *told = told_once(code, wrong, right);
    CHECK_PLACE(told, refused_line);
    CHECK(told->error < 0);
    char begin[64];
    snprintf(begin, sizeof(begin), "async_%s: ", call);
    CHECK(strncmp(told->text, begin, strlen(begin)) == 0);
    CHECK(strstr(told->text, reason));
    CHECK(told->depth);
    return told;
}

/* ---- Handles of tasks ---------------------------------------------------------------------------- */

static int join_twice(void *unused)
{
    (void)unused;
    struct async_task *task = test_spawn("joined", nothing, NULL);
    test_join(task);
    REFUSED(async_join(task, NULL), UV_EINVAL);
    return 0;
}

static int join_once(void *unused)
{
    (void)unused;
    return test_join(test_spawn("joined", nothing, NULL));
}

PLAIN(joined_twice)
{
    const struct told *told =
        check_refusal(ASYNC_MESSAGE_MISUSE, join_twice, join_once, "join", "no task, or one that was joined");
    CHECK(strcmp(told->task_name, "main") == 0);
}

static int join_self(void *unused)
{
    (void)unused;
    REFUSED(async_join(async_self(), NULL), UV_EINVAL);
    return 0;
}

PLAIN(joined_itself)
{
    check_refusal(ASYNC_MESSAGE_MISUSE, join_self, join_once, "join", "the calling task itself");
}

static int detach_twice(void *unused)
{
    (void)unused;
    struct async_task *task = test_spawn("detached", nothing, NULL);
    CHECK_EQUAL(async_detach(task), 0);
    REFUSED(async_detach(task), UV_EINVAL);
    return 0;
}

PLAIN(detached_twice)
{
    check_refusal(ASYNC_MESSAGE_MISUSE, detach_twice, join_once, "detach", "is detached");
}

/* ---- Locks and channels -------------------------------------------------------------------------- */

static int unlock_free(void *unused)
{
    struct async_mutex *mutex;
    (void)unused;
    CHECK_EQUAL(async_mutex_create(&mutex, "mutex"), 0);
    REFUSED(async_mutex_unlock(mutex), UV_EPERM);
    return async_mutex_destroy(mutex);
}

static int lock_and_unlock(void *unused)
{
    struct async_mutex *mutex;
    (void)unused;
    CHECK_EQUAL(async_mutex_create(&mutex, "mutex"), 0);
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    CHECK_EQUAL(async_mutex_try_lock(mutex), UV_EBUSY); /* an answer, no misuse */
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    return async_mutex_destroy(mutex);
}

PLAIN(unlocked_by_another)
{
    check_refusal(ASYNC_MESSAGE_MISUSE, unlock_free, lock_and_unlock, "mutex_unlock", "does not hold it");
}

static int send_to_closed(void *unused)
{
    struct async_channel *channel;
    (void)unused;
    CHECK_EQUAL(async_channel_create(&channel, "channel", 0, 1), 0);
    CHECK_EQUAL(async_channel_close(channel), 0);
    REFUSED(async_channel_send(channel, NULL), UV_EPIPE);
    return async_channel_destroy(channel);
}

static int close_twice(void *unused)
{
    struct async_channel *channel;
    (void)unused;
    CHECK_EQUAL(async_channel_create(&channel, "channel", 0, 1), 0);
    CHECK_EQUAL(async_channel_close(channel), 0);
    REFUSED(async_channel_close(channel), UV_EALREADY);
    return async_channel_destroy(channel);
}

static int use_channel(void *unused)
{
    struct async_channel *channel;
    (void)unused;
    CHECK_EQUAL(async_channel_create(&channel, "channel", 0, 1), 0);
    CHECK_EQUAL(async_channel_send(channel, NULL), 0);
    CHECK_EQUAL(async_channel_close(channel), 0);
    CHECK_EQUAL(async_channel_receive(channel, NULL), 0);
    CHECK_EQUAL(async_channel_receive(channel, NULL), UV_EOF);
    return async_channel_destroy(channel);
}

PLAIN(channel_was_closed)
{
    check_refusal(ASYNC_MESSAGE_MISUSE, send_to_closed, use_channel, "channel_send", "closed");
    check_refusal(ASYNC_MESSAGE_MISUSE, close_twice, use_channel, "channel_close", "closed already");
}

static int end_no_shield(void *unused)
{
    (void)unused;
    REFUSED(async_shield_end(), UV_EINVAL);
    return 0;
}

PLAIN(shield_without_begin)
{
    check_refusal(ASYNC_MESSAGE_MISUSE, end_no_shield, use_channel, "shield_end", "no async_shield_begin");
}

/* ---- Where calls may come from ------------------------------------------------------------------- */

static void *call_from_thread(void *unused)
{
    (void)unused;
    REFUSED(async_sleep(1), UV_EINVAL);
    return NULL;
}

static int start_thread(void *unused)
{
    pthread_t thread;
    (void)unused;
    CHECK_EQUAL(pthread_create(&thread, NULL, call_from_thread, NULL), 0);
    return -pthread_join(thread, NULL);
}

PLAIN(wrong_thread)
{
    const struct told *told = check_refusal(ASYNC_MESSAGE_OUTSIDE_TASK, start_thread, join_once, "sleep",
                                            "on a thread that is no worker's");
    CHECK_EQUAL(told->task, 0);
}

static void on_timer(uv_timer_t *timer)
{
    REFUSED(async_spawn(NULL, "from a callback", nothing, NULL), UV_EINVAL);
    uv_close((uv_handle_t *)timer, NULL);
}

/* A program that has a timer of its own on the worker's loop. */
static int call_from_callback(void *unused)
{
    static uv_timer_t timer;
    (void)unused;
    uv_timer_init(&async_self()->worker->loop, &timer);
    uv_timer_start(&timer, on_timer, 0, 0);
    return async_sleep(20);
}

PLAIN(in_a_callback)
{
    check_refusal(ASYNC_MESSAGE_OUTSIDE_TASK, call_from_callback, join_once, "spawn", "but not by a task");
}

PLAIN(loop_is_closed)
{
    told_run(nothing, true);
    CHECK_EQUAL(told_count(0), 0);
    CHECK_EQUAL(async_yield(), UV_EINVAL);
    CHECK_EQUAL(told_count(0), 0); /* off again */
    async_debug_enable(true);
    REFUSED(async_yield(), UV_EINVAL);
    const struct told *told = told_last(ASYNC_MESSAGE_NOT_RUNNING);
    CHECK_PLACE(told, refused_line);
    CHECK(strstr(told->text, "async_yield: ") && strstr(told->text, "async_run is not running"));
    struct async_mutex *mutex;
    CHECK_EQUAL(async_mutex_create(&mutex, "may be made early"), 0);
    REFUSED(async_mutex_lock(mutex), UV_EINVAL);
    CHECK_PLACE(told_last(ASYNC_MESSAGE_NOT_RUNNING), refused_line);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
    CHECK_EQUAL(told_count(0), 2);
}

static struct async_listener *listener;

static int close_here(void *unused)
{
    (void)unused;
    REFUSED(async_listener_close(listener), UV_EXDEV);
    return 0;
}

static int open_and_send(async_function closer, uint32_t worker)
{
    struct async_task *task;
    CHECK_EQUAL(async_listen(&listener, "127.0.0.1", 0, 5), 0);
    CHECK_EQUAL(async_spawn_on(&task, worker, "closer", closer, NULL), 0);
    return test_join(task);
}

static int close_elsewhere(void *unused)
{
    (void)unused;
    CHECK_EQUAL(open_and_send(close_here, 1), 0);
    return async_listener_close(listener);
}

PLAIN(wrong_worker)
{
    struct async_options options = {.workers = 2};
    told_run_with(close_elsewhere, &options, false);
    CHECK_EQUAL(told_count(0), 0);
    told_run_with(close_elsewhere, &options, true);
    CHECK_EQUAL(told_count(0), 1);
    const struct told *told = told_last(ASYNC_MESSAGE_WRONG_WORKER);
    CHECK_PLACE(told, refused_line);
    CHECK(strcmp(told->task_name, "closer") == 0);
    CHECK(strstr(told->text, "async_listener_close: ") && strstr(told->text, "EXDEV"));
}

/* ---- Spawning too late --------------------------------------------------------------------------- */

static int spawn_too_late(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_shutdown(), 0);
    REFUSED(async_spawn(NULL, "late", nothing, NULL), UV_ESHUTDOWN);
    return 0;
}

PLAIN(spawn_after_shutdown)
{
    check_refusal(ASYNC_MESSAGE_SPAWN_REFUSED, spawn_too_late, join_once, "spawn",
                  "async_shutdown was called");
}

static int spawn_in_cancelled_group(void *unused)
{
    struct async_group *group;
    (void)unused;
    CHECK_EQUAL(async_group_create(&group, "group"), 0);
    CHECK_EQUAL(async_group_cancel(group), 0);
    REFUSED(async_group_spawn(group, "late", nothing, NULL), UV_ECANCELED);
    return async_group_destroy(group);
}

PLAIN(spawn_in_a_cancelled_group)
{
    check_refusal(ASYNC_MESSAGE_SPAWN_REFUSED, spawn_in_cancelled_group, join_once, "group_spawn_on",
                  "the group is cancelled");
}

/* ---- Stack sizes --------------------------------------------------------------------------------- */

static unsigned run_with_stack(size_t size, int result)
{
    struct async_options options = {.stack_size = size, .debug = true};
    told_begin();
    refused_line = __LINE__ + 1;
    CHECK_EQUAL(async_run(nothing, NULL, &options), result);
    async_debug_enable(false);
    return told_count(ASYNC_MESSAGE_MISUSE);
}

PLAIN(absurd_stack_sizes)
{
    CHECK_EQUAL(run_with_stack(0, 0), 0);
    CHECK_EQUAL(run_with_stack(32768, 0), 0);
    CHECK_EQUAL(told_count(0), 0);
    CHECK_EQUAL(run_with_stack(100, 0), 1);
    CHECK(strstr(told_last(ASYNC_MESSAGE_MISUSE)->text, "async_run: "));
    CHECK_PLACE(told_last(ASYNC_MESSAGE_MISUSE), refused_line);
    CHECK_EQUAL(run_with_stack(SIZE_MAX, UV_ENOMEM), 1);
    CHECK_PLACE(told_last(ASYNC_MESSAGE_MISUSE), refused_line);
}

/* ---- Any place ----------------------------------------------------------------------------------- */

/* Nested calls, a call in tail position, one whose result is not used: each has its own place. */
static struct async_task *give_up(int result)
{
    CHECK_EQUAL(result, UV_EINVAL);
    return NULL;
}

static int call_in_tail_position(void *unused)
{
    (void)unused;
    refused_line = __LINE__ + 1;
    return async_join(NULL, NULL);
}

static int call_in_many_ways(void *unused)
{
    (void)unused;
    refused_line = __LINE__ + 1;
    async_detach(NULL);
    CHECK_PLACE(told_last(ASYNC_MESSAGE_MISUSE), refused_line);
    REFUSED(async_detach(give_up(async_join(NULL, NULL))), UV_EINVAL);
    CHECK_EQUAL(told_count(0), 3);
    CHECK_PLACE(told_last(ASYNC_MESSAGE_MISUSE), refused_line);
    CHECK_EQUAL(test_join(test_spawn("tail", call_in_tail_position, NULL)), UV_EINVAL);
    CHECK_PLACE(told_last(ASYNC_MESSAGE_MISUSE), refused_line);
    int (*by_pointer)(struct async_task *) = async_detach;
    CHECK_EQUAL(by_pointer(NULL), UV_EINVAL);
    const struct told *told = told_last(ASYNC_MESSAGE_MISUSE);
    CHECK(!told->file[0] && !told->line && told->depth && strstr(told->printed, "runtime_misuse_test+0x"));
    return 0;
}

PLAIN(every_call_has_its_place)
{
    told_run(call_in_many_ways, true);
}
