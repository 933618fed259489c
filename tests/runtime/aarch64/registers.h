/* SPDX-License-Identifier: MIT */
/** @file registers.h - a call of async_switch that fills every register a call preserves; registers.S. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include "machine.h"

/** The arguments of one async_switch. */
struct registers_move {
    void **save;
    void *load;
    uint32_t *left;
    uint64_t left_state;
    uint32_t *entered;
    uint64_t entered_state;
};

/**
 * Calls async_switch with the registers of `before` (x30 is the call's own), and stores in `after_ret` what
 * they are when it returns; there `unused` is the stack pointer.
 */
void registers_switch(const struct async_context *before, struct async_context *after_ret,
                      const struct registers_move *move);

/** Where that call returns to. */
extern const char registers_resume[];

#endif
