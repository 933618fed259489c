/* SPDX-License-Identifier: MIT */
/** @file pool.h - memory that lives as long as its owner: texts and arrays of a snapshot. */
#ifndef AD_BASE_POOL_H
#define AD_BASE_POOL_H

#include <stddef.h>

#include "base/error.h"

struct ad_pool {
    struct ad_pool_block *blocks;
};

/** Zeroed, aligned to 16; NULL when there is no memory. */
void *ad_pool_alloc(struct ad_pool *pool, size_t size);
/** A NUL-terminated copy of `length` bytes; NULL when there is no memory. */
const char *ad_pool_text(struct ad_pool *pool, const char *bytes, size_t length);
void ad_pool_deinit(struct ad_pool *pool);

#endif
