/* SPDX-License-Identifier: MIT */
/** @file range.h - checked arithmetic and address ranges that cannot be built wrong. */
#ifndef AD_BASE_RANGE_H
#define AD_BASE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#define ad_add(a, b, ret) (!__builtin_add_overflow(a, b, ret))
#define ad_sub(a, b, ret) (!__builtin_sub_overflow(a, b, ret))
#define ad_mul(a, b, ret) (!__builtin_mul_overflow(a, b, ret))

/** [start, end); start <= end. */
struct ad_range {
    uint64_t start;
    uint64_t end;
};

/** False when start + size wraps; then `ret` is empty. */
static inline bool ad_range_init(struct ad_range *ret, uint64_t start, uint64_t size)
{
    *ret = (struct ad_range){start, start};
    return ad_add(start, size, &ret->end) || (ret->end = start, false);
}

static inline uint64_t ad_range_size(struct ad_range range)
{
    return range.end - range.start;
}

static inline bool ad_range_contains(struct ad_range range, uint64_t address)
{
    return range.start <= address && address < range.end;
}

/** Whether [start, start + size) lies inside. */
static inline bool ad_range_holds(struct ad_range range, uint64_t start, uint64_t size)
{
    return range.start <= start && start <= range.end && size <= range.end - start;
}

#endif
