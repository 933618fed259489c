/* SPDX-License-Identifier: MIT */
#include "base/range.h"
#include "runtimes/layout_internal.h"

static void fill_links(const struct ad_record *record, struct ad_links *links)
{
    const struct async_debug_record *task = record->shape;
    *links = (struct ad_links){
        .next = ad_record_link(record, ASYNC_DEBUG_TASK_NEXT, task, ASYNC_DEBUG_TASK_NEXT),
        .ready_next = ad_record_link(record, ASYNC_DEBUG_TASK_READY_NEXT, task, ASYNC_DEBUG_TASK_READY_NEXT),
        .awaits = ad_record_value(record, ASYNC_DEBUG_TASK_AWAITS),
        .waiter = ad_record_value(record, ASYNC_DEBUG_TASK_WAITERS),
        .join = ad_record_value(record, ASYNC_DEBUG_TASK_JOIN),
        .parent = ad_record_value(record, ASYNC_DEBUG_TASK_PARENT),
        .worker = ad_record_value(record, ASYNC_DEBUG_TASK_WORKER),
        .group = ad_record_value(record, ASYNC_DEBUG_TASK_GROUP),
        .found_on = AD_NONE,
    };
}

static void fill_numbers(const struct ad_record *record, struct ad_task *task)
{
    task->native_id = ad_record_value(record, ASYNC_DEBUG_TASK_ID);
    task->parent_id = ad_record_value(record, ASYNC_DEBUG_TASK_PARENT_ID);
    task->context = ad_record_value(record, ASYNC_DEBUG_TASK_CONTEXT);
    task->stack_low = ad_record_value(record, ASYNC_DEBUG_TASK_STACK_LOW);
    task->stack_size = ad_record_value(record, ASYNC_DEBUG_TASK_STACK_SIZE);
    task->stack_used_max = ad_record_value(record, ASYNC_DEBUG_TASK_STACK_USED_MAX);
    task->spawn_pc = ad_record_value(record, ASYNC_DEBUG_TASK_SPAWN_PC);
    task->start_function = ad_record_value(record, ASYNC_DEBUG_TASK_START);
    task->resumes = ad_record_value(record, ASYNC_DEBUG_TASK_RESUMES);
    task->spawned_at = ad_record_value(record, ASYNC_DEBUG_TASK_SPAWNED_AT);
    task->resumed_at = ad_record_value(record, ASYNC_DEBUG_TASK_RESUMED_AT);
    task->suspended_at = ad_record_value(record, ASYNC_DEBUG_TASK_SUSPENDED_AT);
    task->ready_since = ad_record_value(record, ASYNC_DEBUG_TASK_READY_SINCE);
    task->deadline = ad_record_value(record, ASYNC_DEBUG_TASK_DEADLINE);
    task->cancel_state =
        (enum async_debug_cancel_state)ad_record_value(record, ASYNC_DEBUG_TASK_CANCEL_STATE);
    task->cancel_by = ad_record_value(record, ASYNC_DEBUG_TASK_CANCEL_BY);
    task->cancel_at = ad_record_value(record, ASYNC_DEBUG_TASK_CANCEL_AT);
    task->error = (int64_t)ad_record_value(record, ASYNC_DEBUG_TASK_ERROR);
    task->flags = ad_record_value(record, ASYNC_DEBUG_TASK_FLAGS);
    task->argument = ad_record_value(record, ASYNC_DEBUG_TASK_ARGUMENT);
    task->locals = ad_record_value(record, ASYNC_DEBUG_TASK_LOCALS);
}

static struct ad_error *fill_texts(const struct ad_record *record, struct ad_layout *layout,
                                   struct ad_task *task)
{
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_TASK_NAME, &task->name));
    task->name = task->name ? task->name : "";
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_TASK_ERROR_TEXT, &task->error_text));
    return ad_record_place(record, layout, ASYNC_DEBUG_TASK_SPAWN_SITE, &task->spawn_site);
}

struct ad_error *ad_layout_task(struct ad_layout *layout, const struct ad_record *record, struct ad_task *task,
                                struct ad_links *links)
{
    uint64_t state = ad_record_value(record, ASYNC_DEBUG_TASK_STATE), end;
    task->address = record->address;
    task->runtime = layout->runtime;
    task->state = (enum async_debug_state_class)ad_name_meaning(&layout->task_states, state);
    task->state_name = ad_name_text(&layout->task_states, state);
    task->parent = task->worker = task->future = task->stack = task->extra = AD_NONE;
    task->ready_on = task->ready_position = task->start_location = task->spawn_location = AD_NONE;
    if (task->state == ASYNC_DEBUG_STATE_NONE)
        ad_layout_tally(layout, AD_TALLY_STATES, record->address);
    fill_numbers(record, task);
    fill_links(record, links);
    if (!ad_add(task->stack_low, task->stack_size, &end))
        task->stack_low = task->stack_size = 0;
    AD_TRY(fill_texts(record, layout, task));
    return ad_layout_extra(layout, record, task);
}

/* With a magic, that decides; without one, the state does. */
bool ad_layout_task_is_free(const struct ad_layout *layout, const struct ad_record *record)
{
    uint64_t state = ad_record_value(record, ASYNC_DEBUG_TASK_STATE);
    const struct ad_name_table *states = &layout->task_states;
    bool named = state < states->count && states->text[state];
    bool checked = record->shape->magic && ad_record_has(record, ASYNC_DEBUG_TASK_MAGIC);
    return named || !checked ? ad_name_meaning(states, state) == ASYNC_DEBUG_STATE_NONE : false;
}
