/* SPDX-License-Identifier: MIT */
/**
 * @file core_file.h - the bytes of a core, in whatever they come: a file is used as it is; a compressed
 * one (told by its first bytes, not by its name) and a pipe are spooled (spool.h) with bounded memory.
 */
#ifndef AD_TARGET_CORE_FILE_H
#define AD_TARGET_CORE_FILE_H

#include "target/core.h"

struct ad_core_file {
    int fd;
    uint64_t size;
    uint64_t realtime; /**< ns since 1970 when the file was written; 0: not known */
    char *damage;      /**< what is wrong with the compressed stream, in words; NULL: nothing. Owned. */
};

/**
 * A stream that is damaged or ends early gives what came before, and `damage`; one that gave nothing is
 * AD_ERROR_UNUSABLE. A stream that is no ELF file is not read on. AD_ERROR_LIMIT: it unpacks to too much.
 */
struct ad_error *ad_core_file_open(const struct ad_core_source *source, const struct ad_limits *limits,
                                   struct ad_core_file *file_ret) ad_must_check;
/** Takes one whose `fd` is -1. */
void ad_core_file_deinit(struct ad_core_file *file);

#endif
