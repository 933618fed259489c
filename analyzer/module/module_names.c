/* SPDX-License-Identifier: MIT */
#include <link.h>
#include <string.h>

#include "base/cursor.h"
#include "module/module_internal.h"

/* Offsets of 64-bit struct r_debug and struct link_map (link.h). */
enum { R_DEBUG_MAP = 8, LINK_MAP_SIZE = 32 };

struct link {
    uint64_t bias;
    uint64_t name;
    uint64_t dynamic;
    uint64_t next;
};

static bool dynamic_range(const struct ad_image *image, struct ad_range *range_ret)
{
    for (size_t i = 0; i < image->segment_count; i++)
        if (image->segments[i].p_type == PT_DYNAMIC)
            return ad_range_init(range_ret, image->segments[i].p_vaddr + image->module.bias,
                                 image->segments[i].p_memsz);
    return false;
}

/* The dynamic linker stores the address of its list in the program's DT_DEBUG entry. */
static bool find_debug(struct ad_modules *modules, const struct ad_image *program, uint64_t *address_ret)
{
    struct ad_range range;
    Elf64_Dyn entry;
    if (!dynamic_range(program, &range))
        return false;
    for (uint64_t at = range.start; ad_range_holds(range, at, sizeof(entry)); at += sizeof(entry)) {
        if (ad_target_read_some(modules->target, at, &entry, sizeof(entry)) < sizeof(entry) ||
            entry.d_tag == DT_NULL)
            return false;
        if (entry.d_tag == DT_DEBUG) {
            *address_ret = entry.d_un.d_ptr;
            return *address_ret != 0;
        }
    }
    return false;
}

static bool read_link(struct ad_modules *modules, uint64_t address, struct link *link)
{
    uint8_t bytes[LINK_MAP_SIZE];
    if (ad_target_read_some(modules->target, address, bytes, sizeof(bytes)) < sizeof(bytes))
        return false;
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes, sizeof(bytes));
    link->bias = ad_cursor_u64(&cursor);
    link->name = ad_cursor_u64(&cursor);
    link->dynamic = ad_cursor_u64(&cursor);
    link->next = ad_cursor_u64(&cursor);
    return true;
}

static struct ad_error *set_name(struct ad_modules *modules, struct ad_image *image, const char *path)
{
    const char *slash = strrchr(path, '/');
    image->module.path = ad_pool_text(&modules->pool, path, strlen(path));
    if (!image->module.path)
        return &ad_error_nomem;
    image->module.name = image->module.path + (slash && slash[1] ? slash + 1 - path : 0);
    return NULL;
}

/* The image whose dynamic section is the link's gets its name; the program's own name is empty. */
static struct ad_error *name_image(struct ad_modules *modules, const struct link *link)
{
    char path[4096]; /* PATH_MAX of Linux */
    struct ad_error *error =
        ad_target_read_text(modules->target, link->name, path, sizeof(path), "a library's name");
    ad_error_destroy(error);
    if (error || !path[0])
        return NULL;
    struct ad_image *images = modules->images.items;
    for (size_t i = 0; i < modules->images.count; i++) {
        struct ad_range dynamic;
        if (!images[i].module.is_vdso && images[i].module.bias == link->bias &&
            dynamic_range(&images[i], &dynamic) && dynamic.start == link->dynamic)
            return set_name(modules, &images[i], path);
    }
    return NULL;
}

static struct ad_error *name_libraries(struct ad_modules *modules, const struct ad_image *program)
{
    uint64_t debug;
    uint8_t bytes[sizeof(uint64_t)];
    if (!find_debug(modules, program, &debug) ||
        ad_target_read_some(modules->target, debug + R_DEBUG_MAP, bytes, sizeof(bytes)) < sizeof(bytes))
        return NULL;
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes, sizeof(bytes));
    struct link link = {.next = ad_cursor_u64(&cursor)};
    for (uint64_t i = 0; link.next && i < modules->limits->modules; i++) {
        if (!read_link(modules, link.next, &link))
            return NULL;
        AD_TRY(name_image(modules, &link));
    }
    return NULL;
}

struct ad_error *ad_modules_name_images(struct ad_modules *modules)
{
    for (size_t i = 0; i < modules->target->region_count; i++)
        if (modules->target->regions[i].path)
            return NULL;
    struct ad_image *program = (struct ad_image *)ad_modules_executable(modules);
    if (!program)
        return NULL;
    if (modules->target->executable)
        AD_TRY(set_name(modules, program, modules->target->executable));
    return name_libraries(modules, program);
}
