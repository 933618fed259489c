/* SPDX-License-Identifier: MIT */
/* Which compilation unit holds an address, and code ranges in general. */
#include <libdwarf/dwarf.h>

#include "base/range.h"
#include "symbol/dwarf_query.h"

size_t ad_dwarf_queries_in(const struct ad_dwarf_queries *queries, uint64_t start, uint64_t end,
                           size_t *first_ret)
{
    size_t low = 0, high = queries->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (queries->items[middle].address < start)
            low = middle + 1;
        else
            high = middle;
    }
    *first_ret = low;
    size_t count = 0;
    while (low + count < queries->count && queries->items[low + count].address < end)
        count++;
    return count;
}

uint64_t ad_dwarf_unsigned(Dwarf_Die die, Dwarf_Half attribute, uint64_t fallback)
{
    Dwarf_Error error;
    Dwarf_Attribute found;
    Dwarf_Unsigned value;
    Dwarf_Signed negative;
    if (dwarf_attr(die, attribute, &found, &error) != DW_DLV_OK)
        return fallback;
    if (dwarf_formudata(found, &value, &error) == DW_DLV_OK)
        return value;
    /* Some producers write small positive numbers in a signed form. */
    if (dwarf_formsdata(found, &negative, &error) == DW_DLV_OK && negative >= 0)
        return (uint64_t)negative;
    return fallback;
}

bool ad_dwarf_offset(Dwarf_Die die, Dwarf_Half attribute, uint64_t *offset_ret)
{
    Dwarf_Error error;
    Dwarf_Attribute found;
    Dwarf_Off offset;
    if (dwarf_attr(die, attribute, &found, &error) != DW_DLV_OK ||
        dwarf_global_formref(found, &offset, &error) != DW_DLV_OK)
        return false;
    *offset_ret = offset;
    return true;
}

typedef void range_visitor(void *context, uint64_t start, uint64_t end);

/* DWARF 5: .debug_rnglists. */
static bool visit_rnglist(Dwarf_Attribute attribute, Dwarf_Half form, uint64_t offset, range_visitor *visit,
                          void *context)
{
    Dwarf_Error error;
    Dwarf_Rnglists_Head head;
    Dwarf_Unsigned count, global_offset;
    if (dwarf_rnglists_get_rle_head(attribute, form, offset, &head, &count, &global_offset, &error) !=
        DW_DLV_OK)
        return false;
    for (Dwarf_Unsigned i = 0; i < count; i++) {
        unsigned length, code;
        Dwarf_Unsigned raw1, raw2, start, end;
        Dwarf_Bool unavailable;
        if (dwarf_get_rnglists_entry_fields_a(head, i, &length, &code, &raw1, &raw2, &unavailable, &start,
                                              &end, &error) != DW_DLV_OK ||
            code == DW_RLE_end_of_list)
            break;
        if (code != DW_RLE_base_address && code != DW_RLE_base_addressx && !unavailable)
            visit(context, start, end);
    }
    return true;
}

/* DWARF 3 and 4: .debug_ranges, relative to the last base address selected. */
static bool visit_ranges(Dwarf_Debug debug, Dwarf_Die die, uint64_t offset, uint64_t base,
                         range_visitor *visit, void *context)
{
    Dwarf_Error error;
    Dwarf_Off real_offset;
    Dwarf_Ranges *ranges;
    Dwarf_Signed count;
    Dwarf_Unsigned bytes;
    if (dwarf_get_ranges_b(debug, offset, die, &real_offset, &ranges, &count, &bytes, &error) != DW_DLV_OK)
        return false;
    for (Dwarf_Signed i = 0; i < count && ranges[i].dwr_type != DW_RANGES_END; i++) {
        uint64_t start, end;
        if (ranges[i].dwr_type == DW_RANGES_ADDRESS_SELECTION)
            base = ranges[i].dwr_addr2;
        else if (ad_add(base, ranges[i].dwr_addr1, &start) && ad_add(base, ranges[i].dwr_addr2, &end))
            visit(context, start, end);
    }
    return true;
}

static bool visit_low_high(Dwarf_Die die, range_visitor *visit, void *context)
{
    Dwarf_Error error;
    Dwarf_Addr low, high;
    Dwarf_Half form;
    enum Dwarf_Form_Class class;
    if (dwarf_lowpc(die, &low, &error) != DW_DLV_OK ||
        dwarf_highpc_b(die, &high, &form, &class, &error) != DW_DLV_OK)
        return false;
    if (class == DW_FORM_CLASS_CONSTANT && !ad_add(low, high, &high))
        return false;
    visit(context, low, high);
    return true;
}

