/* SPDX-License-Identifier: MIT */
/**
 * @file process.h - the record everything is reached from; the descriptor points at it.
 */
#ifndef ASYNC_PROCESS_H
#define ASYNC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "change.h"
#include "lock.h"

#define ASYNC_PROCESS_MAGIC 0x6173796e50524f43u /* "asynPROC" */

struct async_worker;
struct async_finished;
struct async_function_record;
struct async_handle;
struct async_mail;
struct async_site;

/** Counters go on from one async_run to the next; the rest is of the one that runs. */
struct async_process {
    uint64_t magic;
    struct async_changes changes; /**< of the table of workers */
    struct async_worker **workers;
    uint32_t worker_count;
    uint32_t debug_flags; /**< diagnose.h; anybody may write it */
    uint64_t tasks_alive;    /**< spawned and not yet released; several workers count here and below */
    uint64_t tasks_spawned;  /**< ever; also the last id given */
    uint64_t tasks_finished; /**< ever */
    uint64_t tick_interval;  /**< ns, 0: never */
    struct async_lock handles_lock;
    struct async_handle *handles; /**< of all workers */
    struct async_handle **handles_last;
    struct async_finished *history; /**< ring; history.h. The next two: entries in it, and ever written */
    uint64_t history_count;
    uint32_t history_capacity;
    uint32_t history_next; /**< the slot to be written next */
    struct async_lock history_lock;
    struct async_function_record *functions; /**< the one made last; counters.h */
    uint64_t slow_step; /**< a step this long is told in debug mode, ns; anybody may write it */
    bool stopping; /**< async_shutdown was called: no task starts any more */
    uint64_t started_at;
    int32_t pid;
};

/* Hidden: found without a table, also where the runtime is part of a shared library. */
extern struct async_process async_process __attribute__((visibility("hidden")));

/** Worker number i, or NULL. */
struct async_worker *async_process_worker(uint32_t index);

/** Every task has ended. */
bool async_process_is_done(void);

/** Mail from a thread that is no worker's, to worker 0. UV_ESRCH: async_run is not running. */
int async_process_post(struct async_mail *mail);

/** Cancels every task of the calling thread's worker but number `by`, which asks for it (0: none). */
void async_process_stop_worker(struct async_worker *worker, uint64_t by, const struct async_site *site);

#endif
