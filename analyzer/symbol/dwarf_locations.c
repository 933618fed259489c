/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_locations.h"

#include <libdwarf/dwarf.h>

#include "base/cursor.h"
#include "base/range.h"
#include "base/vector.h"

#define ADDRESS_SIZE 8

/* Origin and specification chains are two or three long; a file may say otherwise. */
#define HOPS 8

/* GNU's: two numbers of the entry that follows. In no header of libdwarf. */
#define LLE_VIEW_PAIR 9

/* ---- Units and attributes ---- */

static bool is_c(uint64_t language)
{
    switch (language) {
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case 0:
        return true;
    default:
        return false;
    }
}

bool ad_dwarf_unit_init(struct ad_dwarf_unit *unit, struct ad_dwarf_object *object, Dwarf_Die die,
                        const struct ad_limits *limits)
{
    Dwarf_Error error;
    Dwarf_Off root_offset, offset, relative;
    Dwarf_Half version, offset_size;
    Dwarf_Addr base = 0;
    Dwarf_Die root;
    Dwarf_Bool is_info = dwarf_get_die_infotypes_flag(die);
    *unit = (struct ad_dwarf_unit){.object = object, .limits = limits};
    if (dwarf_CU_dieoffset_given_die(die, &root_offset, &error) != DW_DLV_OK ||
        dwarf_dieoffset(die, &offset, &error) != DW_DLV_OK ||
        dwarf_die_CU_offset(die, &relative, &error) != DW_DLV_OK || relative > offset ||
        dwarf_get_version_of_die(die, &version, &offset_size) != DW_DLV_OK ||
        dwarf_offdie_b(object->debug, root_offset, is_info, &root, &error) != DW_DLV_OK)
        return false;
    if (dwarf_lowpc(root, &base, &error) != DW_DLV_OK)
        base = 0;
    unit->die = root_offset;
    unit->start = offset - relative;
    unit->base = base;
    unit->version = version;
    unit->offset_size = offset_size == 8 ? 8 : 4;
    unit->is_c = is_c(ad_dwarf_unsigned(root, DW_AT_language, 0));
    if (!ad_dwarf_offset(root, DW_AT_addr_base, &unit->address_base) &&
        !ad_dwarf_offset(root, DW_AT_GNU_addr_base, &unit->address_base))
        unit->address_base = 0;
    if (!ad_dwarf_offset(root, DW_AT_loclists_base, &unit->list_base))
        unit->list_base = 0;
    return true;
}

bool ad_dwarf_reference(Dwarf_Debug debug, Dwarf_Die die, Dwarf_Half number, Dwarf_Die *die_ret)
{
    Dwarf_Error error;
    Dwarf_Attribute attribute;
    Dwarf_Half form;
    Dwarf_Sig8 signature;
    Dwarf_Off offset;
    Dwarf_Bool is_info;
    if (dwarf_attr(die, number, &attribute, &error) != DW_DLV_OK ||
        dwarf_whatform(attribute, &form, &error) != DW_DLV_OK)
        return false;
    if (form == DW_FORM_ref_sig8)
        return dwarf_formsig8(attribute, &signature, &error) == DW_DLV_OK &&
               dwarf_find_die_given_sig8(debug, &signature, die_ret, &is_info, &error) == DW_DLV_OK;
    if (dwarf_global_formref(attribute, &offset, &error) != DW_DLV_OK)
        return false;
    is_info = form == DW_FORM_ref_addr || dwarf_get_die_infotypes_flag(die);
    return dwarf_offdie_b(debug, offset, is_info, die_ret, &error) == DW_DLV_OK;
}

bool ad_dwarf_attribute(Dwarf_Debug debug, Dwarf_Die die, Dwarf_Half number, Dwarf_Attribute *attribute_ret)
{
    Dwarf_Error error;
    for (int hop = 0; hop < HOPS; hop++) {
        if (dwarf_attr(die, number, attribute_ret, &error) == DW_DLV_OK)
            return true;
        if (!ad_dwarf_reference(debug, die, DW_AT_abstract_origin, &die) &&
            !ad_dwarf_reference(debug, die, DW_AT_specification, &die))
            return false;
    }
    return false;
}

