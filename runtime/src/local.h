/* SPDX-License-Identifier: MIT */
/**
 * @file local.h - values that belong to a task. Nobody but the task itself touches them, and until it first
 * runs who spawns it.
 */
#ifndef ASYNC_LOCAL_H
#define ASYNC_LOCAL_H

#include "task.h"

struct async_locals;

/** For a child: what its parent's values give it. Calls the user's functions: no lock is held. UV_ENOMEM. */
int async_locals_inherit(struct async_locals **locals_ret, const struct async_task *parent);

/** The child does not come to be. NULL is fine. */
void async_locals_destroy(struct async_locals *locals);

void async_locals_drop_slow(struct async_task *task);

/** The task's function has returned; on its stack, where it may still wait. */
static inline void async_locals_drop(struct async_task *task)
{
    if (task->locals)
        async_locals_drop_slow(task);
}

#endif
