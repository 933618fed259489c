/* SPDX-License-Identifier: MIT */
#include "symbol/symbol_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define DEBUG_DIR "/usr/lib/debug"

/* Opens FOLDER/NAME, or NAME alone when it is absolute; NULL: there is no such regular ELF file. */
static struct ad_elf_file *try_open(const char *folder, int folder_size, const char *name,
                                    const struct ad_limits *limits)
{
    ad_auto_free char *path = NULL;
    struct ad_elf_file *file = NULL;
    bool absolute = name[0] == '/';
    if ((!absolute && !folder_size) || asprintf(&path, "%.*s%s%s", absolute ? 0 : folder_size, folder,
                                                absolute ? "" : "/", name) < 0)
        return NULL;
    struct ad_error *error = ad_elf_open_named(path, limits, &file);
    ad_error_destroy(error);
    return error ? NULL : file;
}

static int folder_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) : 0;
}

/* ---- The alternate file ---- */

/* .gnu_debugaltlink: a path, NUL, a build-id. */
static bool read_link(struct ad_elf_file *debug, const char **path_ret, struct ad_build_id *id_ret)
{
    const void *bytes;
    size_t size;
    struct ad_cursor in;
    const struct ad_elf_section *section = ad_elf_section(debug, ".gnu_debugaltlink");
    struct ad_error *error = section ? ad_elf_section_data(debug, section, &bytes, &size) : NULL;
    ad_error_destroy(error);
    if (!section || error)
        return false;
    ad_cursor_init(&in, bytes, size);
    *path_ret = ad_cursor_text(&in);
    id_ret->size = ad_cursor_left(&in);
    if (!*path_ret || !id_ret->size || id_ret->size > AD_BUILD_ID_MAX)
        return false;
    memcpy(id_ret->bytes, ad_cursor_bytes(&in, id_ret->size), id_ret->size);
    return true;
}

static struct ad_elf_file *proven(struct ad_elf_file *file, const struct ad_build_id *id)
{
    if (file && ad_build_id_equal(ad_elf_build_id(file), id))
        return file;
    ad_elf_close(file);
    return NULL;
}

void ad_symbol_files_init(struct ad_symbol_files *files, const struct ad_module *module,
                          const struct ad_limits *limits)
{
    const char *path;
    char id_text[2 * AD_BUILD_ID_MAX + 1];
    ad_auto_free char *by_id = NULL;
    struct ad_build_id id;
    *files = (struct ad_symbol_files){.debug = module->debug, .split = AD_VECTOR(struct ad_symbol_split)};
    if (!read_link(module->debug, &path, &id))
        return;
    const char *place = ad_elf_path(module->debug);
    files->alternate = proven(try_open(place, folder_size(place), path, limits), &id);
    ad_build_id_text(&id, id_text);
    if (!files->alternate && asprintf(&by_id, ".build-id/%.2s/%s.debug", id_text, id_text + 2) >= 0)
        files->alternate = proven(try_open(DEBUG_DIR, sizeof(DEBUG_DIR) - 1, by_id, limits), &id);
    if (!files->alternate)
        files->lost_alternate = path;
}

void ad_symbol_files_deinit(struct ad_symbol_files *files)
{
    struct ad_symbol_split *split = files->split.items;
    for (size_t i = 0; i < files->split.count; i++)
        ad_elf_close(split[i].file);
    ad_vector_deinit(&files->split);
    ad_elf_close(files->alternate);
    ad_elf_close(files->package);
}

/* ---- Split units ---- */

static struct ad_elf_file *open_package(const char *program, const struct ad_limits *limits)
{
    ad_auto_free char *name = NULL;
    struct ad_elf_file *file = NULL;
    if (asprintf(&name, "%s.dwp", program) < 0)
        return NULL;
    struct ad_error *error = ad_elf_open_named(name, limits, &file);
    ad_error_destroy(error);
    return error ? NULL : file;
}

static bool add_package(struct ad_symbol_files *files, const struct ad_module *module,
                        const struct ad_limits *limits)
{
    if (files->looked_for_package)
        return false;
    files->looked_for_package = true;
    if (module->file)
        files->package = open_package(ad_elf_path(module->file), limits);
    if (!files->package)
        files->package = open_package(ad_elf_path(files->debug), limits);
    return files->package;
}

/* Where the compiler has put it; or, when all was moved, beside the program. */
static struct ad_elf_file *find_split(const struct ad_module *module, const struct ad_symbol_need *need,
                                      const struct ad_limits *limits)
{
    const char *program = ad_elf_path(module->file ? module->file : module->debug);
    const char *slash = strrchr(need->name, '/');
    bool has_folder = need->folder[0] == '/';
    struct ad_elf_file *file =
        try_open(need->folder, has_folder ? (int)strlen(need->folder) : 0, need->name, limits);
    if (!file && need->name[0] != '/')
        file = try_open(program, folder_size(program), need->name, limits);
    return file || !slash ? file : try_open(program, folder_size(program), slash + 1, limits);
}

static bool has_split(const struct ad_symbol_files *files, uint64_t id)
{
    const struct ad_symbol_split *split = files->split.items;
    for (size_t i = 0; i < files->split.count; i++)
        if (split[i].id == id)
            return true;
    return false;
}

bool ad_symbol_files_add(struct ad_symbol_files *files, const struct ad_module *module,
                         const struct ad_symbol_need *needs, size_t count, const struct ad_limits *limits)
{
    if (add_package(files, module, limits))
        return true;
    bool any = false;
    for (size_t i = 0; i < count && files->split.count < limits->split_files; i++) {
        struct ad_symbol_split split = {needs[i].id, NULL};
        if (!has_split(files, split.id))
            split.file = find_split(module, &needs[i], limits);
        if (!split.file)
            continue;
        struct ad_error *error = ad_vector_push(&files->split, &split);
        if (error)
            ad_elf_close(split.file);
        any |= !error;
        ad_error_destroy(error);
    }
    return any;
}
