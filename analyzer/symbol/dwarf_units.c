/* SPDX-License-Identifier: MIT */
/* Which compilation unit holds an address. */
#include <stdlib.h>

#include "base/range.h"
#include "symbol/dwarf_compat.h"
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

/* ---- .debug_aranges: DWARF 5, 6.1.2 ---- */

/* A length, and whether this is 64-bit DWARF; what follows in `body`. */
static bool next_part(struct ad_cursor *in, struct ad_cursor *body, bool *is_64_ret)
{
    uint64_t length = ad_cursor_u32(in);
    *is_64_ret = length == UINT32_MAX;
    if (*is_64_ret)
        length = ad_cursor_u64(in);
    const void *bytes = ad_cursor_bytes(in, length);
    ad_cursor_init(body, bytes, bytes ? length : 0);
    return bytes != NULL;
}

/* The ranges of one unit. Its first tuple is aligned, counted from the start of the set. */
static void claim_set(struct ad_cursor *set, bool is_64, struct ad_vector *units, struct ad_dwarf_queries *queries)
{
    size_t head = is_64 ? 12 : 4;
    uint16_t version = ad_cursor_u16(set);
    struct claim claim = {queries, ad_cursor_unsigned(set, is_64 ? 8 : 4)};
    uint8_t address_size = ad_cursor_u8(set), segment_size = ad_cursor_u8(set);
    if (set->failed || version != 2 || address_size != 8 || segment_size)
        return;
    ad_cursor_skip(set, (16 - (head + (size_t)(set->position - set->start)) % 16) % 16);
    ad_error_destroy(ad_vector_push(units, &claim.unit));
    /* Two zeros are the end, but also what linkers leave of an empty function that they threw away. */
    while (ad_cursor_left(set) >= 16) {
        uint64_t start = ad_cursor_u64(set), size = ad_cursor_u64(set), end;
        if (ad_add(start, size, &end))
            claim_range(&claim, start, end);
    }
}

/* Queries are claimed by units' headers; `units`: uint64_t, those that have ranges here. */
static void claim_by_aranges(struct ad_dwarf_object *object, struct ad_vector *units,
                             struct ad_dwarf_queries *queries)
{
    struct ad_cursor in, set;
    bool is_64;
    if (!ad_dwarf_open(object, ".debug_aranges", 0, &in))
        return;
    while (ad_cursor_left(&in) && next_part(&in, &set, &is_64))
        claim_set(&set, is_64, units, queries);
}

static bool all_claimed(const struct ad_dwarf_queries *queries)
{
    for (size_t i = 0; i < queries->count; i++)
        if (queries->items[i].unit == AD_NO_UNIT)
            return false;
    return true;
}

/* ---- The units themselves ---- */

static int by_offset(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool is_among(const struct ad_vector *units, uint64_t header)
{
    return units->count && bsearch(&header, units->items, units->count, sizeof(header), by_offset);
}

/* Whether the unit can have code, as far as its header says: units of types cannot. */
static bool may_have_code(struct ad_cursor *unit)
{
    uint16_t version = ad_cursor_u16(unit);
    uint8_t kind = version >= 5 ? ad_cursor_u8(unit) : DW_UT_compile;
    return !unit->failed && (kind == DW_UT_compile || kind == DW_UT_skeleton);
}

/* What no .debug_aranges tells of (clang's units): the root DIE of each. */
static void claim_by_units(struct ad_dwarf_object *object, const struct ad_limits *limits,
                           const struct ad_vector *listed, struct ad_dwarf_queries *queries)
{
    struct ad_cursor in, body;
    struct ad_die root;
    struct ad_dwarf_unit unit;
    bool is_64;
    if (!ad_dwarf_open(object, ".debug_info", 0, &in))
        return;
    while (ad_cursor_left(&in)) {
        struct claim claim = {queries, (uint64_t)(in.position - in.start)};
        if (!next_part(&in, &body, &is_64))
            return;
        if (is_among(listed, claim.unit) || !may_have_code(&body) ||
            !ad_die_of_unit(object, claim.unit, &root))
            continue;
        if (ad_dwarf_unit_init(&unit, root, limits))
            ad_dwarf_ranges(&unit, root, claim_range, &claim);
        ad_die_free(root);
    }
}

void ad_dwarf_find_units(struct ad_dwarf_object *object, const struct ad_limits *limits,
                         struct ad_dwarf_queries *queries)
{
    struct ad_vector listed = AD_VECTOR(uint64_t);
    claim_by_aranges(object, &listed, queries);
    if (listed.count)
        qsort(listed.items, listed.count, sizeof(uint64_t), by_offset);
    if (!all_claimed(queries))
        claim_by_units(object, limits, &listed, queries);
    ad_vector_deinit(&listed);
}
