/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_operation.h - DWARF expressions, operation by operation. DWARF 5, 2.5 and 7.7.1, and GNU's of
 * DWARF 4, which are told under the numbers that DWARF 5 gave them.
 *
 * What an operation refers to outside of its own bytes (an entry of .debug_addr, a type) only the debug
 * information can tell. The child that reads it puts that beside the program, as operands by the place of
 * their operation, so that whoever evaluates needs nothing else.
 */
#ifndef AD_SYMBOL_DWARF_OPERATION_H
#define AD_SYMBOL_DWARF_OPERATION_H

#include "base/cursor.h"

/** What the bytes of the operation at offset `at` do not say themselves:
 *      DW_OP_addrx, DW_OP_constx           the address or constant
 *      operations with a type              its encoding (DW_ATE_*) << 32 | its size in bytes
 *      DW_OP_GNU_parameter_ref             offset of the parameter's DIE in .debug_info */
struct ad_operand {
    uint32_t at;
    uint64_t value;
};

struct ad_program {
    const uint8_t *bytes;
    uint32_t size;
    uint8_t offset_size; /**< 4; 8 in 64-bit DWARF */
    const struct ad_operand *operands;
    uint32_t operand_count;
};

/** One operation, its operands as far as they are in its bytes. */
struct ad_operation {
    uint32_t at;
    uint8_t code;     /**< DW_OP_*; DWARF 5's where GNU's means the same */
    uint64_t number;  /**< the first operand, sign-extended where it is signed */
    uint64_t second;
    const uint8_t *block;
    uint64_t block_size;
};

/** Reads the operation here; false at the end, and (`in->failed`) at one that is cut or not known. */
bool ad_operation_next(struct ad_cursor *in, uint8_t offset_size, struct ad_operation *operation_ret);

/** Whether its operand is among those that are put beside the program. */
bool ad_operation_refers(const struct ad_operation *operation);

/** The operand of the operation at `at`; false: it is not there. */
bool ad_program_operand(const struct ad_program *program, uint32_t at, uint64_t *value_ret);

#endif
