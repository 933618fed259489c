/* SPDX-License-Identifier: MIT */
/** @file machine_x86_64.h - x86-64, System V psABI; see machine.h. Register numbers: psABI, figure 3.36. */
#ifndef ASYNC_MACHINE_X86_64_H
#define ASYNC_MACHINE_X86_64_H

#include <stdint.h>

#define ASYNC_MACHINE EM_X86_64

/** As switch_x86_64.S pushes it. */
struct async_context {
    uint32_t mxcsr;
    uint16_t x87_control;
    uint16_t unused;
    uint64_t r15, r14, r13, r12, rbx, rbp;
    uint64_t rip;
};

_Static_assert(sizeof(struct async_context) == 64, "the assembler's drawing");

/* clang-format off */
#define ASYNC_MACHINE_REGISTERS                                                                              \
    {                                                                                                        \
        ASYNC_SAVED(16, rip), ASYNC_STACK_POINTER(7), ASYNC_SAVED(6, rbp), ASYNC_SAVED(3, rbx),              \
        ASYNC_SAVED(12, r12), ASYNC_SAVED(13, r13), ASYNC_SAVED(14, r14), ASYNC_SAVED(15, r15),              \
    }
/* clang-format on */

/** Rounding and exception masks, with which a new stack starts. */
struct async_float_modes {
    uint32_t mxcsr;
    uint16_t x87_control;
};

static inline void async_float_modes(struct async_float_modes *modes_ret)
{
    __asm__("stmxcsr %0" : "=m"(modes_ret->mxcsr));
    __asm__("fnstcw %0" : "=m"(modes_ret->x87_control));
}

static inline void async_context_fresh(struct async_context *context_ret, uint64_t start,
                                       void (*function)(void *), void *argument,
                                       const struct async_float_modes *modes)
{
    *context_ret = (struct async_context){
        .mxcsr = modes->mxcsr,
        .x87_control = modes->x87_control,
        .r13 = (uintptr_t)argument,
        .r12 = (uintptr_t)function,
        .rip = start,
    };
}

#endif
