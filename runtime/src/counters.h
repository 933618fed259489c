/* SPDX-License-Identifier: MIT */
/**
 * @file counters.h - what tasks and start functions have cost: counts in any mode, times when asked for.
 *
 * A step is a task's way from one resume to the next suspend. The clock is read once for each: where a step
 * ends the next begins, as long as the worker stays with its tasks. Reading the thread's CPU clock is a
 * system call, so it is read once in a turn of the loop and after each step over 50 us; shorter steps are
 * taken to be all CPU, and what the long one is charged is the rest.
 *
 *     functions[], found by a hash of the start address:  | - | record | - | record | record | ...
 *                                                                ^ next <---- list -----'
 */
#ifndef ASYNC_COUNTERS_H
#define ASYNC_COUNTERS_H

#include <stdint.h>

#include "async.h"
#include "lock.h"

#define ASYNC_FUNCTION_MAGIC 0x6173796e46554e43u /* "asynFUNC" */

struct async_task;
struct async_worker;

/** Written by several workers. Never released. */
struct async_function_record {
    uint64_t magic;
    struct async_function_record *next; /**< the one made before, or NULL */
    async_function start;               /**< NULL: all beyond those there is room for */
    uint64_t spawned;
    uint64_t finished;
    uint64_t failed;
    uint64_t resumes; /**< of those that have ended */
    uint64_t wall_time;
    uint64_t cpu_time;
    uint64_t longest_step;
    uint64_t longest_task;
};

/** A worker's clocks. Times are of CLOCK_MONOTONIC, exact; 0: not known. */
struct async_step {
    uint64_t last;     /**< when the step before ended, in this turn */
    uint64_t begun;    /**< the present step */
    uint64_t cpu;      /**< the thread's CPU clock, when it was last read: ... */
    uint64_t cpu_at;   /**< ... then */
    uint64_t wall;     /**< of the step that ended last; 0: not known */
    uint64_t cpu_used; /**< by it */
};

/** The record of a start function. */
struct async_function_record *async_function_find(async_function start);

/** The same, where one more spawn is counted; `last`: the calling worker's spawned_last. */
static inline struct async_function_record *async_function_spawned(struct async_function_record **last,
                                                                   async_function start)
{
    struct async_function_record *record = *last;
    if (!record || record->start != start)
        *last = record = async_function_find(start);
    async_count_up(&record->spawned);
    return record;
}

/** A task has ended. */
void async_function_finished(const struct async_task *task);

/** A turn of the loop begins; a step; it ends, and is counted if times are on. In debug mode, or then. */
void async_step_turn(struct async_worker *worker);
void async_step_begin(struct async_worker *worker);

void async_step_end(struct async_worker *worker, struct async_task *task);

#endif
