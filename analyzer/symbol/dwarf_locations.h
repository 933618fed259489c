/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_locations.h - which program tells, at one address, where a variable is. In the child.
 *
 *     DW_AT_location      an expression, or a list of them by address       DWARF 5, 2.6 and 7.7.3
 *         list            .debug_loclists, in DWARF 2 to 4 .debug_loc       DWARF 4, 7.7.3
 *                         .debug_loc.dwo: gcc.gnu.org/wiki/DebugFission
 *             entry       [start, end) -> expression
 *
 * Lists are read here: libdwarf crashes on broken ones, and hands out expressions operation by operation.
 */
#ifndef AD_SYMBOL_DWARF_LOCATIONS_H
#define AD_SYMBOL_DWARF_LOCATIONS_H

#include "symbol/dwarf_operation.h"
#include "symbol/dwarf_unit.h"

enum ad_dwarf_found {
    AD_DWARF_FOUND,
    AD_DWARF_ABSENT, /**< there is no program for this address */
    AD_DWARF_BROKEN,
};

/** The program that a DIE's attribute (an expression, or a list of them), its own or of what it stands for, has
 *  for a link-time address. Its bytes and operands live as long as the child. */
enum ad_dwarf_found ad_dwarf_program(const struct ad_dwarf_unit *unit, struct ad_die die, uint16_t attribute,
                                     uint64_t address, struct ad_program *program_ret);

#endif
