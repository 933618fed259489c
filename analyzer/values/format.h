/* SPDX-License-Identifier: MIT */
/**
 * @file format.h - values as text, in the words of GDB's `info locals`.
 *
 *     42   97 'a'   0.5   true   RED   (READ | WRITE)   0x7ffe...   0x55... "text"   0x55... <function+4>
 *     {x = 1, inner = {y = 2}}   {1, 2, 3}   {0 <repeats 20 times>}   "text", '\000' <repeats 12 times>
 *     <optimized out>   <synthetic pointer>   <unreadable at 0x10>   <not available: thread-local>
 *
 * Bytes of the target that are no printable UTF-8 become escapes of C inside of quotes; names are as the debug
 * information has them. Structures inside each other, elements, and bytes are limited.
 */
#ifndef AD_VALUES_FORMAT_H
#define AD_VALUES_FORMAT_H

#include "model/snapshot.h"
#include "values/source.h"
#include "values/text.h"

/** What values of one frame are made from. */
struct ad_value_frame {
    const struct ad_expression_stack *stack;
    size_t frame;
    struct ad_modules *modules; /**< for the names of functions; NULL: none */
};

/** The value of a variable, in `text`, which is cleared first. */
struct ad_error *ad_value_format(const struct ad_value_frame *frame, const struct ad_code_variable *variable,
                                 struct ad_text *text, enum ad_value_state *state_ret) ad_must_check;

#endif
