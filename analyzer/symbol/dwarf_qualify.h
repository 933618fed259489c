/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_qualify.h - the names of types with the namespaces and classes that they are in. In the child.
 *
 * A DIE does not know what it is inside of, so a unit of C++ is walked once: everything named that can hold types,
 * and the types in it. Functions are not entered: their own types have no longer name. The unit is the type's own:
 * with -flto, type units or dwz that is another one than that of the variable.
 */
#ifndef AD_SYMBOL_DWARF_QUALIFY_H
#define AD_SYMBOL_DWARF_QUALIFY_H

#include "base/map.h"
#include "base/vector.h"
#include "symbol/dwarf_locations.h"

/** All zero at first. Lives as long as the child. */
struct ad_dwarf_names {
    struct ad_map units;    /**< DIEs of units that were read -> 0 */
    struct ad_map at;       /**< a type's DIE -> into names */
    struct ad_vector names; /* const char *: of what it is inside of, "shop::item" */
};

/** What the type is inside of, "shop::item"; NULL: nothing that has a name. */
const char *ad_dwarf_scope_name(struct ad_dwarf_names *names, const struct ad_dwarf_unit *unit,
                                struct ad_die type);

#endif
