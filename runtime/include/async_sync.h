/* SPDX-License-Identifier: MIT */
/**
 * @file async_sync.h - what tasks wait for among themselves: included by async.h. All of it may be used
 * across workers, and lives until _destroy.
 */
#ifndef ASYNC_SYNC_H
#define ASYNC_SYNC_H

#include "async.h"

/* ---- Mutex: fair, first come first served -------------------------------------------------------- */

struct async_mutex;
#define async_mutex_create(mutex_ret, name) async_mutex_create_at(mutex_ret, name, ASYNC_SITE())
int async_mutex_create_at(struct async_mutex **mutex_ret, const char *name, const struct async_site *site);
/** Waits until it is free. A deadlock is no error here: it is to be seen, not hidden. */
int async_mutex_lock(struct async_mutex *mutex);
int async_mutex_try_lock(struct async_mutex *mutex); /**< UV_EBUSY */
int async_mutex_unlock(struct async_mutex *mutex);   /**< UV_EPERM: the caller does not hold it */
int async_mutex_destroy(struct async_mutex *mutex);  /**< UV_EBUSY: waited for, or held by a task that lives */

/* ---- Channel: bounded queue of fixed-size items; capacity 0 hands over directly ------------------ */

struct async_channel;
#define async_channel_create(channel_ret, name, item_size, capacity)                                         \
    async_channel_create_at(channel_ret, name, item_size, capacity, ASYNC_SITE())
int async_channel_create_at(struct async_channel **channel_ret, const char *name, size_t item_size,
                            size_t capacity, const struct async_site *site);
int async_channel_send(struct async_channel *channel, const void *item);  /**< UV_EPIPE: closed */
int async_channel_receive(struct async_channel *channel, void *item_ret); /**< UV_EOF: closed and empty */
/** Ends all waits on it: senders' with UV_EPIPE (their items are not sent), receivers' with UV_EOF.
 *  UV_EALREADY. */
int async_channel_close(struct async_channel *channel);
int async_channel_destroy(struct async_channel *channel); /**< UV_EBUSY: somebody waits on it */

/* ---- Promise: one value that somebody will provide ------------------------------------------------ */

struct async_promise;
#define async_promise_create(promise_ret, name) async_promise_create_at(promise_ret, name, ASYNC_SITE())
int async_promise_create_at(struct async_promise **promise_ret, const char *name, const struct async_site *site);
/** Says which task is to resolve it, for whoever looks at a hang. UV_EALREADY: it is resolved. */
int async_promise_set_producer(struct async_promise *promise, struct async_task *producer);
/** From any thread of the process. UV_EALREADY; UV_ESRCH: async_run is not running. */
int async_promise_resolve(struct async_promise *promise, void *value);
int async_promise_fail(struct async_promise *promise, int error); /**< negative */
/** 0 and the value, or the error it failed with. */
int async_promise_await(struct async_promise *promise, void **value_ret);
int async_promise_destroy(struct async_promise *promise); /**< UV_EBUSY: somebody waits for it */

#endif
