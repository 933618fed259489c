/* SPDX-License-Identifier: MIT */
/**
 * @file task.h - the task record and a task's way from spawn to release.
 *
 *     spawn --> ready <--> running --> returned / failed / cancelled --> released
 *                 ^           |           (until joined or detached, and
 *                 `- waiting <'            until nothing pins it: a future that names it as owner...)
 *
 * A record lives in a slot of a slab (slab.h) and is on its worker's list from spawn to release. Its
 * stack goes back to the pool as soon as it has ended. Whether a record may be released (flags, pins,
 * joined) is decided under its registry's lock; the rest of it belongs to its worker's thread.
 */
#ifndef ASYNC_TASK_H
#define ASYNC_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "async.h"
#include "future.h"
#include "machine.h"

/** Named in descriptor.c. RUNNING if and only if the saved context is stale. */
enum async_task_state {
    ASYNC_TASK_FREE, /**< a slot without a task */
    ASYNC_TASK_READY,
    ASYNC_TASK_RUNNING,
    ASYNC_TASK_WAITING,
    ASYNC_TASK_RETURNED,
    ASYNC_TASK_FAILED,    /**< returned a negative code */
    ASYNC_TASK_CANCELLED, /**< returned UV_ECANCELED after it was told to */
};

/** A wait ends once: of those who would end it, on whatever thread, one claims it. */
enum async_wait {
    ASYNC_WAIT_NONE,
    ASYNC_WAIT_ARMED,
    ASYNC_WAIT_CLAIMED,
};

#define ASYNC_TASK_MAGIC 0x6173796e5441534bu /* "asynTASK"; a free slot has another value */
#define ASYNC_TASK_NAME_SIZE 32

struct async_cancel;
struct async_function_record;
struct async_group;
struct async_label;
struct async_locals;
struct async_registry;
struct async_stack;
struct async_timeout;
struct async_worker;

struct async_task {
    /* What a switch touches, in two cache lines. */
    uint64_t magic; /**< ASYNC_TASK_MAGIC from the moment the record is complete until its release */
    uint64_t id;    /**< never reused in a process */
    uint32_t state; /**< enum async_task_state */
    uint32_t flags; /**< enum async_debug_task_flag */
    void *context;  /**< switch.h; NULL before its first step and once ended */
    struct async_worker *worker;
    struct async_task *ready_next; /**< in the run queue; of a free slot: the next free slot */
    struct async_future *awaits;   /**< set while waiting */
    uint16_t wait;                 /**< enum async_wait */
    uint8_t interrupts;            /**< enum async_interrupt bits */
    bool stack_guarded;            /**< by a page; otherwise by its canary */
    uint32_t shields;              /**< how many are around it: 0: waits can be interrupted */

    struct async_stack *stack; /**< NULL before its first step and once ended, as are the two below */
    char *stack_low;
    uint64_t stack_size;
    uint64_t stack_used_max; /**< the most that was in use at a switch; diagnose_stack.h */
    uint64_t resumes;
    uint64_t resumed_at;
    uint64_t suspended_at;
    uint64_t ready_since;

    struct async_waiter *waiters; /**< its place in that future's queue */
    struct async_future join;     /**< resolved when it ends; owner: this task */

    struct async_task *next;  /**< road 1, oldest first */
    struct async_task **link; /**< the pointer that points here */

    async_function start;
    void *argument;
    struct async_task *parent; /**< may be gone, and its slot reused: parent_id tells */
    uint64_t parent_id;
    const struct async_site *spawn_site; /**< NULL: spawned by async_run */
    void *spawn_pc;
    void **spawn_stack; /**< return addresses, in debug mode; from malloc, as are the next two */
    void **error_stack; /**< of async_fail */
    char *error_text;   /**< of async_fail, or NULL */
    const struct async_site *error_site;
    uint32_t spawn_depth;
    uint32_t error_depth;
    int32_t error_told; /**< the code that async_fail was given last, 0: none */
    bool failure_told;  /**< that nobody takes its failure */
    bool joined;        /**< somebody is in async_join for it */
    bool main;          /**< async_run's first task */