/* ---- Sections ---- */

/* A cursor over a section from an offset on; false: there is no such place. */
static bool open_section(const struct ad_dwarf_unit *unit, const char *name, uint64_t offset,
                         struct ad_cursor *in_ret)
{
    struct ad_elf_file *file = unit->object->file;
    const struct ad_elf_section *section = ad_elf_section(file, name);
    const void *bytes;
    size_t size;
    struct ad_error *error = section ? ad_elf_section_data(file, section, &bytes, &size) : NULL;
    ad_error_destroy(error);
    if (!section || error || offset >= size)
        return false;
    ad_cursor_init(in_ret, (const uint8_t *)bytes + offset, size - offset);
    return true;
}

/* Entry `index` of the unit's part of .debug_addr. */
static bool indexed_address(const struct ad_dwarf_unit *unit, uint64_t index, uint64_t *address_ret)
{
    struct ad_cursor in;
    uint64_t offset;
    if (!ad_mul(index, (uint64_t)ADDRESS_SIZE, &offset) || !ad_add(offset, unit->address_base, &offset) ||
        !open_section(unit, ".debug_addr", offset, &in))
        return false;
    *address_ret = ad_cursor_u64(&in);
    return !in.failed;
}

/* ---- Lists ---- */

struct list {
    const struct ad_dwarf_unit *unit;
    struct ad_cursor in;
    uint64_t base; /* that offsets in the list count from */
    bool broken;
};

/* One entry with an expression. */
struct entry {
    uint64_t start, end;
    bool always; /* for addresses that no other entry has */
    const uint8_t *bytes;
    uint64_t size;
};

static uint64_t address_at(struct list *list, uint64_t index)
{
    uint64_t address = 0;
    if (!indexed_address(list->unit, index, &address))
        list->broken = true;
    return address;
}

/* The next entry of .debug_loclists; false at the end. */
static bool next_entry(struct list *list, struct entry *entry)
{
    struct ad_cursor *in = &list->in;
    for (;;) {
        *entry = (struct entry){0};
        uint8_t kind = ad_cursor_u8(in);
        switch (in->failed ? DW_LLE_end_of_list : kind) {
        case DW_LLE_base_addressx:
            list->base = address_at(list, ad_cursor_uleb(in));
            continue;
        case DW_LLE_base_address:
            list->base = ad_cursor_u64(in);
            continue;
        case LLE_VIEW_PAIR:
            ad_cursor_uleb(in);
            ad_cursor_uleb(in);
            continue;
        case DW_LLE_startx_endx:
            entry->start = address_at(list, ad_cursor_uleb(in));
            entry->end = address_at(list, ad_cursor_uleb(in));
            break;
        case DW_LLE_startx_length:
            entry->start = address_at(list, ad_cursor_uleb(in));
            entry->end = entry->start + ad_cursor_uleb(in);
            break;
        case DW_LLE_offset_pair:
            entry->start = list->base + ad_cursor_uleb(in);
            entry->end = list->base + ad_cursor_uleb(in);
            break;
        case DW_LLE_default_location:
            entry->always = true;
            break;
        case DW_LLE_start_end:
            entry->start = ad_cursor_u64(in);
            entry->end = ad_cursor_u64(in);
            break;
        case DW_LLE_start_length:
            entry->start = ad_cursor_u64(in);
            entry->end = entry->start + ad_cursor_uleb(in);
            break;
        case DW_LLE_end_of_list:
            list->broken |= in->failed;
            return false;
        default:
            list->broken = true;
            return false;
        }
        entry->size = ad_cursor_uleb(in);
        entry->bytes = ad_cursor_bytes(in, entry->size);
        list->broken |= in->failed;
        return !list->broken;
    }
}

