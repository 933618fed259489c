/* SPDX-License-Identifier: MIT */
/**
 * @file handle.h - what users have open: a list of it, for whoever looks, and the closing.
 *
 * An object begins with its struct async_handle and comes from malloc. It lasts until its handle is closed and
 * nobody holds it: a call that touches the object again after a wait holds it meanwhile, since another task may
 * have closed it.
 */
#ifndef ASYNC_HANDLE_H
#define ASYNC_HANDLE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "future.h"

struct async_handle {
    struct async_handle *next;     /**< on the process's list, oldest first */
    struct async_handle **link;    /**< the pointer that points here */
    uv_handle_t *uv;               /**< its data points back here; NULL: libuv does not know of it */
    struct async_worker *worker;   /**< whose loop it is on: only that worker's tasks may use it */
    const struct async_site *site; /**< where it was opened, or NULL */
    const char *kind;
    const char *name;
    int32_t fd;
    uint32_t holds; /**< the open handle's own, and of calls */
    bool closing; /**< nobody may use it any more */
    uint64_t task; /**< id of the task that opened it */
    uint64_t opened_at;
    /** Called once libuv has let go, to release what only the object knows; or NULL. */
    void (*release)(struct async_handle *handle);
    struct async_future close; /**< resolved when libuv has let go */
};

/**
 * Takes a new handle of the calling worker into care: one that libuv has just initialised, or NULL. `kind` and
 * `name` last as long. Whatever else the object holds is zero, or initialised already.
 */
void async_handle_open(struct async_handle *handle, uv_handle_t *uv, const char *kind, const char *name,
                       const struct async_site *site);

/** Its descriptor is known now. */
void async_handle_set_fd(struct async_handle *handle, int fd);

/** 0: the running task may use the object, which begins with its handle. UV_EINVAL: outside a task, or NULL; UV_EXDEV: it is another worker's;
 *  UV_EBADF: it is being closed. */
int async_handle_check(const void *object);

/** The same for a close: UV_EALREADY: it is being closed. */
int async_handle_check_close(const void *object);

static inline void async_handle_hold(struct async_handle *handle)
{
    handle->holds++;
}

void async_handle_unhold(struct async_handle *handle);

/** Closes, and waits until libuv has let go. Nothing interrupts it. Returns 0. The caller has checked, and may
 *  have marked it as closing itself to do something before. */
int async_handle_close(struct async_handle *handle);

/** The same without waiting. */
void async_handle_drop(struct async_handle *handle);

/** Drops what is still open of a worker's, when all tasks have ended. */
void async_handles_drop_all(struct async_worker *worker);

#endif
