/* SPDX-License-Identifier: MIT */
#include "virtual_time.h"

#include <uv.h>

#include "clock.h"
#include "task.h"
#include "timer.h"
#include "worker.h"

#define PATIENCE_MS 10
#define BEGINNING UINT64_C(3600000000000) /* an hour: the same in each run, and nothing is before it */

uint64_t async_virtual_now;

static uint32_t patience_ms;

void async_virtual_time_begin(const struct async_options *options)
{
    if (!options->virtual_time)
        return;
    patience_ms = options->virtual_patience_ms ? options->virtual_patience_ms : PATIENCE_MS;
    __atomic_store_n(&async_virtual_now, BEGINNING, __ATOMIC_RELAXED);
}

void async_virtual_time_end(void)
{
    __atomic_store_n(&async_virtual_now, 0, __ATOMIC_RELAXED);
}

/* ---- What holds the clock ------------------------------------------------------------------------ */

enum hold {
    HOLDS_NOT,
    HOLDS_A_WHILE,
    HOLDS,
};

static enum hold hold_of(const struct async_future *future)
{
    if (!future)
        return HOLDS_NOT;
    switch (future->kind) {
    case ASYNC_FUTURE_WORK:
    case ASYNC_FUTURE_DNS:
    case ASYNC_FUTURE_FILE:
    case ASYNC_FUTURE_CLOSE:
    case ASYNC_FUTURE_PROCESS:
        return HOLDS;
    case ASYNC_FUTURE_READ:
    case ASYNC_FUTURE_WRITE:
    case ASYNC_FUTURE_ACCEPT:
    case ASYNC_FUTURE_CONNECT:
    case ASYNC_FUTURE_RECEIVE:
    case ASYNC_FUTURE_SEND:
    case ASYNC_FUTURE_SIGNAL:
        return HOLDS_A_WHILE;
    default:
        return HOLDS_NOT;
    }
}

static enum hold find_hold(const struct async_worker *worker)
{
    enum hold most = HOLDS_NOT;
    if (!uv_loop_alive(&worker->loop))
        return HOLDS_NOT; /* there is nothing that could be waited for */
    for (const struct async_task *task = worker->registry.tasks; task && most < HOLDS; task = task->next) {
        enum hold hold = hold_of(task->awaits);
        most = hold > most ? hold : most;
    }
    return most;
}

/* ---- Turns --------------------------------------------------------------------------------------- */

static void jump(struct async_worker *worker, uint64_t to)
{
    if (to > async_virtual_now)
        __atomic_store_n(&async_virtual_now, to, __ATOMIC_RELAXED);
    worker->now = async_virtual_now;
    async_timers_expire(&worker->timers);
}

static void on_patience_over(uv_timer_t *uv)
{
    (void)uv;
}

/* The libuv timer has no other use in virtual time. False: nothing came. */
static bool wait_a_while(struct async_worker *worker)
{
    uv_timer_t *timer = &worker->timers.uv;
    uv_update_time(&worker->loop);
    uv_timer_start(timer, on_patience_over, patience_ms, 0);
    uv_run(&worker->loop, UV_RUN_ONCE);
    bool over = !uv_is_active((uv_handle_t *)timer);
    uv_timer_stop(timer);
    return !over || worker->ready;
}

/* From other threads, which may come at any time. */
static void wait_for_word(struct async_worker *worker)
{
    uv_ref((uv_handle_t *)&worker->alarm);
    uv_run(&worker->loop, UV_RUN_ONCE);
    uv_unref((uv_handle_t *)&worker->alarm);
}

static bool left_word(const struct async_worker *worker)
{
    return __atomic_load_n(&worker->inbox, __ATOMIC_RELAXED) ||
           __atomic_load_n(&worker->mail, __ATOMIC_RELAXED);
}

void async_virtual_time_turn(struct async_worker *worker)
{
    uv_unref((uv_handle_t *)&worker->alarm);
    if (worker->timers.count && worker->timers.next <= async_virtual_now)
        jump(worker, 0);
    if (uv_loop_alive(&worker->loop))
        uv_run(&worker->loop, UV_RUN_NOWAIT);
    if (worker->ready || left_word(worker))
        return;
    enum hold hold = find_hold(worker);
    if (!worker->timers.count || hold == HOLDS || (hold == HOLDS_A_WHILE && patience_ms == UINT32_MAX))
        wait_for_word(worker);
    else if (hold == HOLDS_NOT || !wait_a_while(worker))
        jump(worker, worker->timers.next);
}
