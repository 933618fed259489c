/* SPDX-License-Identifier: MIT */
/**
 * @file unwind_internal.h - the unwinder's parts:
 *
 *     unwind.c            the walk from frame to frame
 *     unwind_rows.c       pc -> row: made once for each pc, and kept
 *     unwind_run.c        many steps outwards, while they are plain
 *     unwind_step.c       one step outwards: by a row, or by libunwind where a row cannot say it
 *     unwind_states.c     pc -> libunwind's register state, likewise made once
 *     unwind_memory.c     what is read: the stack, and for libunwind registers and rewritten CFI
 *     unwind_compare.c    both on the same stack, compared
 *     cfi_row.c           FDE -> row
 *     cfi_index.c         address -> FDE of a module
 *     cfi_record.c        the records of .eh_frame and .debug_frame
 *     cfi_rewrite.c       FDE -> checked bytes
 *
 * libunwind reads CFI through the same accessor as the stack; the rewritten CFI lies in a window of
 * addresses that no x86-64 process can have:
 *
 *     AD_CFI_WINDOW    8 zero bytes: a search table of one entry, (function + 0, FDE + 0)
 *     ... + 8          CIE, FDE, CIE, FDE, ... as they are needed; states point to expressions in them
 */
#ifndef AD_UNWIND_UNWIND_INTERNAL_H
#define AD_UNWIND_UNWIND_INTERNAL_H

#include <libunwind.h>

#include "base/map.h"
#include "base/pool.h"
#include "base/vector.h"
#include "unwind/cfi_index.h"
#include "unwind/cfi_rewrite.h"
#include "unwind/cfi_row.h"
#include "unwind/unwind.h"

#define AD_CFI_WINDOW (UINT64_C(1) << 63) /* not canonical: bits 47 to 63 differ */
#define AD_STACK_WINDOW ((size_t)4096)    /* a task that sleeps uses about 1 KiB */

enum ad_row_flags {
    AD_ROW_USED = 1,    /**< the slot of the table is taken */
    AD_ROW_CFI = 2,     /**< there is CFI */
    AD_ROW_SIMPLE = 4,  /**< `rules` say all */
    AD_ROW_SIGNAL = 8,  /**< of a signal frame: its caller was interrupted */
    AD_ROW_BEGINS = 16, /**< the pc is the function's first byte */
    AD_ROW_RBP = 32,    /**< simple, and its CFA is told by rbp */
    AD_ROW_PLAIN = 64,  /**< simple: of a function that was called, its CFA told by rsp or rbp, nothing undefined */
    AD_ROW_LAST = 128,  /**< simple, its CFA likewise, and nobody has called it */
};

/** How the caller of one pc is found: two of them share a line of the processor's cache. */
struct ad_row {
    uint64_t pc;
    uint32_t number;
    uint8_t flags; /* enum ad_row_flags */
    struct ad_cfi_row rules;
};

/** Open addressing, at most half full; `capacity` is a power of two. */
struct ad_row_table {
    struct ad_row *rows;
    size_t capacity;
    size_t count;
    uint64_t seed;     /**< of the hash; odd */
    uint32_t numbered; /**< rows ever made */
};

/** libunwind's register state of one pc. */
struct ad_unwind_state {
    void *bytes; /**< in the pool; NULL: there is no CFI */
    bool signal_frame;
    bool may_end;
};

/** A part of the stack, read in one go. */
struct ad_stack_window {
    struct ad_range range;
    const uint8_t *bytes; /**< those given to us, or `own` */
    uint8_t own[AD_STACK_WINDOW];
};

/** One step outwards. */
struct ad_step {
    struct ad_unwound_frame frame; /**< the one being left */
    uint64_t caller_pc;
    bool caller_interrupted;
    bool has_inner_cfa;
    bool ended;
    uint64_t inner_cfa; /**< of the frame before, to see progress */
    enum ad_stack_end end;
    uint64_t end_address;
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
    struct ad_row_table rows;
    struct ad_map state_map; /* pc that was looked up -> into states */
    struct ad_vector states; /* struct ad_unwind_state */
    struct ad_pool pool;     /* of the states' bytes */

