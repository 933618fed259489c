/* SPDX-License-Identifier: MIT */
#include "module/module.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/cleanup.h"
#include "module/module_internal.h"

const char *ad_modules_text(struct ad_modules *modules, const char *format, ...)
{
    ad_auto_free char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        text = NULL;
    const char *copy = text ? ad_pool_text(&modules->pool, text, (size_t)length) : NULL;
    return copy ? copy : ad_error_nomem.message;
}

const char *ad_modules_join(struct ad_modules *modules, const char *directory, const char *path)
{
    size_t left = strlen(directory), right = strlen(path);
    char *joined = ad_pool_alloc(&modules->pool, left + right + 2);
    if (!joined)
        return NULL;
    memcpy(joined, directory, left);
    if (path[0] != '/')
        joined[left++] = '/';
    memcpy(joined + left, path, right);
    return joined;
}

static struct ad_image *images(struct ad_modules *modules)
{
    return modules->images.items;
}

/* The image that holds the program headers the kernel told the program about; else by its path. */
static void find_executable(struct ad_modules *modules)
{
    uint64_t address;
    struct ad_module *module = NULL;
    if (ad_target_auxv(modules->target, AT_PHDR, &address) ||
        ad_target_auxv(modules->target, AT_ENTRY, &address))
        module = ad_modules_find(modules, address);
    const char *path = modules->target->executable;
    for (size_t i = 0; !module && path && i < modules->images.count; i++)
        if (strcmp(images(modules)[i].module.path, path) == 0)
            module = &images(modules)[i].module;
    if (module)
        module->is_executable = true;
}

/* What the target does not have, from files; never more than the region that the address lies in. */
static size_t backing(void *context, uint64_t address, void *buffer, size_t size)
{
    struct ad_modules *modules = context;
    struct ad_module *module = ad_modules_find(modules, address);
    if (!module || !module->file || module->is_vdso)
        return 0;
    const struct ad_region *region = ad_target_region(modules->target, address);
    if (!region || (region->protection & AD_REGION_WRITE))
        return 0;
    uint64_t left = region->range.end - address;
    return ad_elf_read_constant(module->file, address - module->bias, buffer, size < left ? size : (size_t)left);
}

/* The vdso has no file: its whole ELF image is in memory, of a live process only until its release. */
static struct ad_error *open_vdso(struct ad_modules *modules, struct ad_image *image)
{
    struct ad_module *module = &image->module;
    uint64_t size = ad_range_size(image->first);
    if (size > modules->limits->section_bytes)
        return NULL;
    ad_auto_free void *bytes = malloc(size + 1);
    if (!bytes)
        return &ad_error_nomem;
    size_t got = ad_target_read_some(modules->target, image->first.start, bytes, size);
    struct ad_error *error = ad_elf_open_image(module->path, bytes, got, modules->limits, &module->file);
    module->status = error ? AD_MODULE_UNREADABLE : AD_MODULE_OK;
    module->problem = error ? ad_modules_text(modules, "%s", error->message) : NULL;
    ad_error_destroy(error);
    return NULL;
}

static struct ad_error *find_all(struct ad_modules *modules)
{
    AD_TRY(ad_modules_find_images(modules));
    find_executable(modules);
    AD_TRY(ad_modules_name_images(modules));
    for (size_t i = 0; i < modules->images.count; i++) {
        struct ad_image *image = &images(modules)[i];
        AD_TRY(ad_image_read_notes(modules, image));
        if (image->module.is_vdso)
            AD_TRY(open_vdso(modules, image));
    }
    return NULL;
}

struct ad_error *ad_modules_create(struct ad_target *target, const struct ad_limits *limits,
                                   struct ad_modules **modules_ret)
{
    struct ad_modules *modules = calloc(1, sizeof(*modules));
    if (!modules)
        return &ad_error_nomem;
    *modules = (struct ad_modules){.target = target, .limits = limits, .images = AD_VECTOR(struct ad_image)};
    struct ad_error *error = find_all(modules);
    if (error) {
        ad_modules_destroy(modules);
        return error;
    }
    target->backing = backing;
    target->backing_context = modules;
    *modules_ret = modules;
    return NULL;
}

