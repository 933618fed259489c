/* SPDX-License-Identifier: MIT */
/** @file dwarf_call_sites.h - what a caller says of one of its calls. In the child. DWARF 5, 3.4. */
#ifndef AD_SYMBOL_DWARF_CALL_SITES_H
#define AD_SYMBOL_DWARF_CALL_SITES_H

#include <stdio.h>

#include "symbol/dwarf_locations.h"

/** Whether the DIE is the call site that returns to `return_address`. */
bool ad_dwarf_call_returns(const struct ad_dwarf_unit *unit, struct ad_die die, uint64_t return_address);

/** Tells it, as a "call site" of code.h. `address` is inside the call. */
void ad_dwarf_call_tell(const struct ad_dwarf_unit *unit, struct ad_die call, uint64_t address, FILE *out);

#endif
