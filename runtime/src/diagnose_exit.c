/* SPDX-License-Identifier: MIT */
#include "diagnose_exit.h"

#include <pthread.h>
#include <stdlib.h>

#include "descriptor.h"
#include "diagnose.h"
#include "log.h"
#include "task.h"
#include "worker.h"

#define TOLD 100 /* tasks that are told one by one */

/* Held while workers appear, while they go, and while they are looked at. */
static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER;
static bool readable;

static void tell(const struct async_task *task)
{
    bool started = task->resumes;
    struct async_message message =
        async_message_about(started ? ASYNC_MESSAGE_PENDING_AT_EXIT : ASYNC_MESSAGE_NEVER_STARTED, task);
    message.stack = task->spawn_stack;
    message.depth = task->spawn_stack ? task->spawn_depth : 0;
    if (started)
        async_log(&message, "the program ends while the task is %s",
                  async_debug_descriptor.task_states[task->state].text);
    else
        async_log(&message, "the program ends before the task has started");
}

/* By the slabs, whose slots stay. Other threads go on meanwhile; what they change may be told as it was. */
__attribute__((no_sanitize("thread"))) static unsigned tell_worker(const struct async_worker *worker,
                                                                   unsigned told)
{
    const struct async_slabs *slabs = &worker->registry.slabs;
    for (uint32_t i = 0; i < slabs->count; i++) {
        const struct async_slab *slab = slabs->items[i];
        for (uint32_t slot = 0; slot < slab->slot_count; slot++) {
            const struct async_task *task = &slab->slots[slot];
            if (!async_is_task(task) || async_task_ended(task) ||
                async_task_has_flag(task, ASYNC_DEBUG_TASK_SYSTEM))
                continue;
            if (told++ < TOLD)
                tell(task);
        }
    }
    return told;
}

static void on_exit_of_process(void)
{
    unsigned told = 0;
    /* Held: the program ends in the midst of async_run's beginning or end, perhaps on this very thread. */
    if (!async_debugging() || pthread_mutex_trylock(&looking) != 0)
        return;
    for (uint32_t i = 0; readable && i < async_process.worker_count; i++)
        told = tell_worker(async_process_worker(i), told);
    if (told > TOLD) {
        struct async_message message = async_message_about(ASYNC_MESSAGE_PENDING_AT_EXIT, NULL);
        async_log(&message, "and %u tasks more", told - TOLD);
    }
    pthread_mutex_unlock(&looking);
}

static void watch(void)
{
    atexit(on_exit_of_process);
}

void async_exit_watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
}

void async_exit_set_readable(bool is)
{
    pthread_mutex_lock(&looking);
    readable = is;
    pthread_mutex_unlock(&looking);
}
