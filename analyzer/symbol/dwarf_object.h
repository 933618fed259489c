/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_object.h - libdwarf over our own ELF reader, so that compressed sections (zlib, zstd) and
 * files found by build-id are read alike, and libdwarf never opens a file.
 */
#ifndef AD_SYMBOL_DWARF_OBJECT_H
#define AD_SYMBOL_DWARF_OBJECT_H

#include <libdwarf/libdwarf.h>

#include "module/elf_file.h"

/** Lives as long as its `debug`. */
struct ad_dwarf_object {
    Dwarf_Obj_Access_Interface interface;
    struct ad_elf_file *file;
    Dwarf_Debug debug;
};

/** AD_ERROR_FORMAT when libdwarf refuses the file. */
struct ad_error *ad_dwarf_object_init(struct ad_dwarf_object *object, struct ad_elf_file *file) ad_must_check;

#endif
