/* SPDX-License-Identifier: MIT */
/**
 * @file async_tasks.h - the process and its tasks; cancellation, timeouts, groups: included by async.h.
 */
#ifndef ASYNC_TASKS_H
#define ASYNC_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct async_task;

/** A task's code: returns 0 or a positive result, or a negative error code, which join hands on. */
typedef int (*async_function)(void *argument);

/** A place in the source, in writable memory with its characters inside, so that every core has it. */
struct async_site {
    uint32_t line;
    char file[]; /**< as the compiler was given it; -ffile-prefix-map shortens it */
};

/** The calling place as a struct async_site of static life. */
#define ASYNC_SITE()                                                                                         \
    (__extension__({                                                                                         \
        static struct async_site async_site_ = {.line = __LINE__, .file = __FILE__};                         \
        (const struct async_site *)&async_site_;                                                             \
    }))

/* ---- The process ------------------------------------------------------------------------------ */

struct async_options {
    size_t stack_size;         /**< bytes for each task's stack; 0: 64 KiB. Committed as it is touched */
    uint32_t tick_interval_ms; /**< how often an idle loop refreshes its clocks; 0: 1000; -1u: never */
    uint32_t guard_pages;      /**< stacks with a guard page, at two mappings each; the others have a canary,
                                    checked at each wait. 0: 8192; -1u: none */
    uint32_t workers;          /**< threads with an event loop, async_run's own among them; 0: 1; at most 256 */

    bool leave_signals;        /**< SIGPIPE and SIGSEGV stay as they are */

    /* See async_diagnose.h. What is switched on stays so until it is switched off. */
    bool debug;            /**< debug mode */
    bool times;            /**< count wall and CPU time */
    uint32_t slow_step_ms; /**< what debug mode tells as a slow step; 0: 100, or as it was set */
    uint32_t history;      /**< tasks that have ended to be kept on record; 0: 256; -1u: none */

    /* For tests: see async_test.h. On one worker only (UV_ENOTSUP). */
    bool virtual_time;
    uint32_t virtual_patience_ms;
    uint64_t schedule_seed;
};

/** Runs `start` as the first task and returns its result when every task has ended. What was left open is
 *  closed then, and every handle to a task or connection is void. Unless the program handles them itself,
 *  SIGPIPE is ignored meanwhile, and on SIGSEGV a task that has overflowed its stack is named. UV_EALREADY: it
 *  is running already, in whatever thread; UV_ENOTSUP, UV_ENOMEM, UV_EMFILE. */
int async_run(async_function start, void *argument, const struct async_options *options);

/** Cancels every task but the caller, and from now on refuses to start any (UV_ESHUTDOWN). UV_EALREADY. */
#define async_shutdown() async_shutdown_at(ASYNC_SITE())
int async_shutdown_at(const struct async_site *site);

uint32_t async_worker_count(void);
/** Of the calling thread, from 0. UV_EINVAL: it is no worker's. */
int async_worker_index(void);

/** CLOCK_MONOTONIC in nanoseconds, as deadlines are told in. From any thread. */
uint64_t async_now(void);

/** "name (CODE)" for a negative code of any call here; static life. */
const char *async_strerror(int code);

/* ---- Tasks -------------------------------------------------------------------------------------- */

/** Starts a task; it runs when the caller next waits. Names are copied (31 characters are kept).
 *  The handle stays valid until joined or detached; task_ret NULL: detached at once. UV_ENOMEM. */
#define async_spawn(task_ret, name, function, argument)                                                      \
    async_spawn_at(task_ret, name, function, argument, ASYNC_SITE())
int async_spawn_at(struct async_task **task_ret, const char *name, async_function function, void *argument,
                   const struct async_site *site);

/** The same on worker number `worker`. UV_EINVAL: there is none. */
#define async_spawn_on(task_ret, worker, name, function, argument)                                           \
    async_spawn_on_at(task_ret, worker, name, function, argument, ASYNC_SITE())
int async_spawn_on_at(struct async_task **task_ret, uint32_t worker, const char *name,
                      async_function function, void *argument, const struct async_site *site);

/** Waits for a task's end and releases it. `result_ret` (may be NULL) gets what it returned.
 *  UV_EINVAL: own task, or joined already by another. When the wait is interrupted the handle stays valid. */
int async_join(struct async_task *task, int *result_ret);

/** Gives the handle up: the task is released when it ends. UV_EINVAL: detached already, or being joined. */
int async_detach(struct async_task *task);

/** Waits until all have ended and joins them. `results` (may be NULL) gets what each returned. Returns 0, or
 *  the first negative result in the order given. UV_EINVAL: one of them cannot be joined. When the wait is
 *  interrupted all handles stay valid. */
int async_gather(struct async_task **tasks, size_t count, int *results);

/** Waits until the first of them has ended; which one is it: `index_ret`. Joins none of them. */
int async_first(struct async_task **tasks, size_t count, size_t *index_ret);

