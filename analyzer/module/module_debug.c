/* SPDX-License-Identifier: MIT */
/* Separate debug files, as GDB looks for them ("Debugging Information in Separate Files"): by build-id below the
 * debug folders; then the name of .gnu_debuglink, beside the file and below the debug folders. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "module/module_internal.h"

#define CRC_CHUNK ((size_t)16 << 10)
#define DEFAULT_DEBUG_DIR "/usr/lib/debug"

/* .gnu_debuglink: a name, NUL, padding to 4 bytes, the CRC-32 of the whole debug file. */
struct link {
    const char *name; /* NULL: there is none */
    uint32_t crc;
};

/* One module's debug file being looked for. */
struct search {
    struct ad_modules *modules;
    const struct ad_image *image;
    struct ad_elf_file *file; /* NULL: the module has none */
    const struct ad_build_id *id;
    struct link link;
    const char *refused; /* the first file that was no good, and why */
};

static bool has_dwarf(const struct ad_elf_file *file)
{
    return ad_elf_has_section(file, ".debug_info");
}

static bool same_file(const struct ad_elf_file *a, const struct ad_elf_file *b)
{
    struct stat x, y;
    return a && b && fstat(ad_elf_fd(a), &x) == 0 && fstat(ad_elf_fd(b), &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
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

/* NULL when the file is the one sought. Equal build-ids prove it without reading it all; where both have one
 * and they differ, it is not it. `crc` NULL: only a build-id counts. */
static const char *judge(struct search *search, struct ad_elf_file *debug, const uint32_t *crc)
{
    const char *path = ad_elf_path(debug);
    const struct ad_build_id *there = ad_elf_build_id(debug), *wanted = search->id;
    if (there->size && wanted->size && !ad_build_id_equal(there, wanted)) {
        char there_text[2 * AD_BUILD_ID_MAX + 1], wanted_text[2 * AD_BUILD_ID_MAX + 1];
        ad_build_id_text(there, there_text);
        ad_build_id_text(wanted, wanted_text);
        return ad_modules_text(search->modules, "%s has build-id %.*s, not %.*s", path, AD_ID_DIGITS, there_text,
                               AD_ID_DIGITS, wanted_text);
    }
    if (!(there->size && wanted->size) && !(crc && has_crc(debug, *crc)))
        return ad_modules_text(search->modules, "%s has %s", path,
                               crc ? "another CRC than the debug link says" : "no build-id");
    return has_dwarf(debug) ? NULL : ad_modules_text(search->modules, "%s has no debug information", path);
}

static void refuse(struct search *search, const char *why)
{
    if (!search->refused)
        search->refused = why;
}

/* The debug file at this path, or NULL; what is there and no good is remembered. */
static struct ad_elf_file *try_path(struct search *search, const char *path, const uint32_t *crc)
{
    struct ad_elf_file *debug = NULL;
    struct ad_error *error = path ? ad_elf_open(path, search->modules->limits, &debug) : NULL;
    if (error && error->kind != AD_ERROR_NOT_FOUND)
        refuse(search, ad_modules_text(search->modules, "%s", error->message));
    ad_error_destroy(error);
    if (error || !debug)
        return NULL;
    const char *refusal = same_file(debug, search->file) ? "" : judge(search, debug, crc);
    if (!refusal)
        return debug;
    if (refusal[0])
        refuse(search, refusal);
    ad_elf_close(debug);
    return NULL;
}

/* ---- The debug folders -------------------------------------------------------------------------------- */

/* Of the user, then the system's; each also below the sysroot, which goes first. NULL: no more. */
static const char *debug_folder(const struct search *search, size_t number)
{
    const struct ad_module_options *options = &search->modules->options;
    size_t in_root = options->sysroot ? 1 : 0, which = number / (1 + in_root);
    if (which > options->debug_dir_count)
        return NULL;
    const char *folder = which < options->debug_dir_count ? options->debug_dirs[which] : DEFAULT_DEBUG_DIR;
    return in_root && number % 2 == 0 ? ad_modules_join(search->modules, options->sysroot, folder) : folder;
}

/* DIRECTORY/.build-id/ab/cdef....debug */
static struct ad_elf_file *by_build_id(struct search *search)
{
    char text[2 * AD_BUILD_ID_MAX + 1];
    const char *folder;
    struct ad_elf_file *debug = NULL;
    if (search->id->size < 2)
        return NULL;
    ad_build_id_text(search->id, text);
    for (size_t i = 0; !debug && (folder = debug_folder(search, i)); i++)
        debug = try_path(search, ad_modules_text(search->modules, "%s/.build-id/%.2s/%s.debug", folder, text, text + 2),
                         NULL);
    return debug;
}

/* ---- The debug link ----------------------------------------------------------------------------------- */

static void read_link(struct search *search)
{
    const void *bytes;
    size_t size;
    if (!search->file || !ad_elf_has_section(search->file, ".gnu_debuglink"))
        return;
    struct ad_error *error =
        ad_elf_section_data(search->file, ad_elf_section(search->file, ".gnu_debuglink"), &bytes, &size);
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes, error ? 0 : size);
    const char *name = ad_cursor_text(&cursor);
    ad_cursor_align(&cursor, 4);
    search->link.crc = ad_cursor_u32(&cursor);
    ad_error_destroy(error);
    if (cursor.failed || !name[0] || strchr(name, '/'))
        refuse(search, ad_modules_text(search->modules, "%s has a debug link that is no file's name%s%s",
                                       ad_elf_path(search->file), cursor.failed ? "" : ": ", cursor.failed ? "" : name));
    else
        search->link.name = name;
}

/* In a folder, or in .debug below it. */
static struct ad_elf_file *link_near(struct search *search, const char *folder, int length)
{
    const char *name = search->link.name;
    struct ad_elf_file *debug =
        try_path(search, ad_modules_text(search->modules, "%.*s/%s", length, folder, name), &search->link.crc);
    return debug ? debug
                 : try_path(search, ad_modules_text(search->modules, "%.*s/.debug/%s", length, folder, name),
                            &search->link.crc);
}

static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) : 0;
}

