/* SPDX-License-Identifier: MIT */
/** @file elf_internal.h - the state of one ELF file, shared by elf_file.c, elf_sections.c,
 *  elf_symbols.c, elf_small.c. */
#ifndef AD_MODULE_ELF_INTERNAL_H
#define AD_MODULE_ELF_INTERNAL_H

#include "base/splice.h"
#include "base/vector.h"
#include "module/elf_file.h"

/** The bytes of a section once they were asked for; one for each section. */
struct ad_elf_data {
    void *bytes; /**< NULL: not loaded */
    size_t size;
};

/** A symbol table with the texts it names. */
struct ad_elf_symbols {
    const uint8_t *entries; /**< Elf64_Sym, not aligned; the section's */
    size_t count;
    const char *names;
    size_t names_size;
};

struct ad_elf_file {
    const struct ad_limits *limits;
    char *path;
    int fd;
    uint8_t *image; /**< instead of fd */
    uint64_t size;
    Elf64_Ehdr header;
    Elf64_Phdr *segments;
    size_t segment_count;
    struct ad_elf_section *sections;
    struct ad_elf_data *data;
    size_t section_count;
    char *section_names; /**< NUL-terminated as a whole */
    struct ad_build_id build_id;

    bool symbols_loaded;           /**< tried: the three below are final */
    struct ad_elf_symbols symbols; /**< .symtab, else .dynsym; count 0: neither */
    size_t *functions;             /**< numbers of the symbols that pieces[].index means */
    struct ad_piece *pieces;       /**< link-time addresses */
    size_t piece_count;

    bool small_loaded;
    struct ad_elf_file *small;    /**< inside .gnu_debugdata; NULL: none */
    struct ad_error *small_error; /**< why not, though there is such a section */
};

/** Allocates and reads `size` bytes at `offset`, all inside the file, and puts a NUL behind them. */
struct ad_error *ad_elf_load(struct ad_elf_file *file, uint64_t offset, uint64_t size, const char *what,
                             void **bytes_ret) ad_must_check;

#endif
