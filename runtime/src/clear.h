/* SPDX-License-Identifier: MIT */
/**
 * @file clear.h - zeroing a record. Compilers take the string instruction for a memset of this size,
 * which needs longer to begin than the stores take.
 */
#ifndef ASYNC_CLEAR_H
#define ASYNC_CLEAR_H

#include <stddef.h>
#include <string.h>

#define ASYNC_CLEAR_UNIT 64

/** `size` is a multiple of the unit. */
static inline void async_clear(void *memory, size_t size)
{
    for (char *at = memory, *end = at + size; at < end; at += ASYNC_CLEAR_UNIT) {
        memset(at, 0, ASYNC_CLEAR_UNIT);
        __asm__ volatile("" ::: "memory"); /* or they would be one memset again */
    }
}

#endif
