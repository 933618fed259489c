/* SPDX-License-Identifier: MIT */
/**
 * @file timer.h - a worker's sleepers in a binary heap, over one libuv timer for the earliest of them. So
 * a sleep needs no handle of its own, whose closing would take a turn of the loop.
 */
#ifndef ASYNC_TIMER_H
#define ASYNC_TIMER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "future.h"

/** Lives on the sleeper's stack; future.deadline is when it is due. */
struct async_timer {
    struct async_future future;
    uint64_t sequence; /**< first come, first served among equal deadlines */
};

struct async_timers {
    struct async_timer **heap; /**< heap[0] is the earliest */
    uint32_t count;
    uint32_t capacity;
    uint64_t next; /**< deadline of the earliest, 0: none */
    uint64_t sequence;
    uv_timer_t uv;
};

int async_timers_init(struct async_timers *timers, uv_loop_t *loop);

/** After the loop has closed the libuv timer. */
void async_timers_deinit(struct async_timers *timers);

#endif
