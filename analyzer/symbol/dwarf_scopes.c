/* SPDX-License-Identifier: MIT */
/* Which functions, inlined ones included, lie around an address: one walk over a unit's DIEs. */
#include <libdwarf/dwarf.h>

#include "symbol/dwarf_locations.h"
#include "symbol/dwarf_query.h"

/* Origin and specification chains are two or three long; a file may say otherwise. */
#define NAME_HOPS 8

struct walk {
    Dwarf_Debug debug;
    uint64_t base; /* the unit's low_pc */
    struct ad_dwarf_queries *queries;
    uint64_t inline_depth;
    uint64_t function; /* number of the function that the walk is in */
};

/* One DIE's claim on queries: whether any lies inside, and the scope to add to those. */
struct hit {
    struct walk *walk;
    const struct ad_dwarf_scope *scope; /* NULL: only look */
    bool any;
    struct ad_error *error;
};

const char *ad_dwarf_name(Dwarf_Debug debug, Dwarf_Die die)
{
    Dwarf_Error error;
    char *name;
    for (int hop = 0; hop < NAME_HOPS; hop++) {
        Dwarf_Attribute reference;
        Dwarf_Off offset;
        if (dwarf_diename(die, &name, &error) == DW_DLV_OK)
            return name;
        if ((dwarf_attr(die, DW_AT_abstract_origin, &reference, &error) != DW_DLV_OK &&
             dwarf_attr(die, DW_AT_specification, &reference, &error) != DW_DLV_OK) ||
            dwarf_global_formref(reference, &offset, &error) != DW_DLV_OK ||
            dwarf_offdie_b(debug, offset, true, &die, &error) != DW_DLV_OK)
            return NULL;
    }
    return NULL;
}

const char *ad_dwarf_linkage_name(Dwarf_Debug debug, Dwarf_Die die)
{
    Dwarf_Error error;
    Dwarf_Attribute attribute;
    char *name;
    bool has_one = ad_dwarf_attribute(debug, die, DW_AT_linkage_name, &attribute) ||
                   ad_dwarf_attribute(debug, die, DW_AT_MIPS_linkage_name, &attribute);
    return has_one && dwarf_formstring(attribute, &name, &error) == DW_DLV_OK ? name : NULL;
}

/* Where the linker folded equal functions into one, several claim the address: the first one has it, with
 * its inlined calls. */
static bool takes(struct ad_dwarf_query *query, const struct hit *hit)
{
    if (!query->function && !hit->scope->inlined)
        query->function = hit->walk->function;
    return query->function == hit->walk->function;
}

static void add_scope(void *context, uint64_t start, uint64_t end)
{
    struct hit *hit = context;
    if (start == 0)
        return; /* of a function that the linker threw away */
    size_t first, count = ad_dwarf_queries_in(hit->walk->queries, start, end, &first);
    hit->any |= count > 0;
    for (size_t i = first; hit->scope && !hit->error && i < first + count; i++) {
        struct ad_dwarf_query *query = &hit->walk->queries->items[i];
        if (takes(query, hit) && query->scopes.count <= hit->walk->inline_depth)
            hit->error = ad_vector_push(&query->scopes, hit->scope);
    }
}

/* Adds a function's scope to the queries inside it; `inside_ret`: whether there are any. */
static struct ad_error *enter_function(struct walk *walk, Dwarf_Die die, Dwarf_Half tag, bool *inside_ret)
{
    struct hit look = {.walk = walk};
    ad_dwarf_ranges(walk->debug, die, walk->base, add_scope, &look);
    *inside_ret = look.any;
    if (!look.any)
        return NULL;
    struct ad_dwarf_scope scope = {
        .name = ad_dwarf_name(walk->debug, die),
        .linkage_name = ad_dwarf_linkage_name(walk->debug, die),
        .call_file = ad_dwarf_unsigned(die, DW_AT_call_file, 0),
        .call_line = ad_dwarf_unsigned(die, DW_AT_call_line, 0),
        .call_column = ad_dwarf_unsigned(die, DW_AT_call_column, 0),
        .inlined = tag == DW_TAG_inlined_subroutine,
    };
    Dwarf_Error error;
    Dwarf_Off offset;
    if (dwarf_dieoffset(die, &offset, &error) == DW_DLV_OK)
        scope.die = offset;
    walk->function += !scope.inlined;
    struct hit add = {.walk = walk, .scope = &scope};
    ad_dwarf_ranges(walk->debug, die, walk->base, add_scope, &add);
    return add.error;
}

/* Whether the children of this DIE are worth a look. */
static struct ad_error *enter(struct walk *walk, Dwarf_Die die, bool *descend_ret)
{
    Dwarf_Error error;
    Dwarf_Half tag;
    *descend_ret = false;
    if (dwarf_tag(die, &tag, &error) != DW_DLV_OK)
        return NULL;
    switch (tag) {
    case DW_TAG_subprogram:
    case DW_TAG_inlined_subroutine:
        return enter_function(walk, die, tag, descend_ret);
    case DW_TAG_lexical_block:
    case DW_TAG_try_block:
    case DW_TAG_catch_block: {
        /* A block without ranges may hold inlined calls that have some. */
        struct hit look = {.walk = walk};
        bool ranged = ad_dwarf_ranges(walk->debug, die, walk->base, add_scope, &look);
        *descend_ret = look.any || !ranged;
        return NULL;
    }
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
        *descend_ret = true;
        return NULL;
    default:
        return NULL;
    }
}

/* The next DIE of a depth-first walk; `path` holds the DIEs that were descended from. */
static struct ad_error *next_die(struct walk *walk, struct ad_vector *path, bool descend, Dwarf_Die *die)
{
    Dwarf_Error error;
    Dwarf_Die found;
    if (descend && dwarf_child(*die, &found, &error) == DW_DLV_OK) {
        AD_TRY(ad_vector_push(path, die));
        *die = found;
        return NULL;
    }
    while (dwarf_siblingof_b(walk->debug, *die, true, &found, &error) != DW_DLV_OK) {
        if (path->count == 0) {
            *die = NULL;
            return NULL;
        }
        *die = AD_ITEMS(Dwarf_Die, path)[--path->count];
    }
    *die = found;
    return NULL;
}

struct ad_error *ad_dwarf_find_scopes(Dwarf_Debug debug, Dwarf_Die unit, const struct ad_limits *limits,
                                      struct ad_dwarf_queries *queries)
{
    Dwarf_Error error;
    Dwarf_Addr base = 0;
    Dwarf_Die die;
    if (dwarf_lowpc(unit, &base, &error) != DW_DLV_OK)
        base = 0;
    if (dwarf_child(unit, &die, &error) != DW_DLV_OK)
        return NULL;
    struct walk walk = {debug, base, queries, limits->inline_depth, 0};
    struct ad_vector path = AD_VECTOR(Dwarf_Die);
    struct ad_error *failure = NULL;
    while (die && !failure) {
        bool descend;
        failure = enter(&walk, die, &descend);
        if (!failure)
            failure = next_die(&walk, &path, descend, &die);
    }
    ad_vector_deinit(&path);
    return failure;
}
