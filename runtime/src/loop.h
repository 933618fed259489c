/* SPDX-License-Identifier: MIT */
/**
 * @file loop.h - a worker's life: its libuv loop from opening to proven close, and the turns between.
 */
#ifndef ASYNC_LOOP_H
#define ASYNC_LOOP_H

#include "async.h"
#include "worker.h"

#define ASYNC_WORKERS_MAX 256

/** A worker that no thread runs yet. Negative: libuv's error, and there is none. */
int async_worker_create(struct async_worker **worker_ret, uint32_t id, const struct async_options *options);

/** The calling thread becomes the worker's. */
void async_worker_enter(struct async_worker *worker);

/** Runs a worker on a thread of its own, as soon as it can have the gate. */
int async_worker_start(struct async_worker *worker, pthread_mutex_t *gate);
void async_worker_join(struct async_worker *worker);

/** Turns the loop until every task of the process has ended. */
void async_worker_run(struct async_worker *worker);

/** Closes every handle and the loop: nothing of the worker's is registered with libuv or the kernel then.
 *  The calling thread stands in for the worker's, which has ended. */
void async_worker_close(struct async_worker *worker);

/** Releases its memory. */
void async_worker_destroy(struct async_worker *worker);

#endif
