/* SPDX-License-Identifier: MIT */
/**
 * @file heritage.h - what a task has from the task that spawned it: labels, and values that are inherited.
 */
#ifndef ASYNC_HERITAGE_H
#define ASYNC_HERITAGE_H

#include "label.h"
#include "local.h"
#include "task.h"

/** Before any lock is taken. UV_ENOMEM. */
static inline int async_heritage_take(struct async_task_form *form)
{
    struct async_task *parent = form->parent;
    form->labels = async_labels_share(parent->labels);
    int error = parent->locals ? async_locals_inherit(&form->locals, parent) : 0;
    if (error)
        async_labels_unshare(form->labels);
    return error;
}

/** There is no new task to have it. */
static inline void async_heritage_drop(struct async_task_form *form)
{
    async_labels_unshare(form->labels);
    async_locals_destroy(form->locals);
}

#endif
