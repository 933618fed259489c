/* SPDX-License-Identifier: MIT */
/*
 * spawn, plain callbacks in a bare list: what a program without tasks does instead. Arguments: how many are
 * queued before they are awaited; "malloc" or "pool", where records come from.
 *
 * A callback is a record: a function, its argument, a link. It is linked and unlinked with the same stores as
 * libasyncrt's run queue, counted, marked as changing, and run by a loop that looks at libuv's loop after as
 * many steps; there is no clock, no state and no word for who reads it from outside: for those see spawn_queue.c.
 * Callbacks count down what is awaited, and the last one queues the one who waits.
 */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "change.h"
#include "contest.h"

#define STEPS_IN_TURN 256 /* as runtime/src/loop.c */

struct callback {
    struct callback *next;
    void (*run)(void *argument);
    void *argument;
};

struct queue {
    struct callback *first;
    struct callback **last;
    uint32_t count;
    struct async_changes changes;
    bool pooled;
    struct callback *free;
};

/* One spawner: queues `batch` callbacks, and goes on when the last of them has run. */
struct spawner {
    struct queue queue;
    uint64_t batch;
    uint64_t running;
    uint64_t count; /**< to be queued until the answer is due */
    uint64_t begun;
    bool done;
};

static struct callback *take_record(struct queue *queue)
{
    struct callback *callback = queue->free;
    if (callback)
        queue->free = callback->next;
    else
        callback = malloc(sizeof(*callback));
    contest_require(callback != NULL, "malloc");
    return callback;
}

static void give_record(struct queue *queue, struct callback *callback)
{
    if (queue->pooled) {
        callback->next = queue->free;
        queue->free = callback;
    } else {
        free(callback);
    }
}

static void enqueue(struct queue *queue, void (*run)(void *), void *argument)
{
    struct callback *callback = take_record(queue);
    *callback = (struct callback){.run = run, .argument = argument};
    async_change_begin(&queue->changes);
    async_publish(queue->last, callback);
    queue->last = &callback->next;
    queue->count++;
    async_change_end(&queue->changes);
}

static struct callback *take_first(struct queue *queue)
{
    struct callback *callback = queue->first;
    async_change_begin(&queue->changes);
    async_publish(&queue->first, callback->next);
    if (!callback->next)
        queue->last = &queue->first;
    queue->count--;
    async_change_end(&queue->changes);
    return callback;
}

static void run_callbacks(struct queue *queue)
{
    for (unsigned step = 0; queue->first && step < STEPS_IN_TURN; step++) {
        struct callback *callback = take_first(queue);
        callback->run(callback->argument);
        give_record(queue, callback);
    }
}

static void lead(void *argument);

static void nothing(void *argument)
{
    struct spawner *spawner = argument;
    if (--spawner->running == 0)
        enqueue(&spawner->queue, lead, spawner);
}

static void answer(struct spawner *spawner)
{
    if (spawner->begun)
        contest_answer(contest_clock() - spawner->begun);
    spawner->done = !contest_next(&spawner->count);
    spawner->begun = contest_clock();
}

static void lead(void *argument)
{
    struct spawner *spawner = argument;
    if (spawner->count == 0)
        answer(spawner);
    if (spawner->done)
        return;
    spawner->count -= spawner->count < spawner->batch ? spawner->count : spawner->batch;
    spawner->running = spawner->batch;
    for (uint64_t i = 0; i < spawner->batch; i++)
        enqueue(&spawner->queue, nothing, spawner);
}

int main(int argc, char **argv)
{
    static struct spawner spawner;
    uv_loop_t loop;
    uv_async_t alive;
    spawner.batch = contest_argument(argc, argv, 1);
    spawner.queue.pooled = argc > 2 && strcmp(argv[2], "pool") == 0;
    spawner.queue.last = &spawner.queue.first;
    contest_require(uv_loop_init(&loop) == 0 && uv_async_init(&loop, &alive, NULL) == 0, "uv_loop_init");
    enqueue(&spawner.queue, lead, &spawner);
    while (!spawner.done) {
        run_callbacks(&spawner.queue);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    return 0;
}
