/* SPDX-License-Identifier: MIT */
/**
 * @file splice.h - what is seen of ranges that overlap, when the later one covers the earlier.
 *
 *     index 0   [-----------------)
 *     index 1         [-----)            [-----)   index 2
 *     pieces    [ 0  )[  1  )[ 0  )      [  2  )
 */
#ifndef AD_BASE_SPLICE_H
#define AD_BASE_SPLICE_H

#include <stddef.h>

#include "base/error.h"
#include "base/range.h"

struct ad_piece {
    struct ad_range range; /**< never empty */
    size_t index;          /**< of the range it is a part of */
};

/**
 * Cuts `ranges` into pieces that are sorted and do not overlap; of several ranges over one address the
 * one with the greatest index is seen. At most 2 * count pieces, in O(n log n); `pieces_ret` is the
 * caller's to free and NULL when there are none.
 */
struct ad_error *ad_splice(const struct ad_range *ranges, size_t count, struct ad_piece **pieces_ret,
                           size_t *count_ret) ad_must_check;

/** The piece that holds `address`, or NULL. */
const struct ad_piece *ad_piece_find(const struct ad_piece *pieces, size_t count, uint64_t address);

#endif
