/* SPDX-License-Identifier: MIT */
/**
 * @file sanitizer.h - telling AddressSanitizer, ThreadSanitizer and valgrind about stacks. Empty in a plain
 * build (valgrind's requests are a few instructions without effect outside valgrind).
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

#if defined(__SANITIZE_THREAD__)
#define ASYNC_SANITIZE_THREAD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ASYNC_SANITIZE_THREAD 1
#endif
#endif

#ifdef ASYNC_SANITIZE_THREAD
#include <pthread.h>
#include <sanitizer/tsan_interface.h>
#include <signal.h>
#endif

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define ASYNC_VALGRIND 1
#endif
#endif

/** What a sanitizer must know of a stack that is switched to. */
struct async_fiber {
    const void *low; /**< of a worker's own stack: known only under AddressSanitizer */
    size_t size;
    void *thread; /**< ThreadSanitizer's fiber, or NULL */
};

#ifdef ASYNC_SANITIZE_ADDRESS
#include <pthread.h>

/* The bounds of the calling thread's own stack. */
static inline void async_fiber_find_bounds(struct async_fiber *fiber)
{
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    pthread_attr_getstack(&attributes, (void **)&fiber->low, &fiber->size);
    pthread_attr_destroy(&attributes);
}
#endif

/** A fiber for a stack; `thread` is the calling thread's own when low is NULL. */
static inline struct async_fiber async_fiber_create(const char *low, size_t size)
{
    struct async_fiber fiber = {.low = low, .size = size};
#ifdef ASYNC_SANITIZE_ADDRESS
    if (!low)
        async_fiber_find_bounds(&fiber);
#endif
#ifdef ASYNC_SANITIZE_THREAD
    fiber.thread = low ? __tsan_create_fiber(0) : __tsan_get_current_fiber();
#endif
    return fiber;
}

/** Of a stack that nothing runs on. */
static inline void async_fiber_destroy(const struct async_fiber *fiber)
{
#ifdef ASYNC_SANITIZE_THREAD
    __tsan_destroy_fiber(fiber->thread);
#else
    (void)fiber;
#endif
}

#ifdef ASYNC_SANITIZE_THREAD
/* ThreadSanitizer holds a signal back until the fiber it came upon calls the C library: never, if that fiber
 * waits for what the signal brings (SIGCHLD for a task that awaits a child). So none comes between that call,
 * which lets those that are held back through, and the switch. */
static _Thread_local sigset_t async_fiber_signals;

static inline void async_fiber_hold_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &async_fiber_signals);
}
#endif

/* Both inlined in any build: ThreadSanitizer counts calls by fiber, and would miss the return of one that
 * changes it. */
#define ASYNC_FIBER_INLINE static inline __attribute__((always_inline))

/** Before a switch. `fake_ret` keeps what async_fiber_arrive needs when this stack continues; NULL: it never
 *  will. */
ASYNC_FIBER_INLINE void async_fiber_leave(void **fake_ret, const struct async_fiber *to)
{
#ifdef ASYNC_SANITIZE_ADDRESS
    __sanitizer_start_switch_fiber(fake_ret, to->low, to->size);
#endif
#ifdef ASYNC_SANITIZE_THREAD
    async_fiber_hold_signals();
    __tsan_switch_to_fiber(to->thread, 0);
#endif
    (void)fake_ret, (void)to;
}

/** After the switch, on the stack that continues. */
ASYNC_FIBER_INLINE void async_fiber_arrive(void *fake)
{
#ifdef ASYNC_SANITIZE_ADDRESS
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
#ifdef ASYNC_SANITIZE_THREAD
    pthread_sigmask(SIG_SETMASK, &async_fiber_signals, NULL);
#endif
    (void)fake;
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
