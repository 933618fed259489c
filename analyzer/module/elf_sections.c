/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/range.h"
#include "module/elf_internal.h"

#ifndef ELFCOMPRESS_ZSTD /* elf.h of glibc has it since 2.36 */
#define ELFCOMPRESS_ZSTD 2
#endif

static const char zdebug[] = ".zdebug_";
static const char debug[] = ".debug_";

const struct ad_elf_section *ad_elf_sections(const struct ad_elf_file *file, size_t *count_ret)
{
    *count_ret = file->section_count;
    return file->sections;
}

/* ".zdebug_x" was the GNU tools' name for a compressed ".debug_x" before SHF_COMPRESSED. */
static bool is_zdebug(const char *section)
{
    return strncmp(section, zdebug, sizeof(zdebug) - 1) == 0;
}

static bool has_name(const struct ad_elf_section *section, const char *name)
{
    if (strcmp(section->name, name) == 0)
        return true;
    return is_zdebug(section->name) && strncmp(name, debug, sizeof(debug) - 1) == 0 &&
           strcmp(section->name + sizeof(zdebug) - 1, name + sizeof(debug) - 1) == 0;
}

const struct ad_elf_section *ad_elf_section(const struct ad_elf_file *file, const char *name)
{
    for (size_t i = 0; i < file->section_count; i++)
        if (has_name(&file->sections[i], name))
            return &file->sections[i];
    return NULL;
}

static bool has_bytes(const struct ad_elf_section *section)
{
    return section->header.sh_type != SHT_NOBITS && section->header.sh_type != SHT_NULL;
}

bool ad_elf_has_section(const struct ad_elf_file *file, const char *name)
{
    const struct ad_elf_section *section = ad_elf_section(file, name);
    return section && has_bytes(section) && section->header.sh_size;
}

static struct ad_error *broken(const struct ad_elf_file *file, const struct ad_elf_section *section,
                               const char *why)
{
    return ad_error_create(AD_ERROR_FORMAT, "%s: section %s: %s", file->path, section->name, why);
}

static struct ad_error *check_size(const struct ad_elf_file *file, const struct ad_elf_section *section,
                                   uint64_t size)
{
    if (size <= file->limits->section_bytes)
        return NULL;
    return ad_error_create(AD_ERROR_LIMIT, "%s: section %s has %llu bytes; at most %llu are read", file->path,
                           section->name, (unsigned long long)size,
                           (unsigned long long)file->limits->section_bytes);
}

/* How the bytes are packed, and where they begin; size 0 and type 0: they are not. */
struct packing {
    uint32_t type;
    uint64_t size; /* unpacked */
    struct ad_cursor bytes;
};

static bool read_packing(const struct ad_elf_section *section, const void *bytes, size_t size,
                         struct packing *packing)
{
    ad_cursor_init(&packing->bytes, bytes, size);
    if (section->header.sh_flags & SHF_COMPRESSED) { /* Elf64_Chdr */
        packing->type = ad_cursor_u32(&packing->bytes);
        ad_cursor_skip(&packing->bytes, sizeof(uint32_t));
        packing->size = ad_cursor_u64(&packing->bytes);
        ad_cursor_skip(&packing->bytes, sizeof(uint64_t));
    } else if (is_zdebug(section->name)) { /* "ZLIB", u64 big endian */
        const char *magic = ad_cursor_bytes(&packing->bytes, 4);
        packing->type = magic && memcmp(magic, "ZLIB", 4) == 0 ? ELFCOMPRESS_ZLIB : 0;
        packing->size = __builtin_bswap64(ad_cursor_u64(&packing->bytes));
    }
    return !packing->bytes.failed;
}

static bool is_packed(const struct ad_elf_section *section)
{
    return section->header.sh_flags & SHF_COMPRESSED || is_zdebug(section->name);
}

bool ad_elf_section_extent(struct ad_elf_file *file, const struct ad_elf_section *section,
                           struct ad_elf_extent *extent_ret)
{
    const Elf64_Shdr *header = &section->header;
    uint64_t end;
    struct ad_elf_extent extent = {header->sh_offset, header->sh_size, header->sh_size, is_packed(section)};
    if (!has_bytes(section) || !ad_add(extent.offset, extent.size, &end) || end > file->size)
        return false;
    if (extent.is_packed) {
        uint8_t head[sizeof(Elf64_Chdr)];
        struct packing packing;
        size_t size = extent.size < sizeof(head) ? (size_t)extent.size : sizeof(head);
        if (ad_elf_read_at(file, extent.offset, head, size) != size ||
            !read_packing(section, head, size, &packing))
            return false;
        extent.unpacked = packing.size;
    }
    *extent_ret = extent;
    return extent.unpacked <= file->limits->section_bytes;
}

static bool unpack(const struct packing *packing, void *to)
{
    size_t left = ad_cursor_left(&packing->bytes);
    if (packing->type == ELFCOMPRESS_ZLIB) {
        uLongf unpacked = packing->size;
        return uncompress(to, &unpacked, packing->bytes.position, left) == Z_OK && unpacked == packing->size;
    }
    size_t unpacked = ZSTD_decompress(to, packing->size, packing->bytes.position, left);
    return !ZSTD_isError(unpacked) && unpacked == packing->size;
}

/* Replaces packed bytes by what they unpack to; others stay. */
static struct ad_error *inflate_data(struct ad_elf_file *file, const struct ad_elf_section *section,
                                     struct ad_elf_data *data)
{
    struct packing packing = {0};
    if (!is_packed(section))
        return NULL;
    if (!read_packing(section, data->bytes, data->size, &packing))
        return broken(file, section, "it is too short for a compressed one");
    if (packing.type != ELFCOMPRESS_ZLIB && packing.type != ELFCOMPRESS_ZSTD)
        return broken(file, section, "it is compressed in an unknown way");
    AD_TRY(check_size(file, section, packing.size));
    ad_auto_free void *bytes = malloc(packing.size + 1);
    if (!bytes)
        return &ad_error_nomem;
    if (!unpack(&packing, bytes))
        return broken(file, section, "it cannot be decompressed");
    free(data->bytes);
    ((char *)bytes)[packing.size] = '\0';
    data->bytes = ad_take(bytes);
    data->size = packing.size;
    return NULL;
}

static struct ad_error *load(struct ad_elf_file *file, const struct ad_elf_section *section,
                             struct ad_elf_data *data)
{
    AD_TRY(check_size(file, section, section->header.sh_size));
    AD_TRY(ad_elf_load(file, section->header.sh_offset, section->header.sh_size, section->name, &data->bytes));
    data->size = section->header.sh_size;
    struct ad_error *error = inflate_data(file, section, data);
    if (error) {
        free(data->bytes);
        *data = (struct ad_elf_data){0};
    }
    return error;
}

struct ad_error *ad_elf_section_data(struct ad_elf_file *file, const struct ad_elf_section *section,
                                     const void **data_ret, size_t *size_ret)
{
    if (!section || !has_bytes(section))
        return ad_error_create(AD_ERROR_NOT_FOUND, "%s has no bytes of section %s", file->path,
                               section ? section->name : "(none)");
    struct ad_elf_data *data = &file->data[section - file->sections];
    if (!data->bytes)
        AD_TRY(load(file, section, data));
    *data_ret = data->bytes;
    *size_ret = data->size;
    return NULL;
}
