/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_unit.h"

#include "base/range.h"
#include "symbol/dwarf_compat.h"

#define ADDRESS_SIZE 8

/* ---- Where its parts are ---- */

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

static uint64_t base_of(struct ad_die root, uint16_t attribute, uint16_t gnu, uint64_t fallback)
{
    uint64_t base;
    return ad_die_section_offset(root, attribute, &base) || ad_die_section_offset(root, gnu, &base) ? base : fallback;
}

/* Without an attribute that says so, what a .dwo has of lists begins behind their header: DWARF 5, 7.28. */
static uint64_t first_list(const struct ad_dwarf_unit *unit)
{
    bool headed = unit->object->is_split && unit->version >= 5;
    return headed ? (unit->offset_size == 8 ? 20 : 12) : 0;
}

static bool take_root(struct ad_dwarf_unit *unit, struct ad_die root)
{
    struct ad_die_unit found;
    if (!ad_die_unit(root, &found))
        return false;
    unit->object = root.object;
    unit->root = root;
    unit->start = found.start;
    unit->version = found.version;
    unit->offset_size = found.offset_size;
    unit->is_c = is_c(ad_die_unsigned(root, DW_AT_language, 0));
    unit->list_base = base_of(root, DW_AT_loclists_base, DW_AT_loclists_base, first_list(unit));
    return true;
}

bool ad_dwarf_unit_init(struct ad_dwarf_unit *unit, struct ad_die root, const struct ad_limits *limits)
{
    *unit = (struct ad_dwarf_unit){.skeleton = root.object, .outside = root, .limits = limits};
    if (!take_root(unit, root))
        return false;
    unit->address_base = base_of(root, DW_AT_addr_base, DW_AT_GNU_addr_base, 0);
    unit->ranges_base = base_of(root, DW_AT_rnglists_base, DW_AT_rnglists_base, 0);
    if (!ad_dwarf_address(unit, root, DW_AT_low_pc, &unit->base))
        unit->base = 0;
    return true;
}

bool ad_dwarf_unit_split(struct ad_dwarf_unit *unit, struct ad_die root)
{
    const uint8_t *bytes;
    uint64_t size;
    if (!take_root(unit, root))
        return false;
    if (unit->version < 5)
        unit->ranges_base = base_of(unit->outside, DW_AT_GNU_ranges_base, DW_AT_GNU_ranges_base, 0);
    else if (ad_dwarf_section(unit->object, ".debug_rnglists", &bytes, &size))
        unit->ranges_base = base_of(root, DW_AT_rnglists_base, DW_AT_rnglists_base, first_list(unit));
    return true;
}

bool ad_dwarf_unit_skeleton(const struct ad_dwarf_unit *unit, uint64_t *id_ret, const char **name_ret)
{
    *name_ret = ad_die_text(unit->root, DW_AT_dwo_name);
    if (!*name_ret)
        *name_ret = ad_die_text(unit->root, DW_AT_GNU_dwo_name);
    return *name_ret && ad_die_split_id(unit->root, id_ret);
}

/* ---- Addresses ---- */

bool ad_dwarf_unit_address(const struct ad_dwarf_unit *unit, uint64_t index, uint64_t *address_ret)
{
    struct ad_cursor in;
    uint64_t offset;
    if (!ad_mul(index, (uint64_t)ADDRESS_SIZE, &offset) || !ad_add(offset, unit->address_base, &offset) ||
        !ad_dwarf_open(unit->skeleton, ".debug_addr", offset, &in))
        return false;
    *address_ret = ad_cursor_u64(&in);
    return !in.failed;
}

bool ad_dwarf_address(const struct ad_dwarf_unit *unit, struct ad_die die, uint16_t attribute, uint64_t *address_ret)
{
    uint64_t value;
    bool is_index;
    if (!ad_die_address(die, attribute, &value, &is_index))
        return false;
    *address_ret = value;
    return !is_index || ad_dwarf_unit_address(unit, value, address_ret);
}

/* ---- Ranges ---- */

typedef void range_visitor(void *context, uint64_t start, uint64_t end);

struct list {
    const struct ad_dwarf_unit *unit;
    struct ad_cursor in;
    uint64_t base; /* that offsets count from */
    bool broken;
};

static uint64_t address_at(struct list *list)
{
    uint64_t address = 0;
    list->broken |= !ad_dwarf_unit_address(list->unit, ad_cursor_uleb(&list->in), &address);
    return address;
}