/* The next entry of .debug_loc. */
static bool next_old_entry(struct list *list, struct entry *entry)
{
    struct ad_cursor *in = &list->in;
    for (;;) {
        uint64_t start = ad_cursor_u64(in), end = ad_cursor_u64(in);
        if (in->failed || (!start && !end)) {
            list->broken |= in->failed;
            return false;
        }
        if (start == UINT64_MAX) {
            list->base = end;
            continue;
        }
        *entry = (struct entry){.start = list->base + start, .end = list->base + end};
        entry->size = ad_cursor_u16(in);
        entry->bytes = ad_cursor_bytes(in, entry->size);
        list->broken |= in->failed;
        return !list->broken;
    }
}

/* The first entry that has the address, else the one for all the others. */
static enum ad_dwarf_found find_entry(struct list *list, uint64_t address, struct entry *found)
{
    struct entry entry;
    enum ad_dwarf_found result = AD_DWARF_ABSENT;
    while (list->unit->version >= 5 ? next_entry(list, &entry) : next_old_entry(list, &entry)) {
        if (!entry.always && (address < entry.start || address >= entry.end))
            continue;
        *found = entry;
        result = AD_DWARF_FOUND;
        if (!entry.always)
            return result;
    }
    return list->broken ? AD_DWARF_BROKEN : result;
}

/* Where in its section a list of the unit's table begins. */
static bool indexed_list(const struct ad_dwarf_unit *unit, uint64_t index, uint64_t *offset_ret)
{
    struct ad_cursor in;
    uint64_t offset;
    if (!ad_mul(index, (uint64_t)unit->offset_size, &offset) || !ad_add(offset, unit->list_base, &offset) ||
        !open_section(unit, ".debug_loclists", offset, &in))
        return false;
    return ad_add(ad_cursor_unsigned(&in, unit->offset_size), unit->list_base, offset_ret) && !in.failed;
}

static enum ad_dwarf_found find_in_list(const struct ad_dwarf_unit *unit, Dwarf_Attribute attribute,
                                        Dwarf_Half form, uint64_t address, struct entry *entry)
{
    Dwarf_Error error;
    Dwarf_Unsigned index;
    Dwarf_Off reference;
    uint64_t offset;
    struct list list = {.unit = unit, .base = unit->base};
    if (form == DW_FORM_loclistx) {
        if (dwarf_formudata(attribute, &index, &error) != DW_DLV_OK || !indexed_list(unit, index, &offset))
            return AD_DWARF_BROKEN;
    } else {
        if (dwarf_global_formref(attribute, &reference, &error) != DW_DLV_OK)
            return AD_DWARF_BROKEN;
        offset = reference;
    }
    if (!open_section(unit, unit->version >= 5 ? ".debug_loclists" : ".debug_loc", offset, &list.in))
        return AD_DWARF_BROKEN;
    return find_entry(&list, address, entry);
}

/* ---- What a program refers to ---- */

/* The encoding and size of a base type, by its offset in the unit. */
static bool describe_type(const struct ad_dwarf_unit *unit, uint64_t offset, uint64_t *value_ret)
{
    Dwarf_Error error;
    Dwarf_Die die;
    if (!ad_add(offset, unit->start, &offset) ||
        dwarf_offdie_b(unit->object->debug, offset, true, &die, &error) != DW_DLV_OK)
        return false;
    uint64_t size = ad_dwarf_unsigned(die, DW_AT_byte_size, 0);
    *value_ret = ad_dwarf_unsigned(die, DW_AT_encoding, 0) << 32 | (size <= UINT32_MAX ? size : 0);
    return true;
}

