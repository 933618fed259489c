/* SPDX-License-Identifier: MIT */
/** @file locals.h - the arguments and locals of the lines of a stack. */
#ifndef AD_REPORT_LOCALS_H
#define AD_REPORT_LOCALS_H

#include <stdio.h>

#include "model/snapshot.h"

/** Of one line. */
struct ad_locals {
    const struct ad_variable *variables;
    const struct ad_value *values; /**< as many */
    uint32_t count;
};

/** The first value of a task or thread; AD_NONE: none were read. */
uint32_t ad_task_values(const struct ad_snapshot *snapshot, size_t task);
uint32_t ad_thread_values(const struct ad_snapshot *snapshot, size_t thread);

/** The variables of the next line of a stack; `next` is the first value, and moves on. All lines of the stack
 *  must be asked for in order. */
struct ad_locals ad_locals_next(const struct ad_snapshot *snapshot, const struct ad_line *line, uint32_t *next);

/** Each in a line of its own: "        arg name = value". */
void ad_print_locals(FILE *out, const struct ad_locals *locals);

#endif
