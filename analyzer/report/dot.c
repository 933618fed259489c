/* SPDX-License-Identifier: MIT */
/* The wait-for graph for Graphviz: an edge from each selected task to what it waits for, and from that to the
   tasks that hold it. Tasks that wait for the same from the same stack are one node with their number. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "report/describe.h"
#include "report/fields.h"
#include "report/report.h"
#include "report/stack.h"
#include "report/table.h"
#include "report/words.h"

struct drawing {
    FILE *out;
    const struct ad_snapshot *snapshot;
    bool *named;      /* by task: it holds something, or waits for nothing: a node of its own */
    bool *futures;    /* by future: it is drawn */
    bool *drawn;      /* by task: it is drawn, or is to be */
    uint32_t *counts; /* by task: of those alike, at the first one */
    struct ad_map alike; /* hash of what makes tasks alike -> the first one */
    void *memory;
};

/* Escaped text holds backslashes and quotes that mean something here. */
static void put_label(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static struct ad_error *drawing_init(struct drawing *drawing, FILE *out, const struct ad_snapshot *snapshot)
{
    size_t tasks = snapshot->tasks.count + 1, futures = snapshot->futures.count + 1;
    *drawing = (struct drawing){.out = out, .snapshot = snapshot};
    drawing->memory = calloc(1, tasks * (sizeof(uint32_t) + 2 * sizeof(bool)) + futures * sizeof(bool));
    if (!drawing->memory)
        return &ad_error_nomem;
    drawing->counts = drawing->memory;
    drawing->named = (bool *)(drawing->counts + tasks);
    drawing->drawn = drawing->named + tasks;
    drawing->futures = drawing->drawn + tasks;
    return NULL;
}

static const struct ad_task *task_at(const struct drawing *drawing, uint32_t index)
{
    return &AD_ITEMS(struct ad_task, &drawing->snapshot->tasks)[index];
}

/* Whoever holds something is a node of its own. */
static void name_owners(struct drawing *drawing, uint32_t task)
{
    uint32_t owner;
    for (uint32_t i = 0; ad_task_owner(drawing->snapshot, task_at(drawing, task), i, &owner); i++)
        if (owner < drawing->snapshot->tasks.count)
            drawing->named[owner] = drawing->drawn[owner] = true;
}

static struct ad_error *count_alike(struct drawing *drawing, uint32_t index)
{
    const struct ad_task *task = task_at(drawing, index);
    if (drawing->named[index]) {
        drawing->counts[index] = 1;
        return NULL;
    }
    bool waits = ad_task_future(drawing->snapshot, task);
    uint64_t key = ad_map_hash(ad_map_hash(task->stack) ^ (waits ? task->future : AD_NONE));
    key = ad_map_hash(key ^ (uint64_t)task->state);
    uint32_t first = ad_map_get(&drawing->alike, key, index);
    if (first == index)
        AD_TRY(ad_map_put(&drawing->alike, key, index));
    drawing->counts[first]++;
    drawing->drawn[first] = true;
    return NULL;
}

static struct ad_error *put_task(struct drawing *drawing, uint32_t index)
{
    const struct ad_task *task = task_at(drawing, index);
    ad_auto_buffer struct ad_buffer label = {0};
    AD_TRY(ad_buffer_open(&label));
    if (drawing->counts[index] > 1)
        fprintf(label.file, "%" PRIu32 " tasks such as ", drawing->counts[index]);
    ad_print_task(label.file, task, 40);
    AD_TRY(ad_buffer_close(&label));
    fprintf(drawing->out, "  t%" PRIu32 " [shape=box, label=\"", task->id);
    put_label(drawing->out, label.text);
    fprintf(drawing->out, "\\n%s", ad_task_state_word(drawing->snapshot, task));
    ad_auto_buffer struct ad_buffer where = {0};
    AD_TRY(ad_buffer_open(&where));
    ad_print_where(where.file, drawing->snapshot, task->stack, 60);
    AD_TRY(ad_buffer_close(&where));
    fputs("\\n", drawing->out);
    put_label(drawing->out, where.text);
    fputs("\"];\n", drawing->out);
    return NULL;
}

static struct ad_error *put_future(struct drawing *drawing, uint32_t task)
{
    uint32_t future = task_at(drawing, task)->future, owner;
    if (drawing->futures[future])
        return NULL;
    drawing->futures[future] = true;
    ad_auto_buffer struct ad_buffer label = {0};
    AD_TRY(ad_buffer_open(&label));
    ad_describe_future(label.file, drawing->snapshot, future, AD_DETAIL_OBJECT);
    AD_TRY(ad_buffer_close(&label));
    fprintf(drawing->out, "  f%" PRIu32 " [shape=ellipse, label=\"", future);
    put_label(drawing->out, label.text);
    fputs("\"];\n", drawing->out);
    for (uint32_t i = 0; ad_task_owner(drawing->snapshot, task_at(drawing, task), i, &owner); i++)
        if (owner < drawing->snapshot->tasks.count)
            fprintf(drawing->out, "  f%" PRIu32 " -> t%" PRIu32 " [label=\"held by\"];\n", future,
                    task_at(drawing, owner)->id);
    return NULL;
}

static struct ad_error *draw(struct drawing *drawing, const struct ad_selection *selection)
{
    for (size_t i = 0; i < selection->count; i++)
        name_owners(drawing, selection->tasks[i]);
    for (size_t i = 0; i < selection->count; i++)
        AD_TRY(count_alike(drawing, selection->tasks[i]));
    fputs("digraph tasks {\n  rankdir=LR;\n", drawing->out);
    for (uint32_t i = 0; i < drawing->snapshot->tasks.count && !ferror(drawing->out); i++) {
        if (!drawing->drawn[i])
            continue;
        AD_TRY(put_task(drawing, i));
        if (!ad_task_future(drawing->snapshot, task_at(drawing, i)))
            continue;
        AD_TRY(put_future(drawing, i));
        fprintf(drawing->out, "  t%" PRIu32 " -> f%" PRIu32 ";\n", task_at(drawing, i)->id,
                task_at(drawing, i)->future);
    }
    fputs("}\n", drawing->out);
    return NULL;
}

struct ad_error *ad_report_dot(FILE *out, const struct ad_snapshot *snapshot, const struct ad_findings *findings,
                               const struct ad_report_options *options)
{
    struct drawing drawing;
    (void)findings;
    struct ad_error *error = drawing_init(&drawing, out, snapshot);
    if (!error)
        error = draw(&drawing, options->selection);
    ad_map_deinit(&drawing.alike);
    free(drawing.memory);
    return error;
}
