/* SPDX-License-Identifier: MIT */
/**
 * @file diagnose_stack.h - how deep a stack was ever used: in debug mode. At a switch the runtime sees only
 * where the stack pointer is; what calls in between have touched is not zero any more.
 *
 * That holds for a stack that was all zero when its task began, as it is when debug mode is on by then.
 * Other tasks' marks are the deepest switch. Only pages that are in memory are looked at, so none is
 * committed.
 */
#ifndef ASYNC_DIAGNOSE_STACK_H
#define ASYNC_DIAGNOSE_STACK_H

struct async_task;

/** Makes the unused part of a new task's stack zero again, if others have used it. */
void async_stack_clean(struct async_task *task);

/** Raises stack_used_max to what was ever used. */
void async_stack_measure(struct async_task *task);

#endif
