/* SPDX-License-Identifier: MIT */
/**
 * @file overflow.h - a task that overflows its stack is named before the process dies of it.
 *
 * With a guard page, by a handler of SIGSEGV on a stack of its own, which every worker's thread has; it returns
 * to the faulting instruction, which then kills the process as it would have without: the core shows the place.
 * With a canary, at the task's next wait.
 */
#ifndef ASYNC_OVERFLOW_H
#define ASYNC_OVERFLOW_H

#include "async.h"

struct async_task;
struct async_worker;

/** Around async_run. A handler that the program has stays, and so does whatever it has when told to leave
 *  signals alone. */
void async_overflow_begin(const struct async_options *options);
void async_overflow_end(void);

/** Around the worker's run, on its thread. */
void async_overflow_enter(struct async_worker *worker);
void async_overflow_leave(struct async_worker *worker);

/** Names the task and aborts: going on would run on a neighbour's stack. */
__attribute__((noreturn)) void async_overflow_die(const struct async_task *task);

#endif
