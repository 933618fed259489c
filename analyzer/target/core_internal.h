/* SPDX-License-Identifier: MIT */
/**
 * @file core_internal.h - the steps of reading a core, in this order:
 *
 *     core_file.c      whatever it comes in       -> a file that can be read anywhere
 *     core_headers.c   ELF header, program headers   -> segments
 *     core_notes.c     PT_NOTE segments              -> threads, files, auxv, signal
 *     core_regions.c   both                          -> extents (what the file has), regions (what was mapped)
 *     core.c           reading memory through the extents
 */
#ifndef AD_TARGET_CORE_INTERNAL_H
#define AD_TARGET_CORE_INTERNAL_H

#include <elf.h>

#include "base/pool.h"
#include "base/vector.h"
#include "target/core_file.h"

/** A run of memory and the place of its bytes. */
struct ad_core_extent {
    struct ad_range range;
    uint64_t offset;     /**< in the file, of range.start */
    uint64_t in_file;    /**< bytes from range.start on that the file has */
    uint32_t protection; /**< AD_REGION_* */
};

/** A mapping of a file, from NT_FILE. */
struct ad_core_mapping {
    struct ad_range range;
    uint64_t file_offset; /**< bytes */
    const char *path;
};

struct ad_core {
    struct ad_target target; /**< first, so that the two addresses are one */
    struct ad_core_file file;
    const char *path;           /**< for messages */
    struct ad_pool pool;        /**< texts */
    struct ad_vector segments;  /**< Elf64_Phdr, as in the file; only while opening */
    struct ad_vector threads;   /**< struct ad_thread */
    struct ad_vector mappings;  /**< struct ad_core_mapping, sorted, not overlapping */
    struct ad_vector extents;   /**< struct ad_core_extent, sorted, not overlapping */
    struct ad_vector regions;   /**< struct ad_region */
    void *auxv;
    struct ad_core_window *windows; /**< see core.c */
    size_t last_extent;             /**< where the last read was: the next is often there */
};

/** Refuses what is no core, in words; fills segments and target.machine. */
struct ad_error *ad_core_read_headers(struct ad_core *core) ad_must_check;
/** Fills threads, mappings, auxv, pid, command and signal. Broken notes are counted, not an error. */
struct ad_error *ad_core_read_notes(struct ad_core *core) ad_must_check;
/** Fills extents and regions, and counts what the file should have and has not. */
struct ad_error *ad_core_build_regions(struct ad_core *core) ad_must_check;
/** The bytes of [offset, offset + size) that the file has; the rest counts as missing. */
uint64_t ad_core_clip(struct ad_core *core, uint64_t offset, uint64_t size);

#endif
