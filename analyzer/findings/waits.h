/* SPDX-License-Identifier: MIT */
/**
 * @file waits.h - which waits can end, and for those that cannot one reason that leads on to a task.
 *
 * Tasks and futures are the nodes of a graph; an edge says "needs". A node needs all or any of its edges:
 *
 *     task --all--> lock --all--> holder, holder            a writer waits for every reader
 *     task --all--> semaphore --any--> holder, holder       any of them can give a permit back
 *     task --all--> select --any--> future, future          the first of several
 *     task --all--> group --all--> join, join --all--> task
 *
 * A node without a rule can end by itself: it runs, or something outside, or something unknown, may end it.
 * Who can end is found by working back from those; what is left is stuck. A wait under a deadline, or of a
 * task whose cancellation is on its way, can end; but neither reaches a task that is shielded.
 */
#ifndef AD_FINDINGS_WAITS_H
#define AD_FINDINGS_WAITS_H

#include "model/snapshot.h"

enum ad_need { AD_NEED_NOTHING, AD_NEED_ALL, AD_NEED_ANY };

/** Nodes are futures by their index, then tasks by theirs. */
struct ad_waits {
    size_t future_count;
    size_t task_count;
    uint8_t *need;          /**< by node: enum ad_need */
    uint32_t *first;        /**< by node, and one more: its edges begin here in `edges` */
    struct ad_vector edges; /* uint32_t: nodes */
    uint32_t *via;  /**< by node: the edge that explains its wait: of a stuck node one that is stuck too and
                     *   leads towards a deadlock, of another the first that leads to a task; AD_NONE: none */
    uint32_t *next; /**< by task: the task that `via` leads to, over however many futures; AD_NONE: none */
    uint32_t *through; /**< by task: the owned future that it waits for at last, or AD_NONE */
    void *memory;
};

/** Linear in tasks, futures and edges; no recursion. */
struct ad_error *ad_waits_init(const struct ad_snapshot *snapshot, struct ad_waits *waits_ret) ad_must_check;
void ad_waits_deinit(struct ad_waits *waits);

/** Fills `need`, `first` and `edges` (waits_rules.c). */
struct ad_error *ad_waits_rules(const struct ad_snapshot *snapshot, struct ad_waits *waits) ad_must_check;

/** Whether some task owns it or its permits, so that it can be named as what blocks others. */
bool ad_future_is_owned(const struct ad_future *future);

#endif
