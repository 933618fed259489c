/* SPDX-License-Identifier: MIT */
#include "history.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "change.h"
#include "process.h"

int async_history_init(uint32_t capacity)
{
    struct async_process *process = &async_process;
    if (capacity == process->history_capacity)
        return 0;
    struct async_finished *ring = capacity ? calloc(capacity, sizeof(*ring)) : NULL, *old = process->history;
    if (capacity && !ring)
        return UV_ENOMEM;
    async_change_begin(&process->changes);
    async_publish(&process->history_capacity, 0);
    process->history_count = process->history_next = 0;
    async_publish(&process->history, ring);
    async_publish(&process->history_capacity, capacity);
    async_change_end(&process->changes);
    free(old);
    return 0;
}

static void fill(struct async_finished *finished, const struct async_task *task)
{
    memcpy(finished->name, task->name, sizeof(finished->name));
    finished->state = task->state;
    finished->flags = task->flags;
    finished->start = task->start;
    finished->parent_id = task->parent_id;
    finished->spawn_site = task->spawn_site;
    finished->spawned_at = task->spawned_at;
    finished->finished_at = task->suspended_at;
    finished->resumes = task->resumes;
    finished->cpu_time = task->cpu_time;
    finished->error = task->error;
    finished->error_text[0] = 0;
    if (task->error_text)
        strncat(finished->error_text, task->error_text, sizeof(finished->error_text) - 1);
}

void async_history_note(const struct async_task *task)
{
    struct async_process *process = &async_process;
    if (!process->history_capacity)
        return;
    async_lock(&process->history_lock);
    struct async_finished *finished = &process->history[process->history_next];
    async_publish(&finished->id, 0);
    fill(finished, task);
    async_publish(&finished->id, task->id);
    async_publish(&process->history_count, process->history_count + 1);
    if (++process->history_next == process->history_capacity)
        process->history_next = 0;
    async_unlock(&process->history_lock);
}
