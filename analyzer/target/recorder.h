/* SPDX-License-Identifier: MIT */
/**
 * @file recorder.h - a target before another one, which notes what is read of it: what of a core of
 * gigabytes was needed can be written into a small one (snapshot_file.h).
 */
#ifndef AD_TARGET_RECORDER_H
#define AD_TARGET_RECORDER_H

#include "base/vector.h"
#include "target/target.h"

/** Takes `inner` over, also on error. */
struct ad_error *ad_recorder_create(struct ad_target *inner, struct ad_target **target_ret) ad_must_check;
/** Adds the ranges (struct ad_range) that could be read, and were asked for, by 64 bytes; sorted. */
struct ad_error *ad_recorder_ranges(const struct ad_target *target, struct ad_vector *ranges) ad_must_check;

#endif
