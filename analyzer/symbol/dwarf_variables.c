/* SPDX-License-Identifier: MIT */
/*
 * Which variables are in scope: those of the functions that dwarf_scopes.c has found around an address, and of
 * the blocks in them that hold it.
 *
 *     function            arguments, locals
 *       block             locals, when the address is inside it, or when it has no addresses of its own
 *         inlined call    a function of its own: not entered
 *       call site         that returns to the address
 *
 * What only the abstract instance has (DW_AT_abstract_origin) was optimized out as a whole, and is told so.
 */
#include "symbol/dwarf_variables.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbol/dwarf_call_sites.h"
#include "symbol/dwarf_compat.h"
#include "symbol/dwarf_types.h"
#include "symbol/dwarf_wire.h"

/* A variable's DIE; a DIE whose children are to be looked at. */
struct place {
    struct ad_die die;
    uint32_t depth;
    bool is_argument;
    uint64_t order;  /* of the declarations: offset of what the DIE stands for */
    uint32_t number; /* of the DIEs themselves, which optimizers shuffle */
};

struct walk {
    const struct ad_dwarf_unit *unit;
    uint64_t address;
    struct ad_vector containers; /* struct place, to be walked */
    struct ad_vector variables;  /* struct place */
    struct ad_vector present;    /* uint64_t: what children of an abstract instance stand here in person */
    struct ad_die call_site;     /* handle NULL: none yet */
};

/* ---- Blocks ---- */

struct inside {
    uint64_t address;
    bool inside;
};

static void look_inside(void *context, uint64_t start, uint64_t end)
{
    struct inside *inside = context;
    inside->inside |= start <= inside->address && inside->address < end;
}

static struct ad_error *add_block(struct walk *walk, struct ad_die die, uint32_t depth)
{
    struct inside inside = {.address = walk->address};
    struct place place = {.die = die, .depth = depth + 1};
    if (!ad_dwarf_ranges(walk->unit, die, look_inside, &inside))
        place.depth = depth; /* without addresses it is as wide as what is around it */
    else if (!inside.inside)
        return NULL;
    return walk->containers.count < walk->unit->limits->variables ? ad_vector_push(&walk->containers, &place)
                                                                  : NULL;
}

/* ---- Variables ---- */

/* A declaration of something that is defined elsewhere, or nothing that has a name. */
static bool is_shown(struct ad_die die)
{
    struct ad_die with;
    if (!ad_die_name(die))
        return false;
    if (ad_die_with(die, DW_AT_location, &with) || ad_die_with(die, DW_AT_const_value, &with))
        return true;
    return !ad_die_with(die, DW_AT_external, &with) && !ad_die_with(die, DW_AT_declaration, &with);
}

/* Chains of origins are one or two long; a file may say otherwise. */
#define HOPS 8

static uint64_t order_of(struct ad_die die)
{
    for (int hop = 0; hop < HOPS; hop++)
        if (!ad_die_reference(die, DW_AT_abstract_origin, &die))
            break;
    return ad_die_offset(die);
}

static struct ad_error *add_variable(struct walk *walk, struct ad_die die, uint16_t tag, uint32_t depth)
{
    uint32_t number = (uint32_t)walk->variables.count;
    struct place place = {die, depth, tag == DW_TAG_formal_parameter, order_of(die), number};
    if (number >= walk->unit->limits->variables || !is_shown(die))
        return NULL;
    return ad_vector_push(&walk->variables, &place);
}

static struct ad_error *visit(struct walk *walk, struct ad_die die, uint32_t depth)
{
    uint16_t tag = ad_die_tag(die);
    switch (tag) {
    case DW_TAG_formal_parameter:
    case DW_TAG_variable:
        return add_variable(walk, die, tag, depth);
    case DW_TAG_lexical_block:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
        return add_block(walk, die, depth);
    default:
        if (!walk->call_site.handle && ad_dwarf_call_returns(walk->unit, die, walk->address + 1))
            walk->call_site = die;
        return NULL;
    }
}

/* ---- Abstract instances ---- */

/* Blocks of clang do not say which abstract block they stand for; where both DIEs have the same children, it is
 * the one in the same place. `twin`: the child there; NULL: none. */
static struct ad_error *note_origin(struct walk *walk, struct ad_die die, const struct ad_die *twin)
{
    struct ad_die origin;
    uint16_t tag = ad_die_tag(die);
    if (tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site)
        return NULL;
    if (!ad_die_reference(die, DW_AT_abstract_origin, &origin)) {
        if (tag != DW_TAG_lexical_block || !twin)
            return NULL;
        origin = *twin;
    }
    uint64_t key = ad_die_key(origin);
    return ad_vector_push(&walk->present, &key);
}

