/* SPDX-License-Identifier: MIT */
/**
 * @file async_diagnose.h - debug mode and its messages, failures, counters and tracing: included by async.h.
 *
 * Three switches, each one bit that the code tests with one load where it matters; off, they cost nothing.
 *
 *     debug mode    ASYNCRT_DEBUG=1, async_options.debug, async_debug_enable(), or a debugger: messages about
 *                   what goes wrong unseen, and spawn stacks. A step costs one reading of the clock, and
 *                   a spawn some microseconds
 *     times         ASYNCRT_TIMES=1, async_options.times, async_times_enable(), or a debugger: wall and CPU
 *                   time of tasks and start functions. A step costs one reading of the clock, 20 to 60 ns
 *     trace         async_set_trace(): a function is called at each spawn, resume, suspend and end
 *
 * A debugger writes the same bits: PROCESS_DEBUG_FLAGS and PROCESS_SLOW_STEP of async_debug.h.
 *
 * Functions given here (log, failure handler, trace) are called on whatever thread and stack it happens, a
 * task's too, with locks of the runtime perhaps held: they are to be content with 4 KiB of stack, and of this
 * library they call async_now, async_strerror, async_task_id, async_task_name and async_address_describe
 * only. To change one keeps a few bytes for the old, which another thread may be calling. UV_ENOMEM.
 */
#ifndef ASYNC_DIAGNOSE_H
#define ASYNC_DIAGNOSE_H

#include <stdio.h>

#include "async_tasks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Debug mode ---------------------------------------------------------------------------------- */

/** From any thread, at any time; holds for whatever async_run runs or will run. */
void async_debug_enable(bool on);
bool async_debug_enabled(void);

/** A step of a task that takes this long is told; 0: the usual 100. From any thread. */
void async_debug_set_slow_step(uint64_t milliseconds);

/** What a message is about; names ("slow-step") and numbers stay. */
enum async_message_code {
    ASYNC_MESSAGE_SLOW_STEP = 1,    /**< a task ran long without a wait */
    ASYNC_MESSAGE_NEVER_STARTED,    /**< the program ended before the task first ran */
    ASYNC_MESSAGE_NEVER_AWAITED,    /**< neither joined nor detached when async_run ended */
    ASYNC_MESSAGE_FAILURE,          /**< a task failed, and nobody takes its error */
    ASYNC_MESSAGE_PENDING_AT_EXIT,  /**< the program ended while the task lived */
    ASYNC_MESSAGE_LEFT_OPEN,        /**< a handle was open when async_run ended */
    ASYNC_MESSAGE_OUTSIDE_TASK,     /**< a call that only tasks may make, from a callback or another thread */
    ASYNC_MESSAGE_NOT_RUNNING,      /**< a call before async_run or after it */
    ASYNC_MESSAGE_WRONG_WORKER,     /**< a handle belongs to another worker */
    ASYNC_MESSAGE_SPAWN_REFUSED,    /**< after async_shutdown, or in a cancelled group */
    ASYNC_MESSAGE_CANCEL_REQUESTED, /**< (a note) by whom */
    ASYNC_MESSAGE_CANCEL_DELIVERED, /**< (a note) a wait ended with it */
    ASYNC_MESSAGE_CANCEL_SWALLOWED, /**< the task was told to end, and ended otherwise */
    ASYNC_MESSAGE_TIMEOUT_LEFT_OPEN, /**< at the task's end */
    ASYNC_MESSAGE_MISUSE,            /**< a call that the object's state does not allow, or a bad argument */
    ASYNC_MESSAGE_COUNT,
};

/** Everything in it lives until the function returns. */
struct async_message {
    enum async_message_code code;
    bool note;             /**< part of a log; nothing is wrong */
    uint32_t line;         /**< 0: the place is not known */
    const char *file;      /**< of the call, of the task's spawn or of the handle's opening; or NULL */
    uint64_t task;         /**< id; 0: not about a task */
    const char *task_name; /**< "" likewise */
    const char *text;      /**< what happened, in one line */
    int error;             /**< negative code, where one belongs to it */
    uint64_t duration;     /**< of a slow step, ns */
    void *const *stack;    /**< return addresses, innermost first: where it happened or was spawned */
    size_t depth;
};

