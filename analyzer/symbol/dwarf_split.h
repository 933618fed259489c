/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_split.h - the units that -gsplit-dwarf keeps in other files. In the child.
 *
 *     .dwo     one unit, and its type units                       found by its id
 *     .dwp     many of them, one behind the other in each section, with an index:
 *                  .debug_cu_index    id of a unit   -> its slice of each section
 *                  .debug_tu_index    id of a type   -> likewise
 *
 * To libdwarf a unit of a .dwp is shown as a .dwo of those slices. Formats: DWARF 5, 7.3.5; before, version 2
 * of gcc.gnu.org/wiki/DebugFissionDWP.
 */
#ifndef AD_SYMBOL_DWARF_SPLIT_H
#define AD_SYMBOL_DWARF_SPLIT_H

#include "symbol/dwarf_unit.h"
#include "symbol/symbol_files.h"

/** Goes on from a skeleton to its split unit, when one of the files has it under the same id. */
bool ad_dwarf_split_find(struct ad_dwarf_unit *unit, uint64_t id, const struct ad_symbol_files *files);

#endif
