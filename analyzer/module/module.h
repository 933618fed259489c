/* SPDX-License-Identifier: MIT */
/**
 * @file module.h - which ELF files belong to a target, where they lie, and the proof that a file on disk
 * is the one that was running.
 *
 * From the regions that name files (NT_FILE of a core, /proc/PID/maps); each image's first page is read
 * from the target for its program headers and build-id. bias = run-time address - link-time address.
 * A core beyond 65,536 mappings has no NT_FILE: images are then found by their first page and named by
 * the dynamic linker's list (link.h: r_debug, link_map).
 *
 *     path           /usr/lib/libuv.so.1           mappings with this path, first page "\177ELF"
 *     range          [first mapping ............ end of the last segment, .bss included)
 *     bias           first mapping - (p_vaddr - p_offset) of the segment mapped there
 *     file           proven by build-id; link-time address = run-time address - bias
 *     debug          file, or /usr/lib/debug/.build-id/xx/y.debug, or as .gnu_debuglink says: proven by
 *                    build-id, else by the link's CRC-32
 */
#ifndef AD_MODULE_MODULE_H
#define AD_MODULE_MODULE_H

#include "base/range.h"
#include "module/elf_file.h"
#include "target/target.h"

enum ad_module_status {
    AD_MODULE_OK,         /**< the file was found and its build-id is the target's */
    AD_MODULE_UNPROVEN,   /**< found, but there is no build-id to compare: used, and said. Its program
                           *   headers are those in memory, where the target has that page */
    AD_MODULE_MISSING,    /**< no file */
    AD_MODULE_DIFFERENT,  /**< a file of another build-id or machine: not used */
    AD_MODULE_UNREADABLE, /**< not regular, not an ELF file, or broken: `problem` says it */
};

struct ad_module {
    const char *path;           /**< as the target named it, without " (deleted)"; "[vdso]"; never NULL */
    const char *name;           /**< its last part */
    struct ad_range range;      /**< from the first to the last mapped byte; modules do not overlap */
    uint64_t bias;              /**< not known (0) while the first page and the file are both missing */
    struct ad_build_id build_id; /**< as read from the target's memory */
    enum ad_module_status status;
    const char *problem;        /**< for the user, when status is not OK; else NULL */
    struct ad_elf_file *file;   /**< NULL unless OK or UNPROVEN */
    struct ad_elf_file *debug;  /**< file with the DWARF: `file` itself, a separate one (even when `file`
                                 *   is missing: proven by build-id), or NULL */
    const char *debug_refused;  /**< while `debug` is NULL: the first debug file that was found and is no good,
                                 *   and why; NULL: none was found */
    const char *debug_sought;   /**< while `debug` is NULL: what was sought in vain, and where */
    uint64_t note;              /**< run-time address of an async_debug_note; 0: none */
    bool is_executable;         /**< the main program */
    bool is_vdso;
};

struct ad_module_options {
    const char *executable; /**< from the command line: stands for the main program, for which nothing
                             *   else is tried then; may be NULL */
    const char *sysroot;    /**< put before every path that the target names, and nothing outside it is
                             *   tried; may be NULL */
    const char *const *debug_dirs; /**< where separate debug files are sought before /usr/lib/debug */
    size_t debug_dir_count;
    bool debuginfod;        /**< what is missing may be fetched from the servers that DEBUGINFOD_URLS names */
    /** Told while `name` is fetched: `taken` of `whole` bytes, 0 while that is not known. May be NULL. */
    void (*progress)(void *context, const char *name, uint64_t taken, uint64_t whole);
    void *progress_context;
};

struct ad_modules;

/**
 * Finds the modules in the target's memory, opens no file, and becomes the target's backing. To be called
 * before a live target is released: build-ids and the vdso are only in its memory. What a
 * core leaves out of code and constants is read from the files with status OK or UNPROVEN. Data that can be
 * written never is. The modules must not outlive the target, and are destroyed before it.
 */
struct ad_error *ad_modules_create(struct ad_target *target, const struct ad_limits *limits,
                                   struct ad_modules **modules_ret) ad_must_check;
/**
 * Opens and proves the files; once. What cannot be had is told by each module's status, not by an error.
 * `options` may be NULL; the texts it points to must outlive the modules. Of a live process, files in its own mount namespace and deleted ones are found
 * through /proc/PID while it lives.
 */
struct ad_error *ad_modules_open_files(struct ad_modules *modules,
                                       const struct ad_module_options *options) ad_must_check;
void ad_modules_destroy(struct ad_modules *modules);

size_t ad_modules_count(const struct ad_modules *modules);
struct ad_module *ad_modules_get(struct ad_modules *modules, size_t index);
/** The module that a run-time address lies in, or NULL. */
struct ad_module *ad_modules_find(struct ad_modules *modules, uint64_t address);
/** The target that they belong to. */
struct ad_target *ad_modules_target(const struct ad_modules *modules);
/** The main program, or NULL. */
struct ad_module *ad_modules_executable(struct ad_modules *modules);

/**
 * The function symbol at a run-time address, from .symtab of the file or of its debug file, else
 * .gnu_debugdata and .dynsym; symbol_ret->value is a run-time address too. False: none.
 */
bool ad_module_symbol_at(struct ad_module *module, uint64_t address, struct ad_elf_symbol *symbol_ret);
/** The defined symbol of this name, likewise. */
bool ad_module_symbol_named(struct ad_module *module, const char *name, struct ad_elf_symbol *symbol_ret);

/**
 * Fetches the module's debug file, when options.debuginfod allows it, there is none yet and nothing was fetched in
 * vain before; of a live process only once it is released. No error for what cannot be had: debug_sought and
 * debug_refused say it.
 */
struct ad_error *ad_module_fetch_debug(struct ad_modules *modules, struct ad_module *module) ad_must_check;
/** Likewise, the file itself; when it is not to be had, `problem` says that too. */
struct ad_error *ad_module_fetch_file(struct ad_modules *modules, struct ad_module *module) ad_must_check;

/** "ok", "unproven", "missing", "different", "unreadable". */
const char *ad_module_status_text(enum ad_module_status status);

#endif
