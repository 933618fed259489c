/* SPDX-License-Identifier: MIT */
/**
 * @file lock.h - short exclusion between workers. With one worker there is nobody to exclude, and a lock
 * costs a test; nobody waits in one longer than it takes to change a few pointers.
 *
 * Order, outer first: a channel's or any future's lock; the future of a select or gather; a registry's; the
 * process's. Of two that stand at the same place only a select holds both, and takes them in the order of their
 * addresses. Only worker threads take locks: whoever else has something to say posts mail (worker.h).
 */
#ifndef ASYNC_LOCK_H
#define ASYNC_LOCK_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

/** There is more than one worker. Set before the second starts, cleared after it has ended. */
extern bool async_parallel;

struct async_lock {
    uint32_t taken;
};

#define ASYNC_LOCK_SPINS 100 /* then the holder is probably not on a CPU: let it have this one */

static inline void async_lock(struct async_lock *lock)
{
    if (!async_parallel)
        return;
    for (uint32_t spin = 0; __atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE); spin++) {
        if (spin >= ASYNC_LOCK_SPINS)
            sched_yield();
    }
}

static inline void async_unlock(struct async_lock *lock)
{
    if (async_parallel)
        __atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

/** Adds to a counter that several workers write; returns what it was. */
static inline uint64_t async_count_up(uint64_t *counter)
{
    if (async_parallel)
        return __atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
    uint64_t before = *counter;
    __atomic_store_n(counter, before + 1, __ATOMIC_RELAXED);
    return before;
}

static inline void async_count_down(uint64_t *counter)
{
    if (async_parallel)
        __atomic_fetch_sub(counter, 1, __ATOMIC_SEQ_CST);
    else
        __atomic_store_n(counter, *counter - 1, __ATOMIC_RELAXED);
}

#endif
