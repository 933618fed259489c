/* SPDX-License-Identifier: MIT */
/**
 * @file layout.h - reads every runtime that publishes the contract of async_debug.h.
 *
 * Needs memory only: no file, no symbol, no stack. Whoever calls finds the candidate addresses (by note,
 * by symbol, by scanning for the magic) and hands them in; what is not a descriptor is refused.
 */
#ifndef AD_RUNTIMES_LAYOUT_H
#define AD_RUNTIMES_LAYOUT_H

#include "model/snapshot.h"

/** AD_ERROR_FORMAT / FAULT when there is no (supported) descriptor at `address`; says why. */
struct ad_error *ad_layout_check(struct ad_target *target, uint64_t address) ad_must_check;

/**
 * Reads the runtime of the descriptor at `address`: its workers, tasks by both roads, the futures they
 * wait for and those futures' owners and waiters, into the snapshot. What cannot be read becomes a loss of
 * the snapshot; an error only when nothing can be read at all.
 */
struct ad_error *ad_layout_read(struct ad_target *target, uint64_t address, const char *found_by,
                                const struct ad_limits *limits, struct ad_snapshot *snapshot) ad_must_check;

/** Who is told of each suspended task while its stack is at hand. */
struct ad_stack_visitor {
    /** `size` bytes of the task's stack lie at `address`, at least those of its saved registers. All are valid
     *  during the call only. */
    struct ad_error *(*visit)(void *context, uint32_t task, const struct ad_registers *registers,
                              uint64_t address, const uint8_t *bytes, size_t size);
    void *context;
    bool keep_registers; /**< in the snapshot, too */
};

/** As ad_layout_read; each stack is then read once, where registers, frames and waits are otherwise read one after
 *  the other: for a target from which reading much is not dearer than reading little. */
struct ad_error *ad_layout_visit(struct ad_target *target, uint64_t address, const char *found_by,
                                 const struct ad_limits *limits, const struct ad_stack_visitor *visitor,
                                 struct ad_snapshot *snapshot) ad_must_check;

/** Asks the target for the used part of every suspended task's stack, in one go. */
struct ad_error *ad_layout_prefetch_stacks(struct ad_target *target, const struct ad_limits *limits,
                                           const struct ad_snapshot *snapshot) ad_must_check;

/**
 * Where one runtime's records are: with it, a few of them are read without walking through all. Of a process
 * that runs, what is read may be torn; so nothing read here is believed, only asked for.
 */
struct ad_layout_map;

/** `snapshot`: what ad_layout_read made of it just before. */
struct ad_error *ad_layout_map_create(struct ad_target *target, uint64_t address, const struct ad_limits *limits,
                                      const struct ad_snapshot *snapshot,
                                      struct ad_layout_map **map_ret) ad_must_check;
void ad_layout_map_destroy(struct ad_layout_map *map);
/** Adds the ranges (struct ad_range) of what every task is reached through, which is little. */
struct ad_error *ad_layout_map_roots(const struct ad_layout_map *map, struct ad_vector *ranges) ad_must_check;
/** Adds those of all task records. */
struct ad_error *ad_layout_map_tasks(const struct ad_layout_map *map, struct ad_vector *ranges) ad_must_check;

/**
 * Asks the target for whatever is needed of the tasks whose records lie in `ranges` (sorted), of tasks that are
 * new, and of threads: registers, stacks, what they wait for. Takes as long as those are many, not all tasks.
 */
struct ad_error *ad_layout_follow(struct ad_layout_map *map, const struct ad_range *ranges,
                                  size_t count) ad_must_check;

/** Adds the range of each slot for a task's record that `ranges` touch, free or not; all of them: `ranges` NULL. */
struct ad_error *ad_layout_map_records(const struct ad_layout_map *map, const struct ad_range *ranges,
                                       size_t count, struct ad_vector *records) ad_must_check;

/** Finds descriptors by scanning writable regions for the magic: the last resort. */
struct ad_error *ad_layout_scan(struct ad_target *target, const struct ad_limits *limits, uint64_t *addresses_ret,
                                size_t capacity, size_t *count_ret) ad_must_check;

#endif