bool ad_dwarf_ranges(Dwarf_Debug debug, Dwarf_Die die, uint64_t base, range_visitor *visit, void *context)
{
    Dwarf_Error error;
    Dwarf_Attribute attribute;
    Dwarf_Half form, version, offset_size;
    Dwarf_Unsigned value;
    Dwarf_Off offset;
    if (visit_low_high(die, visit, context))
        return true;
    if (dwarf_attr(die, DW_AT_ranges, &attribute, &error) != DW_DLV_OK ||
        dwarf_whatform(attribute, &form, &error) != DW_DLV_OK ||
        dwarf_get_version_of_die(die, &version, &offset_size) != DW_DLV_OK)
        return false;
    if (form == DW_FORM_rnglistx) {
        if (dwarf_formudata(attribute, &value, &error) != DW_DLV_OK)
            return false;
    } else if (dwarf_global_formref(attribute, &offset, &error) == DW_DLV_OK) {
        value = offset;
    } else {
        return false;
    }
    return version >= 5 ? visit_rnglist(attribute, form, value, visit, context)
                        : visit_ranges(debug, die, value, base, visit, context);
}

struct claim {
    struct ad_dwarf_queries *queries;
    uint64_t unit;
};

static void claim_range(void *context, uint64_t start, uint64_t end)
{
    const struct claim *claim = context;
    if (start == 0)
        return; /* of a function that the linker threw away */
    size_t first, count = ad_dwarf_queries_in(claim->queries, start, end, &first);
    for (size_t i = first; i < first + count; i++)
        if (claim->queries->items[i].unit == AD_NO_UNIT)
            claim->queries->items[i].unit = claim->unit;
}

static void claim_by_aranges(Dwarf_Debug debug, struct ad_dwarf_queries *queries)
{
    Dwarf_Error error;
    Dwarf_Arange *aranges;
    Dwarf_Signed count;
    if (dwarf_get_aranges(debug, &aranges, &count, &error) != DW_DLV_OK)
        return;
    for (Dwarf_Signed i = 0; i < count; i++) {
        Dwarf_Unsigned segment, segment_size, length;
        Dwarf_Addr start;
        uint64_t end;
        struct claim claim = {queries, 0};
        Dwarf_Off unit;
        if (dwarf_get_arange_info_b(aranges[i], &segment, &segment_size, &start, &length, &unit, &error) !=
                DW_DLV_OK ||
            !ad_add(start, length, &end))
            continue;
        claim.unit = unit;
        claim_range(&claim, start, end);
    }
}

static bool all_claimed(const struct ad_dwarf_queries *queries)
{
    for (size_t i = 0; i < queries->count; i++)
        if (queries->items[i].unit == AD_NO_UNIT)
            return false;
    return true;
}

/* For producers without .debug_aranges (clang): the root DIE of every unit. */
static void claim_by_units(Dwarf_Debug debug, struct ad_dwarf_queries *queries)
{
    Dwarf_Error error;
    Dwarf_Unsigned length, type_offset, next;
    Dwarf_Half version, address_size, length_size, extension_size, type;
    Dwarf_Off abbreviations;
    Dwarf_Sig8 signature;
    while (dwarf_next_cu_header_d(debug, true, &length, &version, &abbreviations, &address_size,
                                  &length_size, &extension_size, &signature, &type_offset, &next, &type,
                                  &error) == DW_DLV_OK) {
        Dwarf_Die unit;
        Dwarf_Off offset;
        if (dwarf_siblingof_b(debug, NULL, true, &unit, &error) != DW_DLV_OK ||
            dwarf_dieoffset(unit, &offset, &error) != DW_DLV_OK)
            continue;
        Dwarf_Addr base = 0;
        if (dwarf_lowpc(unit, &base, &error) != DW_DLV_OK)
            base = 0;
        struct claim claim = {queries, offset};
        ad_dwarf_ranges(debug, unit, base, claim_range, &claim);
        dwarf_dealloc_die(unit);
    }
}

void ad_dwarf_find_units(Dwarf_Debug debug, struct ad_dwarf_queries *queries)
{
    claim_by_aranges(debug, queries);
    if (!all_claimed(queries))
        claim_by_units(debug, queries);
}
