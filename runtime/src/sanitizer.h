/* SPDX-License-Identifier: MIT */
/**
 * @file sanitizer.h - telling AddressSanitizer and valgrind about stacks. Empty in a plain build (valgrind's
 * requests are a few instructions without effect outside valgrind).
 */
#ifndef ASYNC_SANITIZER_H
#define ASYNC_SANITIZER_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASYNC_SANITIZE_ADDRESS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASYNC_SANITIZE_ADDRESS 1
#endif
#endif

#ifdef ASYNC_SANITIZE_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define ASYNC_VALGRIND 1
#endif
#endif

/** Before a switch to the stack [low, low + size). `fake_ret` keeps what async_fiber_arrive needs when
 *  this stack continues; NULL: it never will. */
static inline void async_fiber_leave(void **fake_ret, const void *low, size_t size)
{
#ifdef ASYNC_SANITIZE_ADDRESS
    __sanitizer_start_switch_fiber(fake_ret, low, size);
#else
    (void)fake_ret, (void)low, (void)size;
#endif
}

/** After the switch, on the stack that continues. The last two (may be NULL) get the bounds of the stack
 *  that was left; untouched without a sanitizer. */
static inline void async_fiber_arrive(void *fake, const void **left_low_ret, size_t *left_size_ret)
{
#ifdef ASYNC_SANITIZE_ADDRESS
    __sanitizer_finish_switch_fiber(fake, left_low_ret, left_size_ret);
#else
    (void)fake, (void)left_low_ret, (void)left_size_ret;
#endif
}

/** Memory becomes a stack; returns a handle for async_stack_unregister. */
static inline unsigned async_stack_register(const char *low, size_t size)
{
#ifdef ASYNC_VALGRIND
    return VALGRIND_STACK_REGISTER(low, low + size);
#else
    (void)low, (void)size;
    return 0;
#endif
}

static inline void async_stack_unregister(unsigned handle)
{
#ifdef ASYNC_VALGRIND
    VALGRIND_STACK_DEREGISTER(handle);
#else
    (void)handle;
#endif
}

/** A stack's frames are gone though they never returned: forget the poison between their variables. */
static inline void async_stack_forget(const char *low, size_t size)
{
#ifdef ASYNC_SANITIZE_ADDRESS
    __asan_unpoison_memory_region(low, size);
#else
    (void)low, (void)size;
#endif
}

#endif
