/* SPDX-License-Identifier: MIT */
/**
 * @file cfi_record.h - one section of call frame information, read record by record.
 *
 *     section    [CIE][FDE][FDE][CIE][FDE]...
 *     CIE        what many functions share: factors, the first rows of their tables
 *     FDE        one function: [start, end), its CIE, the rest of its table
 *
 * Formats: DWARF 5, 6.4 (.debug_frame) and LSB Core, 10.6 (.eh_frame). Of machines only x86-64: 8-byte
 * addresses, 32-bit and 64-bit DWARF.
 */
#ifndef AD_UNWIND_CFI_RECORD_H
#define AD_UNWIND_CFI_RECORD_H

#include "base/cursor.h"
#include "base/range.h"

/** The bytes are those of a file, and nobody vouches for them. */
struct ad_cfi_section {
    const uint8_t *bytes;
    size_t size;
    uint64_t address;    /**< link-time address of the first byte, for pc-relative pointers */
    bool is_debug_frame; /**< .debug_frame; else .eh_frame */
};

struct ad_cfi_cie {
    uint64_t code_factor;
    int64_t data_factor;
    uint8_t encoding;      /**< of an FDE's pointers: DW_EH_PE_* of the LSB */
    bool has_augmentation; /**< an FDE has a sized augmentation to skip */
    bool signal_frame;     /**< its caller was interrupted, not calling */
    struct ad_cursor instructions;
};

struct ad_cfi_fde {
    struct ad_range range; /**< link-time addresses */
    struct ad_cfi_cie cie;
    struct ad_cursor instructions;
};

enum ad_cfi_kind {
    AD_CFI_END,   /**< no more records, or none that can be found */
    AD_CFI_FDE,   /**< `fde` is filled */
    AD_CFI_OTHER, /**< a CIE, padding, or a record that is not understood */
};

/** Reads the record at `*offset` and moves the offset to the next one. */
enum ad_cfi_kind ad_cfi_next(const struct ad_cfi_section *section, size_t *offset, struct ad_cfi_fde *fde);

#endif
