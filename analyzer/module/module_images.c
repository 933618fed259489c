/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/auxv.h>

#include "base/cleanup.h"
#include "module/module_internal.h"

#define PAGE UINT64_C(4096) /* the unit of mappings; larger pages only make more of them agree */

static const char deleted[] = " (deleted)";
static const char vdso[] = "[vdso]";

static uint64_t page_of(uint64_t value)
{
    return value & ~(PAGE - 1);
}

/* What the images are found by. */
struct finder {
    struct ad_modules *modules;
    bool nameless;       /* no region has a path: images begin wherever an ELF header is */
    uint64_t vdso;       /* AT_SYSINFO_EHDR; 0: none */
    struct ad_image *current;
    const char *region_path; /* of the current image, as its regions have it */
};

static bool has_elf_header(struct ad_modules *modules, const struct ad_region *region, Elf64_Ehdr *header)
{
    size_t got = ad_target_read_some(modules->target, region->range.start, header, sizeof(*header));
    return got == sizeof(*header) && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB;
}

/* The program headers lie behind the header, in the same mapping. */
static struct ad_error *read_segments(struct ad_modules *modules, struct ad_image *image,
                                      const Elf64_Ehdr *header)
{
    uint64_t address, size = header->e_phnum * sizeof(Elf64_Phdr);
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == PN_XNUM || !size ||
        !ad_add(image->first.start, header->e_phoff, &address) || !ad_range_holds(image->first, address, size))
        return NULL;
    Elf64_Phdr *segments = ad_pool_alloc(&modules->pool, size);
    if (!segments)
        return &ad_error_nomem;
    if (ad_target_read_some(modules->target, address, segments, size) < size)
        return NULL;
    image->segments = segments;
    image->segment_count = header->e_phnum;
    return NULL;
}

/* The segment that the first mapping shows; a mapping of code only shows code. */
static const Elf64_Phdr *first_segment(const struct ad_image *image, const Elf64_Phdr *segments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_filesz &&
            page_of(segments[i].p_offset) == page_of(image->first_offset))
            return &segments[i];
    return NULL;
}

void ad_image_place(struct ad_image *image, const Elf64_Phdr *segments, size_t count)
{
    const Elf64_Phdr *first = first_segment(image, segments, count);
    if (!first)
        return;
    struct ad_module *module = &image->module;
    module->bias = image->first.start - image->first_offset + first->p_offset - first->p_vaddr;
    for (size_t i = 0; i < count; i++) {
        uint64_t end = segments[i].p_vaddr + segments[i].p_memsz + module->bias;
        end = page_of(end + PAGE - 1);
        bool above = segments[i].p_vaddr >= first->p_vaddr && segments[i].p_memsz <= UINT64_MAX / 2;
        if (segments[i].p_type == PT_LOAD && above && end > module->range.end)
            module->range.end = end;
    }
}

static struct ad_error *set_path(struct ad_modules *modules, struct ad_image *image, const char *path)
{
    size_t length = path ? strlen(path) : 0, suffix = sizeof(deleted) - 1;
    image->deleted = length > suffix && strcmp(path + length - suffix, deleted) == 0;
    image->module.path = path ? ad_pool_text(&modules->pool, path, length - (image->deleted ? suffix : 0))
                              : ad_modules_text(modules, "(module at 0x%llx)",
                                                (unsigned long long)image->first.start);
    if (!image->module.path)
        return &ad_error_nomem;
    const char *slash = strrchr(image->module.path, '/');
    image->module.name = slash && slash[1] ? slash + 1 : image->module.path;
    return NULL;
}

static struct ad_error *begin(struct finder *finder, const struct ad_region *region, const Elf64_Ehdr *header,
                              bool is_vdso)
{
    struct ad_modules *modules = finder->modules;
    if (modules->images.count >= modules->limits->modules) {
        modules->target->skipped++;
        return NULL;
    }
    AD_TRY(ad_vector_add(&modules->images, (void **)&finder->current));
    struct ad_image *image = finder->current;
    finder->region_path = region->path;
    image->module = (struct ad_module){.range = region->range, .status = AD_MODULE_MISSING, .is_vdso = is_vdso};
    image->first = region->range;
    image->first_offset = region->file_offset;
    image->executable_code = !region->protection || (region->protection & AD_REGION_EXECUTE);
    AD_TRY(set_path(modules, image, is_vdso ? vdso : region->path));
    if (header)
        AD_TRY(read_segments(modules, image, header));
    ad_image_place(image, image->segments, image->segment_count);
    return NULL;
}

/* A mapping of the current image: of the same file, and inside its segments where these are known. */
static bool goes_on(const struct finder *finder, const struct ad_region *region)
{
    const struct ad_image *image = finder->current;
    if (!image || image->module.is_vdso)
        return false;
    bool inside = region->range.start < image->module.range.end;
    if (finder->nameless)
        return inside;
    bool same = finder->region_path && region->path &&
                (finder->region_path == region->path || strcmp(finder->region_path, region->path) == 0);
    return same && (inside || (!image->segments && region->file_offset > image->first_offset));
}

static void add_region(struct ad_image *image, const struct ad_region *region)
{
    if (region->range.end > image->module.range.end)
        image->module.range.end = region->range.end;
    image->executable_code |= !region->protection || (region->protection & AD_REGION_EXECUTE);
}

static struct ad_error *look_at(struct finder *finder, const struct ad_region *region)
{
    Elf64_Ehdr header;
    bool is_vdso = (finder->vdso && region->range.start == finder->vdso) ||
                   (region->path && strcmp(region->path, vdso) == 0);
    if (is_vdso)
        return has_elf_header(finder->modules, region, &header) ? begin(finder, region, &header, true) : NULL;
    if (goes_on(finder, region)) {
        add_region(finder->current, region);
        return NULL;
    }
    if (!region->path && (!finder->nameless || (region->protection & AD_REGION_WRITE)))
        return NULL;
    bool at_start = finder->nameless || region->file_offset == 0;
    if (at_start && has_elf_header(finder->modules, region, &header))
        return begin(finder, region, &header, false);
    /* Without its first page it may still be a program: told apart by executable code later. */
    char byte;
    bool readable = at_start && ad_target_read_some(finder->modules->target, region->range.start, &byte, 1);
    return finder->nameless || readable ? NULL : begin(finder, region, NULL, false);
}

/* Data files are no modules; and no module reaches into the next. */
static void clean_up(struct ad_modules *modules)
{
    struct ad_image *images = modules->images.items;
    size_t kept = 0;
    for (size_t i = 0; i < modules->images.count; i++)
        if (images[i].executable_code)
            images[kept++] = images[i];
    modules->images.count = kept;
    for (size_t i = 0; i + 1 < kept; i++)
        if (images[i].module.range.end > images[i + 1].module.range.start)
            images[i].module.range.end = images[i + 1].module.range.start;
}

static bool any_path(const struct ad_target *target)
{
    for (size_t i = 0; i < target->region_count; i++)
        if (target->regions[i].path)
            return true;
    return false;
}

struct ad_error *ad_modules_find_images(struct ad_modules *modules)
{
    struct ad_target *target = modules->target;
    struct finder finder = {.modules = modules, .nameless = !any_path(target)};
    if (!ad_target_auxv(target, AT_SYSINFO_EHDR, &finder.vdso))
        finder.vdso = 0;
    for (size_t i = 0; i < target->region_count; i++)
        AD_TRY(look_at(&finder, &target->regions[i]));
    clean_up(modules);
    return NULL;
}
