/* SPDX-License-Identifier: MIT */
/**
 * @file elf_file.h - one ELF file on disk (or image in memory), parsed with every offset checked.
 *
 * Files are opened only when regular, O_NOFOLLOW where a target named them, and read with pread.
 * Sections are loaded on demand and, when compressed (zlib, zstd; SHF_COMPRESSED or .zdebug_*), inflated up
 * to a limit. Format: elf(5), gABI chapter 4; build-ids are notes of type NT_GNU_BUILD_ID.
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

/**
 * A file that the user named, or that lies in a folder of the system: symbolic links are followed.
 * AD_ERROR_NOT_FOUND: no such file; AD_ERROR_PERMISSION; AD_ERROR_UNUSABLE: not regular, or no ELF file of
 * a 64-bit little-endian machine; AD_ERROR_FORMAT: its headers make no sense.
 */
struct ad_error *ad_elf_open(const char *path, const struct ad_limits *limits,
                             struct ad_elf_file **file_ret) ad_must_check;
/** As ad_elf_open for a path that a target named: its last part may not be a symbolic link. */
struct ad_error *ad_elf_open_named(const char *path, const struct ad_limits *limits,
                                   struct ad_elf_file **file_ret) ad_must_check;
/** An open file, closed with it and also on error; `path` is for messages. */
struct ad_error *ad_elf_open_fd(int fd, const char *path, const struct ad_limits *limits,
                                struct ad_elf_file **file_ret) ad_must_check;
/** An image as the loader mapped it (the vdso): `bytes` are copied; file offsets count from its start. */
struct ad_error *ad_elf_open_image(const char *name, const void *bytes, size_t size,
                                   const struct ad_limits *limits, struct ad_elf_file **file_ret) ad_must_check;
/** Takes NULL. */
void ad_elf_close(struct ad_elf_file *file);

const char *ad_elf_path(const struct ad_elf_file *file);
/** Its descriptor, for children that read it again; stays the file's. -1: an image in memory. */
int ad_elf_fd(const struct ad_elf_file *file);
const Elf64_Ehdr *ad_elf_header(const struct ad_elf_file *file);
const Elf64_Phdr *ad_elf_segments(const struct ad_elf_file *file, size_t *count_ret);
const struct ad_elf_section *ad_elf_sections(const struct ad_elf_file *file, size_t *count_ret);
/** The first section of this name, ".debug_x" also as ".zdebug_x"; NULL: none. */
const struct ad_elf_section *ad_elf_section(const struct ad_elf_file *file, const char *name);
/** Whether the section is there with bytes of its own: in a stripped or debug file many have none. */
bool ad_elf_has_section(const struct ad_elf_file *file, const char *name);
const struct ad_build_id *ad_elf_build_id(const struct ad_elf_file *file);

/**
 * The section's (inflated) bytes, cached in the file; a NUL follows them, so that a text at their end ends.
 * SHT_NOBITS and absent ones: AD_ERROR_NOT_FOUND.
 */
struct ad_error *ad_elf_section_data(struct ad_elf_file *file, const struct ad_elf_section *section,
                                     const void **data_ret, size_t *size_ret) ad_must_check;

/** Where a section's bytes lie in the file; nothing of it is read but the head of a compressed one. */
struct ad_elf_extent {
    uint64_t offset;
    uint64_t size;     /**< in the file */
    uint64_t unpacked; /**< bytes that ad_elf_section_data gives */
    bool is_packed;
};

/** False: it has no bytes, or they do not lie in the file, or are more than limits->section_bytes. */
bool ad_elf_section_extent(struct ad_elf_file *file, const struct ad_elf_section *section,
                           struct ad_elf_extent *extent_ret);

/** Reads up to `size` bytes at an offset in the file; the number read. */
size_t ad_elf_read_at(struct ad_elf_file *file, uint64_t offset, void *buffer, size_t size);
/** Reads up to `size` bytes at a link-time address from the PT_LOAD segments; the number read. */
size_t ad_elf_read(struct ad_elf_file *file, uint64_t vaddr, void *buffer, size_t size);
/** As ad_elf_read, but only from segments that are never written: what a process has there too. */
size_t ad_elf_read_constant(struct ad_elf_file *file, uint64_t vaddr, void *buffer, size_t size);

/** The file of symbols inside .gnu_debugdata, unpacked when it is first asked for, and the file's; NULL: none, or a
 *  broken one. It holds what .dynsym does not. */
struct ad_elf_file *ad_elf_small(struct ad_elf_file *file);
/** For the user, why ad_elf_small gave none though there is such a section; else NULL. */
const char *ad_elf_small_problem(const struct ad_elf_file *file);

struct ad_elf_symbol {
    const char *name;
    uint64_t value; /**< link-time address */
    uint64_t size;
};

/**
 * The function symbol (.symtab, else .dynsym) that covers `vaddr`; false: none. Of nested ones the inner;
 * a symbol without a size (a label in assembler) reaches to the next symbol, and size is then 0.
 */
bool ad_elf_symbol_at(struct ad_elf_file *file, uint64_t vaddr, struct ad_elf_symbol *symbol_ret);
/** The defined symbol of this name, whatever its type (but thread-local); false: none. */
bool ad_elf_symbol_named(struct ad_elf_file *file, const char *name, struct ad_elf_symbol *symbol_ret);

#endif