    struct ad_vector frames; /* struct ad_unwound_frame: the stack being walked */
    bool keeps_registers;
    struct ad_vector kept;         /* struct ad_registers of each frame, when they are kept */
    struct ad_registers registers; /* in the frame at hand */
    uint32_t unreadable;           /* bit n: n was saved where nothing can be read: at value[n] */
    struct ad_stack_window window;
    bool fault; /* a read by libunwind failed since it was last cleared */
    uint64_t fault_address;
    bool register_missing;
    const struct ad_cfi_plain *compiling;
    uint64_t by_row;     /* steps ever taken by rows */
    unw_cursor_t *alone; /* libunwind walks without rows, for ad_unwinder_compare; else NULL */
};

extern unw_accessors_t ad_unwind_accessors;

/** The slot of the pc, or the free one (no flags) where it would go; the table has room. One multiplication:
 *  the middle bits of the product are as good a hash as the many lookups of a walk need. */
static inline struct ad_row *ad_row_find(const struct ad_row_table *table, uint64_t pc)
{
    size_t mask = table->capacity - 1, i = (size_t)(pc * table->seed >> 32) & mask;
    while (table->rows[i].flags && table->rows[i].pc != pc)
        i = (i + 1) & mask;
    return &table->rows[i];
}

/** The row for a pc; valid until the next call. */
struct ad_error *ad_unwinder_row(struct ad_unwinder *unwinder, uint64_t pc,
                                 const struct ad_row **row_ret) ad_must_check;
/** The rewritten CFI of the function at `pc`, as an index into plains; UINT32_MAX: there is none. */
struct ad_error *ad_unwinder_plain(struct ad_unwinder *unwinder, uint64_t pc,
                                   uint32_t *number_ret) ad_must_check;
/** libunwind's state for a pc. */
struct ad_error *ad_unwinder_state(struct ad_unwinder *unwinder, uint64_t pc,
                                   struct ad_unwind_state *state_ret) ad_must_check;
/** libunwind's question where the CFI for a pc is: answered for unwinder->compiling only. */
int ad_unwinder_find_cfi(unw_addr_space_t space, unw_word_t pc, unw_proc_info_t *info, int need_info,
                         void *context);
/** A word of the stack; false: it cannot be read. */
bool ad_unwinder_word(struct ad_unwinder *unwinder, uint64_t address, uint64_t *word_ret);

/** Passes frames while their rows are there and plain, and their words in the window; registers are not kept,
 *  and some row is in the table. What it does not pass, ad_step_by_row understands. */
void ad_unwinder_run(struct ad_unwinder *unwinder, struct ad_step *step);

void ad_step_end(struct ad_step *step, enum ad_stack_end end, uint64_t address);
/** The frame has no CFI: an end that was made by hand, or none that is known. */
struct ad_error *ad_step_end_without_cfi(struct ad_unwinder *unwinder, struct ad_step *step) ad_must_check;
/** The unwinder's registers become the caller's, but the stack pointer. */
void ad_step_load(struct ad_unwinder *unwinder, const struct ad_cfi_row *rules, uint64_t cfa);
/** Leaves a frame by its row, which is simple; the unwinder's registers become the caller's. */
void ad_step_by_row(struct ad_unwinder *unwinder, const struct ad_row *row, struct ad_step *step);
/** Likewise by libunwind, for this one step. */
struct ad_error *ad_step_handed_over(struct ad_unwinder *unwinder, struct ad_step *step) ad_must_check;
/** Leaves the frame of a cursor by libunwind alone; the cursor becomes the caller's. */
struct ad_error *ad_step_by_cursor(struct ad_unwinder *unwinder, unw_cursor_t *cursor,
                                   struct ad_step *step) ad_must_check;
/** The registers of a cursor's frame; `unreadable_ret` as in struct ad_unwinder. */
void ad_step_cursor_registers(struct ad_unwinder *unwinder, unw_cursor_t *cursor,
                              struct ad_registers *registers_ret, uint32_t *unreadable_ret);

#endif