/** Lets the others run. Not a wait: nothing interrupts it. */
int async_yield(void);

/** Never wakes early. UV_ENOMEM. */
int async_sleep(uint64_t milliseconds);
int async_sleep_until(uint64_t deadline); /**< in terms of async_now */

/** The running task; NULL outside one. */
struct async_task *async_self(void);
uint64_t async_task_id(const struct async_task *task);
const char *async_task_name(const struct async_task *task);

/** Renames a task (printf style). */
void async_task_set_name(struct async_task *task, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Labels and values of a task --------------------------------------------------------------------- */

/** Says something of the running task to whoever looks: key=value (printf style), such as a request's id.
 *  Tasks that it spawns from now on begin with it too. 31 characters of a key and 127 of a value are kept.
 *  UV_ENOMEM; UV_ENOSPC: it has 16 others. */
int async_label_set(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
int async_label_remove(const char *key); /**< UV_ENOENT; UV_ENOMEM */
/** Of the running task; NULL: it has none. Valid until it is set again or removed. */
const char *async_label(const char *key);

/** What tasks have a value of: each its own, NULL at first. An object of static life is the key. */
struct async_local {
    /** Called with what a task has when it ends, unless NULL; newest first, on its stack. It may wait. */
    void (*destroy)(void *value);
    /** Makes of a value what a task that is spawned begins with; called by the spawning task, and must not
     *  wait. If the function is NULL, or what it returns is, the new task begins without. */
    void *(*inherit)(void *value);
};

/** Of the running task. The value before is not destroyed. UV_ENOMEM; UV_ESHUTDOWN: the task ends. */
int async_local_set(const struct async_local *key, void *value);
void *async_local_get(const struct async_local *key);
/** For async_local.inherit: the same value, which therefore nobody destroys, or else counts. */
void *async_local_share(void *value);

/* ---- Cancellation and timeouts -------------------------------------------------------------------- */

/**
 * Asks a task to end. Its wait returns UV_ECANCELED, the present one or else the next; once for each
 * request. It should clean up and return UV_ECANCELED; it may go on. What it waits for meanwhile is not
 * interrupted again. UV_ESRCH: it has ended; UV_EALREADY: a request is still to be delivered; UV_ENOMEM.
 */
#define async_cancel(task) async_cancel_at(task, ASYNC_SITE())
int async_cancel_at(struct async_task *task, const struct async_site *site);

/** Whether the running task is asked to end and no wait has told it yet: for loops that do not wait. */
bool async_cancel_requested(void);

/** Between the two neither cancellation nor timeouts begun outside interrupt the task's waits; afterwards
 *  they do. They nest. UV_EINVAL: not balanced. */
int async_shield_begin(void);
int async_shield_end(void);

/** A time limit; lies on the task's stack from _begin to _end. Not for reading. */
struct async_timeout {
    void *private_[8];
};

/** From now until async_timeout_end, waits of the task return UV_ETIMEDOUT once the time is up: the present
 *  one and every one that follows. They nest. UV_ENOMEM. */
int async_timeout_begin(struct async_timeout *timeout, uint64_t milliseconds);
int async_deadline_begin(struct async_timeout *timeout, uint64_t deadline); /**< in terms of async_now */
/** 0, or UV_ETIMEDOUT: it expired. UV_EINVAL: not the innermost. */
int async_timeout_end(struct async_timeout *timeout);

/* ---- Groups: tasks that end before the group's wait does --------------------------------------------- */

struct async_group;
#define async_group_create(group_ret, name) async_group_create_at(group_ret, name, ASYNC_SITE())
int async_group_create_at(struct async_group **group_ret, const char *name, const struct async_site *site);

#define ASYNC_HERE UINT32_MAX /**< the caller's worker */

/** Starts a child. When one fails, the others are cancelled. UV_ECANCELED: the group is cancelled; UV_ENOMEM. */
#define async_group_spawn(group, name, function, argument)                                                   \
    async_group_spawn_on_at(group, ASYNC_HERE, name, function, argument, ASYNC_SITE())
#define async_group_spawn_on(group, worker, name, function, argument)                                        \
    async_group_spawn_on_at(group, worker, name, function, argument, ASYNC_SITE())
int async_group_spawn_on_at(struct async_group *group, uint32_t worker, const char *name,
                            async_function function, void *argument, const struct async_site *site);

/** Waits until every child has ended, whatever happens: when the wait is interrupted the children are
 *  cancelled and waited for. 0, the error of the child that failed first, or the interruption. UV_EINVAL:
 *  called by one of its children. */
int async_group_wait(struct async_group *group);

#define async_group_cancel(group) async_group_cancel_at(group, ASYNC_SITE())
int async_group_cancel_at(struct async_group *group, const struct async_site *site);
int async_group_destroy(struct async_group *group); /**< UV_EBUSY: children are left */

#ifdef __cplusplus
}
#endif

#endif
