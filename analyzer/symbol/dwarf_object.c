/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_object.h"

#include <string.h>

/* Relocations would be applied by libdwarf on its own; linked files need none. */
static bool is_hidden(const struct ad_elf_section *section)
{
    return section->header.sh_type == SHT_RELA || section->header.sh_type == SHT_REL;
}

static int get_section_info(void *object, Dwarf_Half index, Dwarf_Obj_Access_Section *info, int *error)
{
    struct ad_elf_file *file = object;
    size_t count;
    const struct ad_elf_section *section = ad_elf_sections(file, &count);
    *error = 0;
    if (index >= count)
        return DW_DLV_NO_ENTRY;
    section += index;
    *info = (Dwarf_Obj_Access_Section){.name = section->name, .type = section->header.sh_type};
    if (is_hidden(section))
        info->type = SHT_NULL;
    if (strncmp(section->name, ".debug_", 7) != 0 && strncmp(section->name, ".zdebug_", 8) != 0)
        return DW_DLV_OK; /* no size: libdwarf asks for no other section's bytes */
    /* The inflated size is known only by inflating; only sections of debug information are. */
    const void *data;
    size_t size = 0;
    struct ad_error *failure = ad_elf_section_data(file, section, &data, &size);
    ad_error_destroy(failure);
    info->size = failure ? 0 : size;
    return DW_DLV_OK;
}

static Dwarf_Endianness get_byte_order(void *object)
{
    (void)object;
    return DW_OBJECT_LSB;
}

static Dwarf_Small get_word_size(void *object)
{
    (void)object;
    return 8;
}

static Dwarf_Unsigned get_section_count(void *object)
{
    size_t count;
    ad_elf_sections(object, &count);
    return count;
}

static int load_section(void *object, Dwarf_Half index, Dwarf_Small **data_ret, int *error)
{
    size_t count, size;
    const struct ad_elf_section *sections = ad_elf_sections(object, &count);
    const void *data;
    *error = 0;
    if (index >= count)
        return DW_DLV_NO_ENTRY;
    struct ad_error *failure = ad_elf_section_data(object, &sections[index], &data, &size);
    ad_error_destroy(failure);
    if (failure)
        return DW_DLV_NO_ENTRY;
    /* libdwarf's interface has no const; it does not write without relocations. */
    *data_ret = (Dwarf_Small *)data;
    return DW_DLV_OK;
}

static const Dwarf_Obj_Access_Methods methods = {
    .get_section_info = get_section_info,
    .get_byte_order = get_byte_order,
    .get_length_size = get_word_size,
    .get_pointer_size = get_word_size,
    .get_section_count = get_section_count,
    .load_section = load_section,
};

struct ad_error *ad_dwarf_object_init(struct ad_dwarf_object *object, struct ad_elf_file *file)
{
    Dwarf_Error error = NULL;
    *object = (struct ad_dwarf_object){.interface = {.object = file, .methods = &methods}, .file = file};
    if (dwarf_object_init_b(&object->interface, NULL, NULL, DW_GROUPNUMBER_ANY, &object->debug, &error) !=
        DW_DLV_OK)
        return ad_error_create(AD_ERROR_FORMAT, "%s: %s", ad_elf_path(file),
                               error ? dwarf_errmsg(error) : "no debug information");
    return NULL;
}