void ad_modules_destroy(struct ad_modules *modules)
{
    if (!modules)
        return;
    if (modules->target->backing_context == modules) {
        modules->target->backing = NULL;
        modules->target->backing_context = NULL;
    }
    for (size_t i = 0; i < modules->images.count; i++) {
        struct ad_module *module = &images(modules)[i].module;
        if (module->debug != module->file)
            ad_elf_close(module->debug);
        ad_elf_close(module->file);
    }
    ad_vector_deinit(&modules->images);
    ad_pool_deinit(&modules->pool);
    free(modules);
}

size_t ad_modules_count(const struct ad_modules *modules)
{
    return modules->images.count;
}

struct ad_module *ad_modules_get(struct ad_modules *modules, size_t index)
{
    return &images(modules)[index].module;
}

struct ad_module *ad_modules_find(struct ad_modules *modules, uint64_t address)
{
    size_t low = 0, high = modules->images.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (images(modules)[middle].module.range.end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    bool inside = low < modules->images.count && ad_range_contains(images(modules)[low].module.range, address);
    return inside ? &images(modules)[low].module : NULL;
}

struct ad_target *ad_modules_target(const struct ad_modules *modules)
{
    return modules->target;
}

struct ad_module *ad_modules_executable(struct ad_modules *modules)
{
    for (size_t i = 0; i < modules->images.count; i++)
        if (images(modules)[i].module.is_executable)
            return &images(modules)[i].module;
    return NULL;
}

/* Where a module's symbols are: two tables where .gnu_debugdata and .dynsym complete each other. */
struct symbol_files {
    struct ad_elf_file *files[2]; /* may be NULL */
};

/* .symtab of either before the others. */
static struct symbol_files symbol_files(const struct ad_module *module)
{
    struct ad_elf_file *file = module->file, *debug = module->debug;
    if (file && ad_elf_has_section(file, ".symtab"))
        return (struct symbol_files){{file, NULL}};
    if (debug && ad_elf_has_section(debug, ".symtab"))
        return (struct symbol_files){{debug, NULL}};
    return (struct symbol_files){{file ? ad_elf_small(file) : NULL, file}};
}

/* One with a size says that it covers the address; of two, the one that begins later is the inner. */
static bool is_better(const struct ad_elf_symbol *a, const struct ad_elf_symbol *b)
{
    return !a->size == !b->size ? a->value > b->value : a->size != 0;
}

bool ad_module_symbol_at(struct ad_module *module, uint64_t address, struct ad_elf_symbol *symbol_ret)
{
    struct symbol_files symbols = symbol_files(module);
    bool found = false;
    for (size_t i = 0; i < 2; i++) {
        struct ad_elf_symbol symbol;
        if (!symbols.files[i] || !ad_elf_symbol_at(symbols.files[i], address - module->bias, &symbol))
            continue;
        if (!found || is_better(&symbol, symbol_ret))
            *symbol_ret = symbol;
        found = true;
    }
    if (found)
        symbol_ret->value += module->bias;
    return found;
}

bool ad_module_symbol_named(struct ad_module *module, const char *name, struct ad_elf_symbol *symbol_ret)
{
    struct symbol_files symbols = symbol_files(module);
    bool found = false;
    for (size_t i = 0; !found && i < 2; i++)
        found = symbols.files[i] && ad_elf_symbol_named(symbols.files[i], name, symbol_ret);
    if (found)
        symbol_ret->value += module->bias;
    return found;
}

const char *ad_module_status_text(enum ad_module_status status)
{
    static const char *const texts[] = {
        [AD_MODULE_OK] = "ok",
        [AD_MODULE_UNPROVEN] = "unproven",
        [AD_MODULE_MISSING] = "missing",
        [AD_MODULE_DIFFERENT] = "different",
        [AD_MODULE_UNREADABLE] = "unreadable",
    };
    return texts[status];
}
