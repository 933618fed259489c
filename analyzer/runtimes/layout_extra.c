/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cleanup.h"
#include "runtimes/layout_internal.h"
#include "runtimes/layout_walk.h"

/* ---- Labels -------------------------------------------------------------------------------------- */

static struct ad_error *add_label(struct ad_layout *layout, const struct ad_record *record)
{
    struct ad_label label;
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_LABEL_KEY, &label.key));
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_LABEL_VALUE, &label.value));
    label.key = label.key ? label.key : "";
    label.value = label.value ? label.value : "";
    AD_TRY(ad_vector_push(&layout->visited, &record->address));
    return ad_vector_push(&layout->snapshot->labels, &label);
}

static struct ad_error *walk_labels(struct ad_layout *layout, uint64_t first, struct ad_walk *walk)
{
    ad_auto_record struct ad_record record = {0};
    AD_TRY(ad_record_init(&record, layout, ASYNC_DEBUG_LABEL));
    uint64_t next = 0, cap = layout->limits->labels;
    cap = cap < layout->extra_steps ? cap : layout->extra_steps;
    layout->visited.count = 0;
    for (ad_walk_init(walk, first, 0, cap); ad_walk_going(walk); ad_walk_next(walk, next)) {
        if (!ad_record_fetch(&record, layout, walk->at)) {
            ad_walk_end(walk, AD_WALK_FAULT);
            break;
        }
        AD_TRY(add_label(layout, &record));
        next = ad_record_link(&record, ASYNC_DEBUG_LABEL_NEXT, record.shape, ASYNC_DEBUG_LABEL_NEXT);
    }
    return NULL;
}

/* Many tasks may share one chain, which their parent made: it is read once. */
static struct ad_error *fill_labels(struct ad_layout *layout, const struct ad_record *task,
                                    struct ad_task_extra *extra)
{
    struct ad_snapshot *snapshot = layout->snapshot;
    const struct async_debug_record *shape = &layout->descriptor.records[ASYNC_DEBUG_LABEL];
    uint64_t first = ad_record_value(task, ASYNC_DEBUG_TASK_LABELS);
    if (!first || !shape->size)
        return NULL;
    uint32_t known = ad_map_get(&layout->labels_at, first, AD_NONE);
    if (known != AD_NONE) {
        const struct ad_task_extra *same = &AD_ITEMS(struct ad_task_extra, &snapshot->extras)[known];
        extra->first_label = same->first_label;
        extra->label_count = same->label_count;
        return NULL;
    }
    struct ad_walk walk;
    size_t start = snapshot->labels.count;
    AD_TRY(walk_labels(layout, first, &walk));
    layout->extra_steps -= walk.steps;
    snapshot->labels.count = start + ad_walk_distinct(&walk, layout->visited.items, layout->visited.count);
    if (walk.stop != AD_WALK_END)
        ad_layout_tally(layout, AD_TALLY_LABELS, walk.at);
    extra->first_label = (uint32_t)start;
    extra->label_count = (uint32_t)(snapshot->labels.count - start);
    return ad_map_put(&layout->labels_at, first, (uint32_t)snapshot->extras.count);
}

/* ---- Recorded stacks ------------------------------------------------------------------------------ */

static struct ad_error *add_addresses(struct ad_layout *layout, uint64_t at, size_t count,
                                      struct ad_trace *trace)
{
    struct ad_vector *addresses = &layout->snapshot->addresses;
    uint64_t bytes[64];
    trace->first = (uint32_t)addresses->count;
    while (count) {
        size_t wanted = count < sizeof(bytes) / sizeof(*bytes) ? count : sizeof(bytes) / sizeof(*bytes);
        size_t got = ad_target_read_some(layout->target, at, bytes, wanted * sizeof(*bytes)) / sizeof(*bytes);
        for (size_t i = 0; i < got; i++)
            AD_TRY(ad_vector_push(addresses, &bytes[i]));
        trace->count += (uint32_t)got;
        if (got < wanted) {
            ad_layout_tally(layout, AD_TALLY_TRACES, at);
            return NULL;
        }
        at += wanted * sizeof(*bytes);
        count -= wanted;
    }
    return NULL;
}

static struct ad_error *fill_trace(struct ad_layout *layout, const struct ad_record *task, unsigned stack,
                                   unsigned depth, struct ad_trace *trace)
{
    uint64_t at = ad_record_value(task, stack), count = ad_record_value(task, depth), most, end;
    *trace = (struct ad_trace){.stack = AD_NONE};
    if (!at || !count)
        return NULL;
    most = layout->limits->frames < layout->extra_steps ? layout->limits->frames : layout->extra_steps;
    if (count > most || !ad_add(at, count * sizeof(uint64_t), &end)) {
        ad_layout_tally(layout, AD_TALLY_TRACES, at);
        count = count < most ? count : most;
    }
    layout->extra_steps -= count;
    return add_addresses(layout, at, (size_t)count, trace);
}

/* ---- All of it ------------------------------------------------------------------------------------ */

static bool has_extra(const struct ad_record *record)
{
    static const unsigned fields[] = {
        ASYNC_DEBUG_TASK_GROUP,       ASYNC_DEBUG_TASK_CANCEL_SITE, ASYNC_DEBUG_TASK_ERROR_SITE,
        ASYNC_DEBUG_TASK_SPAWN_DEPTH, ASYNC_DEBUG_TASK_ERROR_DEPTH, ASYNC_DEBUG_TASK_LABELS,
        ASYNC_DEBUG_TASK_CPU_TIME,    ASYNC_DEBUG_TASK_WALL_TIME,   ASYNC_DEBUG_TASK_LONGEST_STEP,
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (ad_record_value(record, fields[i]))
            return true;
    return false;
}

struct ad_error *ad_layout_extra(struct ad_layout *layout, const struct ad_record *record, struct ad_task *task)
{
    if (!has_extra(record))
        return NULL;
    struct ad_task_extra extra = {
        .group = AD_NONE,
        .cpu_time = ad_record_value(record, ASYNC_DEBUG_TASK_CPU_TIME),
        .wall_time = ad_record_value(record, ASYNC_DEBUG_TASK_WALL_TIME),
        .longest_step = ad_record_value(record, ASYNC_DEBUG_TASK_LONGEST_STEP),
    };
    AD_TRY(ad_record_place(record, layout, ASYNC_DEBUG_TASK_CANCEL_SITE, &extra.cancel_site));
    AD_TRY(ad_record_place(record, layout, ASYNC_DEBUG_TASK_ERROR_SITE, &extra.error_site));
    AD_TRY(fill_labels(layout, record, &extra));
    AD_TRY(fill_trace(layout, record, ASYNC_DEBUG_TASK_SPAWN_STACK, ASYNC_DEBUG_TASK_SPAWN_DEPTH,
                      &extra.spawn_trace));
    AD_TRY(fill_trace(layout, record, ASYNC_DEBUG_TASK_ERROR_STACK, ASYNC_DEBUG_TASK_ERROR_DEPTH,
                      &extra.error_trace));
    task->extra = (uint32_t)layout->snapshot->extras.count;
    return ad_vector_push(&layout->snapshot->extras, &extra);
}
