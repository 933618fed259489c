/* SPDX-License-Identifier: MIT */
/**
 * @file module.h - which ELF files belong to a target, where they lie, and the proof that a file on disk
 * is the one that was running.
 *
 * From the regions that name files (NT_FILE of a core, /proc/PID/maps); each image's first page is read
 * from the target for its program headers and build-id. bias = run-time address - link-time address.
 */
#ifndef AD_MODULE_MODULE_H
#define AD_MODULE_MODULE_H

#include "base/range.h"
#include "module/elf_file.h"
#include "target/target.h"

enum ad_module_status {
    AD_MODULE_OK,         /**< the file was found and its build-id is the target's */
    AD_MODULE_UNPROVEN,   /**< found, but there is no build-id to compare: used, and said */
    AD_MODULE_MISSING,    /**< no file */
    AD_MODULE_DIFFERENT,  /**< a file of another build-id: not used */
    AD_MODULE_UNREADABLE, /**< not regular, not an ELF file, or broken: `problem` says it */
};

struct ad_module {
    const char *path;           /**< as the target named it */
    const char *name;           /**< its last part */
    struct ad_range range;      /**< from the first to the last mapped byte */
    uint64_t bias;
    struct ad_build_id build_id; /**< as read from the target's memory */
    enum ad_module_status status;
    const char *problem;        /**< for the user, when status is not OK; else NULL */
    struct ad_elf_file *file;   /**< NULL unless OK or UNPROVEN */
    struct ad_elf_file *debug;  /**< file with the DWARF: `file` itself, a separate one, or NULL */
    uint64_t note;              /**< run-time address of an async_debug_note; 0: none */
    bool is_executable;         /**< the main program */
    bool is_vdso;
};

struct ad_module_options {
    const char *executable; /**< from the command line: stands for the main program; may be NULL */
    const char *sysroot;    /**< put before every path that the target names; may be NULL */
    const char *debug_dir;  /**< NULL: /usr/lib/debug */
};

struct ad_modules;

/** Finds the modules in the target's memory, opens no file, and becomes the target's backing. */
struct ad_error *ad_modules_create(struct ad_target *target, const struct ad_limits *limits,
                                   struct ad_modules **modules_ret) ad_must_check;
/** Opens and proves the files. What cannot be had is told by each module's status, not by an error. */
struct ad_error *ad_modules_open_files(struct ad_modules *modules,
                                       const struct ad_module_options *options) ad_must_check;
void ad_modules_destroy(struct ad_modules *modules);

size_t ad_modules_count(const struct ad_modules *modules);
struct ad_module *ad_modules_get(struct ad_modules *modules, size_t index);
/** The module that a run-time address lies in, or NULL. */
struct ad_module *ad_modules_find(struct ad_modules *modules, uint64_t address);
#endif
