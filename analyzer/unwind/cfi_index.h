/* SPDX-License-Identifier: MIT */
/**
 * @file cfi_index.h - from a link-time address to the function's CFI, for one module.
 *
 * Made from .eh_frame and .debug_frame themselves, so that files without .eh_frame_hdr (static ones of
 * gcc) and code that only .debug_frame describes are found alike. The first that has the address wins, in
 * this order:
 *
 *     .eh_frame of the module's file      (by its section, else through PT_GNU_EH_FRAME)
 *     .debug_frame of its debug file
 */
#ifndef AD_UNWIND_CFI_INDEX_H
#define AD_UNWIND_CFI_INDEX_H

#include "module/module.h"
#include "unwind/cfi_record.h"

struct ad_cfi_table {
    struct ad_cfi_section section;
    struct ad_cfi_place *places; /**< sorted by start */
    size_t count;
};

enum { AD_CFI_TABLES = 2 };

struct ad_cfi_index {
    struct ad_cfi_table tables[AD_CFI_TABLES];
    void *bytes; /**< of an .eh_frame that no section names; else NULL */
};

/** What a module's files cannot give is left out; only a lack of memory is an error. */
struct ad_error *ad_cfi_index_init(struct ad_cfi_index *index, struct ad_module *module,
                                   const struct ad_limits *limits) ad_must_check;
void ad_cfi_index_deinit(struct ad_cfi_index *index);

/** The FDE that covers a link-time address; false: none. */
bool ad_cfi_find(const struct ad_cfi_index *index, uint64_t vaddr, struct ad_cfi_fde *fde);

#endif
