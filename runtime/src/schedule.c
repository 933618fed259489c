/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include "change.h"
#include "worker.h"

#define YIELDS_ONE_IN 4

static uint64_t state;

void async_schedule_begin(uint64_t seed)
{
    state = seed;
    async_mode_set(ASYNC_MODE_SEEDED, seed);
}

void async_schedule_end(void)
{
    async_mode_set(ASYNC_MODE_SEEDED, false);
}

/* SplitMix64: any seed will do. Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014. */
static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t async_schedule_draw(uint64_t bound)
{
    return (uint64_t)((unsigned __int128)next() * bound >> 64);
}

void async_schedule_choose(struct async_worker *worker)
{
    struct async_task **link = &worker->ready;
    for (uint64_t skip = async_schedule_draw(worker->ready_count); skip > 0; skip--)
        link = &(*link)->ready_next;
    struct async_task *chosen = *link;
    if (chosen == worker->ready)
        return;
    async_change_begin(&worker->changes);
    async_publish(link, chosen->ready_next);
    if (!chosen->ready_next)
        worker->ready_last = link;
    chosen->ready_next = worker->ready;
    async_publish(&worker->ready, chosen);
    async_change_end(&worker->changes);
}

void async_schedule_point_slow(void)
{
    if (async_self() && async_schedule_draw(YIELDS_ONE_IN) == 0)
        (async_yield)();
}
