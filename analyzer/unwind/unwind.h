/* SPDX-License-Identifier: MIT */
/**
 * @file unwind.h - from registers to a stack of frames, honestly ended.
 *
 * The CFI comes from .eh_frame and .debug_frame of the proven files through an index of our own, so that a
 * pc without CFI ends the stack and says so, where libunwind's unw_step would guess and report success. What
 * most functions need is said by small rows (cfi_row.h) that are made once for each pc; the rest (expressions,
 * signal frames) is left to libunwind's remote unwinder over our own accessors. No other folder includes it.
 */
#ifndef AD_UNWIND_UNWIND_H
#define AD_UNWIND_UNWIND_H

#include "module/module.h"
#include "target/target.h"

enum ad_stack_end {
    AD_STACK_ENTRY,       /**< complete: the CFI says that nobody called this frame, the pc is 0, or it is a
                           *   return address that was made by hand: the first byte of a function, and what
                           *   lies before it is none's */
    AD_STACK_NO_CFI,      /**< the pc lies in no known function's CFI, or in one that makes no sense */
    AD_STACK_UNREADABLE,  /**< memory of the stack is not in the target */
    AD_STACK_CAP,         /**< limits.frames */
    AD_STACK_NO_PROGRESS, /**< the CFA did not move up: a loop. (It may move down over a signal frame:
                           *   the signal's stack can lie anywhere) */
    AD_STACK_NO_CONTEXT,  /**< there were no registers to start from */
    AD_STACK_NO_REGISTER, /**< the CFI needs a register whose value is not known */
};

struct ad_unwound_frame {
    uint64_t pc;      /**< as in the frame; for a caller, its return address */
    uint64_t cfa;     /**< canonical frame address: the caller's stack pointer; 0: not known (only of the
                       *   last frame) */
    uint32_t row;     /**< numbers the place in the code: frames with the same number have the same pc, if
                       *   `interrupted` is the same, too. From 0 on, and never used again */
    bool interrupted; /**< pc is an exact place (top of a thread, signal frame): do not look up pc - 1 */
};

/** One stack, innermost frame first. */
struct ad_unwound_stack {
    struct ad_unwound_frame *frames; /**< the unwinder's; valid until its next call */
    const struct ad_registers *registers; /**< of each frame, likewise; NULL unless they are kept */
    size_t count;
    enum ad_stack_end end;
    uint64_t end_address; /**< NO_CFI: the pc; UNREADABLE: the address; else the last pc */
};

struct ad_unwinder;

/**
 * Call it after ad_modules_open_files. What an address needs is read once and kept: CFI indices by module,
 * rows by pc. One unwinder serves one thread; the modules and the limits must outlive it.
 */
struct ad_error *ad_unwinder_create(struct ad_modules *modules, const struct ad_limits *limits,
                                    struct ad_unwinder **unwinder_ret) ad_must_check;
void ad_unwinder_destroy(struct ad_unwinder *unwinder);

/**
 * Unwinds from `registers`. `interrupted`: they are a stopped thread's; otherwise a suspended task's, whose
 * pc is the return address of the call that suspended it, or the first byte of the function that it will
 * begin with. Only pc and sp must be valid. Never an error for
 * what the target cannot give: that is stack_ret->end.
 */
struct ad_error *ad_unwind(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                           bool interrupted, struct ad_unwound_stack *stack_ret) ad_must_check;

/** Bytes of a stack that were read before. */
struct ad_stack_bytes {
    uint64_t address;
    const uint8_t *bytes;
    size_t size;
};

/** The same; what lies in `bytes` is not read again. */
struct ad_error *ad_unwind_in(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                              bool interrupted, const struct ad_stack_bytes *bytes,
                              struct ad_unwound_stack *stack_ret) ad_must_check;

/**
 * From now on, keep the registers of every frame: as they are in it, so far as the frames inside it have saved
 * them. What a call may change (rax, rcx, rdx, rsi, rdi, r8 to r11) is known in the frame that the walk begins
 * with, and in one that was interrupted.
 */
void ad_unwinder_keep_registers(struct ad_unwinder *unwinder);

/** A stack unwound twice: by rows wherever they can say it, and by libunwind alone. */
struct ad_unwind_comparison {
    size_t frames;       /**< compared: pc, CFA and every register that is known */
    size_t by_row;       /**< of those, how many rows could leave; libunwind left the others both times */
    const char *differs; /**< what is not the same first: "CFA", "rbx", "the number of frames"; NULL: all is */
    size_t frame;        /**< in which frame, 0 the innermost */
    uint64_t rows;       /**< its value by rows */
    uint64_t libunwind;  /**< and by libunwind */
};

/** Arguments as of ad_unwind; what an earlier call of that gave is no longer valid. */
struct ad_error *ad_unwinder_compare(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                                     bool interrupted,
                                     struct ad_unwind_comparison *comparison_ret) ad_must_check;

/** "complete", "no unwind information", ...: a clause that "at ADDRESS" can follow. */
const char *ad_stack_end_text(enum ad_stack_end end);

#endif
