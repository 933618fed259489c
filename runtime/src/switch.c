/* SPDX-License-Identifier: MIT */
#include "switch.h"

void *async_context_create(void *stack_low, size_t stack_size, void (*function)(void *), void *argument,
                           const struct async_float_modes *modes)
{
    /* Above the context stay 16 zero bytes: readers that look for a caller's return address find none. */
    uintptr_t top = ((uintptr_t)stack_low + stack_size) & ~(uintptr_t)15;
    uint64_t *above = (uint64_t *)(top - 16);
    above[0] = above[1] = 0;
    struct async_context *context = (struct async_context *)above - 1;
    async_context_fresh(context, (uintptr_t)async_entry_start, function, argument, modes);
    return context;
}
