/* SPDX-License-Identifier: MIT */
/**
 * @file history.h - what is kept of the tasks that were released last: a ring in the process record.
 *
 *     history --> | 258 | 259 | 260 | 5 | 6 | ... | 256 | 257 |      count 260, capacity 256
 *                                     `- the next to be overwritten: count % capacity
 *
 * While a slot is filled its id is 0. A task is on its worker's list or here, never in both.
 */
#ifndef ASYNC_HISTORY_H
#define ASYNC_HISTORY_H

#include "task.h"

#define ASYNC_HISTORY_USUAL 256u
#define ASYNC_HISTORY_TEXT 64

struct async_finished {
    uint64_t id;
    char name[ASYNC_TASK_NAME_SIZE];
    uint32_t state; /**< enum async_task_state */
    uint32_t flags; /**< enum async_debug_task_flag */
    async_function start;
    uint64_t parent_id;
    const struct async_site *spawn_site;
    uint64_t spawned_at;
    uint64_t finished_at;
    uint64_t resumes;
    uint64_t cpu_time;
    int32_t error;
    char error_text[ASYNC_HISTORY_TEXT]; /**< as much as there is room for */
};

/** Room for so many; what it holds stays if that does not change. 0: none. UV_ENOMEM. */
int async_history_init(uint32_t capacity);

/** Before the record of an ended task is released. */
void async_history_note(const struct async_task *task);

#endif
