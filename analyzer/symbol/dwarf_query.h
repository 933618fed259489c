/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_query.h - the addresses asked for in one module, and what its DWARF answers.
 *
 * Queries are sorted by address, so that a range of code claims its queries with one search. Readers fill
 * them in three passes: which unit (dwarf_units.c), which functions (dwarf_scopes.c), which line
 * (dwarf_lines.c); only units that were hit are read.
 *
 * Only of what lies between the functions that were hit is given back what libdwarf hands out: this runs in a
 * child that ends when it has answered, with its memory limited from outside (symbol_child.c).
 */
#ifndef AD_SYMBOL_DWARF_QUERY_H
#define AD_SYMBOL_DWARF_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/dwarf_unit.h"

#define AD_NO_UNIT UINT64_MAX

/** One function around an address, as its DIE tells it; outermost first in a query. */
struct ad_dwarf_scope {
    const char *name;   /**< NULL: not known */
    const char *linkage_name; /**< mangled; NULL: none */
    uint64_t call_file; /**< of an inlined call: where it stands in the function around it */
    uint64_t call_line;
    uint64_t call_column;
    uint64_t die; /**< offset of its DIE in .debug_info of the unit's object */
    bool inlined;
};

struct ad_dwarf_query {
    uint64_t address; /**< link-time */
    uint32_t index;   /**< the asker's */
    uint64_t unit;    /**< offset of the unit's header in .debug_info; AD_NO_UNIT: none */
    struct ad_vector scopes; /* struct ad_dwarf_scope */
    uint64_t function; /**< 0: none found yet; else which of the unit's functions the scopes are of */
    uint64_t file;    /**< number in the unit's line table */
    uint64_t line;    /**< 0: no row covers the address */
    uint64_t column;
};

struct ad_dwarf_queries {
    struct ad_dwarf_query *items; /**< sorted by address within what is being read */
    size_t count;
};

/** The queries with start <= address < end, as [first, first + n); returns n. */
size_t ad_dwarf_queries_in(const struct ad_dwarf_queries *queries, uint64_t start, uint64_t end,
                           size_t *first_ret);

/** Finds each query's unit. */
void ad_dwarf_find_units(struct ad_dwarf_object *object, const struct ad_limits *limits,
                         struct ad_dwarf_queries *queries);

/** Finds the functions around the queries of one unit. */
struct ad_error *ad_dwarf_find_scopes(const struct ad_dwarf_unit *unit,
                                      struct ad_dwarf_queries *queries) ad_must_check;

#endif
