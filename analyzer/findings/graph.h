/* SPDX-License-Identifier: MIT */
/**
 * @file graph.h - the wait-for graph, from task to task. Of each task's reasons to wait one is taken, so it
 * is a forest of trees that lead to roots, and some roots are cycles:
 *
 *     3 --> 1 --> 0          next[3] = 1, next[1] = 0, next[0] = AD_NONE; root of all three is 0
 *     5 --> 1                behind[1] = 2, behind[0] = 3
 *     8 --> 6 <--> 7         6 and 7 are members of a cycle; root[8] = 6, behind[6] = 1, behind[7] = 0
 *
 * Which reason, and what makes an edge at all, is in waits.h: the holder of a mutex, all readers of a
 * read-write lock, any holder of a semaphore's permits, the task that is joined, a promise's producer, what
 * a select, all or group is made of. It needs an owner that is in the snapshot and has not ended. A cycle
 * is a deadlock by itself. Where one of its tasks waits for any of several, the others are stuck too, by this
 * very deadlock: the tasks on those ways are its knot, members of it like those of the ring.
 */
#ifndef AD_FINDINGS_GRAPH_H
#define AD_FINDINGS_GRAPH_H

#include "findings/waits.h"
#include "model/snapshot.h"

struct ad_cycle {
    uint32_t first;      /**< the lowest member of the ring */
    uint32_t knot;       /**< into graph.knots: the members beside the ring ... */
    uint32_t knot_count; /**< ... and how many */
};

struct ad_graph {
    struct ad_waits waits;
    size_t task_count;
    size_t future_count;
    uint32_t *next;     /**< by task: the task it waits for; the array of `waits` */
    uint32_t *behind;   /**< by task: tasks whose chain passes through it, itself and cycles not counted */
    uint32_t *root;     /**< by task: where its chain ends: a task without `next`, or the first member met */
    uint32_t *distance; /**< by task: edges from it to its root */
    uint32_t *cycle;    /**< by task: number of the cycle it is a member of, or AD_NONE */
    uint32_t *direct;   /**< by future: tasks waiting for it, members of cycles not counted */
    uint32_t *total;    /**< by future: these and all behind them */
    struct ad_vector cycles; /* struct ad_cycle */
    struct ad_vector knots;  /* uint32_t: tasks */
    void *memory;
};

struct ad_error *ad_graph_init(const struct ad_snapshot *snapshot, struct ad_graph *graph_ret) ad_must_check;
void ad_graph_deinit(struct ad_graph *graph);

/** The living task that owns a future, or the first of several; AD_NONE: none is known. */
uint32_t ad_graph_owner(const struct ad_graph *graph, uint32_t future);

/** A lock: something that a task holds and must give back. */
bool ad_future_is_lock(const struct ad_future *future);

/** A task that has ended and only waits to be released. */
bool ad_task_ended(const struct ad_task *task);

#endif
