/* SPDX-License-Identifier: MIT */
/**
 * @file source.h - where the bytes of a value come from: the target's memory, or the fragments that its
 * location led to, put together. Bytes that cannot be had say why, each for itself.
 *
 *     fragments   [register rbx: 4 bytes][optimized out: 4][memory 0x7f..: 8]
 *     bytes        2a 00 00 00            .  .  .  .        de ad ...
 *     states       -  -  -  -             o  o  o  o        -  -
 */
#ifndef AD_VALUES_SOURCE_H
#define AD_VALUES_SOURCE_H

#include "symbol/dwarf_expression.h"

/** A value's bytes; all zero at first. */
struct ad_source {
    bool in_memory; /**< at `address`, of any size; else `bytes` and `states` */
    uint64_t address;
    uint8_t *bytes;
    uint8_t *states; /**< 0: there; else 1 + the fragment to blame */
    size_t size;
    struct ad_vector fragments; /* struct ad_fragment */
};

/** Of the fragments in `source`, makes the bytes of a value of `size` bytes. What lies beyond
 *  limits->value_bytes is optimized out, unless it is in memory. */
struct ad_error *ad_source_assemble(struct ad_source *source, const struct ad_expression_stack *stack,
                                    uint64_t size) ad_must_check;
void ad_source_deinit(struct ad_source *source);

/** Reads `size` bytes at an offset. The fragment to blame when one of them is not there: a static one or the
 *  source's; NULL: all are. */
const struct ad_fragment *ad_source_read(const struct ad_source *source,
                                         const struct ad_expression_stack *stack, uint64_t offset, uint64_t size,
                                         void *buffer);

/** Whether not one of these bytes is there, all for the reason of `blame_ret`. */
bool ad_source_is_lost(const struct ad_source *source, uint64_t offset, uint64_t size,
                       const struct ad_fragment **blame_ret);

#endif
