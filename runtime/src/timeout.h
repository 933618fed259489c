/* SPDX-License-Identifier: MIT */
/**
 * @file timeout.h - scopes in which a task's waits end when the time is up. They nest; each lies on its
 * task's stack, chained from the task, innermost first, with an entry among its worker's timers.
 */
#ifndef ASYNC_TIMEOUT_H
#define ASYNC_TIMEOUT_H

#include <stdbool.h>

#include "task.h"

/** Whether one that is in force has expired: begun inside the innermost shield. */
bool async_timeouts_expired(const struct async_task *task);

/** Writes down the earliest deadline in force. */
void async_timeouts_note_deadline(struct async_task *task);

void async_timeouts_drop_slow(struct async_task *task);

/** Ends those that the task has left open. Its function has returned: where they lay is no more. */
static inline void async_timeouts_drop(struct async_task *task)
{
    if (task->timeouts)
        async_timeouts_drop_slow(task);
}

#endif
