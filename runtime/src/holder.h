/* SPDX-License-Identifier: MIT */
/**
 * @file holder.h - who holds shares of a lock, or permits: records in the `holders` list of one future, or of
 * both futures of an object, oldest first.
 *
 *     future --holders--> place[0] --next--> place[0] --next--> NULL
 *                           | task             | task
 *     holder, holder:     [ place[0] place[1] ] [ place[0] place[1] ]
 *                                    |                     |
 *     other future --holders--> place[1] ----------> place[1] ----> NULL
 *
 * A record is made before the wait, since there may be no memory afterwards. It belongs to whoever waits
 * until the share is his; then it is in the lists; then among the spares, for the next. The task is pinned,
 * so that the list never names a reused slot. All of it is guarded by the futures' lock, which is held unless
 * a function says otherwise; where lists change, `changes` is odd.
 */
#ifndef ASYNC_HOLDER_H
#define ASYNC_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "future.h"

struct async_holder {
    struct async_waiter place[2];
    uint64_t permits;
    struct async_holder *next_spare;
};

struct async_holders {
    struct async_future *future[2]; /**< the second may be NULL */
    struct async_waiter **last[2];
    struct async_holder *spares;
};

void async_holders_init(struct async_holders *holders, struct async_future *first,
                        struct async_future *second);

/** After the last wait, perhaps after the last worker's end: nobody holds anything any more. */
void async_holders_deinit(struct async_holders *holders);

/** Whether a task that has not ended is among them. */
bool async_holders_alive(const struct async_holders *holders);

/** A record that is in no list, or NULL: no memory. The lock is not held. To give it back:
 *  async_holder_spare, or free. */
struct async_holder *async_holder_create(struct async_holders *holders);
void async_holder_spare(struct async_holders *holders, struct async_holder *holder);

void async_holder_enter(struct async_holders *holders, struct async_holder *holder, struct async_task *task);

/** Leaves the lists and becomes a spare. */
void async_holder_leave(struct async_holders *holders, struct async_holder *holder);

/** The oldest of the task's, or of anybody's (NULL); NULL: there is none. */
struct async_holder *async_holder_find(const struct async_holders *holders, const struct async_task *task);

#endif
