/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_locations.h"

#include "base/cursor.h"
#include "base/range.h"
#include "base/vector.h"
#include "symbol/dwarf_compat.h"

/* GNU's: two numbers of the entry that follows. In no header of libdwarf. */
#define LLE_VIEW_PAIR 9

/* Entries of .debug_loc.dwo, of GNU's DebugFission. */
enum { GNU_END_OF_LIST, GNU_BASE_ADDRESS, GNU_START_END, GNU_START_LENGTH, GNU_OFFSET_PAIR };

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
    if (!ad_dwarf_unit_address(list->unit, index, &address))
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

/* The next entry of .debug_loc.dwo, GNU's of DWARF 4: addresses are numbers in .debug_addr. */
static bool next_split_entry(struct list *list, struct entry *entry)
{
    struct ad_cursor *in = &list->in;
    for (;;) {
        *entry = (struct entry){0};
        uint8_t kind = ad_cursor_u8(in);
        switch (in->failed ? GNU_END_OF_LIST : kind) {
        case GNU_BASE_ADDRESS:
            list->base = address_at(list, ad_cursor_uleb(in));
            continue;
        case GNU_START_END:
            entry->start = address_at(list, ad_cursor_uleb(in));
            entry->end = address_at(list, ad_cursor_uleb(in));
            break;
        case GNU_START_LENGTH:
            entry->start = address_at(list, ad_cursor_uleb(in));
            entry->end = entry->start + ad_cursor_u32(in);
            break;
        case GNU_OFFSET_PAIR:
            entry->start = list->base + ad_cursor_u32(in);
            entry->end = list->base + ad_cursor_u32(in);
            break;
        default:
            list->broken |= in->failed || kind != GNU_END_OF_LIST;
            return false;
        }
        entry->size = ad_cursor_u16(in);
        entry->bytes = ad_cursor_bytes(in, entry->size);
        list->broken |= in->failed;
        return !list->broken;
    }
}

static bool next_of_version(struct list *list, struct entry *entry)
{
    if (list->unit->version >= 5)
        return next_entry(list, entry);
    return list->unit->object->is_split ? next_split_entry(list, entry) : next_old_entry(list, entry);
}

/* The first entry that has the address, else the one for all the others. */
static enum ad_dwarf_found find_entry(struct list *list, uint64_t address, struct entry *found)
{
    struct entry entry;
    enum ad_dwarf_found result = AD_DWARF_ABSENT;
    while (next_of_version(list, &entry)) {
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
        !ad_dwarf_open(unit->object, ".debug_loclists", offset, &in))
        return false;
    return ad_add(ad_cursor_unsigned(&in, unit->offset_size), unit->list_base, offset_ret) && !in.failed;
}

static enum ad_dwarf_found find_in_list(const struct ad_dwarf_unit *unit, struct ad_die die, uint16_t attribute,
                                        uint16_t form, uint64_t address, struct entry *entry)
{
    uint64_t offset;
    struct list list = {.unit = unit, .base = unit->base};
    if (!ad_die_section_offset(die, attribute, &offset) ||
        (form == DW_FORM_loclistx && !indexed_list(unit, offset, &offset)) ||
        !ad_dwarf_open(unit->object, unit->version >= 5 ? ".debug_loclists" : ".debug_loc", offset, &list.in))
        return AD_DWARF_BROKEN;
    return find_entry(&list, address, entry);
}

/* ---- What a program refers to ---- */

/* The encoding and size of a base type, by its offset in the unit. */
static bool describe_type(const struct ad_dwarf_unit *unit, uint64_t offset, uint64_t *value_ret)
{
    struct ad_die die;
    if (!ad_add(offset, unit->start, &offset) || !ad_die_at(unit->object, offset, true, &die))
        return false;
    uint64_t size = ad_die_unsigned(die, DW_AT_byte_size, 0);
    *value_ret = ad_die_unsigned(die, DW_AT_encoding, 0) << 32 | (size <= UINT32_MAX ? size : 0);
    return true;
}

static bool find_operand(const struct ad_dwarf_unit *unit, const struct ad_operation *operation,
                         uint64_t *value_ret)
{
    switch (operation->code) {
    case DW_OP_addrx:
    case DW_OP_constx:
        return ad_dwarf_unit_address(unit, operation->number, value_ret);
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

enum ad_dwarf_found ad_dwarf_program(const struct ad_dwarf_unit *unit, struct ad_die die, uint16_t attribute,
                                     uint64_t address, struct ad_program *program_ret)
{
    uint16_t form;
    struct entry entry = {0};
    enum ad_dwarf_found found = AD_DWARF_FOUND;
    *program_ret = (struct ad_program){0};
    if (!ad_die_with(die, attribute, &die) || !ad_die_form(die, attribute, &form))
        return AD_DWARF_ABSENT;
    switch (form) {
    case DW_FORM_exprloc:
    case DW_FORM_block:
    case DW_FORM_block1:
    case DW_FORM_block2:
    case DW_FORM_block4:
        if (!ad_die_block(die, attribute, &entry.bytes, &entry.size))
            return AD_DWARF_BROKEN;
        break;
    case DW_FORM_sec_offset:
    case DW_FORM_loclistx:
    case DW_FORM_data4:
    case DW_FORM_data8:
        found = find_in_list(unit, die, attribute, form, address, &entry);
        break;
    default:
        return AD_DWARF_BROKEN;
    }
    if (found != AD_DWARF_FOUND)
        return found;
    return entry.size ? make_program(unit, entry.bytes, entry.size, program_ret) : AD_DWARF_ABSENT;
}
