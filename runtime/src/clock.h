/* SPDX-License-Identifier: MIT */
/**
 * @file clock.h - the times that records carry, in nanoseconds.
 */
#ifndef ASYNC_CLOCK_H
#define ASYNC_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/** What time it is while time is virtual (virtual_time.h); 0: it is not. */
extern uint64_t async_virtual_now __attribute__((visibility("hidden")));

static inline uint64_t async_clock_virtual(void)
{
    return (uint64_t)__builtin_expect((long)__atomic_load_n(&async_virtual_now, __ATOMIC_RELAXED), 0);
}

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
    uint64_t now = async_clock_virtual();
    return now ? now : async_clock_read(CLOCK_MONOTONIC_COARSE);
}

/** A counter of the processor's that only grows: to tell, for less than a clock costs, that it was read just
 *  before. Its pace does not matter. */
static inline uint64_t async_clock_count(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t count;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
#endif
}

/** For so much of it a reading is as good as a new one: under a millisecond at any pace in use, where the
 *  coarse clock is up to ten late. */
#if defined(__aarch64__)
#define ASYNC_CLOCK_FRESH (UINT64_C(1) << 12)
#else
#define ASYNC_CLOCK_FRESH (UINT64_C(1) << 20)
#endif

/** CLOCK_MONOTONIC, exact. */
static inline uint64_t async_clock_exact(void)
{
    uint64_t now = async_clock_virtual();
    return now ? now : async_clock_read(CLOCK_MONOTONIC);
}

/** The same when time is virtual too: for how long something takes. */
static inline uint64_t async_clock_real(void)
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
