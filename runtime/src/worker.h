/* SPDX-License-Identifier: MIT */
/**
 * @file worker.h - a worker: its run queue, and the changing between its own stack and its tasks'.
 *
 * The worker's own stack (its thread's) turns the loop. A task that waits switches straight to the next that
 * is ready, or back to the loop. Tasks run between two polls, never inside a callback of libuv. A task stays on its worker, and only that
 * worker's thread touches its state, its place in the run queue and what interrupts it. Other threads
 * leave word in the worker's inbox (a task that is ready) or its mail (something to do there). The registry
 * (records, their list and slabs, stacks) is shared under its lock: any worker may spawn here.
 */
#ifndef ASYNC_WORKER_H
#define ASYNC_WORKER_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "change.h"
#include "counters.h"
#include "lock.h"
#include "sanitizer.h"
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

/** Something to do on a worker's thread. Lies in a larger object; free again when `deliver` is called. */
struct async_mail {
    struct async_mail *next;
    void (*deliver)(struct async_mail *mail);
};

/** Task records of a worker. Any worker may use it, under the lock. */
struct async_registry {
    struct async_lock lock;
    uint64_t tasks_alive;     /**< records on road 1 */
    struct async_task *tasks; /**< road 1 */
    struct async_task **tasks_last;
    struct async_slabs slabs; /**< road 2 */
    struct async_stacks stacks;
};

struct async_worker {
    uint64_t magic;
    uint32_t id;
    uint32_t state; /**< enum async_worker_state */
    int32_t thread; /**< gettid() */
    uint32_t ready_count;
    char name[16];
    struct async_task *current; /**< from just before the switch to it until the next one's, or just after the
                                     *   switch back: the task that is RUNNING, or about to be or just was */
    void *context;              /**< of its own stack, while a task runs */

    struct async_registry registry;
    struct async_changes changes; /**< of whatever lists and counters this thread touches */

    struct async_task *ready;
    struct async_task **ready_last;
    struct async_timers timers;

    struct async_task *inbox; /**< tasks that others have made ready, newest first, by ready_next */
    struct async_mail *mail;  /**< newest first */
    bool asleep;              /**< about to poll or polling: whoever leaves word must wake the loop */

    struct async_function_record *spawned_last; /**< where it counted the last spawn, or NULL */
    uint32_t steps_left;     /**< until the loop looks at sockets and timers again */
    uint32_t awaits;         /**< kind of the future whose wait began last, 0: a yield */
    struct async_step step;  /**< clocks, in debug mode or when times are counted */
    uint64_t now;            /**< the clock at the last wait, wake or turn of the loop */
    uint64_t now_count;      /**< the processor's counter when it was read */
    uint64_t last_tick;      /**< CLOCK_MONOTONIC when the loop last turned */
    uint64_t last_tick_real; /**< CLOCK_REALTIME at the same moment */
    uint64_t ticks;
    uint64_t switches; /**< tasks resumed, ever */
    int main_result;   /**< of async_run's first task, if it is here */

    struct async_fiber fiber; /**< of its own stack */
    void *signal_stack;       /**< its thread's, from malloc; NULL: it has none of ours */

    uv_loop_t loop;
    uv_async_t alarm;    /**< wakes the loop from other threads, and keeps it waiting when it has nothing else */
    pthread_t pthread;   /**< of all but worker 0, which runs on async_run's thread */
    uv_timer_t tick;     /**< turns an idle loop, so that its clocks stay fresh */
    uv_prepare_t before; /**< just before the poll */
    uv_check_t after;    /**< just after it */
};

extern _Thread_local struct async_worker *async_worker_here __attribute__((tls_model("initial-exec")));

/** The calling thread's worker, or NULL. A task stays on its worker, so that it may keep the answer. */
static inline struct async_worker *async_worker_self(void)
{
    return async_worker_here;
}

/** The running task, or NULL: async_self without a call. */
static inline struct async_task *async_task_here(void)
{
    struct async_worker *worker = async_worker_self();
    return worker ? worker->current : NULL;
}

void async_worker_set_self(struct async_worker *worker);

/** Puts a task at the end of its worker's run queue, which is the calling thread's. `changes` is odd. */
void async_worker_queue(struct async_worker *worker, struct async_task *task);

/** A task whose wait was claimed, or that was just spawned, is to run: queued here, or put in its inbox.
 *  `changes` is odd. */
void async_worker_wake(struct async_task *task, uint64_t now);

/** Has something done on the worker's thread. Called on any worker's thread. */
void async_worker_post(struct async_worker *worker, struct async_mail *mail);

/** Turns the loop of a worker that may be asleep. Called on any thread while the worker lives. */
void async_worker_alarm(struct async_worker *worker);

/** Sees to what other threads have left. */
void async_worker_receive(struct async_worker *worker);

/** Just before the poll: from now on others raise the alarm. False: word has come meanwhile. */
bool async_worker_fall_asleep(struct async_worker *worker);

/** Runs the first of the run queue, and those after it, until one ends, or none is ready, or steps_left is
 *  used up; returns the last that ran. */
struct async_task *async_worker_resume(struct async_worker *worker);

/** Reads the coarse clock into `now`, unless it was read just before. */
uint64_t async_worker_read_clock(struct async_worker *worker);

/** The same on any thread. */
uint64_t async_clock_here(void);

/** Called by the running task: back to the worker, in the given state. Returns when it is resumed. The
 *  caller has just read the clock. */
void async_suspend(enum async_task_state state);

/** What a fresh stack calls: the task's function, then the last switch. Argument: the task. */
void async_task_main(void *task);

#endif
