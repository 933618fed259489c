/* SPDX-License-Identifier: MIT */
/**
 * @file cfi_rewrite.h - call frame information checked and put into one plain form for libunwind.
 *
 * libunwind trusts what it reads: a register number behind its table is written to, an expression that
 * jumps back never ends, INT64_MIN / -1 kills the process. So every instruction is read here first and
 * copied only when it is known to be harmless. What comes out is always
 *
 *     CIE    version 1, "zR" or "zRS", addresses as 8 absolute bytes
 *     FDE    run-time start, size, instructions
 *
 * whatever went in (.eh_frame or .debug_frame, any pointer encoding, personality routines), so nothing
 * but these bytes is read from the file's CFI. Instructions on registers that are not followed (xmm) are
 * left out, those that libunwind 1.6 does not know (DW_CFA_val_offset) are said in others.
 */
#ifndef AD_UNWIND_CFI_REWRITE_H
#define AD_UNWIND_CFI_REWRITE_H

#include "base/limits.h"
#include "base/vector.h"
#include "unwind/cfi_record.h"

/** Instructions in the output: offsets [start, end). */
struct ad_cfi_program {
    size_t start;
    size_t end;
};

struct ad_cfi_plain {
    size_t fde;                   /**< offset of the FDE in the output */
    struct ad_cfi_program shared; /**< of the CIE: they come first */
    struct ad_cfi_program own;    /**< of the FDE */
    uint64_t code_factor;
    int64_t data_factor;
    struct ad_range range; /**< run-time addresses */
    bool signal_frame;     /**< its caller was interrupted, not calling */
    bool may_end;          /**< the return address is undefined somewhere: the end of a stack */
};

/**
 * Appends CIE and FDE to `bytes`, a vector of uint8_t. AD_ERROR_FORMAT: instructions that cannot be trusted
 * or understood; AD_ERROR_LIMIT: more than limits->cfi_bytes of them. Then nothing is appended.
 */
struct ad_error *ad_cfi_rewrite(const struct ad_cfi_fde *fde, uint64_t bias, const struct ad_limits *limits,
                                struct ad_vector *bytes, struct ad_cfi_plain *plain_ret) ad_must_check;

/** Whether an expression of call frame information is harmless: known operators, jumps only forward. */
bool ad_cfi_expression_ok(const void *bytes, size_t size);

#endif
