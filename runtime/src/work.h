/* SPDX-License-Identifier: MIT */
/**
 * @file work.h - calls on libuv's pool of threads, with the caller's memory.
 */
#ifndef ASYNC_WORK_H
#define ASYNC_WORK_H

#include <errno.h>
#include <stdbool.h>
#include <uv.h>

#include "future.h"

/** Lies on the calling task's stack. Of the future, whatever tells more than its kind may be set beforehand. */
struct async_work {
    uv_work_t uv;
    struct async_future future; /**< QUEUED, RUNNING with `thread`, PENDING until the loop turns, RESOLVED */
    int64_t (*call)(struct async_work *work); /**< on a thread of the pool */
    int64_t result;                           /**< of `call` */
    int status; /**< libuv's: UV_ECANCELED: `call` was not called */
    bool done;
};

/** A system call's result, or its error as libuv numbers it. */
static inline int64_t async_work_result(int64_t result)
{
    return result < 0 ? uv_translate_sys_error(errno) : result;
}

void async_work_init(struct async_work *work, enum async_future_kind kind,
                     int64_t (*call)(struct async_work *work), const struct async_site *site);

/** Has it called and waits. An interruption while it is queued takes it back and is the result; later it is
 *  put off until the task's next wait. UV_EINVAL: outside a task. */
int64_t async_work_await(struct async_work *work);

#endif
