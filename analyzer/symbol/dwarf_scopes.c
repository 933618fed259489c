/* SPDX-License-Identifier: MIT */
/* Which functions, inlined ones included, lie around an address: one walk over a unit's DIEs. */
#include "symbol/dwarf_compat.h"
#include "symbol/dwarf_query.h"

struct walk {
    const struct ad_dwarf_unit *unit;
    struct ad_dwarf_queries *queries;
    uint64_t function; /* number of the function that the walk is in */
};

/* One DIE's claim on queries: whether any lies inside, and the scope to add to those. */
struct hit {
    struct walk *walk;
    const struct ad_dwarf_scope *scope; /* NULL: only look */
    bool any;
    struct ad_error *error;
};

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
        if (takes(query, hit) && query->scopes.count <= hit->walk->unit->limits->inline_depth)
            hit->error = ad_vector_push(&query->scopes, hit->scope);
    }
}

/* Adds a function's scope to the queries inside it; `inside_ret`: whether there are any. */
static struct ad_error *enter_function(struct walk *walk, struct ad_die die, uint16_t tag, bool *inside_ret)
{
    struct hit look = {.walk = walk};
    ad_dwarf_ranges(walk->unit, die, add_scope, &look);
    *inside_ret = look.any;
    if (!look.any)
        return NULL;
    struct ad_dwarf_scope scope = {
        .name = ad_die_name(die),
        .linkage_name = ad_die_linkage_name(die),
        .call_file = ad_die_unsigned(die, DW_AT_call_file, 0),
        .call_line = ad_die_unsigned(die, DW_AT_call_line, 0),
        .call_column = ad_die_unsigned(die, DW_AT_call_column, 0),
        .die = ad_die_offset(die),
        .inlined = tag == DW_TAG_inlined_subroutine,
    };
    walk->function += !scope.inlined;
    struct hit add = {.walk = walk, .scope = &scope};
    ad_dwarf_ranges(walk->unit, die, add_scope, &add);
    return add.error;
}

/* Whether the children of this DIE are worth a look. */
static struct ad_error *enter(struct walk *walk, struct ad_die die, bool *descend_ret)
{
    uint16_t tag = ad_die_tag(die);
    *descend_ret = false;
    switch (tag) {
    case DW_TAG_subprogram:
    case DW_TAG_inlined_subroutine:
        return enter_function(walk, die, tag, descend_ret);
    case DW_TAG_lexical_block:
    case DW_TAG_try_block:
    case DW_TAG_catch_block: {
        /* A block without ranges may hold inlined calls that have some. */
        struct hit look = {.walk = walk};
        bool ranged = ad_dwarf_ranges(walk->unit, die, add_scope, &look);
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

/* The next DIE of a depth-first walk; `path` holds the DIEs that were descended from. False: the end. */
static struct ad_error *next_die(struct ad_vector *path, bool descend, struct ad_die *die, bool *more_ret)
{
    struct ad_die found;
    *more_ret = true;
    if (descend && ad_die_child(*die, &found)) {
        AD_TRY(ad_vector_push(path, die));
        *die = found;
        return NULL;
    }
    while (!ad_die_sibling(*die, &found)) {
        ad_die_free(*die);
        if (path->count == 0) {
            *more_ret = false;
            return NULL;
        }
        *die = AD_ITEMS(struct ad_die, path)[--path->count];
    }
    ad_die_free(*die);
    *die = found;
    return NULL;
}

struct ad_error *ad_dwarf_find_scopes(const struct ad_dwarf_unit *unit, struct ad_dwarf_queries *queries)
{
    struct walk walk = {unit, queries, 0};
    struct ad_vector path = AD_VECTOR(struct ad_die);
    struct ad_error *failure = NULL;
    struct ad_die die;
    bool more = ad_die_child(unit->root, &die);
    while (more && !failure) {
        bool descend;
        failure = enter(&walk, die, &descend);
        if (!failure)
            failure = next_die(&path, descend, &die, &more);
    }
    ad_vector_deinit(&path);
    return failure;
}
