/* SPDX-License-Identifier: MIT */
/* Separate debug files, as GDB looks for them ("Debugging Information in Separate Files"). */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/cursor.h"
#include "module/module_internal.h"

#define CRC_CHUNK ((size_t)16 << 10)

static bool has_dwarf(const struct ad_elf_file *file)
{
    return ad_elf_has_section(file, ".debug_info");
}

static struct ad_elf_file *open_dwarf(struct ad_modules *modules, const char *path)
{
    struct ad_elf_file *file = NULL;
    struct ad_error *error = path ? ad_elf_open(path, modules->limits, &file) : NULL;
    ad_error_destroy(error);
    if (error || !file)
        return NULL;
    if (has_dwarf(file))
        return file;
    ad_elf_close(file);
    return NULL;
}

/* /usr/lib/debug/.build-id/ab/cdef....debug */
static struct ad_elf_file *by_build_id(struct ad_modules *modules, const struct ad_build_id *id,
                                       const char *debug_dir)
{
    char text[2 * AD_BUILD_ID_MAX + 1];
    if (!debug_dir || id->size < 2)
        return NULL;
    ad_build_id_text(id, text);
    const char *name = ad_modules_text(modules, ".build-id/%.2s/%s.debug", text, text + 2);
    struct ad_elf_file *file = open_dwarf(modules, ad_modules_join(modules, debug_dir, name));
    if (!file || ad_build_id_equal(ad_elf_build_id(file), id))
        return file;
    ad_elf_close(file);
    return NULL;
}

/* .gnu_debuglink: a name, NUL, padding to 4 bytes, the CRC-32 of the whole debug file. */
static bool read_link(struct ad_elf_file *file, const char **name_ret, uint32_t *crc_ret)
{
    const void *bytes;
    size_t size;
    struct ad_error *error =
        ad_elf_section_data(file, ad_elf_section(file, ".gnu_debuglink"), &bytes, &size);
    ad_error_destroy(error);
    if (error)
        return false;
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes, size);
    *name_ret = ad_cursor_text(&cursor);
    ad_cursor_align(&cursor, 4);
    *crc_ret = ad_cursor_u32(&cursor);
    return !cursor.failed && (*name_ret)[0] && !strchr(*name_ret, '/');
}

static bool has_crc(struct ad_elf_file *file, uint32_t crc)
{
    uint8_t bytes[CRC_CHUNK];
    uLong sum = crc32(0, NULL, 0);
    size_t got;
    for (uint64_t offset = 0; (got = ad_elf_read_at(file, offset, bytes, sizeof(bytes))); offset += got)
        sum = crc32(sum, bytes, (uInt)got);
    return sum == crc;
}

/* Equal build-ids prove it without reading it all; where both have one and they differ, it is not it. */
static bool belongs(struct ad_elf_file *debug, struct ad_elf_file *file, uint32_t crc)
{
    const struct ad_build_id *a = ad_elf_build_id(debug), *b = ad_elf_build_id(file);
    return a->size && b->size ? ad_build_id_equal(a, b) : has_crc(debug, crc);
}

static struct ad_elf_file *try_link(struct ad_modules *modules, struct ad_elf_file *file, const char *path,
                                    uint32_t crc)
{
    struct ad_elf_file *debug = open_dwarf(modules, path);
    if (!debug || belongs(debug, file, crc))
        return debug;
    ad_elf_close(debug);
    return NULL;
}

/* Beside the file, in .debug below it, and in the debug folder under the same path. */
static struct ad_elf_file *by_link(struct ad_modules *modules, struct ad_elf_file *file, const char *path,
                                   const char *debug_dir)
{
    const char *name, *place = ad_elf_path(file);
    uint32_t crc;
    if (!read_link(file, &name, &crc))
        return NULL;
    const char *slash = strrchr(place, '/'), *target_slash = strrchr(path, '/');
    int length = slash ? (int)(slash - place) : 0, target_length = target_slash ? (int)(target_slash - path) : 0;
    const char *folder = slash ? ad_modules_text(modules, "%.*s", length, place) : ".";
    const char *candidates[] = {
        ad_modules_text(modules, "%s/%s", folder, name),
        ad_modules_text(modules, "%s/.debug/%s", folder, name),
        ad_modules_text(modules, "%s%.*s/%s", debug_dir, target_length, path, name),
    };
    struct ad_elf_file *debug = NULL;
    for (size_t i = 0; !debug && i < sizeof(candidates) / sizeof(candidates[0]); i++)
        debug = try_link(modules, file, candidates[i], crc);
    return debug;
}

void ad_image_find_debug(struct ad_modules *modules, struct ad_image *image, const char *sysroot,
                         const char *debug_dir)
{
    struct ad_module *module = &image->module;
    const struct ad_build_id *id = &module->build_id;
    if (module->file && has_dwarf(module->file)) {
        module->debug = module->file;
        return;
    }
    if (!id->size && module->file)
        id = ad_elf_build_id(module->file);
    if (sysroot)
        module->debug = by_build_id(modules, id, ad_modules_join(modules, sysroot, debug_dir));
    if (!module->debug)
        module->debug = by_build_id(modules, id, debug_dir);
    if (!module->debug && module->file)
        module->debug = by_link(modules, module->file, module->path, debug_dir);
}