typedef void (*async_log_function)(const struct async_message *message, void *data);

/** Where messages go; NULL: to stderr, as async_message_print prints them. */
int async_set_log(async_log_function function, void *data);

/** One line, `asyncrt: slow-step: task #7 "parser" (svc.c:88): ...`, and one for each address of the stack,
 *  with file and line where it is a call of this library. */
void async_message_print(FILE *file, const struct async_message *message);

/** "slow-step" */
const char *async_message_name(enum async_message_code code);

/** `module+0xoffset (symbol+0x12)` as addr2line -e module reads it; returns the length. A return address is
 *  told as the byte before it, which lies in the call. */
size_t async_address_describe(const void *return_address, char *text_ret, size_t size);

/* ---- Failures ------------------------------------------------------------------------------------ */

/** Says why the running task fails, and where; returns `code`, which the task is to return. The text is kept
 *  (159 characters), in debug mode with the stack. `return async_fail(UV_ENOENT, "no user %s", name);` */
#define async_fail(code, ...) async_fail_at(ASYNC_SITE(), code, __VA_ARGS__)
int async_fail_at(const struct async_site *site, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Everything in it lives until the function returns. */
struct async_failure {
    uint64_t task;
    const char *task_name;
    int error;                     /**< negative */
    const char *text;              /**< of async_fail, or "" */
    const struct async_site *site; /**< of async_fail, or NULL */
    const struct async_site *spawn_site;
    void *const *stack; /**< of async_fail or else of the spawn, in debug mode */
    size_t depth;
};

typedef void (*async_failure_function)(const struct async_failure *failure, void *data);

/** Called, in any mode, for each failure that nobody takes: the task was detached, or async_run has ended and
 *  its handle was not joined. NULL: none. */
int async_set_failure_handler(async_failure_function function, void *data);

/* ---- Counters ------------------------------------------------------------------------------------ */

/** From any thread, at any time. */
void async_times_enable(bool on);

/** What all tasks of one start function did together; times in ns, while they were counted. */
struct async_counters {
    async_function start; /**< NULL: of all functions beyond the first 768 */
    uint64_t spawned;
    uint64_t finished;
    uint64_t failed;  /**< of these, with an error other than cancellation */
    uint64_t resumes; /**< of those that have ended */
    uint64_t wall_time;
    uint64_t cpu_time; /**< steps under 50 us count as all CPU */
    uint64_t longest_step;
    uint64_t longest_task; /**< id of the task that took it */
};

/** The function after *position (NULL: the first), which is moved on; false: there is none. From any thread,
 *  while they change. */
bool async_counters_next(const void **position, struct async_counters *counters_ret);

/** Of one task: wall_time, cpu_time, longest_step and resumes. UV_EINVAL: not a task. */
int async_task_counters(const struct async_task *task, struct async_counters *counters_ret);

/** A table of all functions, the hungriest first. From any thread. */
void async_counters_print(FILE *file);

/* ---- Tracing ------------------------------------------------------------------------------------- */

/** The same four are static tracepoints of provider asyncrt (spawn, resume, suspend, done) for perf, bpftrace
 *  and gdb. Their arguments: id, name; then of spawn: start function, parent's id; of suspend: future kind's
 *  number in async_debug.h's future_kinds[], 0: a yield; of done: result. */
enum async_trace_event {
    ASYNC_TRACE_SPAWN = 1, /**< on the spawning thread; the task is not in a queue yet */
    ASYNC_TRACE_RESUME,
    ASYNC_TRACE_SUSPEND,
    ASYNC_TRACE_DONE,
};

struct async_trace {
    enum async_trace_event event;
    uint32_t worker; /**< of the task */
    uint64_t task;
    uint64_t parent; /**< id; 0: none */
    const char *task_name;
    async_function start;
    const char *awaits; /**< when suspended: "timer", "read", ..., "yield" */
    int result;         /**< when done */
};

typedef void (*async_trace_function)(const struct async_trace *trace, void *data);

/** NULL: none. */
int async_set_trace(async_trace_function function, void *data);

#ifdef __cplusplus
}
#endif

#endif
