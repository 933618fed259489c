/* SPDX-License-Identifier: MIT */
/**
 * @file diagnose.h - debug mode inside the runtime: the switches, and what the runtime calls when there may
 * be something to tell. Functions here that are called "in debug mode" are called behind a test of
 * async_modes().
 */
#ifndef ASYNC_DIAGNOSE_INTERNAL_H
#define ASYNC_DIAGNOSE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "async.h"
#include "async_debug.h"
#include "process.h"

struct async_handle;
struct async_task;
struct async_worker;

#define ASYNC_SLOW_STEP_USUAL UINT64_C(100000000)

/** What is switched on: enum async_debug_mode, ASYNC_MODE_TRACE; normally nothing. Anybody may change it at
 *  any time. */
static inline uint32_t async_modes(void)
{
    return (uint32_t)__builtin_expect(__atomic_load_n(&async_process.debug_flags, __ATOMIC_RELAXED), 0);
}

static inline bool async_debugging(void)
{
    return async_modes() & ASYNC_DEBUG_MODE_ON;
}

void async_mode_set(uint32_t mode, bool on);

/** What a debugger breaks on; see enum async_debug_event. Called in debug mode. */
void async_event(uint32_t event, const struct async_task *task);

/* ---- async_run ----------------------------------------------------------------------------------- */

/** Before it: switches what the environment and the options say. UV_ENOMEM. */
int async_diagnose_begin(const struct async_options *options);

/** Every task has ended: tells of a worker's that were never joined, and releases what only debug mode keeps.
 *  In any mode. */
void async_diagnose_left(struct async_worker *worker);

/** In debug mode: a handle is still open then. */
void async_diagnose_handle(const struct async_handle *handle);

/** In any mode but off: a turn of the loop begins. On the worker's own stack. */
void async_diagnose_turn(struct async_worker *worker);

/* ---- A task's life ------------------------------------------------------------------------------- */

/** In any mode but off: it is complete, but in no queue yet. */
void async_diagnose_spawn(struct async_task *task);

/** In any mode but off: around a step. The event is SUSPEND or DONE; `kind`: of the future awaited, 0: a
 *  yield. The latter on the task's own stack. */
void async_diagnose_resume(struct async_worker *worker, struct async_task *task);
void async_diagnose_suspend(struct async_worker *worker, struct async_task *task,
                            enum async_trace_event event, uint32_t kind);

/** It has returned, its state is set, and nobody has been told yet. In any mode: that a cancellation was
 *  swallowed is written down, and an error's text that is not of this error goes. */
void async_diagnose_end(struct async_task *task);

/** It has failed, and its join is complete; or a failed one was detached. Tells of it if nobody can take the
 *  failure any more, once. In any mode. */
void async_diagnose_failure(struct async_task *task);

/** Releases what a task's record leads to. */
void async_diagnose_release(struct async_task *task);

/** In debug mode: a request, and that a wait ends with it. */
void async_diagnose_cancel(const struct async_task *task);
void async_diagnose_cancelled(const struct async_task *task);

/** In debug mode: a task has ended within a timeout. `opened`: a return address of where it began. */
void async_diagnose_timeout(const struct async_task *task, const void *opened);

/* ---- Refused calls ------------------------------------------------------------------------------- */

/**
 * Returns `code`, which a call of the user's is answered with because it should not have been made. In debug
 * mode says so, with the call's place: found on the stack, so that any function under the call may say it.
 */
int async_refused(int code);

/** The same, saying why. `code` 0: the call is not refused, but deserves a word. */
int async_refused_because(int code, const char *reason);

#endif
