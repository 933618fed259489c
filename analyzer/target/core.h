/* SPDX-License-Identifier: MIT */
/**
 * @file core.h - an ELF core as a target: of the kernel, of gcore, and of anything that writes alike.
 *
 * Read with pread, never mapped: a file that shrinks costs an error, not a SIGBUS. Program headers beyond
 * 65,535 (PN_XNUM, elf(5)) are found through section header 0 and, when truncation took that away, from
 * the place of the first segment. Overlapping segments: the later header wins. p_filesz < p_memsz means
 * "not in the dump", never zeros. Compressed cores (gzip, lz4, xz, zstd) and pipes: core_file.h.
 */
#ifndef AD_TARGET_CORE_H
#define AD_TARGET_CORE_H

#include "target/target.h"

/** Where the core comes from: a file, or a stream that is read once, from where it stands. */
struct ad_core_source {
    const char *path; /**< of a regular file, compressed or not; NULL: `fd` */
    int fd;           /**< stays the caller's, and open */
    const char *name; /**< of what `fd` gives, for messages; not needed with `path` */
    const char *note; /**< becomes the target's `stop_note`; may be NULL */
    /** Told now and then while a stream is read: so many bytes of `whole`, 0 when that is not known. */
    void (*progress)(void *context, uint64_t taken, uint64_t whole);
    void *context;
};

/**
 * AD_ERROR_UNUSABLE when it is not a core of a machine that is understood; AD_ERROR_LIMIT when it unpacks to
 * more than the limits allow. The texts stay the caller's.
 */
struct ad_error *ad_core_open_source(const struct ad_core_source *source, const struct ad_limits *limits,
                                     struct ad_target **target_ret) ad_must_check;

/** The same of a file. */
struct ad_error *ad_core_open(const char *path, const struct ad_limits *limits,
                              struct ad_target **target_ret) ad_must_check;

#endif
