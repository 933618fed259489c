/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "module/module_internal.h"

/* One module's file being looked for. */
struct search {
    struct ad_modules *modules;
    struct ad_image *image;
    struct ad_module *module;
};

/* Of several failures the user is told the one that says most. */
static void fail(struct search *search, enum ad_module_status status, const char *problem)
{
    static const int weight[] = {[AD_MODULE_MISSING] = 1, [AD_MODULE_UNREADABLE] = 2, [AD_MODULE_DIFFERENT] = 3};
    struct ad_module *module = search->module;
    if (module->problem && weight[status] <= weight[module->status])
        return;
    module->status = status;
    module->problem = problem;
}

static bool same_segments(const struct ad_image *image, const struct ad_elf_file *file)
{
    size_t count;
    const Elf64_Phdr *segments = ad_elf_segments(file, &count);
    return count == image->segment_count && memcmp(segments, image->segments, count * sizeof(*segments)) == 0;
}

/* NULL when the file may be used; then `status_ret` is OK or UNPROVEN, the latter with a problem. */
static const char *judge(struct search *search, const struct ad_elf_file *file, enum ad_module_status *status_ret,
                         const char **caution_ret)
{
    const char *path = ad_elf_path(file);
    const struct ad_build_id *there = ad_elf_build_id(file), *running = &search->module->build_id;
    uint16_t machine = search->modules->target->machine;
    char there_text[2 * AD_BUILD_ID_MAX + 1], running_text[2 * AD_BUILD_ID_MAX + 1];
    ad_build_id_text(there, there_text);
    ad_build_id_text(running, running_text);
    *status_ret = AD_MODULE_OK;
    *caution_ret = NULL;
    if (machine && ad_elf_header(file)->e_machine != machine)
        return ad_modules_text(search->modules, "%s is of another machine", path);
    if (running->size && ad_build_id_equal(there, running))
        return NULL;
    if (running->size)
        return ad_modules_text(search->modules, "%s has %s%.*s, but the process ran build-id %.*s", path,
                               there->size ? "build-id " : "no build-id", AD_ID_DIGITS, there_text, AD_ID_DIGITS,
                               running_text);
    if (search->image->segments && !same_segments(search->image, file))
        return ad_modules_text(search->modules, "%s has other program headers than the process had", path);
    *status_ret = AD_MODULE_UNPROVEN;
    *caution_ret = ad_modules_text(search->modules,
                                   search->image->segments
                                       ? "%s has no build-id: nothing proves that it is the file that ran"
                                       : "its first page is not in the dump: nothing proves that %s ran",
                                   path);
    return NULL;
}

/* Takes the file when it is the right one; true then. */
static bool accept(struct search *search, struct ad_elf_file *file)
{
    enum ad_module_status status;
    const char *caution, *refusal = judge(search, file, &status, &caution);
    if (refusal) {
        fail(search, AD_MODULE_DIFFERENT, refusal);
        ad_elf_close(file);
        return false;
    }
    search->module->file = file;
    search->module->status = status;
    search->module->problem = caution;
    return true;
}

static bool try_path(struct search *search, const char *path, bool named_by_target)
{
    struct ad_elf_file *file;
    if (!path)
        return false;
    struct ad_error *error = named_by_target ? ad_elf_open_named(path, search->modules->limits, &file)
                                             : ad_elf_open(path, search->modules->limits, &file);
    if (!error)
        return accept(search, file);
    bool missing = error->kind == AD_ERROR_NOT_FOUND;
    fail(search, missing ? AD_MODULE_MISSING : AD_MODULE_UNREADABLE,
         ad_modules_text(search->modules, "%s%s", error->message,
                         missing && search->image->deleted ? " (it was deleted while in use)" : ""));
    ad_error_destroy(error);
    return false;
}

/* The kernel's own links into a live process: right even for deleted files and other mount namespaces. */
static bool try_process(struct search *search)
{
    struct ad_target *target = search->modules->target;
    const struct ad_image *image = search->image;
    char root[64], link[96];
    snprintf(root, sizeof(root), "/proc/%d/root", (int)target->pid);
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)target->pid);
    if (search->module->is_executable && try_path(search, link, false))
        return true;
    if (!image->deleted && try_path(search, ad_modules_join(search->modules, root, image->module.path), true))
        return true;
    snprintf(link, sizeof(link), "/proc/%d/map_files/%llx-%llx", (int)target->pid,
             (unsigned long long)image->first.start, (unsigned long long)image->first.end);
    return image->deleted && try_path(search, link, false);
}

/* Names from the dynamic linker's list may be symbolic links (libuv.so.1); the kernel's never are. */
static bool try_named(struct search *search, const char *path)
{
    for (size_t i = 0; i < search->modules->target->region_count; i++)
        if (search->modules->target->regions[i].path)
            return try_path(search, path, true);
    ad_auto_free char *resolved = realpath(path, NULL);
    return try_path(search, resolved ? resolved : path, true);
}

static void find_file(struct search *search, const struct ad_module_options *options)
{
    const char *path = search->module->path;
    if (search->module->is_executable && options->executable) {
        (void)try_path(search, options->executable, false);
        return;
    }
    if (options->sysroot) {
        (void)try_named(search, ad_modules_join(search->modules, options->sysroot, path));
        return;
    }
    bool live = search->modules->target->kind == AD_TARGET_LIVE;
    if (live && try_process(search))
        return;
    (void)try_named(search, path);
}

struct ad_error *ad_image_complete(struct ad_modules *modules, struct ad_image *image)
{
    struct ad_module *module = &image->module;
    size_t count;
    if (!module->file)
        return NULL;
    if (!image->segments) {
        const Elf64_Phdr *segments = ad_elf_segments(module->file, &count);
        uint64_t end = module->range.end;
        ad_image_place(image, segments, count);
        module->range.end = end; /* another module may follow at once */
    }
    return module->note ? NULL : ad_image_read_notes(modules, image);
}

struct ad_error *ad_modules_open_files(struct ad_modules *modules, const struct ad_module_options *options)
{
    if (options)
        modules->options = *options;
    for (size_t i = 0; i < modules->images.count; i++) {
        struct ad_image *image = &AD_ITEMS(struct ad_image, &modules->images)[i];
        struct search search = {modules, image, &image->module};
        if (image->module.is_vdso)
            continue;
        find_file(&search, &modules->options);
        AD_TRY(ad_image_complete(modules, image));
        ad_image_find_debug(modules, image);
        if (image->module.is_executable) /* its constants are wanted long before its code is met */
            AD_TRY(ad_module_fetch_file(modules, &image->module));
    }
    return NULL;
}
