/* SPDX-License-Identifier: MIT */
/**
 * @file spool.h - a file without a name that takes a stream, so that it can be read anywhere.
 *
 * It lies in $TMPDIR, else /var/tmp, can be opened by nobody else, and is gone when it is closed, however
 * that happens. Pages of zeros become holes: a sparse core stays as small as it was.
 */
#ifndef AD_TARGET_SPOOL_H
#define AD_TARGET_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"

struct ad_spool {
    const struct ad_limits *limits;
    const char *name; /**< what is written, for messages */
    int fd;           /**< -1: closed or handed on */
    uint8_t *block;   /**< what was not written yet; begins at `size` of the file */
    size_t used;
    uint64_t size;    /**< bytes before `block` */
    uint64_t stored;  /**< of them, those that are no hole */
};

/** The texts and limits stay the caller's. */
struct ad_error *ad_spool_init(struct ad_spool *spool_ret, const char *name,
                               const struct ad_limits *limits) ad_must_check;
/** Where the next bytes are to be put; never without room. */
uint8_t *ad_spool_room(struct ad_spool *spool, size_t *size_ret);
/** Takes `size` bytes that were put there. AD_ERROR_LIMIT: unpacked_bytes or unpacked_disk. */
struct ad_error *ad_spool_add(struct ad_spool *spool, size_t size) ad_must_check;
/** Writes the rest; `size` is the file's then. */
struct ad_error *ad_spool_finish(struct ad_spool *spool) ad_must_check;
void ad_spool_deinit(struct ad_spool *spool);

#endif
