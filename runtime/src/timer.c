/* SPDX-License-Identifier: MIT */
#include "timer.h"

#include <stdbool.h>
#include <stdlib.h>

#include "clock.h"
#include "worker.h"

/* ---- The heap ------------------------------------------------------------------------------------ */

static bool earlier(const struct async_timer *a, const struct async_timer *b)
{
    if (a->deadline != b->deadline)
        return a->deadline < b->deadline;
    return a->sequence < b->sequence;
}

static bool make_room(struct async_timers *timers)
{
    if (timers->count + 1 < timers->capacity)
        return true;
    uint32_t capacity = timers->capacity ? timers->capacity * 2 : 64;
    struct async_timer **heap = realloc(timers->heap, capacity * sizeof(struct async_timer *));
    if (!heap)
        return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

static void put(struct async_timers *timers, uint32_t place, struct async_timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct async_timers *timers, uint32_t place, struct async_timer *timer)
{
    for (uint32_t up; (up = place / 2) && earlier(timer, timers->heap[up]); place = up)
        put(timers, place, timers->heap[up]);
    put(timers, place, timer);
}

static void sift_down(struct async_timers *timers, uint32_t place, struct async_timer *timer)
{
    for (uint32_t down; (down = 2 * place) <= timers->count; place = down) {
        if (down < timers->count && earlier(timers->heap[down + 1], timers->heap[down]))
            down++;
        if (!earlier(timers->heap[down], timer))
            break;
        put(timers, place, timers->heap[down]);
    }
    put(timers, place, timer);
}

static void take_out(struct async_timers *timers, struct async_timer *timer)
{
    uint32_t place = timer->place;
    struct async_timer *last = timers->heap[timers->count--];
    timer->place = 0;
    if (last == timer)
        return;
    if (place > 1 && earlier(last, timers->heap[place / 2]))
        sift_up(timers, place, last);
    else
        sift_down(timers, place, last);
}

/* ---- The libuv timer under it ---------------------------------------------------------------------- */

static void on_timer(uv_timer_t *uv);

/* Sets the libuv timer for the earliest. It counts in milliseconds: rounded up, never too early. */
static void arm(struct async_timers *timers)
{
    timers->next = timers->count ? timers->heap[1]->deadline : 0;
    if (async_clock_virtual())
        return;
    if (!timers->count) {
        uv_timer_stop(&timers->uv);
        return;
    }
    uv_update_time(timers->uv.loop);
    uint64_t now = async_clock_exact();
    uint64_t left = timers->next > now ? timers->next - now : 0;
    uv_timer_start(&timers->uv, on_timer, left / 1000000 + (left % 1000000 != 0), 0);
}

void async_timers_expire(struct async_timers *timers)
{
    struct async_worker *worker = async_worker_self();
    uint64_t now = async_clock_exact();
    async_change_begin(&worker->changes);
    while (timers->count && timers->heap[1]->deadline <= now) {
        struct async_timer *timer = timers->heap[1];
        take_out(timers, timer);
        timer->expired(timer);
    }
    arm(timers);
    async_change_end(&worker->changes);
}

static void on_timer(uv_timer_t *uv)
{
    async_timers_expire(uv->data);
}

int async_timers_init(struct async_timers *timers, uv_loop_t *loop)
{
    *timers = (struct async_timers){0};
    timers->uv.data = timers;
    return uv_timer_init(loop, &timers->uv);
}

void async_timers_deinit(struct async_timers *timers)
{
    free(timers->heap);
    timers->heap = NULL;
    timers->count = timers->capacity = 0;
}

int async_timer_start(struct async_timers *timers, struct async_timer *timer, uint64_t deadline)
{
    if (!make_room(timers))
        return UV_ENOMEM;
    timer->deadline = deadline;
    timer->sequence = timers->sequence++;
    timers->count++;
    sift_up(timers, timers->count, timer);
    if (timer->place == 1)
        arm(timers);
    return 0;
}

/* The libuv timer is left as it is: at worst it turns the loop once for nothing. */
void async_timer_stop(struct async_timers *timers, struct async_timer *timer)
{
    if (!timer->place)
        return;
    take_out(timers, timer);
    timers->next = timers->count ? timers->heap[1]->deadline : 0;
}

void async_timers_forget(struct async_timers *timers, const char *low, size_t size)
{
    uint32_t kept = 0;
    for (uint32_t place = 1; place <= timers->count; place++) {
        const char *timer = (const char *)timers->heap[place];
        if (timer < low || timer >= low + size)
            timers->heap[++kept] = timers->heap[place];
    }
    timers->count = kept;
    for (uint32_t place = kept; place > 0; place--)
        sift_down(timers, place, timers->heap[place]);
    timers->next = kept ? timers->heap[1]->deadline : 0;
}
