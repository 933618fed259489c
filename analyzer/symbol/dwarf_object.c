/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/range.h"
#include "symbol/dwarf_compat.h"

static const char split_suffix[] = ".dwo";

/* ---- Which sections there are ---- */

/* ".zdebug_x" is ".debug_x", compressed. False: no section of debug information. The index of a .dwp is none: its
 * slices are an object each. */
static bool name_part(struct ad_dwarf_section *part, const char *name)
{
    part->name = name;
    if (strncmp(name, ".zdebug_", 8) == 0 && asprintf(&part->own_name, ".%s", name + 2) >= 0)
        part->name = part->own_name;
    return strncmp(part->name, ".debug_", 7) == 0 && strcmp(name, ".debug_cu_index") != 0 &&
           strcmp(name, ".debug_tu_index") != 0;
}

static bool has_suffix(const char *name)
{
    size_t length = strlen(name), suffix = sizeof(split_suffix) - 1;
    return length > suffix && strcmp(name + length - suffix, split_suffix) == 0;
}

static struct ad_dwarf_section *find(const struct ad_dwarf_object *object, const char *name)
{
    struct ad_dwarf_section *items = object->sections.items;
    for (size_t i = 0; i < object->sections.count; i++)
        if (items[i].whole && strcmp(items[i].name, name) == 0)
            return &items[i];
    return NULL;
}

/* Cuts the part down to what a .dwp says; false: that lies outside, or is not of this unit. Only texts are of all. */
static bool cut(struct ad_dwarf_section *part, const struct ad_dwarf_slice *slices, size_t count)
{
    uint64_t end;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(slices[i].name, part->name) != 0)
            continue;
        part->start = slices[i].start;
        bool inside = ad_add(slices[i].start, slices[i].size, &end) && end <= part->size;
        part->size = slices[i].size;
        return inside;
    }
    return !count || strcmp(part->name, ".debug_str.dwo") == 0;
}

/* Whether the part is one of the object. A .dwo that was made with -fdebug-types-section has several of a name;
 * other files do not. */
static bool joins(struct ad_dwarf_object *object, struct ad_dwarf_section *part)
{
    struct ad_dwarf_section *first = find(object, part->name);
    part->whole = first ? 0 : part->size;
    return part->size && (!first || (has_suffix(part->name) && ad_add(first->whole, part->size, &first->whole)));
}

static struct ad_error *find_sections(struct ad_dwarf_object *object, const struct ad_dwarf_slice *slices,
                                      size_t slice_count)
{
    size_t count;
    const struct ad_elf_section *sections = ad_elf_sections(object->file, &count);
    for (size_t i = 0; i < count; i++) {
        struct ad_elf_extent extent;
        struct ad_dwarf_section part = {.section = &sections[i]};
        bool named = name_part(&part, sections[i].name);
        bool there = named && ad_elf_section_extent(object->file, &sections[i], &extent);
        part.size = there ? extent.unpacked : 0;
        bool taken = there && cut(&part, slices, slice_count) && joins(object, &part);
        object->is_split |= taken && has_suffix(part.name);
        struct ad_error *error = taken ? ad_vector_push(&object->sections, &part) : NULL;
        if (!taken || error)
            free(part.own_name);
        AD_TRY(error);
    }
    return NULL;
}

/* ---- Their bytes ---- */

/* A mapping, which needs no memory for what is not looked at. */
static const uint8_t *map_part(struct ad_dwarf_object *object, struct ad_dwarf_section *part,
                               const struct ad_elf_extent *extent)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), skip = extent->offset % page;
    void *map = mmap(NULL, extent->size + skip, PROT_READ, MAP_PRIVATE, ad_elf_fd(object->file),
                     (off_t)(extent->offset - skip));
    if (map == MAP_FAILED)
        return NULL;
    part->map = map;
    part->map_size = extent->size + skip;
    return (const uint8_t *)map + skip;
}

static const uint8_t *part_bytes(struct ad_dwarf_object *object, struct ad_dwarf_section *part)
{
    struct ad_elf_extent extent;
    const void *bytes;
    size_t size;
    if (!ad_elf_section_extent(object->file, part->section, &extent))
        return NULL;
    const uint8_t *mapped = extent.is_packed ? NULL : map_part(object, part, &extent);
    if (mapped)
        return mapped + part->start;
    struct ad_error *error = ad_elf_section_data(object->file, part->section, &bytes, &size);
    ad_error_destroy(error);
    return error ? NULL : (const uint8_t *)bytes + part->start;
}

static const uint8_t *join(struct ad_dwarf_object *object, struct ad_dwarf_section *first)
{
    struct ad_dwarf_section *items = object->sections.items;
    uint8_t *all = first->own_bytes = malloc(first->whole);
    uint64_t used = 0;
    for (size_t i = 0; all && i < object->sections.count; i++) {
        if (strcmp(items[i].name, first->name) != 0)
            continue;
        const uint8_t *bytes = part_bytes(object, &items[i]);
        if (!bytes)
            return NULL;
        memcpy(all + used, bytes, items[i].size);
        used += items[i].size;
    }
    return all;
}

/* False: they cannot be had; that is not tried again. */
static bool load(struct ad_dwarf_object *object, struct ad_dwarf_section *first)
{
    if (first->bytes || !first->whole)
        return first->bytes;
    first->bytes = first->whole > first->size ? join(object, first) : part_bytes(object, first);
    if (!first->bytes)
        first->whole = 0;
    return first->bytes;
}

