/* SPDX-License-Identifier: MIT */
/**
 * @file layout_walk.h - the one walker for every list of a target: it always ends, and says why.
 *
 *     for (ad_walk_init(&walk, first, head, cap); ad_walk_going(&walk); ad_walk_next(&walk, next))
 *         ... walk.at is the record; a record that cannot be read: ad_walk_end(&walk, AD_WALK_FAULT) ...
 *
 * Cycles are found by Brent's method: no memory, and at most about three times round.
 */
#ifndef AD_RUNTIMES_LAYOUT_WALK_H
#define AD_RUNTIMES_LAYOUT_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ad_walk_stop {
    AD_WALK_GOING,
    AD_WALK_END,   /**< null */
    AD_WALK_HEAD,  /**< back at the head or the first record: a ring */
    AD_WALK_CYCLE, /**< back at a record in the middle */
    AD_WALK_CAP,   /**< as many steps as are allowed */
    AD_WALK_FAULT, /**< a record that cannot be read or is not of its kind */
};

struct ad_walk {
    uint64_t at;    /**< the record to read now; after the end, where it stopped */
    uint64_t steps; /**< records visited before it */
    enum ad_walk_stop stop;
    uint64_t first;
    uint64_t head;   /**< address that ends a ring; 0: none */
    uint64_t cap;
    uint64_t anchor; /**< Brent's tortoise, moved after 1, 2, 4, 8, ... steps */
    uint64_t power;
    uint64_t since_anchor; /**< at a cycle: its length */
};

void ad_walk_init(struct ad_walk *walk, uint64_t first, uint64_t head, uint64_t cap);
bool ad_walk_going(const struct ad_walk *walk);
void ad_walk_next(struct ad_walk *walk, uint64_t next);
void ad_walk_end(struct ad_walk *walk, enum ad_walk_stop stop);
/** Whether it came to a proper end. */
bool ad_walk_whole(const struct ad_walk *walk);

/** Of the addresses a walk visited, in order, how many are distinct: fewer than all after a cycle. */
size_t ad_walk_distinct(const struct ad_walk *walk, const uint64_t *visited, size_t count);

#define AD_WALK_TEXT 64
/** "cycle at 0x...", "unreadable at 0x...", ... into `text` of AD_WALK_TEXT characters; returns it. */
const char *ad_walk_text(const struct ad_walk *walk, char *text);

#endif
