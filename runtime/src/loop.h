/* SPDX-License-Identifier: MIT */
/**
 * @file loop.h - a worker's life: its libuv loop from opening to proven close, and the turns between.
 */
#ifndef ASYNC_LOOP_H
#define ASYNC_LOOP_H

#include "async.h"
#include "worker.h"

/** A worker of the calling thread. Negative: libuv's error, and there is none. */
int async_worker_create(struct async_worker **worker_ret, uint32_t id, const struct async_options *options);

/** Turns the loop until every task has ended. */
void async_worker_run(struct async_worker *worker);

/** Closes every handle and the loop: nothing of the worker's is registered with libuv or the kernel then. */
void async_worker_close(struct async_worker *worker);

/** Releases its memory. */
void async_worker_destroy(struct async_worker *worker);

#endif
