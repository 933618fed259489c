/* SPDX-License-Identifier: MIT */
/**
 * @file stack.h - stacks for tasks: mapped many at a time, committed by the kernel as they are touched, and
 * kept for reuse.
 *
 *     one mapping:  | edge page | gap | stack 0 | gap | stack 1 | ... | gap | stack N-1 |
 *
 * The edge is never accessible. A gap becomes a guard page (an overflow is a SIGSEGV at once) when its
 * stack is first used, while the budget lasts: each costs two of the kernel's 65,530 mappings. A stack beyond
 * the budget is checked by its canary instead: its lowest bytes, which must still be zero after each switch.
 * They are only read, so an untouched stack page stays uncommitted.
 *
 * Stacks begin at different places in their highest page, so that the frames of many do not compete for the
 * same few lines of the caches.
 *
 * Neither MADV_DONTDUMP nor MADV_GUARD_INSTALL is used: with either, gcore writes cores without stacks.
 */
#ifndef ASYNC_STACK_H
#define ASYNC_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sanitizer.h"

#define ASYNC_STACK_LEAST ((size_t)16 * 1024)
#define ASYNC_STACK_ABSURD ((size_t)1 << 40) /**< nobody can mean it; larger ones fail for want of memory */

/** One stack. */
struct async_stack {
    char *low;   /**< lowest usable byte */
    size_t size; /**< usable bytes from there */
    bool used;   /**< was handed out before: its gap and registration are settled */
    bool guarded;
    bool clean; /**< was all zero when it was handed out last: diagnose_stack.h */
    unsigned registration;
    struct async_fiber fiber;
    struct async_stack *next; /**< in the pool's list of free ones */
};

/** One mapping of several stacks; stack.c knows it. */
struct async_stack_slab;

struct async_stacks {
    size_t size;          /**< bytes of each stack */
    uint32_t guards_left; /**< what remains of the budget */
    struct async_stack_slab *slabs;
    struct async_stack *free;
    size_t free_count;
    size_t promised; /**< how many of them are for tasks that have not begun */
};

/** `size` is rounded up to whole pages, at least 16 KiB; 0: the default of 64 KiB (256 KiB under ASan). */
void async_stacks_init(struct async_stacks *stacks, size_t size, uint32_t guard_budget);

/** Unmaps everything; no stack may be in use. */
void async_stacks_deinit(struct async_stacks *stacks);

/** More stacks; false: out of memory or mappings. */
bool async_stacks_grow(struct async_stacks *stacks);

/** A stack is used for the first time. */
void async_stack_settle(struct async_stacks *stacks, struct async_stack *stack);

/** Keeps a stack for a task, which takes it when it begins: tasks that come and go in turn then share one that
 *  is in the caches, and a million that wait for their turn have none. False: out of memory or mappings. */
static inline bool async_stack_promise(struct async_stacks *stacks)
{
    if (stacks->promised == stacks->free_count && !async_stacks_grow(stacks))
        return false;
    stacks->promised++;
    return true;
}

/** One that was promised. */
static inline struct async_stack *async_stack_take(struct async_stacks *stacks)
{
    struct async_stack *stack = stacks->free;
    stacks->free = stack->next;
    stacks->free_count--;
    stacks->promised--;
    if (!stack->used)
        async_stack_settle(stacks, stack);
    stack->clean = false;
    return stack;
}

static inline void async_stack_give(struct async_stacks *stacks, struct async_stack *stack)
{
    async_stack_forget(stack->low, stack->size);
    stack->next = stacks->free;
    stacks->free = stack;
    stacks->free_count++;
}

/** Whether an unguarded stack's lowest bytes are still zero. */
bool async_stack_canary_intact(const char *low);

#endif
