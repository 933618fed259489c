/* SPDX-License-Identifier: MIT */
/**
 * @file async.h - libasyncrt: stackful tasks on a libuv loop, made to be looked at.
 *
 * Write straight-line code; every call here that waits suspends only the calling task. All calls but
 * async_run, _create, _destroy and those that say so are made from a task. Errors are negative errno-style
 * codes, as libuv's (UV_ECANCELED, UV_EOF, ...; uv.h has them all); async_strerror names them. UV_EINVAL, from
 * any call: made outside a task, or an argument is missing. UV_ECANCELED and UV_ETIMEDOUT, from any call that
 * waits: see "Cancellation and timeouts". Whatever a debugger reads is described in async_debug.h and costs a
 * plain store.
 *
 * A process has one or more workers: threads with an event loop each. A task stays on its worker. Tasks,
 * groups, locks, channels and promises may be used across workers; a connection or other handle belongs to
 * the worker where it was opened (UV_EXDEV elsewhere).
 *
 *     async_tasks.h     the process, tasks, cancellation, timeouts, groups, labels
 *     async_sync.h      locks, channels, promises
 *     async_io.h        connections, files, signals, child processes, calls that block
 *     async_diagnose.h  debug mode, failures, counters, tracing
 *
 * A task's stack is small (64 KiB) and ends at a guard page. A call in tail position may give up its
 * caller's frame: compile with -fno-optimize-sibling-calls to see every function in a stack.
 *
 *     static int hello(void *name) { async_sleep(10); printf("hello %s\n", (char *)name); return 0; }
 *     static int start(void *unused) {
 *         struct async_task *task;
 *         int error = async_spawn(&task, "hello", hello, "world");
 *         return error ? error : async_join(task, NULL);
 *     }
 *     int main(void) { return async_run(start, NULL, NULL) ? 1 : 0; }
 */
#ifndef ASYNC_H
#define ASYNC_H

#include "async_diagnose.h"
#include "async_io.h"
#include "async_sync.h"
#include "async_tasks.h"

#include "async_calls.h"

#endif
