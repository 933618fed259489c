/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_unit.h - one compilation unit: where its parts are, its addresses and ranges of code. In the child.
 *
 *                              not split        split (DWARF 5, 7.3.2; before, GNU's DebugFission)
 *     DIEs, lists of places    object           object: a .dwo, or a slice of a .dwp
 *     .debug_addr, lines       object           skeleton: the file itself
 *     ranges of code           object           object; in DWARF 4 skeleton, from DW_AT_GNU_ranges_base on
 *
 * Indexed addresses and lists of ranges are read here: libdwarf 20210528 looks for those of a .dwo in the
 * wrong file. Formats: DWARF 5, 7.25 to 7.29; DWARF 4, 7.23.
 */
#ifndef AD_SYMBOL_DWARF_UNIT_H
#define AD_SYMBOL_DWARF_UNIT_H

#include "base/limits.h"
#include "symbol/dwarf_die.h"

struct ad_dwarf_unit {
    struct ad_dwarf_object *object;
    struct ad_dwarf_object *skeleton; /**< the same but for a split unit */
    const struct ad_limits *limits;
    struct ad_die root;    /**< in `object` */
    struct ad_die outside; /**< in `skeleton`: what has DW_AT_stmt_list and DW_AT_comp_dir */
    uint64_t start;        /**< offset of the unit itself, from which its own references count */
    uint64_t base;         /**< DW_AT_low_pc */
    uint64_t address_base; /**< DW_AT_addr_base */
    uint64_t list_base;    /**< DW_AT_loclists_base */
    uint64_t ranges_base;  /**< DW_AT_rnglists_base, DW_AT_GNU_ranges_base */
    uint16_t version;
    uint8_t offset_size;
    bool is_c; /**< of a language in which structures have tags of their own */
};

/** Of a unit's DIE. */
bool ad_dwarf_unit_init(struct ad_dwarf_unit *unit, struct ad_die root, const struct ad_limits *limits);
/** Goes on from a skeleton to the split unit that it stands for. */
bool ad_dwarf_unit_split(struct ad_dwarf_unit *unit, struct ad_die root);

/** The id of the split unit that this is the skeleton of, and its .dwo's name; false: it is none. */
bool ad_dwarf_unit_skeleton(const struct ad_dwarf_unit *unit, uint64_t *id_ret, const char **name_ret);

/** Entry `index` of the unit's part of .debug_addr. */
bool ad_dwarf_unit_address(const struct ad_dwarf_unit *unit, uint64_t index, uint64_t *address_ret);
/** The address that a DIE's attribute tells, of whatever form. */
bool ad_dwarf_address(const struct ad_dwarf_unit *unit, struct ad_die die, uint16_t attribute,
                      uint64_t *address_ret);

/** Visits the code ranges of a DIE: DW_AT_low_pc and _high_pc, or DW_AT_ranges. False: it has none. */
bool ad_dwarf_ranges(const struct ad_dwarf_unit *unit, struct ad_die die,
                     void (*visit)(void *context, uint64_t start, uint64_t end), void *context);

#endif
