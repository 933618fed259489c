/* SPDX-License-Identifier: MIT */
/**
 * @file elf_file.h - one ELF file on disk (or image in memory), parsed with every offset checked.
 *
 * Files are opened O_NOFOLLOW where a core named them, only when regular, and read with pread.
 * Sections are loaded on demand and, when compressed (zlib, zstd; SHF_COMPRESSED), inflated up to a limit.
 */
#ifndef AD_MODULE_ELF_FILE_H
#define AD_MODULE_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"

#define AD_BUILD_ID_MAX 64

struct ad_build_id {
    uint8_t bytes[AD_BUILD_ID_MAX];
    size_t size; /**< 0: none */
};

bool ad_build_id_equal(const struct ad_build_id *a, const struct ad_build_id *b);
/** Hexadecimal, NUL-terminated; `text` holds 2 * AD_BUILD_ID_MAX + 1. */
void ad_build_id_text(const struct ad_build_id *id, char *text);

struct ad_elf_section {
    const char *name;
    Elf64_Shdr header;
};

struct ad_elf_file;

struct ad_error *ad_elf_open(const char *path, const struct ad_limits *limits,
                             struct ad_elf_file **file_ret) ad_must_check;
void ad_elf_close(struct ad_elf_file *file);

const char *ad_elf_path(const struct ad_elf_file *file);
/** Its descriptor, for children that read it again; stays the file's. */
int ad_elf_fd(const struct ad_elf_file *file);
const Elf64_Ehdr *ad_elf_header(const struct ad_elf_file *file);
const Elf64_Phdr *ad_elf_segments(const struct ad_elf_file *file, size_t *count_ret);
const struct ad_elf_section *ad_elf_sections(const struct ad_elf_file *file, size_t *count_ret);
const struct ad_elf_section *ad_elf_section(const struct ad_elf_file *file, const char *name);
const struct ad_build_id *ad_elf_build_id(const struct ad_elf_file *file);

/** The section's (inflated) bytes, cached in the file. SHT_NOBITS and absent ones: AD_ERROR_NOT_FOUND. */
struct ad_error *ad_elf_section_data(struct ad_elf_file *file, const struct ad_elf_section *section,
                                     const void **data_ret, size_t *size_ret) ad_must_check;

/** Reads up to `size` bytes at a link-time address from the PT_LOAD segments; the number read. */
size_t ad_elf_read(struct ad_elf_file *file, uint64_t vaddr, void *buffer, size_t size);

struct ad_elf_symbol {
    const char *name;
    uint64_t value; /**< link-time address */
    uint64_t size;
};

/** The function symbol (.symtab, else .dynsym) that covers `vaddr`; false: none. */
bool ad_elf_symbol_at(struct ad_elf_file *file, uint64_t vaddr, struct ad_elf_symbol *symbol_ret);
/** The defined symbol of this name; false: none. */
bool ad_elf_symbol_named(struct ad_elf_file *file, const char *name, struct ad_elf_symbol *symbol_ret);

#endif
