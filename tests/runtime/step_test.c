/* SPDX-License-Identifier: MIT */
/*
 * Readable at every instruction: a child runs through spawn, wait, wake, end and release one instruction at
 * a time, and after each one that lies in this program the whole registry is read from outside, through the
 * contract alone, and must make sense.
 */
#include "stepper.h"
#include "test.h"

/* ---- What the child does --------------------------------------------------------------------------- */

static struct async_mutex *mutex;
static struct async_channel *channel;
static struct async_promise *promise;
static struct async_rwlock *rwlock;
static struct async_semaphore *semaphore;
static struct async_condition *condition;
static struct async_event *event;
static bool over;

static int contend(void *unused)
{
    (void)unused;
    async_mutex_lock(mutex);
    async_yield();
    return async_mutex_unlock(mutex);
}

static int send_three(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        async_channel_send(channel, &i);
    return async_channel_close(channel);
}

static int receive_all(void *unused)
{
    (void)unused;
    int item;
    while (async_channel_receive(channel, &item) == 0)
        ;
    return async_promise_await(promise, NULL);
}

static int sleep_and_resolve(void *unused)
{
    (void)unused;
    async_sleep(1);
    return async_promise_resolve(promise, NULL);
}

/* Two of these: each labels itself, holds shares of locks, and is in the other's way. */
static int share(void *unused)
{
    (void)unused;
    async_label_set("request", "%d", 1);
    async_rwlock_read_lock(rwlock);
    async_semaphore_acquire(semaphore, 2);
    async_label_set("request", "%d", 2);
    async_yield();
    async_semaphore_release(semaphore, 2);
    async_rwlock_unlock(rwlock);
    async_rwlock_write_lock(rwlock);
    async_yield();
    async_rwlock_unlock(rwlock);
    async_mutex_lock(mutex);
    while (!over)
        async_condition_wait(condition, mutex);
    async_mutex_unlock(mutex);
    return async_label_remove("request");
}

static int wake_sharers(void *unused)
{
    (void)unused;
    size_t index;
    const struct async_case cases[] = {ASYNC_CASE_EVENT(event), ASYNC_CASE_PROMISE(promise, NULL)};
    async_select(cases, 2, &index);
    async_event_set(event);
    async_select(cases, 2, &index);
    async_mutex_lock(mutex);
    over = true;
    async_condition_broadcast(condition);
    return async_mutex_unlock(mutex);
}

static int talk(void *unused)
{
    (void)unused;
    struct async_listener *listener;
    struct async_tcp *near, *far;
    char byte = 'x';
    async_listen(&listener, "127.0.0.1", 0, 1);
    async_connect(&near, "127.0.0.1", async_listener_port(listener));
    async_accept(listener, &far);
    async_write(near, &byte, 1);
    async_read(far, &byte, 1);
    async_close(near);
    async_close(far);
    return async_listener_close(listener);
}

static int scenario(void *unused)
{
    (void)unused;
    static async_function const functions[] = {contend, contend, send_three, receive_all, sleep_and_resolve,
                                               talk,    share,   share,      wake_sharers};
    enum { COUNT = sizeof(functions) / sizeof(functions[0]) };
    struct async_task *tasks[COUNT];
    async_mutex_create(&mutex, "mutex");
    async_channel_create(&channel, "channel", sizeof(int), 1);
    async_promise_create(&promise, "promise");
    async_rwlock_create(&rwlock, "rwlock");
    async_semaphore_create(&semaphore, "semaphore", 3);
    async_condition_create(&condition, "condition");
    async_event_create(&event, "event");
    for (int i = 0; i < COUNT; i++)
        async_spawn(&tasks[i], "stepped", functions[i], NULL);
    async_spawn(NULL, "detached", contend, NULL);
    async_promise_set_producer(promise, tasks[4]);
    for (int i = 0; i < COUNT; i++)
        async_join(tasks[i], NULL);
    async_yield();
    async_promise_destroy(promise);
    async_rwlock_destroy(rwlock);
    async_semaphore_destroy(semaphore);
    async_condition_destroy(condition);
    async_event_destroy(event);
    async_channel_destroy(channel);
    return async_mutex_destroy(mutex);
}

/* ---- The steps ------------------------------------------------------------------------------------- */

static void run_scenario(void)
{
    struct async_options options = {.tick_interval_ms = UINT32_MAX};
    CHECK_EQUAL(async_run(scenario, NULL, &options), 0);
}

PLAIN(every_instruction_is_readable)
{
    if (!step_possible())
        return;
    struct tally tally = step_and_look(run_scenario, ULONG_MAX);
    CHECK(tally.quiet > 5000 && tally.quiet * 2 > tally.looks);
    CHECK_EQUAL(tally.busiest, 11);
}