/* The next range of .debug_rnglists; false: the end, or nonsense. */
static bool next_range(struct list *list, uint64_t *start, uint64_t *end)
{
    struct ad_cursor *in = &list->in;
    while (!in->failed && !list->broken) {
        switch (ad_cursor_u8(in)) {
        case DW_RLE_base_addressx:
            list->base = address_at(list);
            continue;
        case DW_RLE_base_address:
            list->base = ad_cursor_u64(in);
            continue;
        case DW_RLE_startx_endx:
            *start = address_at(list);
            *end = address_at(list);
            break;
        case DW_RLE_startx_length:
            *start = address_at(list);
            *end = *start + ad_cursor_uleb(in);
            break;
        case DW_RLE_offset_pair:
            *start = list->base + ad_cursor_uleb(in);
            *end = list->base + ad_cursor_uleb(in);
            break;
        case DW_RLE_start_end:
            *start = ad_cursor_u64(in);
            *end = ad_cursor_u64(in);
            break;
        case DW_RLE_start_length:
            *start = ad_cursor_u64(in);
            *end = *start + ad_cursor_uleb(in);
            break;
        default: /* DW_RLE_end_of_list */
            return false;
        }
        return !in->failed && !list->broken;
    }
    return false;
}

/* DWARF 3 and 4: .debug_ranges, relative to the last base address selected. */
static bool next_old_range(struct list *list, uint64_t *start, uint64_t *end)
{
    struct ad_cursor *in = &list->in;
    for (;;) {
        uint64_t first = ad_cursor_u64(in), second = ad_cursor_u64(in);
        if (in->failed || (!first && !second))
            return false;
        if (first != UINT64_MAX) {
            *start = list->base + first;
            *end = list->base + second;
            return true;
        }
        list->base = second;
    }
}

/* Where in .debug_rnglists list number `index` of the unit begins. */
static bool indexed_list(const struct ad_dwarf_unit *unit, struct ad_dwarf_object *object, uint64_t index,
                         uint64_t *offset_ret)
{
    struct ad_cursor in;
    uint64_t offset;
    if (!ad_mul(index, (uint64_t)unit->offset_size, &offset) || !ad_add(offset, unit->ranges_base, &offset) ||
        !ad_dwarf_open(object, ".debug_rnglists", offset, &in))
        return false;
    return ad_add(ad_cursor_unsigned(&in, unit->offset_size), unit->ranges_base, offset_ret) && !in.failed;
}

/* Opens the DIE's list; false: it has none. */
static bool open_list(const struct ad_dwarf_unit *unit, struct ad_die die, struct list *list)
{
    uint16_t form;
    uint64_t offset;
    const uint8_t *bytes;
    uint64_t size;
    struct ad_dwarf_object *object = die.object;
    if (!ad_die_form(die, DW_AT_ranges, &form) || !ad_die_section_offset(die, DW_AT_ranges, &offset))
        return false;
    *list = (struct list){.unit = unit, .base = unit->base};
    if (unit->version < 5) {
        /* What is counted from the base stands in the .dwo; the skeleton's own offset is a plain one. */
        bool counted = object == unit->object && unit->object != unit->skeleton;
        return ad_add(offset, counted ? unit->ranges_base : 0, &offset) &&
               ad_dwarf_open(unit->skeleton, ".debug_ranges", offset, &list->in);
    }
    if (!ad_dwarf_section(object, ".debug_rnglists", &bytes, &size))
        object = unit->skeleton;
    if (form == DW_FORM_rnglistx && !indexed_list(unit, object, offset, &offset))
        return false;
    return ad_dwarf_open(object, ".debug_rnglists", offset, &list->in);
}

static bool visit_low_high(const struct ad_dwarf_unit *unit, struct ad_die die, range_visitor *visit, void *context)
{
    uint64_t low, high;
    uint16_t form;
    bool is_index;
    if (!ad_dwarf_address(unit, die, DW_AT_low_pc, &low) || !ad_die_form(die, DW_AT_high_pc, &form))
        return false;
    if (ad_die_address(die, DW_AT_high_pc, &high, &is_index)) {
        if (is_index && !ad_dwarf_unit_address(unit, high, &high))
            return false;
    } else if (!ad_add(low, ad_die_unsigned(die, DW_AT_high_pc, 0), &high)) {
        return false;
    }
    visit(context, low, high); /* perhaps empty, which is not the same as none */
    return true;
}

bool ad_dwarf_ranges(const struct ad_dwarf_unit *unit, struct ad_die die, range_visitor *visit, void *context)
{
    struct list list;
    uint64_t start, end;
    if (visit_low_high(unit, die, visit, context))
        return true;
    if (!open_list(unit, die, &list))
        return false;
    while (unit->version >= 5 ? next_range(&list, &start, &end) : next_old_range(&list, &start, &end))
        visit(context, start, end);
    return true;
}
