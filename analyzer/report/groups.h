/* SPDX-License-Identifier: MIT */
/**
 * @file groups.h - tasks that do the same: equal state, equal kind of wait, equal whole stack as it is shown.
 *
 * Whole stacks, never the top frame: two tasks that wait in the same library call for different reasons
 * are different. But not the runtime's own frames, which no view shows: its ways to the same wait differ.
 * What they wait for is not part of the key either, so that 25,000 connections are one line.
 */
#ifndef AD_REPORT_GROUPS_H
#define AD_REPORT_GROUPS_H

#include "model/snapshot.h"
#include "report/selection.h"

enum { AD_GROUP_SHOWN = 4 };

struct ad_group {
    uint64_t count;
    const char *state; /**< ad_task_state_word */
    uint32_t kind;     /**< enum async_debug_kind_class; AD_NONE: waits for nothing */
    uint32_t stack;
    uint32_t start;    /**< location of the start function of tasks that have not begun, or have ended: what
                        *   there is instead of a stack; else AD_NONE */
    uint64_t oldest;   /**< age of the one longest in this state, ns; UINT64_MAX: none is known */
    uint32_t future;   /**< of the first one */
    bool one_object;   /**< all wait for the same object */
    uint64_t deadline; /**< the earliest of all, 0: none */
    uint32_t shown[AD_GROUP_SHOWN]; /**< the first tasks of it, `count` of them or all that fit */
};

/** Fills a vector of struct ad_group with the selected tasks: most tasks first, then the oldest. Linear, but for sorting groups. */
struct ad_error *ad_groups_compute(const struct ad_snapshot *snapshot,
                                   const struct ad_selection *selection,
                                   struct ad_vector *groups_ret) ad_must_check;

#endif
