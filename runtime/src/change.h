/* SPDX-License-Identifier: MIT */
/**
 * @file change.h - stores in an order that holds at every instruction, for whoever stops or reads the
 * process from outside. They cost what plain stores cost: on x86-64 the fences are for the compiler.
 */
#ifndef ASYNC_CHANGE_H
#define ASYNC_CHANGE_H

#include <stdint.h>

#include "sanitizer.h"

/** One store, after every store before it and before every store after it. */
#ifdef ASYNC_SANITIZE_THREAD
/* It knows no fences; and those who read from outside are no threads that it watches. */
#define async_publish(place, value) __atomic_store_n((place), (value), __ATOMIC_RELEASE)
#else
#define async_publish(place, value)                                                                          \
    do {                                                                                                     \
        __atomic_thread_fence(__ATOMIC_RELEASE);                                                             \
        __atomic_store_n((place), (value), __ATOMIC_RELAXED);                                                \
        __atomic_thread_fence(__ATOMIC_RELEASE);                                                             \
    } while (0)
#endif

/** A counter that is odd while lists and counters may disagree. Changes nest. */
struct async_changes {
    uint64_t count;
    uint32_t depth;
};

static inline void async_change_begin(struct async_changes *changes)
{
    if (changes->depth++ == 0)
        async_publish(&changes->count, changes->count + 1);
}

static inline void async_change_end(struct async_changes *changes)
{
    if (--changes->depth == 0)
        async_publish(&changes->count, changes->count + 1);
}

#endif
