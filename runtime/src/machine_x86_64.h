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

/* The new stack starts with its creator's rounding and exception masks. */
static inline struct async_context async_context_fresh(uint64_t start, void (*function)(void *),
                                                       void *argument)
{
    struct async_context context = {
        .r13 = (uintptr_t)argument,
        .r12 = (uintptr_t)function,
        .rip = start,
    };
    __asm__("stmxcsr %0" : "=m"(context.mxcsr));
    __asm__("fnstcw %0" : "=m"(context.x87_control));
    return context;
}

#endif