bool ad_dwarf_section(struct ad_dwarf_object *object, const char *name, const uint8_t **bytes_ret, uint64_t *size_ret)
{
    char full[64];
    snprintf(full, sizeof(full), "%s%s", name, object->is_split ? split_suffix : "");
    struct ad_dwarf_section *section = find(object, full);
    if (!section || !load(object, section))
        return false;
    *bytes_ret = section->bytes;
    *size_ret = section->whole;
    return true;
}

bool ad_dwarf_open(struct ad_dwarf_object *object, const char *name, uint64_t offset, struct ad_cursor *in_ret)
{
    const uint8_t *bytes;
    uint64_t size;
    if (!ad_dwarf_section(object, name, &bytes, &size) || offset >= size)
        return false;
    ad_cursor_init(in_ret, bytes + offset, size - offset);
    return true;
}

const char *ad_dwarf_text(struct ad_dwarf_object *object, const char *name, uint64_t offset)
{
    struct ad_cursor in;
    return ad_dwarf_open(object, name, offset, &in) ? ad_cursor_text(&in) : NULL;
}

/* ---- What libdwarf asks ---- */

static struct ad_dwarf_section *numbered(void *context, uint64_t index)
{
    struct ad_dwarf_object *object = context;
    /* Number 0 is no section, as in ELF. */
    return index && index <= object->sections.count ? AD_ITEMS(struct ad_dwarf_section, &object->sections) + index - 1
                                                    : NULL;
}

static int get_section_info(void *context, ad_dwarf_section_index index, ad_dwarf_section_info *info, int *error)
{
    const struct ad_dwarf_object *object = context;
    const struct ad_dwarf_section *section = numbered(context, index);
    *error = 0;
    if (index > object->sections.count)
        return DW_DLV_NO_ENTRY;
    *info = (ad_dwarf_section_info){.AD_SECTION(name) = "", .AD_SECTION(type) = SHT_NULL};
    if (section && section->whole) {
        info->AD_SECTION(name) = section->name;
        info->AD_SECTION(type) = SHT_PROGBITS;
        info->AD_SECTION(size) = section->whole;
    }
    return DW_DLV_OK;
}

static int load_section(void *context, ad_dwarf_section_index index, Dwarf_Small **data_ret, int *error)
{
    struct ad_dwarf_section *section = numbered(context, index);
    *error = 0;
    if (!section || !load(context, section))
        return DW_DLV_NO_ENTRY;
    /* libdwarf's interface has no const; it does not write without relocations. */
    *data_ret = (Dwarf_Small *)section->bytes;
    return DW_DLV_OK;
}

static ad_dwarf_byte_order get_byte_order(void *context)
{
    (void)context;
    return AD_DWARF_LITTLE;
}

static Dwarf_Small get_word_size(void *context)
{
    (void)context;
    return 8;
}

static Dwarf_Unsigned get_section_count(void *context)
{
    const struct ad_dwarf_object *object = context;
    return object->sections.count + 1;
}

#ifdef AD_DWARF_OBJECT_SIZES
/* Sections are compared with it, and inflated ones may be larger than the file. */
static Dwarf_Unsigned get_file_size(void *context)
{
    (void)context;
    return INT64_MAX;
}
#endif

static const ad_dwarf_methods methods = {
    .AD_METHOD(get_section_info) = get_section_info,
    .AD_METHOD(get_byte_order) = get_byte_order,
    .AD_METHOD(get_length_size) = get_word_size,
    .AD_METHOD(get_pointer_size) = get_word_size,
    .AD_METHOD(get_section_count) = get_section_count,
    .AD_METHOD(load_section) = load_section,
#ifdef AD_DWARF_OBJECT_SIZES
    .AD_METHOD(get_filesize) = get_file_size,
#endif
};

/* ---- An object ---- */

struct ad_error *ad_dwarf_object_init_slices(struct ad_dwarf_object *object, struct ad_elf_file *file,
                                             const struct ad_dwarf_slice *slices, size_t count)
{
    static uint16_t number;
    Dwarf_Error error = NULL;
    ad_dwarf_interface *interface = calloc(1, sizeof(*interface));
    *object = (struct ad_dwarf_object){
        .file = file,
        .sections = AD_VECTOR(struct ad_dwarf_section),
        .number = number++,
    };
    if (!interface)
        return &ad_error_nomem;
    object->interface = interface;
    *interface = (ad_dwarf_interface){.AD_INTERFACE(object) = object, .AD_INTERFACE(methods) = &methods};
    AD_TRY(find_sections(object, slices, count));
    unsigned group = object->is_split ? DW_GROUPNUMBER_DWO : DW_GROUPNUMBER_ANY;
    if (dwarf_object_init_b(interface, NULL, NULL, group, &object->debug, &error) != DW_DLV_OK)
        return ad_error_create(AD_ERROR_FORMAT, "%s: %s", ad_elf_path(file),
                               error ? dwarf_errmsg(error) : "no debug information");
    return NULL;
}

struct ad_error *ad_dwarf_object_init(struct ad_dwarf_object *object, struct ad_elf_file *file)
{
    return ad_dwarf_object_init_slices(object, file, NULL, 0);
}

void ad_dwarf_object_deinit(struct ad_dwarf_object *object)
{
    struct ad_dwarf_section *items = object->sections.items;
    if (object->debug)
        AD_DWARF_FINISH(object->debug);
    for (size_t i = 0; i < object->sections.count; i++) {
        if (items[i].map)
            munmap(items[i].map, items[i].map_size);
        free(items[i].own_name);
        free(items[i].own_bytes);
    }
    ad_vector_deinit(&object->sections);
    free(object->interface);
}
