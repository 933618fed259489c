/* SPDX-License-Identifier: MIT */
/**
 * @file worker.h - a worker: its run queue, and the changing between its own stack and its tasks'.
 *
 * The worker's own stack (the one async_run was called on) turns the loop; a task that waits always
 * switches back to it. Tasks run between two polls, never inside a callback of libuv, and only callbacks
 * and tasks of this worker touch its lists. There is one worker; nothing but loop.c counts on that.
 */
#ifndef ASYNC_WORKER_H
#define ASYNC_WORKER_H

#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "change.h"
#include "slab.h"
#include "stack.h"
#include "task.h"
#include "timer.h"

/** Named in descriptor.c. TASK if and only if the worker's own context is saved. */
enum async_worker_state {
    ASYNC_WORKER_POLLING = 1, /**< in the kernel, for events or timers */
    ASYNC_WORKER_LOOP,        /**< on its own stack, between tasks or in a callback */
    ASYNC_WORKER_TASK,
};

#define ASYNC_WORKER_MAGIC 0x6173796e574f524bu /* "asynWORK" */

struct async_worker {
    uint64_t magic;
    uint32_t id;
    uint32_t state; /**< enum async_worker_state */
    int32_t thread; /**< gettid() */
    uint32_t ready_count;
    char name[16];
    struct async_task *current; /**< from just before the switch to it until just after the switch back */
    void *context;              /**< of its own stack, while a task runs */

    struct async_task *tasks; /**< road 1 */
    struct async_task **tasks_last;
    struct async_slabs slabs;     /**< road 2 */
    uint64_t tasks_alive;         /**< records on road 1 */
    struct async_changes changes; /**< of this worker's lists, counters and futures */

    struct async_task *ready;
    struct async_task **ready_last;
    struct async_timers timers;
    struct async_stacks stacks;

    uint64_t now;            /**< coarse clock at the last switch or turn of the loop */
    uint64_t last_tick;      /**< CLOCK_MONOTONIC when the loop last turned */
    uint64_t last_tick_real; /**< CLOCK_REALTIME at the same moment */
    uint64_t ticks;
    uint64_t switches; /**< tasks resumed, ever */
    int main_result;   /**< of async_run's first task */

    const void *stack_low; /**< bounds of its own stack; known only under a sanitizer */
    size_t stack_size;

    uv_loop_t loop;
    uv_async_t alive;    /**< keeps the loop waiting when nothing but locks is waited for */
    uv_timer_t tick;     /**< turns an idle loop, so that its clocks stay fresh */
    uv_prepare_t before; /**< just before the poll */
    uv_check_t after;    /**< just after it */
};

/** The calling thread's worker, or NULL. */
struct async_worker *async_worker_self(void);
void async_worker_set_self(struct async_worker *worker);

/** Puts a task at the end of the run queue. The caller keeps `changes` odd. */
void async_worker_queue(struct async_worker *worker, struct async_task *task);

/** Runs the first of the run queue until it waits, yields or ends; returns it. */
struct async_task *async_worker_resume(struct async_worker *worker);

/** Reads the coarse clock into `now`. */
uint64_t async_worker_read_clock(struct async_worker *worker);

/** Called by the running task: back to the worker, in the given state. Returns when it is resumed. The
 *  caller has just read the clock. */
void async_suspend(enum async_task_state state);

/** What a fresh stack calls: the task's function, then the last switch. Argument: the task. */
void async_task_main(void *task);

#endif
