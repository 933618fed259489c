/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_qualify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/dwarf_compat.h"

#define NONE UINT32_MAX

/* A DIE whose children are to be named. */
struct holder {
    struct ad_die die;
    uint32_t name; /* into names; NONE: the unit itself */
};

static bool holds_types(uint16_t tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
           tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

static struct ad_error *add_name(struct ad_dwarf_names *names, uint32_t around, const char *name, uint32_t *index_ret)
{
    const char *outer = around == NONE ? NULL : AD_ITEMS(const char *, &names->names)[around];
    char *whole;
    if (asprintf(&whole, "%s%s%s", outer ? outer : "", outer ? "::" : "", name ? name : "{...}") < 0)
        return &ad_error_nomem;
    const char *kept = whole; /* the child's memory goes with it */
    *index_ret = (uint32_t)names->names.count;
    return ad_vector_push(&names->names, &kept);
}

/* Notes what a child is inside of, and looks into it later when it can hold types itself. */
static struct ad_error *visit(struct ad_dwarf_names *names, const struct ad_dwarf_unit *unit, struct ad_die die,
                              uint32_t around, struct ad_vector *holders)
{
    uint16_t tag = ad_die_tag(die);
    struct holder holder = {.die = die};
    if (!holds_types(tag) && tag != DW_TAG_typedef)
        return NULL;
    if (around != NONE)
        AD_TRY(ad_map_put(&names->at, ad_die_key(die), around));
    if (!holds_types(tag) || names->names.count >= unit->limits->types)
        return NULL;
    const char *name = ad_die_name(die);
    if (tag == DW_TAG_namespace && !name)
        name = "(anonymous namespace)";
    AD_TRY(add_name(names, around, name, &holder.name));
    return ad_vector_push(holders, &holder);
}

static struct ad_error *read_holders(struct ad_dwarf_names *names, const struct ad_dwarf_unit *unit,
                                     struct ad_vector *holders, struct ad_vector *later)
{
    while (holders->count) {
        struct holder holder = AD_ITEMS(struct holder, holders)[--holders->count];
        struct ad_die child, declaration;
        bool more = ad_die_child(holder.die, &child);
        while (more) {
            struct ad_die last = child;
            size_t held = holders->count + later->count;
            bool declared = holder.name == NONE && ad_die_reference(child, DW_AT_specification, &declaration);
            AD_TRY(declared ? ad_vector_push(later, &child) : visit(names, unit, child, holder.name, holders));
            more = ad_die_sibling(last, &child);
            if (holders->count + later->count == held)
                ad_die_free(last);
        }
    }
    return NULL;
}

/* In a type unit of GCC's only the declaration is inside a namespace, the type itself is not. */
static struct ad_error *read_names(struct ad_dwarf_names *names, const struct ad_dwarf_unit *unit,
                                   struct ad_die root, struct ad_vector *holders, struct ad_vector *later)
{
    struct holder first = {root, NONE};
    AD_TRY(ad_vector_push(holders, &first));
    AD_TRY(read_holders(names, unit, holders, later));
    while (later->count) {
        struct ad_die die = AD_ITEMS(struct ad_die, later)[--later->count], declaration;
        uint32_t around = NONE;
        if (ad_die_reference(die, DW_AT_specification, &declaration))
            around = ad_map_get(&names->at, ad_die_key(declaration), NONE);
        AD_TRY(visit(names, unit, die, around, holders));
        AD_TRY(read_holders(names, unit, holders, later));
    }
    return NULL;
}

/* What was read of a broken unit is good. */
static void read_unit_of(struct ad_dwarf_names *names, const struct ad_dwarf_unit *unit, struct ad_die type)
{
    struct ad_die_unit found;
    struct ad_die root;
    uint64_t key = ad_die_unit(type, &found) ? ad_die_key_at(type, found.root) : 0;
    if (!key || ad_map_has(&names->units, key) ||
        !ad_die_at(type.object, found.root, ad_die_is_info(type), &root))
        return;
    struct ad_vector holders = AD_VECTOR(struct holder), later = AD_VECTOR(struct ad_die);
    struct ad_error *error = ad_map_put(&names->units, key, 0);
    if (!error)
        error = read_names(names, unit, root, &holders, &later);
    ad_error_destroy(error);
    ad_vector_deinit(&holders);
    ad_vector_deinit(&later);
}

const char *ad_dwarf_scope_name(struct ad_dwarf_names *names, const struct ad_dwarf_unit *unit, struct ad_die type)
{
    if (unit->is_c)
        return NULL;
    if (!names->names.item_size)
        names->names = AD_VECTOR(const char *);
    read_unit_of(names, unit, type);
    uint32_t index = ad_map_get(&names->at, ad_die_key(type), NONE);
    return index == NONE ? NULL : AD_ITEMS(const char *, &names->names)[index];
}
