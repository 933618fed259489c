/* SPDX-License-Identifier: MIT */
/**
 * @file machine_aarch64.h - aarch64, little endian; see machine.h. What a call preserves: AAPCS64, 6.1.
 * Register numbers: DWARF for the Arm 64-bit Architecture, 4.1.
 */
#ifndef ASYNC_MACHINE_AARCH64_H
#define ASYNC_MACHINE_AARCH64_H

#include <stdint.h>

#define ASYNC_MACHINE EM_AARCH64

/** As switch_aarch64.S stores it. */
struct async_context {
    uint64_t x29, x30; /* a frame record, as AAPCS64 wants one */
    uint64_t x19, x20, x21, x22, x23, x24, x25, x26, x27, x28;
    uint64_t d8, d9, d10, d11, d12, d13, d14, d15;
    uint64_t fpcr;
    uint64_t unused; /* stack pointers are multiples of 16 */
};

_Static_assert(sizeof(struct async_context) == 176, "the assembler's drawing");

/* The context resumes by returning: x30 is both the pc and what x30 then still holds. */
/* clang-format off */
#define ASYNC_MACHINE_REGISTERS                                                                              \
    {                                                                                                        \
        ASYNC_SAVED(32, x30), ASYNC_STACK_POINTER(31), ASYNC_SAVED(29, x29), ASYNC_SAVED(30, x30),           \
        ASYNC_SAVED(19, x19), ASYNC_SAVED(20, x20), ASYNC_SAVED(21, x21), ASYNC_SAVED(22, x22),              \
        ASYNC_SAVED(23, x23), ASYNC_SAVED(24, x24), ASYNC_SAVED(25, x25), ASYNC_SAVED(26, x26),              \
        ASYNC_SAVED(27, x27), ASYNC_SAVED(28, x28),                                                          \
        ASYNC_SAVED(72, d8),  ASYNC_SAVED(73, d9),  ASYNC_SAVED(74, d10), ASYNC_SAVED(75, d11),              \
        ASYNC_SAVED(76, d12), ASYNC_SAVED(77, d13), ASYNC_SAVED(78, d14), ASYNC_SAVED(79, d15),              \
    }
/* clang-format on */

/** Rounding and exception bits, with which a new stack starts. */
struct async_float_modes {
    uint64_t fpcr;
};

static inline void async_float_modes(struct async_float_modes *modes_ret)
{
    __asm__ volatile("mrs %0, fpcr" : "=r"(modes_ret->fpcr));
}

/* x29 = 0 ends a walk of frames. */
static inline void async_context_fresh(struct async_context *context_ret, uint64_t start,
                                       void (*function)(void *), void *argument,
                                       const struct async_float_modes *modes)
{
    *context_ret = (struct async_context){
        .x30 = start,
        .x19 = (uintptr_t)function,
        .x20 = (uintptr_t)argument,
        .fpcr = modes->fpcr,
    };
}

#endif
