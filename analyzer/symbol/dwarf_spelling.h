/* SPDX-License-Identifier: MIT */
/** @file dwarf_spelling.h - the name of a type as the source spells it. In the child. */
#ifndef AD_SYMBOL_DWARF_SPELLING_H
#define AD_SYMBOL_DWARF_SPELLING_H

#include "symbol/dwarf_qualify.h"

/** "const struct node *", "int (*)()", "shop::item [16]" in a buffer; what does not fit is left out. */
void ad_dwarf_spell(const struct ad_dwarf_unit *unit, struct ad_dwarf_names *names, struct ad_die type,
                    char *buffer, size_t size);

#endif
