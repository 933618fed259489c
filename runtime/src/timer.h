/* SPDX-License-Identifier: MIT */
/**
 * @file timer.h - what a worker is to do at given times, in a binary heap over one libuv timer for the
 * earliest of them. So a sleep needs no handle of its own, whose closing would take a turn of the loop.
 */
#ifndef ASYNC_TIMER_H
#define ASYNC_TIMER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/** One entry. Its worker's thread alone touches it. */
struct async_timer {
    uint64_t deadline;
    uint64_t sequence; /**< first come, first served among equal deadlines */
    uint32_t place;    /**< in the heap, counted from 1; 0: not there */
    void (*expired)(struct async_timer *timer);
};

struct async_timers {
    struct async_timer **heap; /**< heap[1] is the earliest */
    uint32_t count;
    uint32_t capacity;
    uint64_t next; /**< deadline of the earliest, 0: none */
    uint64_t sequence;
    uv_timer_t uv;
};

int async_timers_init(struct async_timers *timers, uv_loop_t *loop);

/** After the loop has closed the libuv timer. */
void async_timers_deinit(struct async_timers *timers);

/** Calls those that are due. */
void async_timers_expire(struct async_timers *timers);

/** Enters a timer whose `expired` is set: called once, on the worker's thread, not before the deadline. The
 *  timer is out of the heap then. UV_ENOMEM. */
int async_timer_start(struct async_timers *timers, struct async_timer *timer, uint64_t deadline);

/** Takes it out, if it is still there. */
void async_timer_stop(struct async_timers *timers, struct async_timer *timer);

/** Takes out all that lie in a piece of memory whose content is gone. */
void async_timers_forget(struct async_timers *timers, const char *low, size_t size);

#endif
