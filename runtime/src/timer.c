/* SPDX-License-Identifier: MIT */
#include "timer.h"

#include <stdbool.h>
#include <stdlib.h>

#include "async.h"
#include "clock.h"
#include "worker.h"

/* ---- The heap ------------------------------------------------------------------------------------ */

static bool earlier(const struct async_timer *a, const struct async_timer *b)
{
    if (a->future.deadline != b->future.deadline)
        return a->future.deadline < b->future.deadline;
    return a->sequence < b->sequence;
}

static bool make_room(struct async_timers *timers)
{
    if (timers->count < timers->capacity)
        return true;
    uint32_t capacity = timers->capacity ? timers->capacity * 2 : 64;
    struct async_timer **heap = realloc(timers->heap, capacity * sizeof(struct async_timer *));
    if (!heap)
        return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

static void insert(struct async_timers *timers, struct async_timer *timer)
{
    uint32_t at = timers->count++;
    for (uint32_t up; at > 0 && earlier(timer, timers->heap[up = (at - 1) / 2]); at = up)
        timers->heap[at] = timers->heap[up];
    timers->heap[at] = timer;
}

static struct async_timer *remove_first(struct async_timers *timers)
{
    struct async_timer *first = timers->heap[0], *last = timers->heap[--timers->count];
    uint32_t at = 0;
    for (uint32_t down; (down = 2 * at + 1) < timers->count; at = down) {
        if (down + 1 < timers->count && earlier(timers->heap[down + 1], timers->heap[down]))
            down++;
        if (!earlier(timers->heap[down], last))
            break;
        timers->heap[at] = timers->heap[down];
    }
    timers->heap[at] = last;
    return first;
}

/* ---- The libuv timer under it ---------------------------------------------------------------------- */

static void on_timer(uv_timer_t *uv);

/* Sets the libuv timer for the earliest sleeper. It counts in milliseconds: rounded up, never too early. */
static void arm(struct async_timers *timers)
{
    timers->next = timers->count ? timers->heap[0]->future.deadline : 0;
    if (!timers->count) {
        uv_timer_stop(&timers->uv);
        return;
    }
    uv_update_time(timers->uv.loop);
    uint64_t now = async_clock_exact();
    uint64_t left = timers->next > now ? timers->next - now : 0;
    uv_timer_start(&timers->uv, on_timer, left / 1000000 + (left % 1000000 != 0), 0);
}

static void on_timer(uv_timer_t *uv)
{
    struct async_timers *timers = uv->data;
    struct async_worker *worker = async_worker_self();
    uint64_t now = async_clock_exact();
    async_change_begin(&worker->changes);
    while (timers->count && timers->heap[0]->future.deadline <= now)
        async_future_wake(&remove_first(timers)->future, 0);
    arm(timers);
    async_change_end(&worker->changes);
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

/* ---- Sleep ----------------------------------------------------------------------------------------- */

int async_sleep(uint64_t milliseconds)
{
    struct async_task *task = async_self();
    if (!task)
        return UV_EINVAL;
    struct async_timers *timers = &task->worker->timers;
    if (!make_room(timers))
        return UV_ENOMEM;
    struct async_timer timer = {.sequence = timers->sequence++};
    async_future_init(&timer.future, ASYNC_FUTURE_TIMER, ASYNC_FUTURE_PENDING, NULL);
    uint64_t delay;
    if (__builtin_mul_overflow(milliseconds, (uint64_t)1000000, &delay) ||
        __builtin_add_overflow(async_clock_exact(), delay, &timer.future.deadline))
        timer.future.deadline = UINT64_MAX;
    insert(timers, &timer);
    if (timers->heap[0] == &timer)
        arm(timers);
    return (int)async_future_await(&timer.future, NULL);
}
