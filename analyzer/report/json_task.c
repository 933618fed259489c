/* SPDX-License-Identifier: MIT */
#include "report/describe.h"
#include "report/json_internal.h"
#include "report/stack.h"
#include "report/table.h"
#include "report/words.h"

static json_t *wait_words(const struct ad_snapshot *snapshot, uint32_t task)
{
    ad_auto_buffer struct ad_buffer words = {0};
    struct ad_error *error = ad_buffer_open(&words);
    if (!error) {
        ad_describe_wait(words.file, snapshot, task);
        error = ad_buffer_close(&words);
    }
    if (error) {
        ad_error_destroy(error);
        return NULL;
    }
    return json_string(words.text); /* escaped already */
}

static json_t *basics_of(const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    bool waits = task->state == ASYNC_DEBUG_STATE_WAITING;
    return json_pack("{sI so so ss so so so so so so so}", "id", (json_int_t)task->id, "name",
                     ad_json_text(task->name), "state", ad_json_text(task->state_name), "state_class",
                     ad_task_state_word(snapshot, task), "wait", wait_words(snapshot, index),
                     "awaits", waits ? ad_json_future(snapshot, task->future) : json_null(), "age_ns",
                     ad_json_number(ad_task_age(snapshot, task)), "parent", ad_json_task(snapshot, task->parent),
                     "worker", ad_json_worker(snapshot, task->worker), "spawn_site",
                     ad_json_place(&task->spawn_site), "resumes", ad_json_number(task->resumes));
}

static json_t *ready_object(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    if (task->ready_on == AD_NONE)
        return json_null();
    return json_pack("{so so}", "worker", ad_json_worker(snapshot, task->ready_on), "position",
                     task->ready_position == AD_NONE ? json_null() : json_integer(task->ready_position));
}

static json_t *cancel_object(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    static const char *const words[] = {NULL, "requested", "delivered", "swallowed"};
    if (!task->cancel_state)
        return json_null();
    uint32_t by = ad_snapshot_find_native(snapshot, task->runtime, task->cancel_by);
    return json_pack("{so so so so}", "state",
                     ad_json_text(task->cancel_state < sizeof(words) / sizeof(*words) ? words[task->cancel_state]
                                                                                      : "unknown"),
                     "by", by == AD_NONE ? ad_json_nonzero(task->cancel_by) : ad_json_task(snapshot, by), "at_ns",
                     ad_json_age(snapshot, task->cancel_at), "site",
                     ad_json_place(&ad_task_extra(snapshot, task)->cancel_site));
}

static json_t *labels_of(const struct ad_snapshot *snapshot, const struct ad_task_extra *extra)
{
    const struct ad_label *labels = snapshot->labels.items;
    uint64_t end = (uint64_t)extra->first_label + extra->label_count;
    json_t *list = json_array();
    for (uint64_t i = extra->first_label; i < end && i < snapshot->labels.count; i++)
        list = ad_json_append(list, json_pack("{so so}", "key", ad_json_text(labels[i].key), "value",
                                              ad_json_text(labels[i].value)));
    return list;
}

static json_t *times_object(const struct ad_task_extra *extra)
{
    if (!extra->cpu_time && !extra->wall_time && !extra->longest_step)
        return json_null();
    return json_pack("{so so so}", "cpu_ns", ad_json_number(extra->cpu_time), "wall_ns",
                     ad_json_number(extra->wall_time), "longest_step_ns", ad_json_number(extra->longest_step));
}

static json_t *group_address(const struct ad_snapshot *snapshot, const struct ad_task_extra *extra)
{
    return extra->group < snapshot->futures.count
               ? ad_json_address(AD_ITEMS(struct ad_future, &snapshot->futures)[extra->group].address)
               : json_null();
}

static json_t *extras_of(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    const struct ad_task_extra *extra = ad_task_extra(snapshot, task);
    json_t *one = json_pack(
        "{so so so so so so so so}", "deadline_ns", ad_json_time_left(snapshot, task->deadline), "ready",
        ready_object(snapshot, task), "cancel", cancel_object(snapshot, task), "error",
        ad_json_error(task->error, task->error_text, &extra->error_site), "labels", labels_of(snapshot, extra),
        "flags", ad_json_flags(task->flags), "group", group_address(snapshot, extra), "times",
        times_object(extra));
    json_t *two = json_pack("{so so so so so so sb}", "start", ad_json_location(snapshot, task->start_location),
                            "spawned_in", ad_json_location(snapshot, task->spawn_location), "stack_size",
                            ad_json_nonzero(task->stack_size), "stack_used_max",
                            ad_json_nonzero(task->stack_used_max), "argument", ad_json_pointer(task->argument),
                            "locals", ad_json_pointer(task->locals), "torn", task->torn);
    return ad_json_join(one, two);
}

json_t *ad_json_task_object(const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    return ad_json_join(basics_of(snapshot, index), extras_of(snapshot, task));
}
