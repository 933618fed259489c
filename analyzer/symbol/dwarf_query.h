/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_query.h - the addresses asked for in one module, and what its DWARF answers.
 *
 * Queries are sorted by address, so that a range of code claims its queries with one search. Readers fill
 * them in three passes: which unit (dwarf_units.c), which functions (dwarf_scopes.c), which line
 * (dwarf_lines.c); only units that were hit are read.
 *
 * Nothing that libdwarf hands out is freed: this runs in a child that ends when it has answered, with
 * its memory limited from outside (symbol_child.c).
 */
#ifndef AD_SYMBOL_DWARF_QUERY_H
#define AD_SYMBOL_DWARF_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libdwarf/libdwarf.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/vector.h"

#define AD_NO_UNIT UINT64_MAX

/** One function around an address, as its DIE tells it; outermost first in a query. */
struct ad_dwarf_scope {
    const char *name;   /**< NULL: not known */
    const char *linkage_name; /**< mangled; NULL: none */
    uint64_t call_file; /**< of an inlined call: where it stands in the function around it */
    uint64_t call_line;
    uint64_t call_column;
    uint64_t die; /**< offset of its DIE in .debug_info */
    bool inlined;
};

struct ad_dwarf_query {
    uint64_t address; /**< link-time */
    uint32_t index;   /**< the asker's */
    uint64_t unit;    /**< offset of the unit's DIE in .debug_info; AD_NO_UNIT: none */
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

/** Visits the code ranges of a DIE: low_pc/high_pc or DW_AT_ranges of DWARF 4 and 5. `base` is the
 *  unit's low_pc. False: it has none. */
bool ad_dwarf_ranges(Dwarf_Debug debug, Dwarf_Die die, uint64_t base,
                     void (*visit)(void *context, uint64_t start, uint64_t end), void *context);

/** The attribute's unsigned value; `fallback` when absent. */
uint64_t ad_dwarf_unsigned(Dwarf_Die die, Dwarf_Half attribute, uint64_t fallback);

/** The attribute's offset into a section; false: absent. */
bool ad_dwarf_offset(Dwarf_Die die, Dwarf_Half attribute, uint64_t *offset_ret);

/** The DIE's name, its own or that of what it stands for; NULL: it has none. */
const char *ad_dwarf_name(Dwarf_Debug debug, Dwarf_Die die);

/** What linkers know it by, likewise. */
const char *ad_dwarf_linkage_name(Dwarf_Debug debug, Dwarf_Die die);

/** Finds each query's unit. */
void ad_dwarf_find_units(Dwarf_Debug debug, struct ad_dwarf_queries *queries);

/** Finds the functions around the queries of one unit. */
struct ad_error *ad_dwarf_find_scopes(Dwarf_Debug debug, Dwarf_Die unit, const struct ad_limits *limits,
                                      struct ad_dwarf_queries *queries) ad_must_check;

#endif
