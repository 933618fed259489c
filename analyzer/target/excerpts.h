/* SPDX-License-Identifier: MIT */
/**
 * @file excerpts.h - copies of parts of a target's memory: of each page the one run of bytes that was asked for.
 *
 *     page    |.......####################|      low .. high of it are here, in `bytes`
 *     page    |#########..................|
 *
 * Of 100,000 suspended stacks a quarter of their pages is in use, and only that is copied. What is asked for
 * of one page later widens its run: a page has one, so that it is copied with one look at the target. Runs
 * begin and end at multiples of 64.
 *
 * Marks belong to whoever copies (live_copy.c): they say how far a run can be believed.
 */
#ifndef AD_TARGET_EXCERPTS_H
#define AD_TARGET_EXCERPTS_H

#include "base/map.h"
#include "base/range.h"
#include "base/vector.h"
#include "target/page_cache.h"

enum ad_excerpt_mark {
    AD_EXCERPT_HOT = 1,     /**< it is copied again in each stop */
    AD_EXCERPT_CHANGED = 2, /**< it has been seen to change, and so is hot */
    AD_EXCERPT_EXACT = 4,   /**< it was copied while the process stood still */
    AD_EXCERPT_TORN = 8,    /**< it was not, and has changed since */
    AD_EXCERPT_WANTED = 16, /**< it is on the list of those to copy now */
};

struct ad_excerpt {
    uint64_t page;       /**< address of the page */
    uint8_t *bytes;      /**< from `low` on; NULL: cannot be read */
    uint16_t low, high;  /**< in the page */
    uint8_t marks;
};

static inline struct ad_range ad_excerpt_range(const struct ad_excerpt *excerpt)
{
    return (struct ad_range){excerpt->page + excerpt->low, excerpt->page + excerpt->high};
}

/** An excerpt by its address, for lists in order of the addresses. */
struct ad_excerpt_ref {
    uint64_t page;
    uint32_t index;
};

struct ad_excerpts {
    struct ad_map index;     /**< page number -> index in items */
    struct ad_vector items;  /**< struct ad_excerpt */
    struct ad_vector chunks; /**< void *: where the bytes are */
    size_t chunk_used;       /**< bytes of the last chunk */
    uint64_t bytes_left;
};

/** `limit`: bytes of memory that they may take. */
void ad_excerpts_init(struct ad_excerpts *excerpts, uint64_t limit);
void ad_excerpts_deinit(struct ad_excerpts *excerpts);

/** Bytes from `address` on that are here. */
size_t ad_excerpts_read(const struct ad_excerpts *excerpts, uint64_t address, void *buffer, size_t size);
/** Where the bytes of a range within one page are; NULL: they are not all here. */
uint8_t *ad_excerpts_at(const struct ad_excerpts *excerpts, struct ad_range range);
/** Whether the byte at `address` was asked for, readable or not. */
bool ad_excerpts_know(const struct ad_excerpts *excerpts, uint64_t address);

struct ad_excerpt *ad_excerpts_get(const struct ad_excerpts *excerpts, uint32_t index);
/** Those that `range` touches: calls visit for each of them. */
void ad_excerpts_visit(const struct ad_excerpts *excerpts, struct ad_range range,
                       void (*visit)(void *context, struct ad_excerpt *excerpt), void *context);

/**
 * Makes room for all of `ranges`; those that have to be copied for it, and those that lack one of the marks
 * `with`, are added to `refs` (struct ad_excerpt_ref), sorted, each once. AD_ERROR_LIMIT, with those up to it
 * added, when there is not enough room.
 */
struct ad_error *ad_excerpts_want(struct ad_excerpts *excerpts, const struct ad_range *ranges, size_t count,
                                  unsigned with, struct ad_vector *refs) ad_must_check;
/** Those with all of the marks `with` and none of `without` that could be read; likewise. */
struct ad_error *ad_excerpts_select(const struct ad_excerpts *excerpts, unsigned with, unsigned without,
                                    struct ad_vector *refs) ad_must_check;
/** Stores the bytes of a wanted excerpt (high - low of them), in place of those it has; NULL: they cannot be read. */
struct ad_error *ad_excerpts_keep(struct ad_excerpts *excerpts, struct ad_excerpt *excerpt,
                                  const uint8_t *bytes) ad_must_check;
/** Makes sure that the next 1 MiB is stored without asking for memory, and pages are there. */
struct ad_error *ad_excerpts_prepare(struct ad_excerpts *excerpts) ad_must_check;

#endif
