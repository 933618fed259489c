/* SPDX-License-Identifier: MIT */
/**
 * @file switch.h - changing stacks. A context is the stack pointer under which a stack's registers
 * were saved; machine.h says what lies there.
 */
#ifndef ASYNC_SWITCH_H
#define ASYNC_SWITCH_H

#include <stddef.h>
#include <stdint.h>

#include "machine.h"

/**
 * Saves the caller's registers, leaves its stack and continues on another.
 *
 * The state stores are part of the switch, because only there can they be exact: `*left` is set when the
 * context left behind is complete, `*entered` before anything of the loaded context is consumed. So
 * whatever instruction a process is stopped at, a state that says "suspended" has a good context.
 *
 * @param save          gets the context of the stack left
 * @param load          context to continue
 * @param left          state of whoever ran on the stack left, set to left_state
 * @param entered       state of whoever continues, set to entered_state
 */
void async_switch(void **save, void *load, uint32_t *left, uint32_t left_state, uint32_t *entered,
                  uint32_t entered_state);

/** The context of a fresh stack that will call function(argument), which must not return, in these modes. */
void *async_context_create(void *stack_low, size_t stack_size, void (*function)(void *), void *argument,
                           const struct async_float_modes *modes);

/* Labels of the machine code, for the descriptor. */
extern const char async_switch_end[];
extern const char async_entry[];
extern const char async_entry_start[];
extern const char async_entry_end[];
extern const char async_bridge[];

#endif
