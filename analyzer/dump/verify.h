/* SPDX-License-Identifier: MIT */
/** @file verify.h - every stack of a dump unwound twice, by rows and by libunwind alone, and compared. */
#ifndef AD_DUMP_VERIFY_H
#define AD_DUMP_VERIFY_H

#include "base/vector.h"
#include "dump/dump.h"
#include "unwind/unwind.h"

/** One stack that does not come out the same. */
struct ad_stack_difference {
    uint32_t task; /**< id; AD_NONE: it is the thread's */
    pid_t tid;     /**< of a thread */
    struct ad_unwind_comparison comparison;
};

struct ad_verification {
    uint64_t stacks;
    uint64_t frames;
    uint64_t by_row;              /**< of them, those for which rows say all; others are libunwind's both times */
    uint64_t differing;           /**< stacks */
    struct ad_vector differences; /**< struct ad_stack_difference, the first few */
};

/** Of tasks only if the dump was made with options.registers. */
struct ad_error *ad_dump_verify(struct ad_dump *dump, const struct ad_limits *limits,
                                struct ad_verification *verification_ret) ad_must_check;
void ad_verification_deinit(struct ad_verification *verification);

#endif
