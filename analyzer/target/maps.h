/* SPDX-License-Identifier: MIT */
/** @file maps.h - the text of /proc/PID/maps (proc(5)) as regions. */
#ifndef AD_TARGET_MAPS_H
#define AD_TARGET_MAPS_H

#include "base/pool.h"
#include "base/vector.h"
#include "target/target.h"

/**
 * Adds a struct ad_region to `regions` for each line of `text` (NUL-terminated). Paths go to `pool`;
 * names in brackets, such as [heap], are no paths, but [vdso] is kept. Lines that make no sense, that are not in order, or
 * that pass limits->regions are counted in `skipped_ret`.
 */
struct ad_error *ad_maps_parse(const char *text, const struct ad_limits *limits, struct ad_pool *pool,
                               struct ad_vector *regions, uint64_t *skipped_ret) ad_must_check;

#endif
