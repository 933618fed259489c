/* SPDX-License-Identifier: MIT */
/**
 * @file stack.h - the displayed lines of a stack: real and inlined functions, innermost first, numbered as
 * a debugger numbers them. Hidden lines (the runtime's own) keep their numbers when they are left out.
 */
#ifndef AD_REPORT_STACK_H
#define AD_REPORT_STACK_H

#include <stdio.h>

#include "model/snapshot.h"

struct ad_stack_line {
    uint32_t number; /**< in the whole stack; set by the walk */
    const struct ad_location *location;
    const struct ad_line *line; /**< NULL: nothing is known of this address */
    bool hidden;
};

/** The location of a frame; NULL beyond the stack's end. */
const struct ad_location *ad_stack_location(const struct ad_snapshot *snapshot, const struct ad_stack *stack,
                                            uint32_t frame);
/** Line `number` of a location, from 0 on; false beyond the last. There is always one, known or not. */
bool ad_location_line(const struct ad_snapshot *snapshot, const struct ad_location *location, uint32_t number,
                      struct ad_stack_line *line_ret);

/** Walks over all lines of one stack; AD_NONE is a stack without lines. */
struct ad_stack_walk {
    const struct ad_snapshot *snapshot;
    const struct ad_stack *stack;
    uint32_t frame;
    uint32_t line;
    uint32_t number;
};

void ad_stack_walk_init(struct ad_stack_walk *walk, const struct ad_snapshot *snapshot, uint32_t stack);
/** False at the end. */
bool ad_stack_walk_next(struct ad_stack_walk *walk, struct ad_stack_line *line_ret);

/** It is to run for the first time, so that its stack tells nothing; where it begins is known. */
bool ad_task_unbegun(const struct ad_snapshot *snapshot, const struct ad_task *task);

/** The innermost line of the program's own, else the innermost of all; false when there is none. */
bool ad_stack_user_line(const struct ad_snapshot *snapshot, uint32_t stack, struct ad_stack_line *line_ret);

/** "lock_pair bank.c:16", "epoll_wait", "0x55d0 in kvd+0x10" */
void ad_print_line_short(FILE *out, const struct ad_stack_line *line);

/** The user's lines, outermost first: "serve bank.c:88 > ... > next_job bank.c:19"; "(no stack)". The
 *  outermost and the innermost are always there, between them what fits into `width` characters. */
void ad_print_where(FILE *out, const struct ad_snapshot *snapshot, uint32_t stack, size_t width);

/** The three innermost of the user's lines, the outer first; nothing when there is no stack. */
void ad_print_innermost(FILE *out, const struct ad_snapshot *snapshot, uint32_t stack);

#endif