/* Where the file is, which of a live process the kernel's links do not tell, and where a link to it leads. */
static struct ad_elf_file *link_beside(struct search *search)
{
    struct ad_target *target = search->modules->target;
    const char *path = ad_elf_path(search->file), *named = search->image->module.path;
    struct ad_elf_file *debug = NULL;
    if (target->kind == AD_TARGET_LIVE && strncmp(path, "/proc/", 6) == 0) {
        const char *root = ad_modules_text(search->modules, "/proc/%d/root%s", (int)target->pid, named);
        debug = link_near(search, root, folder_length(root));
        path = named;
    }
    ad_auto_free char *real = realpath(path, NULL);
    if (!debug && strchr(path, '/'))
        debug = link_near(search, path, folder_length(path));
    if (!debug && real && strcmp(real, path) != 0)
        debug = link_near(search, real, folder_length(real));
    return debug;
}

/* Under the path that the target named, as packages have it; or the file alone. */
static struct ad_elf_file *by_link(struct search *search)
{
    const char *path = search->image->module.path, *folder;
    read_link(search);
    if (!search->link.name)
        return NULL;
    struct ad_elf_file *debug = link_beside(search);
    for (size_t i = 0; !debug && (folder = debug_folder(search, i)); i++) {
        const char *below = ad_modules_text(search->modules, "%s%.*s/%s", folder, folder_length(path), path,
                                            search->link.name);
        debug = try_path(search, below, &search->link.crc);
        if (!debug)
            debug = try_path(search, ad_modules_text(search->modules, "%s/%s", folder, search->link.name),
                             &search->link.crc);
    }
    return debug;
}

/* ---- All ---------------------------------------------------------------------------------------------- */

/* What was sought, where, and in vain. */
static const char *in_vain(const struct search *search)
{
    char id[2 * AD_BUILD_ID_MAX + 1];
    ad_build_id_text(search->id, id);
    bool by_id = search->id->size >= 2;
    const char *name = search->link.name;
    if (!by_id && !name)
        return "it has neither a build-id nor a debug link to find a debug file by";
    return ad_modules_text(search->modules, "no debug file %s%.*s%s%s%s%s%s", by_id ? "of build-id " : "",
                           by_id ? AD_ID_DIGITS : 0, id, by_id && name ? " or " : "", name ? "named " : "",
                           name ? name : "", search->modules->options.debug_dir_count ? " below --debug-dir or " : " below ",
                           DEFAULT_DEBUG_DIR);
}

void ad_image_find_debug(struct ad_modules *modules, struct ad_image *image)
{
    struct ad_module *module = &image->module;
    struct search search = {modules, image, module->file, &module->build_id, {0}, NULL};
    if (module->file && has_dwarf(module->file)) {
        module->debug = module->file;
        return;
    }
    if (!search.id->size && module->file)
        search.id = ad_elf_build_id(module->file);
    module->debug = by_build_id(&search);
    if (!module->debug && module->file)
        module->debug = by_link(&search);
    if (module->debug)
        return;
    module->debug_refused = search.refused;
    module->debug_sought = in_vain(&search);
}
