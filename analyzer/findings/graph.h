/* SPDX-License-Identifier: MIT */
/**
 * @file graph.h - the wait-for graph. Every task has at most one way out, so it is a forest of trees that
 * lead to roots, and some roots are cycles:
 *
 *     3 --> 1 --> 0          next[3] = 1, next[1] = 0, next[0] = AD_NONE; root of all three is 0
 *     5 --> 1                behind[1] = 2, behind[0] = 3
 *     8 --> 6 <--> 7         6 and 7 are members of a cycle; root[8] = 6, behind[6] = 1, behind[7] = 0
 *
 * An edge leads from a WAITING task over a pending future to the future's owner when that owner alone can
 * end the wait: the holder of a mutex, a read-write lock or a semaphore of one permit, the task that is
 * joined, a promise's producer. It needs an owner that is in the snapshot and has not ended. A wait that
 * a deadline or a requested cancellation may end makes no edge, nor does a lock that is being handed over.
 */
#ifndef AD_FINDINGS_GRAPH_H
#define AD_FINDINGS_GRAPH_H

#include "model/snapshot.h"

struct ad_graph {
    size_t task_count;
    size_t future_count;
    uint32_t *next;     /**< by task: the task it waits for */
    uint32_t *behind;   /**< by task: tasks whose chain passes through it, itself and cycles not counted */
    uint32_t *root;     /**< by task: where its chain ends: a task without `next`, or the first member met */
    uint32_t *distance; /**< by task: edges from it to its root */
    uint32_t *cycle;    /**< by task: number of the cycle it is a member of, or AD_NONE */
    uint32_t *direct;   /**< by future: tasks waiting for it, members of cycles not counted */
    uint32_t *total;    /**< by future: these and all behind them */
    struct ad_vector cycles; /* uint32_t: the lowest member of each cycle */
    void *memory;
};

struct ad_error *ad_graph_init(const struct ad_snapshot *snapshot, struct ad_graph *graph_ret) ad_must_check;
void ad_graph_deinit(struct ad_graph *graph);

/** A lock: something that a task holds and must give back. */
bool ad_future_is_lock(const struct ad_future *future);

/** A task that has ended and only waits to be released. */
bool ad_task_ended(const struct ad_task *task);

#endif
