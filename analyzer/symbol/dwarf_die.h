/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_die.h - entries of debug information (DIEs) and their attributes. In the child.
 *
 * With dwarf_object.h the only part that calls libdwarf. A DIE knows the object it is in: what it refers to may
 * be in the alternate file of dwz (DW_FORM_GNU_ref_alt), whose texts it may use too (DW_FORM_GNU_strp_alt).
 *
 * What libdwarf hands out for an attribute is given back at once, what it hands out for a DIE only by
 * ad_die_free: the child ends when it has answered.
 */
#ifndef AD_SYMBOL_DWARF_DIE_H
#define AD_SYMBOL_DWARF_DIE_H

#include "symbol/dwarf_object.h"

struct Dwarf_Die_s;

struct ad_die {
    struct ad_dwarf_object *object;
    struct Dwarf_Die_s *handle;
};

/** The DIE at an offset in .debug_info, or in DWARF 4's .debug_types; false: there is none. */
bool ad_die_at(struct ad_dwarf_object *object, uint64_t offset, bool is_info, struct ad_die *die_ret);
/** The DIE of the unit whose header is at an offset in .debug_info. */
bool ad_die_of_unit(struct ad_dwarf_object *object, uint64_t header, struct ad_die *die_ret);
bool ad_die_child(struct ad_die die, struct ad_die *child_ret);
bool ad_die_sibling(struct ad_die die, struct ad_die *sibling_ret);
/** The next child with one of two tags; `child` of handle NULL: the first one. */
bool ad_die_next_child(struct ad_die die, uint16_t tag, uint16_t other, struct ad_die *child);
/** For those that nothing holds on to. */
void ad_die_free(struct ad_die die);

uint16_t ad_die_tag(struct ad_die die);
bool ad_die_is_info(struct ad_die die);
/** In its section. */
uint64_t ad_die_offset(struct ad_die die);
/** The same for the same DIE only, in whatever section of whichever file. */
uint64_t ad_die_key(struct ad_die die);
/** That of the DIE at an offset in the same section. */
uint64_t ad_die_key_at(struct ad_die die, uint64_t offset);

/** Of the unit that the DIE is in. */
struct ad_die_unit {
    uint64_t start; /**< offset of its header */
    uint64_t root;  /**< offset of its DIE */
    uint16_t version;
    uint8_t offset_size; /**< 4; 8 in 64-bit DWARF */
};
bool ad_die_unit(struct ad_die die, struct ad_die_unit *unit_ret);

/** Whether the DIE has the attribute itself, and in which form. */
bool ad_die_form(struct ad_die die, uint16_t attribute, uint16_t *form_ret);
/** The DIE that has the attribute: itself or what it stands for (DW_AT_abstract_origin, _specification). */
bool ad_die_with(struct ad_die die, uint16_t attribute, struct ad_die *die_ret);

/* Of the DIE's own attributes; false or the fallback: there is none of this class. */
bool ad_die_number(struct ad_die die, uint16_t attribute, uint64_t *value_ret, bool *negative_ret);
uint64_t ad_die_unsigned(struct ad_die die, uint16_t attribute, uint64_t fallback);
bool ad_die_flag(struct ad_die die, uint16_t attribute);
/** Offset in another section, or index of a list there. */
bool ad_die_section_offset(struct ad_die die, uint16_t attribute, uint64_t *offset_ret);
bool ad_die_block(struct ad_die die, uint16_t attribute, const uint8_t **bytes_ret, uint64_t *size_ret);
const char *ad_die_text(struct ad_die die, uint16_t attribute);
/** An address, or (`is_index_ret`) the number of one in .debug_addr. */
bool ad_die_address(struct ad_die die, uint16_t attribute, uint64_t *value_ret, bool *is_index_ret);
bool ad_die_reference(struct ad_die die, uint16_t attribute, struct ad_die *die_ret);

/** Its name, its own or that of what it stands for; NULL: it has none. */
const char *ad_die_name(struct ad_die die);
/** What linkers know it by, likewise. */
const char *ad_die_linkage_name(struct ad_die die);

/** The unit's name in its .dwo: the id in the header (DWARF 5), or DW_AT_GNU_dwo_id; false: none. */
bool ad_die_split_id(struct ad_die root, uint64_t *id_ret);

#endif
