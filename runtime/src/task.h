/* SPDX-License-Identifier: MIT */
/**
 * @file task.h - the task record and a task's way from spawn to release.
 *
 *     spawn --> ready <--> running --> returned / failed --> released
 *                 ^           |           (until joined or detached, and
 *                 `- waiting <'            until no future names it as owner)
 *
 * A record lives in a slot of a slab (slab.h) and is on its worker's list from spawn to release. Its
 * stack goes back to the pool as soon as it has ended.
 */
#ifndef ASYNC_TASK_H
#define ASYNC_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "async.h"
#include "future.h"

/** Named in descriptor.c. RUNNING if and only if the saved context is stale. */
enum async_task_state {
    ASYNC_TASK_FREE, /**< a slot without a task */
    ASYNC_TASK_READY,
    ASYNC_TASK_RUNNING,
    ASYNC_TASK_WAITING,
    ASYNC_TASK_RETURNED,
    ASYNC_TASK_FAILED, /**< returned a negative code */
};

#define ASYNC_TASK_MAGIC 0x6173796e5441534bu /* "asynTASK"; a free slot has another value */
#define ASYNC_TASK_NAME_SIZE 32

struct async_worker;
struct async_stack;

struct async_task {
    uint64_t magic; /**< ASYNC_TASK_MAGIC from the moment the record is complete until its release */
    uint64_t id;    /**< never reused in a process */
    uint32_t state; /**< enum async_task_state */
    uint32_t flags; /**< enum async_debug_task_flag */
    void *context;  /**< switch.h; NULL once ended */
    struct async_worker *worker;

    struct async_task *next;       /**< road 1, oldest first */
    struct async_task **link;      /**< the pointer that points here */
    struct async_task *ready_next; /**< in the run queue; of a free slot: the next free slot */

    struct async_future *awaits;  /**< set while waiting */
    struct async_waiter *waiters; /**< its place in that future's queue */
    struct async_future join;     /**< resolved when it ends; owner: this task */

    struct async_stack *stack; /**< NULL once ended, as are the two below */
    char *stack_low;
    uint64_t stack_size;
    uint64_t stack_used_max; /**< the most that was in use at a switch */

    async_function start;
    void *argument;
    struct async_task *parent; /**< may be gone, and its slot reused: parent_id tells */
    uint64_t parent_id;
    const struct async_site *spawn_site; /**< NULL: spawned by async_run */
    void *spawn_pc;

    uint64_t resumes;
    uint64_t spawned_at;
    uint64_t resumed_at;
    uint64_t suspended_at;
    uint64_t ready_since;

    int32_t result; /**< what `start` returned */
    int32_t error;  /**< the same when negative */
    uint32_t pins;  /**< futures that name this task as their owner: its record outlives its end for them */
    bool joined;    /**< somebody is in async_join for it */
    bool main;      /**< async_run's first task */
    char name[ASYNC_TASK_NAME_SIZE];
};

/**
 * Makes a task after a form, of which are used: worker, parent (NULL: spawned from outside any task), start,
 * argument, spawn_site, spawn_pc, flags and main. It is ready when this returns. UV_ENOMEM.
 */
int async_task_create(struct async_task **task_ret, const struct async_task *form, const char *name);

/** On the worker's own stack, after the task has switched away for the last time. */
void async_task_end(struct async_task *task);

/** A future begins or ceases to name the task as its owner. NULL is fine. */
void async_task_pin(struct async_task *task);
void async_task_unpin(struct async_task *task);

static inline bool async_task_ended(const struct async_task *task)
{
    return task->state == ASYNC_TASK_RETURNED || task->state == ASYNC_TASK_FAILED;
}

#endif
