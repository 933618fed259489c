/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_qualify.h"

#include <libdwarf/dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* A DIE whose children are to be named. */
struct holder {
    Dwarf_Die die;
    uint32_t name; /* into names; NONE: the unit itself */
};

static bool holds_types(Dwarf_Half tag)
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
static struct ad_error *visit(struct ad_dwarf_names *names, const struct ad_dwarf_unit *unit, Dwarf_Die die,
                              uint32_t around, struct ad_vector *holders)
{
    Dwarf_Error error;
    Dwarf_Half tag;
    Dwarf_Off offset;
    struct holder holder = {.die = die};
    if (dwarf_tag(die, &tag, &error) != DW_DLV_OK || !(holds_types(tag) || tag == DW_TAG_typedef) ||
        dwarf_dieoffset(die, &offset, &error) != DW_DLV_OK)
        return NULL;
    if (around != NONE)
        AD_TRY(ad_map_put(&names->at, offset, around));
    if (!holds_types(tag) || names->names.count >= unit->limits->types)
        return NULL;
    const char *name = ad_dwarf_name(unit->object->debug, die);
    if (tag == DW_TAG_namespace && !name)
        name = "(anonymous namespace)";
    AD_TRY(add_name(names, around, name, &holder.name));
    return ad_vector_push(holders, &holder);
}

static struct ad_error *read_names(struct ad_dwarf_names *names, const struct ad_dwarf_unit *unit,
                                   struct ad_vector *holders)
{
    Dwarf_Error error;
    Dwarf_Debug debug = unit->object->debug;
    struct holder root = {.name = NONE};
    if (dwarf_offdie_b(debug, unit->die, true, &root.die, &error) != DW_DLV_OK)
        return NULL;
    AD_TRY(ad_vector_push(holders, &root));
    while (holders->count) {
        struct holder holder = AD_ITEMS(struct holder, holders)[--holders->count];
        Dwarf_Die child;
        int status = dwarf_child(holder.die, &child, &error);
        while (status == DW_DLV_OK) {
            AD_TRY(visit(names, unit, child, holder.name, holders));
            status = dwarf_siblingof_b(debug, child, true, &child, &error);
        }
    }
    return NULL;
}

const char *ad_dwarf_scope_name(struct ad_dwarf_names *names, const struct ad_dwarf_unit *unit, Dwarf_Die type)
{
    Dwarf_Error error;
    Dwarf_Off offset;
    if (unit->is_c)
        return NULL;
    if (!names->is_read) {
        struct ad_vector holders = AD_VECTOR(struct holder);
        names->is_read = true;
        names->names = AD_VECTOR(const char *);
        ad_error_destroy(read_names(names, unit, &holders)); /* what was read is good */
        ad_vector_deinit(&holders);
    }
    if (dwarf_dieoffset(type, &offset, &error) != DW_DLV_OK)
        return NULL;
    uint32_t index = ad_map_get(&names->at, offset, NONE);
    return index == NONE ? NULL : AD_ITEMS(const char *, &names->names)[index];
}