    struct async_function_record *function; /**< counts of its start function */
    uint64_t wall_time;                     /**< where counted, as are the next two; ns */
    uint64_t cpu_time;
    uint64_t longest_step;

    struct async_timeout *timeouts; /**< innermost first */
    const void *timeout_opened;     /**< return address of what began the innermost */
    uint64_t deadline;              /**< of the earliest that is in force, 0: none */
    struct async_group *group;      /**< it is a child of, or NULL */
    struct async_task *group_next;  /**< the group's next child */
    struct async_task **group_link; /**< the pointer that points here */
    struct async_cancel *cancel;    /**< a request on its way from another worker, or NULL */
    uint64_t cancel_by;
    uint64_t cancel_at;
    const struct async_site *cancel_site;
    uint32_t cancel_state; /**< enum async_debug_cancel_state */
    uint32_t pins; /**< what keeps the record: its own life, futures that name it as owner, mail for it */

    struct async_label *labels;  /**< first; label.h */
    struct async_locals *locals; /**< NULL: none; local.h */
    uint64_t selects;            /**< ever begun: what they begin with depends on it */

    uint64_t spawned_at;
    struct async_float_modes modes; /**< of whoever spawned it */

    int32_t result; /**< what `start` returned */
    int32_t error;  /**< the same when negative */
    char name[ASYNC_TASK_NAME_SIZE];
} __attribute__((aligned(64)));

/** What a new task is to be. */
struct async_task_form {
    struct async_worker *worker;
    struct async_task *parent; /**< NULL: spawned from outside any task */
    struct async_group *group; /**< its lock is held; or NULL */
    async_function start;
    void *argument;
    const struct async_site *spawn_site;
    void *spawn_pc;
    struct async_label *labels;  /**< the task's from now on, as is the next */
    struct async_locals *locals;
    uint32_t flags; /**< enum async_debug_task_flag */
    bool main;
};

/** Makes a task, which is ready when this returns. UV_ENOMEM; UV_ESHUTDOWN. */
int async_task_create(struct async_task **task_ret, const struct async_task_form *form, const char *name);

/** On the worker's own stack, after the task has switched away for the last time. */
void async_task_end(struct async_task *task);

/** The record is to outlive the task's end, until it is unpinned. NULL is fine. */
void async_task_pin(struct async_task *task);
void async_task_unpin(struct async_task *task);

/** Walks a registry while it changes: pins the task after `task` (NULL: the first) and unpins `task`. NULL
 *  after the last. No lock is held meanwhile. */
struct async_task *async_task_walk(struct async_registry *registry, struct async_task *task);

/** Wins the right to join or detach; false: it is taken. */
bool async_task_take_handle(struct async_task *task);

/** The handle is used up: retrieved or detached; or (flag 0) given back. */
void async_task_settle_handle(struct async_task *task, uint32_t flag);

/** Flags are set by more than one thread. */
void async_task_set_flag(struct async_task *task, uint32_t flag);
void async_task_clear_flag(struct async_task *task, uint32_t flag);

/** Whether it has any of them. */
static inline bool async_task_has_flag(const struct async_task *task, uint32_t flags)
{
    return __atomic_load_n(&task->flags, __ATOMIC_RELAXED) & flags;
}

/** Whether the handle is a task's. A slot outlives its task, so that this may be asked of a stale one too. */
bool async_is_task(const struct async_task *task);

/** Wins the right to end the task's wait; false: it is over, or won by another. */
bool async_task_claim(struct async_task *task);

/** Ends the task's wait with a code; false: it does not wait. On its worker's thread. */
bool async_wait_interrupt(struct async_task *task, int code);

static inline bool async_task_ended(const struct async_task *task)
{
    return task->state >= ASYNC_TASK_RETURNED;
}

#endif
