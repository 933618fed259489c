/* SPDX-License-Identifier: MIT */
/**
 * @file group.h - task groups: children that end before their group's wait does.
 */
#ifndef ASYNC_GROUP_H
#define ASYNC_GROUP_H

#include "future.h"

/** Its lock comes before every other: children are cancelled under it. */
struct async_group {
    struct async_future future; /**< count: children that have not ended */
    struct async_task *children;
    int error; /**< of the first child that failed */
    bool cancelled;
};

/** A new task that nobody else knows yet becomes a child. The group's lock is held. */
void async_group_adopt(struct async_group *group, struct async_task *task);

/** A child of a group has ended: its group learns of it. */
void async_group_child_ended(struct async_task *task);

#endif
