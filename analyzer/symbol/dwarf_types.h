/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_types.h - the types that variables need, told once for each unit. In the child; code.h has the
 * form. Of what a pointer leads to only characters and functions are told: nothing else of it is shown.
 */
#ifndef AD_SYMBOL_DWARF_TYPES_H
#define AD_SYMBOL_DWARF_TYPES_H

#include <stdio.h>

#include "base/map.h"
#include "base/vector.h"
#include "symbol/code.h"
#include "symbol/dwarf_qualify.h"

struct ad_dwarf_types {
    const struct ad_dwarf_unit *unit;
    FILE *out;
    struct ad_map ids;        /**< DIE -> number */
    struct ad_vector pending; /**< struct: asked for, and not told yet */
    struct ad_dwarf_names names;
    uint32_t count;
};

void ad_dwarf_types_init(struct ad_dwarf_types *types, const struct ad_dwarf_unit *unit, FILE *out);
void ad_dwarf_types_deinit(struct ad_dwarf_types *types);

/** The number of a DIE's type (its DW_AT_type, own or inherited). Types whose size depends on the frame get a
 *  new one each time. AD_NO_TYPE: none, or more than limits->types. */
struct ad_error *ad_dwarf_type_of(struct ad_dwarf_types *types, struct ad_die die, uint32_t *id_ret) ad_must_check;

/** Tells all types asked for; bounds are those at this link-time address. */
struct ad_error *ad_dwarf_types_tell(struct ad_dwarf_types *types, uint64_t address) ad_must_check;

#endif
