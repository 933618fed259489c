/* SPDX-License-Identifier: MIT */
/**
 * @file unwind.h - from registers to a stack of frames, honestly ended.
 *
 * The only folder that includes libunwind: its remote unwinder over our own accessors. The CFI comes from
 * .eh_frame and .debug_frame of the proven files through an index of our own, so that a pc without CFI
 * ends the stack and says so, where unw_step alone would guess and report success.
 */
#ifndef AD_UNWIND_UNWIND_H
#define AD_UNWIND_UNWIND_H

#include "module/module.h"
#include "target/target.h"

enum ad_stack_end {
    AD_STACK_ENTRY,       /**< complete: the outermost frame was reached */
    AD_STACK_NO_CFI,      /**< the pc lies in no known function's CFI */
    AD_STACK_UNREADABLE,  /**< memory of the stack is not in the target */
    AD_STACK_CAP,         /**< limits.frames */
    AD_STACK_NO_PROGRESS, /**< the CFA did not move up: a loop */
    AD_STACK_NO_CONTEXT,  /**< there were no registers to start from */
};

struct ad_unwound_frame {
    uint64_t pc;       /**< as in the frame; for a caller, its return address */
    uint64_t cfa;      /**< canonical frame address; 0: not known */
    bool interrupted;  /**< pc is an exact place (top of a thread, signal frame): do not look up pc - 1 */
};

/** One stack, innermost frame first. */
struct ad_unwound_stack {
    struct ad_unwound_frame *frames; /**< the unwinder's; valid until its next call */
    size_t count;
    enum ad_stack_end end;
    uint64_t end_address;            /**< the pc or address at which it ended */
};

struct ad_unwinder;

struct ad_error *ad_unwinder_create(struct ad_modules *modules, const struct ad_limits *limits,
                                    struct ad_unwinder **unwinder_ret) ad_must_check;
void ad_unwinder_destroy(struct ad_unwinder *unwinder);

/**
 * Unwinds from `registers`. `interrupted`: they are a stopped thread's; otherwise a suspended task's, whose
 * pc is the return address of the call that suspended it.
 */
struct ad_error *ad_unwind(struct ad_unwinder *unwinder, const struct ad_registers *registers, bool interrupted,
                           struct ad_unwound_stack *stack_ret) ad_must_check;

/** "complete", "no unwind information at 0x...", ... */
const char *ad_stack_end_text(enum ad_stack_end end);

#endif
