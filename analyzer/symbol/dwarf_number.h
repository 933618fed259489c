/* SPDX-License-Identifier: MIT */
/** @file dwarf_number.h - the arithmetic of location programs: numbers with a type. DWARF 5, 2.5.1.4. */
#ifndef AD_SYMBOL_DWARF_NUMBER_H
#define AD_SYMBOL_DWARF_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/** Integers are kept sign- or zero-extended to 64 bits, floating numbers as their bits. */
struct ad_number {
    uint64_t bits;
    uint8_t size;     /**< bytes */
    uint8_t encoding; /**< DW_ATE_*; 0: generic, an address-sized integer of either sign */
};

struct ad_number ad_number_generic(uint64_t bits);

/** Of bytes as they lie in memory, with a type as in struct ad_operand; false: a type that is not handled. */
bool ad_number_typed(uint64_t bits, uint64_t type, struct ad_number *number_ret);

/** The value in another type (DW_OP_convert), or its bits (DW_OP_reinterpret). Type 0: the generic one. */
bool ad_number_convert(struct ad_number number, uint64_t type, bool keep_bits, struct ad_number *number_ret);

/** DW_OP_abs, _neg, _not; false: another, or not for this type. */
bool ad_number_unary(uint8_t code, struct ad_number number, struct ad_number *number_ret);

/** DW_OP_and to _xor and _eq to _ne over the second number and the top; false: another, types that differ,
 *  or a division by zero. */
bool ad_number_binary(uint8_t code, struct ad_number second, struct ad_number top, struct ad_number *number_ret);

#endif
