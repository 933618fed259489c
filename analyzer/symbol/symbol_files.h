/* SPDX-License-Identifier: MIT */
/**
 * @file symbol_files.h - the files besides a module's own that its debug information is in.
 *
 *     alternate    .gnu_debugaltlink of dwz: a path and a build-id
 *     package      the program's name + ".dwp", beside the program or its debug file
 *     split        .dwo, as DW_AT_dwo_name says: there; or beside the program, as gdb and lldb look for it
 *
 * The child may open nothing, so its parent does: for split units it is told by the child which they are. Their
 * names come from the target: only regular files are opened, no symbolic links, and the child uses only what has
 * the unit's id (of the alternate file, here, the build-id).
 */
#ifndef AD_SYMBOL_SYMBOL_FILES_H
#define AD_SYMBOL_SYMBOL_FILES_H

#include "base/cursor.h"
#include "base/vector.h"
#include "module/module.h"

struct ad_symbol_split {
    uint64_t id;
    struct ad_elf_file *file;
};

struct ad_symbol_files {
    struct ad_elf_file *debug;     /**< the module's */
    struct ad_elf_file *alternate; /**< NULL: none, or not found */
    struct ad_elf_file *package;   /**< NULL: none, or not asked for */
    struct ad_vector split;        /**< struct ad_symbol_split */
    const char *lost_alternate;    /**< its name, which is the debug file's; NULL: nothing is lost */
    bool looked_for_package;
};

/** Opens the alternate file, if there is one. */
void ad_symbol_files_init(struct ad_symbol_files *files, const struct ad_module *module,
                          const struct ad_limits *limits);
void ad_symbol_files_deinit(struct ad_symbol_files *files);

/** A split unit that the child needs: texts of what it has sent. */
struct ad_symbol_need {
    uint64_t id;
    char *name, *folder;
};

/** Opens what may hold these units; false: there is nothing new. */
bool ad_symbol_files_add(struct ad_symbol_files *files, const struct ad_module *module,
                         const struct ad_symbol_need *needs, size_t count, const struct ad_limits *limits);

#endif
