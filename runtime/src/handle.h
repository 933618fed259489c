/* SPDX-License-Identifier: MIT */
/**
 * @file handle.h - open libuv handles that belong to users: closing them, and a list of those left open.
 */
#ifndef ASYNC_HANDLE_H
#define ASYNC_HANDLE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "future.h"

/** First member of an object from malloc, which ends with its handle. */
struct async_handle {
    struct async_handle *next;  /**< on the process's list, oldest first */
    struct async_handle **link; /**< the pointer that points here */
    uv_handle_t *uv;            /**< its data points back here */
    struct async_worker *worker; /**< whose loop it is on: only that worker's tasks may use it */
    const struct async_site *site; /**< where it was opened, or NULL */
    const char *kind;
    const char *name;
    int32_t fd;
    bool closing;
    uint64_t task; /**< id of the task that opened it */
    uint64_t opened_at;
    struct async_future close; /**< resolved when libuv has let go */
};

/** Takes a libuv handle that was just initialised on the running task's loop into care. `kind` and `name` live as long. */
void async_handle_open(struct async_handle *handle, uv_handle_t *uv, const char *kind, const char *name);

/** 0: the running task may use it. UV_EBADF: it is being closed; UV_EXDEV: it is another worker's. */
int async_handle_check(const struct async_handle *handle);

/** Closes, waits until libuv has let go and frees the object. UV_EALREADY: somebody is closing it;
 *  UV_EXDEV. Nothing interrupts it. */
int async_handle_close(struct async_handle *handle);

/** The same without waiting: the object is freed when libuv lets go. */
void async_handle_drop(struct async_handle *handle);

/** Drops what is still open of a worker's, when all tasks have ended. */
void async_handles_drop_all(struct async_worker *worker);

#endif
