/* SPDX-License-Identifier: MIT */
/**
 * @file schedule.h - schedules drawn from a seed, for tests: which of the ready tasks runs next, and where
 * calls that need not wait let others run all the same. The same seed gives the same schedule, as long as
 * everything else does the same too; so on one worker only.
 *
 * Behind async_modes(), which is tested at every switch anyway: off, it costs nothing.
 */
#ifndef ASYNC_SCHEDULE_H
#define ASYNC_SCHEDULE_H

#include <stdint.h>

#include "diagnose.h"

/** The runtime's own bit of process.debug_flags. */
#define ASYNC_MODE_SEEDED (1u << 17)

/** Around async_run. Seed 0: first come, first served. */
void async_schedule_begin(uint64_t seed);
void async_schedule_end(void);

/** From the schedule's generator: 0 <= the result < bound. */
uint64_t async_schedule_draw(uint64_t bound);

/** Puts one of the ready tasks first in the run queue, which is not empty. */
void async_schedule_choose(struct async_worker *worker);

void async_schedule_point_slow(void);

/** In a task, at the beginning of a call that may wait: perhaps a yield. */
static inline void async_schedule_point(void)
{
    if (async_modes() & ASYNC_MODE_SEEDED)
        async_schedule_point_slow();
}

#endif