/* The first child of the abstract instance, if its children are of the same kinds as those here. */
static bool find_twins(struct ad_die die, struct ad_die *twin_ret)
{
    struct ad_die origin, here, there;
    if (!ad_die_reference(die, DW_AT_abstract_origin, &origin) || !ad_die_child(die, &here) ||
        !ad_die_child(origin, twin_ret))
        return false;
    there = *twin_ret;
    bool more_here = true, more_there = true;
    while (more_here && more_there && ad_die_tag(here) == ad_die_tag(there)) {
        more_here = ad_die_sibling(here, &here);
        more_there = ad_die_sibling(there, &there);
    }
    return !more_here && !more_there;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool is_present(const struct walk *walk, struct ad_die die)
{
    uint64_t key = ad_die_key(die);
    return walk->present.count && bsearch(&key, walk->present.items, walk->present.count, sizeof(key), by_number);
}

/* The children that the abstract instance of a function or block has, and this one has not. */
static struct ad_error *visit_absent(struct walk *walk, const struct place *container)
{
    struct ad_die origin, child;
    if (!ad_die_reference(container->die, DW_AT_abstract_origin, &origin) ||
        !ad_die_child(origin, &child))
        return NULL;
    if (walk->present.count)
        qsort(walk->present.items, walk->present.count, sizeof(uint64_t), by_number);
    do {
        uint16_t tag = ad_die_tag(child);
        bool counts = tag == DW_TAG_variable || tag == DW_TAG_formal_parameter || tag == DW_TAG_lexical_block;
        if (counts && !is_present(walk, child))
            AD_TRY(visit(walk, child, container->depth));
    } while (ad_die_sibling(child, &child));
    return NULL;
}

static struct ad_error *walk_container(struct walk *walk, const struct place *container)
{
    struct ad_die child, twin;
    walk->present.count = 0;
    bool has_twin = find_twins(container->die, &twin);
    if (ad_die_child(container->die, &child)) {
        do {
            AD_TRY(note_origin(walk, child, has_twin ? &twin : NULL));
            AD_TRY(visit(walk, child, container->depth));
            has_twin = has_twin && ad_die_sibling(twin, &twin);
        } while (ad_die_sibling(child, &child));
    }
    return visit_absent(walk, container);
}

/* ---- One function ---- */

/* Arguments in order, then locals from the innermost block outwards. */
static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->is_argument != y->is_argument)
        return x->is_argument ? -1 : 1;
    if (!x->is_argument && x->depth != y->depth)
        return x->depth > y->depth ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static struct ad_error *find_variables(struct walk *walk, const struct ad_dwarf_scope *scope)
{
    struct place function = {0};
    walk->variables.count = walk->containers.count = 0;
    if (!ad_die_at(walk->unit->object, scope->die, true, &function.die))
        return NULL;
    AD_TRY(ad_vector_push(&walk->containers, &function));
    while (walk->containers.count) {
        struct place container = AD_ITEMS(struct place, &walk->containers)[--walk->containers.count];
        AD_TRY(walk_container(walk, &container));
    }
    if (walk->variables.count)
        qsort(walk->variables.items, walk->variables.count, sizeof(struct place), by_place);
    return NULL;
}

/* ---- Telling them ---- */

/* The bytes of DW_AT_const_value, in memory of the child's. */
static bool read_constant(struct ad_die die, struct ad_program *constant)
{
    static uint64_t number;
    const uint8_t *bytes;
    const char *text;
    uint64_t size;
    bool negative;
    if (ad_die_number(die, DW_AT_const_value, &number, &negative)) {
        *constant = (struct ad_program){.bytes = (const uint8_t *)&number, .size = sizeof(number)};
        return true;
    }
    if (!ad_die_block(die, DW_AT_const_value, &bytes, &size)) {
        text = ad_die_text(die, DW_AT_const_value);
        bytes = (const uint8_t *)text;
        size = text ? strlen(text) : UINT64_MAX;
    }
    *constant = (struct ad_program){.bytes = bytes, .size = (uint32_t)size};
    return size <= UINT32_MAX;
}

