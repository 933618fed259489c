/* SPDX-License-Identifier: MIT */
/**
 * @file slab.h - road 2: task records in slabs of fixed slots, reached through an index of slabs. A slab
 * stays mapped until its worker ends, so a stale handle finds a slot without the live magic, not a hole.
 *
 *     worker.slabs.items --> [ slab*, slab*, ... ]        count entries
 *                                |
 *                                v
 *                              | header | slot | slot | slot | ... |
 */
#ifndef ASYNC_SLAB_H
#define ASYNC_SLAB_H

#include <stdint.h>

#include "change.h"
#include "task.h"

#define ASYNC_SLAB_BYTES 65536u
#define ASYNC_SLAB_MAGIC 0x6173796e534c4142u /* "asynSLAB" */

struct async_slab {
    uint64_t magic;
    uint32_t slot_count;
    uint32_t slot_size;
    struct async_task slots[];
};

struct async_slabs {
    struct async_slab **items;
    uint32_t count;
    uint32_t capacity;
    struct async_task *free; /**< chained by ready_next */
};

/** One slab more; false: out of memory. */
bool async_slabs_grow(struct async_slabs *slabs);

/** A free slot of undefined content (but not of the live magic), or NULL. */
static inline struct async_task *async_slot_take(struct async_slabs *slabs)
{
    if (!slabs->free && !async_slabs_grow(slabs))
        return NULL;
    struct async_task *task = slabs->free;
    slabs->free = task->ready_next;
    return task;
}

static inline void async_slot_give(struct async_slabs *slabs, struct async_task *task)
{
    async_publish(&task->magic, ASYNC_DEAD_MAGIC);
    task->state = ASYNC_TASK_FREE;
    task->ready_next = slabs->free;
    slabs->free = task;
}

void async_slabs_deinit(struct async_slabs *slabs);

#endif
