/* SPDX-License-Identifier: MIT */
/**
 * @file process.h - the record everything is reached from; the descriptor points at it.
 */
#ifndef ASYNC_PROCESS_H
#define ASYNC_PROCESS_H

#include <stdint.h>

#include "change.h"

#define ASYNC_PROCESS_MAGIC 0x6173796e50524f43u /* "asynPROC" */

struct async_worker;
struct async_handle;

/** Counters go on from one async_run to the next; the rest is of the one that runs. */
struct async_process {
    uint64_t magic;
    struct async_changes changes; /**< of the counters here and the table of workers */
    struct async_worker **workers;
    uint32_t worker_count;
    uint32_t debug_flags;
    uint64_t tasks_alive;    /**< spawned and not yet released */
    uint64_t tasks_spawned;  /**< ever; also the last id given */
    uint64_t tasks_finished; /**< ever */
    uint64_t tick_interval;  /**< ns, 0: never */
    struct async_handle *handles;
    struct async_handle **handles_last;
    uint64_t started_at;
    int32_t pid;
};

extern struct async_process async_process;

#endif
