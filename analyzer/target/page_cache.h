/* SPDX-License-Identifier: MIT */
/**
 * @file page_cache.h - copies of a target's memory by pages of 4 KiB, kept until the end.
 *
 * A page is unknown (never asked for), or known with 0 to 4096 bytes from its start that could be read.
 */
#ifndef AD_TARGET_PAGE_CACHE_H
#define AD_TARGET_PAGE_CACHE_H

#include "base/map.h"
#include "base/range.h"
#include "base/vector.h"

#define AD_PAGE_SIZE ((size_t)4096)

struct ad_page_cache {
    struct ad_map index;     /**< page number -> index in pages */
    struct ad_vector pages;  /**< struct ad_cached_page */
    struct ad_vector chunks; /**< void *: where the bytes are */
    size_t chunk_used;       /**< pages of the last chunk */
    uint64_t bytes_left;
};

/** `limit`: bytes of memory that it may take. */
void ad_page_cache_init(struct ad_page_cache *cache, uint64_t limit);
void ad_page_cache_deinit(struct ad_page_cache *cache);

/** Bytes from `address` on that are here; 0 when the first page is unknown or could not be read. */
size_t ad_page_cache_read(const struct ad_page_cache *cache, uint64_t address, void *buffer, size_t size);
/** Whether the page of `address` is known, readable or not. */
bool ad_page_cache_knows(const struct ad_page_cache *cache, uint64_t address);

/**
 * Adds the start addresses of all unknown pages that `ranges` touch to `addresses` (uint64_t): sorted, each
 * once. AD_ERROR_LIMIT, with those up to it added, when there are more than the limit has room for.
 */
struct ad_error *ad_page_cache_missing(const struct ad_page_cache *cache, const struct ad_range *ranges,
                                       size_t count, struct ad_vector *addresses) ad_must_check;
/** Room for up to `want` pages in a row, at least one; NULL: the limit or no memory. */
uint8_t *ad_page_cache_reserve(struct ad_page_cache *cache, size_t want, size_t *got_ret);
/** Makes a page known; `bytes` is a reserved page (not needed with `valid` 0). */
struct ad_error *ad_page_cache_add(struct ad_page_cache *cache, uint64_t address, uint8_t *bytes,
                                   size_t valid) ad_must_check;

/** How many of `addresses` from the first on are pages in a row. */
size_t ad_page_run(const uint64_t *addresses, size_t count);

#endif
