/* SPDX-License-Identifier: MIT */
/** @file fake.h - a target made of byte arrays, for unit tests and fuzzers. */
#ifndef AD_TARGET_FAKE_H
#define AD_TARGET_FAKE_H

#include "target/target.h"

struct ad_fake_memory {
    uint64_t address;
    const void *bytes;
    size_t size;
};

/** The bytes are the caller's and must outlive the target. Each memory becomes one region, readable and
 *  writable. A test may change regions, threads and whatever else is public afterwards. */
struct ad_error *ad_fake_create(const struct ad_fake_memory *memory, size_t count,
                                const struct ad_limits *limits, struct ad_target **target_ret) ad_must_check;

#endif
