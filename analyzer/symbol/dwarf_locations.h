/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_locations.h - which program tells, at one address, where a variable is. In the child.
 *
 *     DW_AT_location      an expression, or a list of them by address       DWARF 5, 2.6 and 7.7.3
 *         list            .debug_loclists, in DWARF 2 to 4 .debug_loc       DWARF 4, 7.7.3
 *             entry       [start, end) -> expression
 *
 * Lists are read here: libdwarf crashes on broken ones, and hands out expressions operation by operation.
 */
#ifndef AD_SYMBOL_DWARF_LOCATIONS_H
#define AD_SYMBOL_DWARF_LOCATIONS_H

#include "symbol/dwarf_object.h"
#include "symbol/dwarf_operation.h"
#include "symbol/dwarf_query.h"

/** What expressions and lists of a unit refer to. */
struct ad_dwarf_unit {
    struct ad_dwarf_object *object;
    const struct ad_limits *limits;
    uint64_t die;          /**< offset of the unit's DIE */
    uint64_t start;        /**< offset of the unit itself, from which its own references count */
    uint64_t base;         /**< DW_AT_low_pc */
    uint64_t address_base; /**< DW_AT_addr_base */
    uint64_t list_base;    /**< DW_AT_loclists_base */
    uint16_t version;
    uint8_t offset_size;
    bool is_c; /**< of a language in which structures have tags of their own */
};

/** Of the unit that `die` belongs to. */
bool ad_dwarf_unit_init(struct ad_dwarf_unit *unit, struct ad_dwarf_object *object, Dwarf_Die die,
                        const struct ad_limits *limits);

/** The DIE's attribute, its own or that of what it stands for. */
bool ad_dwarf_attribute(Dwarf_Debug debug, Dwarf_Die die, Dwarf_Half number, Dwarf_Attribute *attribute_ret);

/** The DIE that one of its attributes refers to. */
bool ad_dwarf_reference(Dwarf_Debug debug, Dwarf_Die die, Dwarf_Half number, Dwarf_Die *die_ret);

enum ad_dwarf_found {
    AD_DWARF_FOUND,
    AD_DWARF_ABSENT, /**< there is no program for this address */
    AD_DWARF_BROKEN,
};

/** The program that the attribute (an expression, or a list of them) has for a link-time address. Its bytes
 *  and operands live as long as the child. */
enum ad_dwarf_found ad_dwarf_program(const struct ad_dwarf_unit *unit, Dwarf_Attribute attribute,
                                     uint64_t address, struct ad_program *program_ret);

/** As ad_dwarf_program, for DIE's attribute `number`, of which there may be none. */
enum ad_dwarf_found ad_dwarf_die_program(const struct ad_dwarf_unit *unit, Dwarf_Die die, Dwarf_Half number,
                                         uint64_t address, struct ad_program *program_ret);

#endif
