/* SPDX-License-Identifier: MIT */
/**
 * @file cfi_row.h - the rules for one pc, in the few bytes that nearly every function can do with.
 *
 *     CFA          a register + an offset
 *     slots        rbx rbp r12 r13 r14 r15 and the return address: each
 *                      saved       in a word below the CFA
 *                      undefined   lost
 *                      neither     still in the register
 *
 * A second reader of the same instructions, beside libunwind's: made for speed, and so that each can be
 * compared with the other. It reads only what ad_cfi_rewrite lets through.
 */
#ifndef AD_UNWIND_CFI_ROW_H
#define AD_UNWIND_CFI_ROW_H

#include "unwind/cfi_rewrite.h"

enum { AD_ROW_SLOTS = 7, AD_ROW_RBP_SLOT = 1, AD_ROW_PC = AD_ROW_SLOTS - 1 };

struct ad_cfi_row {
    int32_t cfa_offset;
    uint8_t cfa_register;
    uint8_t saved;               /**< bit n: slot n */
    uint8_t undefined;           /**< likewise */
    uint8_t depth;               /**< the most of `words` */
    uint8_t words[AD_ROW_SLOTS]; /**< of those saved: how many words below the CFA, from 1 on */
};

/** The slots' registers, by DWARF number. */
extern const uint8_t ad_row_registers[AD_ROW_SLOTS];

/**
 * The row that covers the run-time address `pc` of a function whose instructions lie in `bytes`, the output of
 * ad_cfi_rewrite. False: the rules are not of this kind (expressions, other registers, far away), and only
 * libunwind can tell.
 */
bool ad_cfi_row_at(const uint8_t *bytes, const struct ad_cfi_plain *plain, uint64_t pc,
                   struct ad_cfi_row *row_ret);

#endif
