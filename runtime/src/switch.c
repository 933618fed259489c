/* SPDX-License-Identifier: MIT */
#include "switch.h"

/* As switch_x86_64.S draws it. */
struct context {
    uint32_t mxcsr;
    uint16_t x87_control;
    uint16_t unused;
    uint64_t r15, r14, r13, r12, rbx, rbp;
    uint64_t return_address;
};

_Static_assert(sizeof(struct context) == ASYNC_CONTEXT_SIZE, "the assembler's drawing");

void *async_context_create(void *stack_low, size_t stack_size, void (*function)(void *), void *argument)
{
    /* Above the context stay 16 zero bytes: readers that look for a caller's return address find none. */
    uintptr_t top = ((uintptr_t)stack_low + stack_size) & ~(uintptr_t)15;
    uint64_t *above = (uint64_t *)(top - 16);
    above[0] = above[1] = 0;
    struct context *context = (struct context *)(top - 16 - sizeof(*context));
    *context = (struct context){
        .r13 = (uint64_t)(uintptr_t)argument,
        .r12 = (uint64_t)(uintptr_t)function,
        .return_address = (uint64_t)(uintptr_t)async_entry_start,
    };
    __asm__("stmxcsr %0" : "=m"(context->mxcsr));
    __asm__("fnstcw %0" : "=m"(context->x87_control));
    return context;
}
