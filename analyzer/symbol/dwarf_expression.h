/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_expression.h - what a location program leads to, over the registers and memory of a stack.
 *
 * A machine of a stack of numbers (DWARF 5, 2.5). Programs come from files that nobody vouches for: jumps go
 * forward only, so that each operation runs at most once; the stack has limits->expression_stack places;
 * arithmetic wraps. A value that a function was called with is asked of its caller (DW_OP_entry_value), whose
 * program may ask its own, limits->entry_values times.
 *
 *     program of a variable -> fragment fragment ...      one, unless it lies in several places
 */
#ifndef AD_SYMBOL_DWARF_EXPRESSION_H
#define AD_SYMBOL_DWARF_EXPRESSION_H

#include "base/vector.h"
#include "symbol/code.h"

/** One frame of the stack at hand. */
struct ad_expression_frame {
    const struct ad_code *code;
    struct ad_registers registers;
    uint64_t cfa; /**< 0: not known */
};

/** What programs run over. */
struct ad_expression_stack {
    const struct ad_expression_frame *frames; /**< innermost first */
    size_t count;
    size_t (*read)(void *context, uint64_t address, void *buffer, size_t size); /**< the number read */
    void *context;
    const struct ad_limits *limits;
};

enum ad_fragment_kind {
    AD_FRAGMENT_MEMORY,    /**< at address `number` */
    AD_FRAGMENT_NUMBER,    /**< the value itself, in its `size` least significant bytes */
    AD_FRAGMENT_BYTES,     /**< the value itself: `size` bytes of the program's own at `bytes` */
    AD_FRAGMENT_NOWHERE,   /**< optimized out */
    AD_FRAGMENT_POINTER,   /**< a pointer to something that has no address */
    AD_FRAGMENT_UNREADABLE, /**< it takes memory at `number` to know, which is not there */
    AD_FRAGMENT_REGISTER,  /**< it takes register `number`, which nobody has saved */
    AD_FRAGMENT_MISSING,   /**< for the reason `text` */
};

struct ad_fragment {
    enum ad_fragment_kind kind;
    uint64_t number;
    const uint8_t *bytes;
    uint64_t size;
    const char *text;
    uint64_t bit_size; /**< of the value; UINT64_MAX: all of it */
    uint64_t bit_offset; /**< where it begins in the place */
};

/** Runs a program of frame `frame`; appends to `fragments`, a vector of struct ad_fragment. What cannot be had
 *  is a fragment that says why. */
struct ad_error *ad_expression_locate(const struct ad_expression_stack *stack, size_t frame,
                                      const struct ad_program *program,
                                      struct ad_vector *fragments) ad_must_check;

/** Runs a program that computes a number. A fragment of another kind than NUMBER says why there is none. */
struct ad_error *ad_expression_number(const struct ad_expression_stack *stack, size_t frame,
                                      const struct ad_program *program,
                                      struct ad_fragment *number_ret) ad_must_check;

#endif