static bool find_operand(const struct ad_dwarf_unit *unit, const struct ad_operation *operation,
                         uint64_t *value_ret)
{
    switch (operation->code) {
    case DW_OP_addrx:
    case DW_OP_constx:
        return indexed_address(unit, operation->number, value_ret);
    case DW_OP_regval_type:
        return describe_type(unit, operation->second, value_ret);
    case DW_OP_GNU_parameter_ref:
        return ad_add(operation->number, unit->start, value_ret);
    default:
        return describe_type(unit, operation->number, value_ret);
    }
}

/* An expression whose operands cannot be had is none. */
static enum ad_dwarf_found make_program(const struct ad_dwarf_unit *unit, const uint8_t *bytes, uint64_t size,
                                        struct ad_program *program)
{
    struct ad_cursor in;
    struct ad_operation operation;
    struct ad_vector operands = AD_VECTOR(struct ad_operand);
    if (size > unit->limits->expression_bytes)
        return AD_DWARF_BROKEN;
    *program =
        (struct ad_program){.bytes = bytes, .size = (uint32_t)size, .offset_size = unit->offset_size};
    ad_cursor_init(&in, bytes, size);
    while (ad_operation_next(&in, unit->offset_size, &operation)) {
        struct ad_operand operand = {.at = operation.at};
        if (!ad_operation_refers(&operation))
            continue;
        if (!find_operand(unit, &operation, &operand.value) || ad_vector_push(&operands, &operand))
            return AD_DWARF_BROKEN;
    }
    program->operands = operands.items; /* the child's memory goes with it */
    program->operand_count = (uint32_t)operands.count;
    return AD_DWARF_FOUND;
}

static enum ad_dwarf_found read_block(const struct ad_dwarf_unit *unit, Dwarf_Attribute attribute,
                                      struct ad_program *program_ret)
{
    Dwarf_Error error;
    Dwarf_Block *block;
    Dwarf_Unsigned size;
    Dwarf_Ptr bytes;
    if (dwarf_formexprloc(attribute, &size, &bytes, &error) == DW_DLV_OK)
        return size ? make_program(unit, bytes, size, program_ret) : AD_DWARF_ABSENT;
    if (dwarf_formblock(attribute, &block, &error) != DW_DLV_OK)
        return AD_DWARF_BROKEN;
    return block->bl_len ? make_program(unit, block->bl_data, block->bl_len, program_ret) : AD_DWARF_ABSENT;
}

enum ad_dwarf_found ad_dwarf_program(const struct ad_dwarf_unit *unit, Dwarf_Attribute attribute,
                                     uint64_t address, struct ad_program *program_ret)
{
    Dwarf_Error error;
    Dwarf_Half form;
    struct entry entry;
    *program_ret = (struct ad_program){0};
    if (dwarf_whatform(attribute, &form, &error) != DW_DLV_OK)
        return AD_DWARF_BROKEN;
    switch (form) {
    case DW_FORM_exprloc:
    case DW_FORM_block:
    case DW_FORM_block1:
    case DW_FORM_block2:
    case DW_FORM_block4:
        return read_block(unit, attribute, program_ret);
    case DW_FORM_sec_offset:
    case DW_FORM_loclistx:
    case DW_FORM_data4:
    case DW_FORM_data8: {
        enum ad_dwarf_found found = find_in_list(unit, attribute, form, address, &entry);
        if (found != AD_DWARF_FOUND)
            return found;
        return entry.size ? make_program(unit, entry.bytes, entry.size, program_ret) : AD_DWARF_ABSENT;
    }
    default:
        return AD_DWARF_BROKEN;
    }
}

enum ad_dwarf_found ad_dwarf_die_program(const struct ad_dwarf_unit *unit, Dwarf_Die die, Dwarf_Half number,
                                         uint64_t address, struct ad_program *program_ret)
{
    Dwarf_Attribute attribute;
    *program_ret = (struct ad_program){0};
    if (!ad_dwarf_attribute(unit->object->debug, die, number, &attribute))
        return AD_DWARF_ABSENT;
    return ad_dwarf_program(unit, attribute, address, program_ret);
}
