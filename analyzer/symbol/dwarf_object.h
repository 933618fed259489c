/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_object.h - the debug sections of one file, or of one unit in a .dwp, and libdwarf over them.
 *
 * libdwarf never opens a file: it asks for sections by number, and is given
 *
 *     not compressed         a mapping of the file, of which only the pages that are looked at are read
 *     compressed             its inflated bytes (zlib, zstd), under the name without the "z"
 *     several of one name    joined: the type units of a .dwo have a section each
 *     in a .dwp              the slice of one unit, as dwarf_split.h has found it
 *
 * A section's bytes are had when they are first asked for. All of this runs in the child, which lets it go when it
 * ends.
 */
#ifndef AD_SYMBOL_DWARF_OBJECT_H
#define AD_SYMBOL_DWARF_OBJECT_H

#include "base/cursor.h"
#include "base/vector.h"
#include "module/elf_file.h"

struct Dwarf_Debug_s;

/** A part of an object's section; those of one name follow each other in it. */
struct ad_dwarf_section {
    const char *name; /**< ".debug_x", or ".debug_x.dwo" */
    const struct ad_elf_section *section;
    uint64_t start, size; /**< of the part, in what is inflated */
    const uint8_t *bytes; /**< NULL: not asked for yet; of the first part those of all */
    uint64_t whole;       /**< of the first part: bytes of all; of others 0 */
    void *map;            /**< to be unmapped, with its size; NULL: none */
    uint64_t map_size;
    char *own_name;       /**< to be freed, as own_bytes; NULL: none */
    uint8_t *own_bytes;
};

/** Lives as long as its `debug`. */
struct ad_dwarf_object {
    struct ad_elf_file *file;
    struct ad_vector sections;         /**< struct ad_dwarf_section */
    struct ad_dwarf_object *alternate; /**< of .gnu_debugaltlink (dwz); NULL: none */
    struct Dwarf_Debug_s *debug;
    void *interface; /**< libdwarf's view of this */
    uint16_t number; /**< of the objects in this process */
    bool is_split;   /**< a .dwo: the names of its sections end so */
    /** Where the unit of a type is that is not here but in the same .dwp; NULL: nowhere. */
    struct ad_dwarf_object *(*find_type)(struct ad_dwarf_object *object, uint64_t signature);
};

/** A part of a section in a .dwp. */
struct ad_dwarf_slice {
    const char *name;
    uint64_t start, size;
};

/** AD_ERROR_FORMAT when libdwarf refuses the file. */
struct ad_error *ad_dwarf_object_init(struct ad_dwarf_object *object, struct ad_elf_file *file) ad_must_check;

/** Over slices of a .dwp, and the whole .debug_str.dwo. */
struct ad_error *ad_dwarf_object_init_slices(struct ad_dwarf_object *object, struct ad_elf_file *file,
                                             const struct ad_dwarf_slice *slices, size_t count) ad_must_check;

/** Gives it back; what was read from it goes too. */
void ad_dwarf_object_deinit(struct ad_dwarf_object *object);

/** The section's bytes, by its name without ".dwo"; false: it is not there, or cannot be read. */
bool ad_dwarf_section(struct ad_dwarf_object *object, const char *name, const uint8_t **bytes_ret,
                      uint64_t *size_ret);
/** A cursor from an offset in the section on; false: there is no such place. */
bool ad_dwarf_open(struct ad_dwarf_object *object, const char *name, uint64_t offset, struct ad_cursor *in_ret);
/** The text at an offset in the section; NULL: there is none. */
const char *ad_dwarf_text(struct ad_dwarf_object *object, const char *name, uint64_t offset);

#endif
