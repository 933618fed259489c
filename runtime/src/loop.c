/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "diagnose.h"
#include "handle.h"
#include "overflow.h"
#include "process.h"
#include "virtual_time.h"

#define TICK_MS 1000
#define GUARDS 8192       /* 16,384 mappings, a quarter of what the kernel allows a process */
#define STEPS_IN_TURN 256 /* tasks that run before the next look at sockets and timers */

/* ---- Open -------------------------------------------------------------------------------------- */

/* Just before the poll. A timer's callback may have made tasks ready in this same turn: do not wait then. */
static void on_before(uv_prepare_t *uv)
{
    struct async_worker *worker = uv->data;
    if (worker->ready_count || !async_worker_fall_asleep(worker))
        uv_stop(&worker->loop);
    async_publish(&worker->state, ASYNC_WORKER_POLLING);
}

static void on_after(uv_check_t *uv)
{
    struct async_worker *worker = uv->data;
    async_publish(&worker->state, ASYNC_WORKER_LOOP);
}

/* That the loop turns is all it is for. */
static void on_tick(uv_timer_t *uv)
{
    (void)uv;
}

static void start_handles(struct async_worker *worker, uint64_t tick_ms)
{
    uv_loop_t *loop = &worker->loop;
    async_timers_init(&worker->timers, loop);
    uv_prepare_init(loop, &worker->before);
    uv_check_init(loop, &worker->after);
    uv_timer_init(loop, &worker->tick);
    worker->before.data = worker->after.data = worker;
    uv_prepare_start(&worker->before, on_before);
    uv_check_start(&worker->after, on_after);
    if (tick_ms)
        uv_timer_start(&worker->tick, on_tick, tick_ms, tick_ms);
    uv_unref((uv_handle_t *)&worker->before);
    uv_unref((uv_handle_t *)&worker->after);
    uv_unref((uv_handle_t *)&worker->tick);
}

static int open_loop(struct async_worker *worker, uint64_t tick_ms)
{
    int error = uv_loop_init(&worker->loop);
    if (error)
        return error;
    error = uv_async_init(&worker->loop, &worker->alarm, NULL);
    if (error) {
        uv_loop_close(&worker->loop);
        return error;
    }
    start_handles(worker, tick_ms);
    return 0;
}

static uint32_t choose(uint32_t given, uint32_t usual)
{
    return given == UINT32_MAX ? 0 : given ? given : usual;
}

int async_worker_create(struct async_worker **worker_ret, uint32_t id, const struct async_options *options)
{
    struct async_worker *worker = calloc(1, sizeof(*worker));
    uint32_t tick_ms = choose(options->tick_interval_ms, TICK_MS);
    int error = worker ? open_loop(worker, tick_ms) : UV_ENOMEM;
    if (error) {
        free(worker);
        return error;
    }
    worker->id = id;
    worker->state = ASYNC_WORKER_LOOP;
    snprintf(worker->name, sizeof(worker->name), "worker %u", id);
    worker->registry.tasks_last = &worker->registry.tasks;
    worker->ready_last = &worker->ready;
    async_stacks_init(&worker->registry.stacks, options->stack_size,
                      choose(options->guard_pages, GUARDS) / (options->workers ? options->workers : 1));
    async_process.tick_interval = tick_ms * UINT64_C(1000000);
    worker->magic = ASYNC_WORKER_MAGIC;
    *worker_ret = worker;
    return 0;
}

/* ---- Run --------------------------------------------------------------------------------------- */

static void note_time(struct async_worker *worker)
{
    worker->ticks++;
    async_worker_read_clock(worker);
    worker->last_tick = async_clock_exact();
    worker->last_tick_real = async_clock_read(CLOCK_REALTIME);
    if (async_modes())
        async_diagnose_turn(worker);
}

static void run_tasks(struct async_worker *worker)
{
    worker->steps_left = STEPS_IN_TURN;
    while (worker->ready && worker->steps_left) {
        struct async_task *task = async_worker_resume(worker);
        if (async_task_ended(task))
            async_task_end(task);
    }
}

static void alarm_others(const struct async_worker *worker)
{
    struct async_worker *other;
    for (uint32_t i = 0; (other = async_process_worker(i)); i++) {
        if (other != worker)
            async_worker_alarm(other);
    }
}

void async_worker_run(struct async_worker *worker)
{
    for (;;) {
        async_worker_receive(worker);
        note_time(worker);
        run_tasks(worker);
        if (async_process_is_done())
            break;
        if (async_clock_virtual())
            async_virtual_time_turn(worker);
        else
            uv_run(&worker->loop, worker->ready ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
    alarm_others(worker);
}

/* ---- Threads ----------------------------------------------------------------------------------- */

void async_worker_enter(struct async_worker *worker)
{
    worker->thread = gettid();
    worker->fiber = async_fiber_create(NULL, 0);
    async_worker_set_self(worker);
}

struct start {
    struct async_worker *worker;
    pthread_mutex_t *gate;
};

static void *thread_main(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    pthread_setname_np(pthread_self(), start.worker->name);
    async_worker_enter(start.worker);
    pthread_mutex_lock(start.gate);
    pthread_mutex_unlock(start.gate);
    async_overflow_enter(start.worker);
    async_worker_run(start.worker);
    async_overflow_leave(start.worker);
    async_worker_set_self(NULL);
    return NULL;
}

int async_worker_start(struct async_worker *worker, pthread_mutex_t *gate)
{
    struct start *start = malloc(sizeof(*start));
    if (!start)
        return UV_ENOMEM;
    *start = (struct start){worker, gate};
    int error = pthread_create(&worker->pthread, NULL, thread_main, start);
    if (error)
        free(start);
    return -error;
}

void async_worker_join(struct async_worker *worker)
{
    pthread_join(worker->pthread, NULL);
}

/* ---- Close ------------------------------------------------------------------------------------- */

void async_worker_close(struct async_worker *worker)
{
    async_handles_drop_all(worker);
    uv_close((uv_handle_t *)&worker->alarm, NULL);
    uv_close((uv_handle_t *)&worker->tick, NULL);
    uv_close((uv_handle_t *)&worker->before, NULL);
    uv_close((uv_handle_t *)&worker->after, NULL);
    uv_close((uv_handle_t *)&worker->timers.uv, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    int error = uv_loop_close(&worker->loop);
    if (error) {
        fprintf(stderr, "libasyncrt: the event loop did not close: %s\n", uv_strerror(error));
        abort();
    }
}

void async_worker_destroy(struct async_worker *worker)
{
    async_timers_deinit(&worker->timers);
    async_slabs_deinit(&worker->registry.slabs);
    async_stacks_deinit(&worker->registry.stacks);
    worker->magic = ASYNC_DEAD_MAGIC;
    free(worker);
}
