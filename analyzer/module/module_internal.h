/* SPDX-License-Identifier: MIT */
/**
 * @file module_internal.h - the steps from regions to proven files:
 *
 *     module_images.c   regions and first pages       -> images: ranges, program headers
 *     module_notes.c    notes in memory               -> build-ids, the runtime's note
 *     module_names.c    r_debug of the dynamic linker -> paths, where the regions have none
 *     module_files.c    paths                         -> files, proven
 *     module_debug.c    files                         -> debug files
 *     module_fetch.c    build-ids                     -> files and debug files of debuginfod (fetch.h)
 */
#ifndef AD_MODULE_MODULE_INTERNAL_H
#define AD_MODULE_MODULE_INTERNAL_H

#include "base/pool.h"
#include "base/vector.h"
#include "module/module.h"

#define AD_ID_DIGITS 8 /**< of a build-id in messages: enough to tell two apart */

/** A module and what is known of its image in memory. */
struct ad_image {
    struct ad_module module; /**< first, so that the two addresses are one */
    Elf64_Phdr *segments;    /**< from memory; NULL: the first page is not there */
    size_t segment_count;
    struct ad_range first;   /**< its first mapping, as /proc/PID/map_files names it */
    uint64_t first_offset;   /**< file offset of that mapping */
    bool executable_code;    /**< a mapping may be executed, or nobody knows */
    bool deleted;            /**< the kernel says that the file was */
    bool asked[2];           /**< debuginfod was, by enum ad_fetch_kind */
};

struct ad_modules {
    struct ad_target *target;
    const struct ad_limits *limits;
    struct ad_module_options options; /**< as given to ad_modules_open_files */
    bool servers_fail; /**< debuginfod was too slow once: it is not asked again */
    struct ad_pool pool;
    struct ad_vector images; /**< struct ad_image, by address; fixed once created */
};

struct ad_error *ad_modules_find_images(struct ad_modules *modules) ad_must_check;
/** Takes the build-id and the runtime's note from the image's notes, as far as they can be read. */
struct ad_error *ad_image_read_notes(struct ad_modules *modules, struct ad_image *image) ad_must_check;
struct ad_error *ad_modules_name_images(struct ad_modules *modules) ad_must_check;
/** `path` with a directory before it, in the pool; NULL: no memory. */
const char *ad_modules_join(struct ad_modules *modules, const char *directory, const char *path);
/** Sets bias and range from program headers, of memory or of the file. */
void ad_image_place(struct ad_image *image, const Elf64_Phdr *segments, size_t count);
/** With the file at hand, what memory alone did not tell. */
struct ad_error *ad_image_complete(struct ad_modules *modules, struct ad_image *image) ad_must_check;
/** Sets `debug`, or says in `debug_refused` and `debug_sought` why there is none. */
void ad_image_find_debug(struct ad_modules *modules, struct ad_image *image);
/** A text for the user in the pool; "out of memory" when there is none. */
const char *ad_modules_text(struct ad_modules *modules, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