static enum ad_where find_place(const struct walk *walk, struct ad_die die, struct ad_program *program)
{
    struct ad_die constant;
    *program = (struct ad_program){0};
    if (ad_die_with(die, DW_AT_const_value, &constant))
        return read_constant(constant, program) && program->size <= walk->unit->limits->expression_bytes
                   ? AD_WHERE_CONSTANT
                   : AD_WHERE_BROKEN;
    switch (ad_dwarf_program(walk->unit, die, DW_AT_location, walk->address, program)) {
    case AD_DWARF_FOUND:
        return AD_WHERE_PROGRAM;
    case AD_DWARF_ABSENT:
        return AD_WHERE_NOWHERE;
    default:
        return AD_WHERE_BROKEN;
    }
}

static struct ad_error *tell_variable(const struct walk *walk, const struct place *variable,
                                      struct ad_dwarf_types *types)
{
    static const struct ad_program none;
    struct ad_program program;
    FILE *out = types->out;
    uint32_t type;
    AD_TRY(ad_dwarf_type_of(types, variable->die, &type));
    enum ad_where where = find_place(walk, variable->die, &program);
    bool has_bytes = where == AD_WHERE_PROGRAM || where == AD_WHERE_CONSTANT;
    ad_wire_text(out, ad_die_name(variable->die), walk->unit->limits);
    ad_wire_u32(out, type);
    ad_wire_u8(out, variable->is_argument);
    ad_wire_u32(out, variable->depth);
    ad_wire_u8(out, (uint8_t)where);
    ad_wire_program(out, has_bytes ? &program : &none);
    return NULL;
}

static struct ad_error *tell_scope(struct walk *walk, const struct ad_dwarf_scope *scope,
                                   struct ad_dwarf_types *types)
{
    AD_TRY(find_variables(walk, scope));
    ad_wire_u32(types->out, (uint32_t)walk->variables.count);
    for (size_t i = 0; i < walk->variables.count; i++)
        AD_TRY(tell_variable(walk, &AD_ITEMS(struct place, &walk->variables)[i], types));
    return NULL;
}

/* Of the real function: where it starts, what it is called, what its frame is measured from. */
static void tell_function(const struct walk *walk, const struct ad_dwarf_scope *scope, FILE *out)
{
    struct ad_die die;
    uint64_t start = 0;
    const char *name = NULL;
    struct ad_program frame_base = {0};
    if (ad_die_at(walk->unit->object, scope->die, true, &die)) {
        if (!ad_dwarf_address(walk->unit, die, DW_AT_low_pc, &start))
            start = 0;
        name = ad_die_linkage_name(die);
        ad_dwarf_program(walk->unit, die, DW_AT_frame_base, walk->address, &frame_base);
    }
    ad_wire_u64(out, start);
    ad_wire_text(out, name ? name : scope->name, walk->unit->limits);
    ad_wire_program(out, &frame_base);
}

static struct ad_error *tell_code(struct walk *walk, const struct ad_dwarf_query *query,
                                  struct ad_dwarf_types *types)
{
    const struct ad_dwarf_scope *scopes = query->scopes.items;
    size_t count = query->scopes.count;
    if (!count)
        return NULL;
    walk->call_site = (struct ad_die){0};
    walk->address = query->address;
    ad_wire_u8(types->out, 'C');
    ad_wire_u32(types->out, query->index);
    tell_function(walk, &scopes[0], types->out);
    ad_wire_u32(types->out, (uint32_t)count);
    for (size_t i = count; i-- > 0;)
        AD_TRY(tell_scope(walk, &scopes[i], types));
    ad_wire_u8(types->out, walk->call_site.handle != NULL);
    if (walk->call_site.handle)
        ad_dwarf_call_tell(walk->unit, walk->call_site, query->address, types->out);
    return ad_dwarf_types_tell(types, query->address);
}

static void walk_deinit(struct walk *walk)
{
    ad_vector_deinit(&walk->containers);
    ad_vector_deinit(&walk->variables);
    ad_vector_deinit(&walk->present);
}

struct ad_error *ad_dwarf_answer_variables(const struct ad_dwarf_unit *unit, struct ad_dwarf_queries *queries,
                                           FILE *out)
{
    ad_cleanup(ad_dwarf_types_deinit) struct ad_dwarf_types types = {0};
    ad_cleanup(walk_deinit) struct walk walk = {.unit = unit,
                                                .containers = AD_VECTOR(struct place),
                                                .variables = AD_VECTOR(struct place),
                                                .present = AD_VECTOR(uint64_t)};
    ad_dwarf_types_init(&types, unit, out);
    AD_TRY(ad_dwarf_find_scopes(unit, queries));
    ad_wire_u8(out, 'U');
    for (size_t i = 0; i < queries->count; i++)
        AD_TRY(tell_code(&walk, &queries->items[i], &types));
    return NULL;
}
