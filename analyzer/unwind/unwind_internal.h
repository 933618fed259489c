/* SPDX-License-Identifier: MIT */
/**
 * @file unwind_internal.h - the unwinder's parts:
 *
 *     unwind.c            the walk from frame to frame
 *     unwind_rows.c       pc -> row: libunwind's register states, compiled once for each pc
 *     unwind_memory.c     what libunwind may read: registers, the stack, rewritten CFI
 *     cfi_index.c         address -> FDE of a module
 *     cfi_record.c        the records of .eh_frame and .debug_frame
 *     cfi_rewrite.c       FDE -> checked bytes
 *
 * libunwind reads CFI through the same accessor as the stack; the rewritten CFI lies in a window of
 * addresses that no x86-64 process can have:
 *
 *     AD_CFI_WINDOW    8 zero bytes: a search table of one entry, (function + 0, FDE + 0)
 *     ... + 8          CIE, FDE, CIE, FDE, ... as they are needed; rows point to expressions in them
 */
#ifndef AD_UNWIND_UNWIND_INTERNAL_H
#define AD_UNWIND_UNWIND_INTERNAL_H

#include <libunwind.h>

#include "base/map.h"
#include "base/pool.h"
#include "base/vector.h"
#include "unwind/cfi_index.h"
#include "unwind/cfi_rewrite.h"
#include "unwind/unwind.h"

#define AD_CFI_WINDOW (UINT64_C(1) << 63) /* not canonical: bits 47 to 63 differ */
#define AD_STACK_WINDOW ((size_t)4096)    /* a task that sleeps uses about 1 KiB */

/** How the caller of one pc is found. */
struct ad_row {
    void *state; /**< libunwind's, in the pool; NULL: there is no CFI */
    bool signal_frame;
    bool may_end;
    bool begins; /**< the pc is the function's first byte */
};

/** A part of the stack, read in one go. */
struct ad_stack_window {
    uint64_t start;
    size_t size;
    uint8_t bytes[AD_STACK_WINDOW];
};

struct ad_unwinder {
    struct ad_modules *modules;
    struct ad_target *target;
    const struct ad_limits *limits;
    unw_addr_space_t space;

    struct ad_map module_map; /* start of a module's range -> into indices */
    struct ad_vector indices; /* struct ad_cfi_index */
    struct ad_vector cfi;     /* uint8_t: the window's bytes */
    struct ad_map plain_map;  /* run-time start of a function -> into plains; UINT32_MAX: not usable */
    struct ad_vector plains;  /* struct ad_cfi_plain */
    struct ad_map row_map;    /* pc that was looked up -> into rows */
    struct ad_vector rows;    /* struct ad_row */
    struct ad_pool pool;      /* of the rows' states */

    struct ad_vector frames; /* struct ad_unwound_frame: the stack being walked */
    bool keeps_registers;
    struct ad_vector kept; /* struct ad_registers of each frame, when they are kept */
    struct ad_registers registers;
    struct ad_stack_window window;
    bool fault; /* a read failed since it was last cleared */
    uint64_t fault_address;
    bool register_missing;
    const struct ad_cfi_plain *compiling;
};

extern unw_accessors_t ad_unwind_accessors;

/** The row for a pc that was looked up before, or is compiled now. `row_ret` is valid until the next call. */
struct ad_error *ad_unwinder_row(struct ad_unwinder *unwinder, uint64_t pc,
                                 struct ad_row *row_ret) ad_must_check;
/** libunwind's question where the CFI for a pc is: answered for unwinder->compiling only. */
int ad_unwinder_find_cfi(unw_addr_space_t space, unw_word_t pc, unw_proc_info_t *info, int need_info,
                         void *context);

#endif
