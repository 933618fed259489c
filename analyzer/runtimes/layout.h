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

/** Asks the target for the used part of every suspended task's stack, in one go. */
struct ad_error *ad_layout_prefetch_stacks(struct ad_target *target, const struct ad_limits *limits,
                                           const struct ad_snapshot *snapshot) ad_must_check;

/** Finds descriptors by scanning writable regions for the magic: the last resort. */
struct ad_error *ad_layout_scan(struct ad_target *target, const struct ad_limits *limits, uint64_t *addresses_ret,
                                size_t capacity, size_t *count_ret) ad_must_check;

#endif
