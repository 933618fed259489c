/* SPDX-License-Identifier: MIT */
/*
 * spawn, plain callbacks through libasyncrt's own run queue. Argument: how many are queued before they are
 * awaited.
 *
 * The same loop (async_run), the same queue and the same code that puts something into it and takes its
 * first: the clock that ready_since is read from, the counts, what readers from outside must find. Only what
 * is taken out is not switched to: it is a function, called on the worker's own stack. Its record comes from
 * malloc, as in spawn_callback.c, and is as much of a task's as the queue knows of. Callbacks count down what
 * is awaited, and the last one queues the one who waits.
 */
#include <stdlib.h>

/* The run queue's operations are not for others to call. That of async_worker_run which runs the first is
 * below. */
#define async_worker_resume resume_task
#include "worker.c"
#undef async_worker_resume
#include "contest.h"

#define CALLBACK_MAGIC 1

/* A task's record up to where the queue looks no further, and what a callback needs. */
struct callback {
    _Alignas(64) char queued[offsetof(struct async_task, join)];
    void (*run)(void *argument);
    void *argument;
};

/* One spawner: queues `batch` callbacks, and goes on when the last of them has run. */
struct spawner {
    uint64_t batch;
    uint64_t running;
    uint64_t count; /**< to be queued until the answer is due */
    uint64_t begun;
    struct async_future done;
};

struct async_task *async_worker_resume(struct async_worker *worker)
{
    static struct async_task gone; /* it has not ended as a task does */
    if (worker->ready->magic != CALLBACK_MAGIC)
        return resume_task(worker);
    struct async_task *task = begin_step(worker);
    struct callback *callback = (struct callback *)task;
    async_publish(&worker->current, task);
    callback->run(callback->argument);
    async_publish(&worker->current, NULL);
    free(callback);
    return &gone;
}

static void enqueue(void (*run)(void *), void *argument)
{
    struct async_worker *worker = async_worker_self();
    struct callback *callback = malloc(sizeof(*callback));
    contest_require(callback != NULL, "malloc");
    struct async_task *task = (struct async_task *)callback;
    __asm__("" : "+r"(task)); /* or the compiler would complain that there is no whole task */
    callback->run = run;
    callback->argument = argument;
    task->magic = CALLBACK_MAGIC;
    task->worker = worker;
    task->context = callback;
    task->resumes = 0;
    async_change_begin(&worker->changes);
    async_worker_wake(task, async_worker_read_clock(worker));
    async_change_end(&worker->changes);
}

static void lead(void *argument);

static void nothing(void *argument)
{
    struct spawner *spawner = argument;
    if (--spawner->running == 0)
        enqueue(lead, spawner);
}

/* False: there is no more to do. */
static bool answer(struct spawner *spawner)
{
    if (spawner->begun)
        contest_answer(contest_clock() - spawner->begun);
    bool more = contest_next(&spawner->count);
    spawner->begun = contest_clock();
    return more;
}

static void lead(void *argument)
{
    struct spawner *spawner = argument;
    if (spawner->count == 0 && !answer(spawner)) {
        async_future_wake_all(&spawner->done, 0);
        return;
    }
    spawner->count -= spawner->count < spawner->batch ? spawner->count : spawner->batch;
    spawner->running = spawner->batch;
    for (uint64_t i = 0; i < spawner->batch; i++)
        enqueue(nothing, spawner);
}

static struct spawner spawner;

static void begin(struct async_mail *mail)
{
    (void)mail;
    enqueue(lead, &spawner);
}

/* A task, without which the loop would end. It waits by the time the mail comes. */
static int wait_for_end(void *unused)
{
    static struct async_mail mail = {.deliver = begin};
    (void)unused;
    async_future_init(&spawner.done, ASYNC_FUTURE_EVENT, ASYNC_FUTURE_PENDING, NULL);
    async_worker_post(async_worker_self(), &mail);
    return (int)async_future_await(&spawner.done, NULL);
}

int main(int argc, char **argv)
{
    spawner.batch = contest_argument(argc, argv, 1);
    return async_run(wait_for_end, NULL, NULL) != 0;
}
