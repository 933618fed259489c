/* SPDX-License-Identifier: MIT */
/** @file dwarf_variables.h - answers with the arguments and locals at each address, in the form of code.h.
 *  In the child. */
#ifndef AD_SYMBOL_DWARF_VARIABLES_H
#define AD_SYMBOL_DWARF_VARIABLES_H

#include "symbol/symbol_child.h"

ad_symbol_answerer ad_dwarf_answer_variables;

#endif
