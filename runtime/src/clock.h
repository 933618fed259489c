/* SPDX-License-Identifier: MIT */
/**
 * @file clock.h - the times that records carry, in nanoseconds.
 */
#ifndef ASYNC_CLOCK_H
#define ASYNC_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t async_clock_read(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/**
 * CLOCK_MONOTONIC for "since when": up to a kernel tick (1 to 10 ms) late, and cheap enough for every
 * switch, since it does not read the hardware's counter.
 */
static inline uint64_t async_clock_coarse(void)
{
    return async_clock_read(CLOCK_MONOTONIC_COARSE);
}

/** CLOCK_MONOTONIC, exact. */
static inline uint64_t async_clock_exact(void)
{
    return async_clock_read(CLOCK_MONOTONIC);
}

/** The exact time in so many milliseconds; what lies beyond all time is the last moment. */
static inline uint64_t async_clock_after(uint64_t milliseconds)
{
    uint64_t delay, then;
    if (__builtin_mul_overflow(milliseconds, (uint64_t)1000000, &delay) ||
        __builtin_add_overflow(async_clock_exact(), delay, &then))
        return UINT64_MAX;
    return then;
}

#endif
