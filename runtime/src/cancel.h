/* SPDX-License-Identifier: MIT */
/**
 * @file cancel.h - interrupting a task's waits: by cancellation, and by timeouts that expire.
 *
 * What is to interrupt a task is noted in it, on its own worker's thread only. A task that waits is woken
 * with the code at once; otherwise its next wait returns it. While the task is shielded neither happens.
 * A cancellation is delivered once; an expired timeout ends every wait until its scope ends.
 */
#ifndef ASYNC_CANCEL_H
#define ASYNC_CANCEL_H

#include "task.h"
#include "worker.h"

/** What may interrupt a task, in task->interrupts. */
enum async_interrupt {
    ASYNC_INTERRUPT_CANCEL = 1,
    ASYNC_INTERRUPT_TIMEOUT = 2, /**< some timeout of the task has expired */
};

int async_interrupt_take_slow(struct async_task *task);

/** The code that the running task's wait is to return at once, or 0: wait. */
static inline int async_interrupt_take(struct async_task *task)
{
    return task->interrupts ? async_interrupt_take_slow(task) : 0;
}

/** The running task's wait was to return this code (0: none), but has a result after all: the next one returns
 *  it instead. */
void async_interrupt_put_back(struct async_task *task, int code);

/** Whether a wait of the running task would be interrupted at once; takes nothing. */
bool async_interrupt_pending(const struct async_task *task);

/** Waits in between are not interrupted. Nests. */
void async_shield_enter(struct async_task *task);
void async_shield_leave(struct async_task *task);

/** A request for one task, which may be on any worker. `by`: the requesting task's id, 0: none.
 *  UV_ESRCH: it has ended; UV_EALREADY: there is one that is not delivered yet. */
int async_cancel_request(struct async_task *task, uint64_t by, const struct async_site *site);

#endif
