/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "findings/graph.h"
#include "report/describe.h"
#include "report/escape.h"
#include "report/locals.h"
#include "report/report.h"
#include "report/stack.h"
#include "report/words.h"

static void print_location(FILE *out, const struct ad_snapshot *snapshot, uint32_t index)
{
    struct ad_stack_line line;
    if (ad_location_line(snapshot, &AD_ITEMS(struct ad_location, &snapshot->locations)[index], 0, &line))
        ad_print_line_short(out, &line);
}

/* ", spawned at server.c:88 by #4"; where no site tells the place, in the function of the call. */
static void print_origin(FILE *out, const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    bool located = task->spawn_location < snapshot->locations.count;
    if (!task->spawn_site.file && task->start_location < snapshot->locations.count) {
        fputs(", started as ", out);
        print_location(out, snapshot, task->start_location);
    }
    if (!task->spawn_site.file && !located && !task->parent_id)
        return;
    fputs(", spawned", out);
    if (task->spawn_site.file) {
        ad_print_place(out, &task->spawn_site);
    } else if (located) {
        fputs(" in ", out);
        print_location(out, snapshot, task->spawn_location);
    }
    if (task->parent < snapshot->tasks.count)
        fprintf(out, " by #%" PRIu32, AD_ITEMS(struct ad_task, &snapshot->tasks)[task->parent].id);
    else if (task->parent_id)
        fprintf(out, " by #%" PRIu64 ", which has ended", task->parent_id);
}

/* ", failed: no such key (ENOENT) at store.c:40" */
static void print_error(FILE *out, const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    bool has_text = task->error_text && *task->error_text;
    if (!has_text && (!task->error || task->state != ASYNC_DEBUG_STATE_FAILED))
        return;
    fputs(", failed: ", out);
    if (has_text)
        ad_escape_print(out, task->error_text);
    else
        ad_print_error_code(out, task->error);
    ad_print_place(out, &ad_task_extra(snapshot, task)->error_site);
}

/* #6 "transfer a b"  waiting 14m03s  mutex key b, held by #7 for 14m03s, spawned at server.c:88 by #1 */
static void print_header(FILE *out, const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    uint64_t age = ad_task_age(snapshot, task);
    ad_print_task(out, task, 0);
    fprintf(out, "  %s", ad_task_state_word(snapshot, task));
    if (age != UINT64_MAX) {
        fputc(' ', out);
        ad_print_duration(out, age);
    }
    fputs("  ", out);
    ad_describe_wait(out, snapshot, index);
    if (snapshot->workers.count > 1 && task->state == ASYNC_DEBUG_STATE_WAITING &&
        task->worker < snapshot->workers.count)
        fprintf(out, ", on worker %" PRIu32, AD_ITEMS(struct ad_worker, &snapshot->workers)[task->worker].id);
    print_error(out, snapshot, task);
    print_origin(out, snapshot, task);
    fputc('\n', out);
}

static void print_line(FILE *out, const struct ad_stack_line *shown)
{
    const struct ad_line *line = shown->line;
    const struct ad_location *location = shown->location;
    fprintf(out, "  #%-2" PRIu32 " ", shown->number);
    if (line && line->function)
        ad_escape_print(out, line->function);
    else
        fprintf(out, "0x%" PRIx64, location->pc);
    if (line && line->file) {
        fputs("  at ", out);
        ad_escape_print(out, line->file);
        fprintf(out, ":%" PRIu32, line->line);
    } else if (location->module) {
        fputs(line && line->function ? "  +" : "  ", out);
        fprintf(out, "0x%" PRIx64 " in ", location->offset);
        ad_escape_print(out, location->module);
    }
    fputs(line && line->inlined ? " (inlined)\n" : "\n", out);
}

/* ---- What only some tasks have: a line of its own ---- */

/* "  cancel requested by #3 2s ago at server.c:44" */
static void print_cancel(FILE *out, const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    static const char *const words[] = {"", "requested", "delivered, requested", "swallowed, requested"};
    uint64_t age = ad_age(snapshot, task->cancel_at);
    if (!task->cancel_state || task->cancel_state > ASYNC_DEBUG_CANCEL_SWALLOWED)
        return;
    fprintf(out, "  cancel %s", words[task->cancel_state]);
    if (task->cancel_by) {
        uint32_t by = ad_snapshot_find_native(snapshot, task->runtime, task->cancel_by);
        fprintf(out, " by #%" PRIu64,
                by == AD_NONE ? task->cancel_by : AD_ITEMS(struct ad_task, &snapshot->tasks)[by].id);
    }
    if (age != UINT64_MAX) {
        fputc(' ', out);
        ad_print_duration(out, age);
        fputs(" ago", out);
    }
    ad_print_place(out, &ad_task_extra(snapshot, task)->cancel_site);
    fputc('\n', out);
}

static void print_labels(FILE *out, const struct ad_snapshot *snapshot, const struct ad_task_extra *extra)
{
    const struct ad_label *labels = snapshot->labels.items;
    uint64_t end = (uint64_t)extra->first_label + extra->label_count;
    if (!extra->label_count || end > snapshot->labels.count)
        return;
    fputs("  labels", out);
    for (uint64_t i = extra->first_label; i < end; i++) {
        fputc(' ', out);
        ad_escape_print(out, labels[i].key);
        fputc('=', out);
        ad_escape_print(out, labels[i].value);
    }
    fputc('\n', out);
}

/* That it is detached, or its result was taken, is worth a line when it has ended and is still here. */
static void print_flags(FILE *out, const struct ad_task *task)
{
    const uint64_t routine = ASYNC_DEBUG_TASK_DETACHED | ASYNC_DEBUG_TASK_RETRIEVED;
    uint64_t flags = ad_task_ended(task) ? task->flags : task->flags & ~routine;
    const char *separator = "  ";
    for (unsigned i = 0; ad_task_flag_word(i); i++) {
        if (!(flags & UINT64_C(1) << i))
            continue;
        fprintf(out, "%s%s", separator, ad_task_flag_word(i));
        separator = ", ";
    }
    fputs(separator[0] == ',' ? "\n" : "", out);
}

static void print_group(FILE *out, const struct ad_snapshot *snapshot, const struct ad_task_extra *extra)
{
    if (extra->group >= snapshot->futures.count)
        return;
    fputs("  in ", out);
    ad_describe_future(out, snapshot, extra->group, AD_DETAIL_OBJECT);
    fputc('\n', out);
}

/* "  on the CPU 1s, longest step 340ms" */
static void print_times(FILE *out, const struct ad_task_extra *extra)
{
    const struct {
        const char *words;
        uint64_t time;
    } times[] = {{"on the CPU", extra->cpu_time},
                 {"running", extra->wall_time},
                 {"longest step", extra->longest_step}};
    const char *separator = "  ";
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        if (!times[i].time)
            continue;
        fprintf(out, "%s%s ", separator, times[i].words);
        ad_print_duration(out, times[i].time);
        separator = ", ";
    }
    fputs(separator[0] == ',' ? "\n" : "", out);
}

static void print_details(FILE *out, const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    const struct ad_task_extra *extra = ad_task_extra(snapshot, task);
    if (task->torn)
        fputs("  torn: it changed while it was read, parts of this may not fit together\n", out);
    print_cancel(out, snapshot, task);
    print_labels(out, snapshot, extra);
    print_group(out, snapshot, extra);
    print_flags(out, task);
    print_times(out, extra);
}

/* ---- Stacks ---- */

/* `values`: the first one of the stack's; AD_NONE: none. */
static void print_lines(FILE *out, const struct ad_snapshot *snapshot, uint32_t stack, uint32_t values,
                        const struct ad_report_options *options)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    size_t shown = 0, more = 0;
    ad_stack_walk_init(&walk, snapshot, stack);
    while (ad_stack_walk_next(&walk, &line)) {
        struct ad_locals locals = ad_locals_next(snapshot, line.line, &values);
        if (!options->all_frames && line.hidden)
            continue;
        if (options->frames && shown >= options->frames) {
            more++;
            continue;
        }
        shown++;
        print_line(out, &line);
        ad_print_locals(out, &locals);
    }
    if (more)
        fprintf(out, "  (%zu more frame%s; --frames 0 shows all)\n", more, more == 1 ? "" : "s");
    if (walk.stack && walk.stack->end_text) {
        fputs("  (the stack is not complete: ", out);
        ad_escape_print(out, walk.stack->end_text);
        fputs(")\n", out);
    }
}

static void print_trace(FILE *out, const struct ad_snapshot *snapshot, const char *title,
                        const struct ad_trace *trace, const struct ad_report_options *options)
{
    if (trace->stack >= snapshot->stacks.count)
        return;
    fprintf(out, "  %s:\n", title);
    print_lines(out, snapshot, trace->stack, AD_NONE, options);
}

/* Its own stack, and those that the runtime has recorded. */
static void print_stacks(FILE *out, const struct ad_snapshot *snapshot, uint32_t index,
                         const struct ad_report_options *options)
{
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    uint32_t values = options->locals ? ad_task_values(snapshot, index) : AD_NONE;
    const struct ad_task_extra *extra = ad_task_extra(snapshot, task);
    bool has_stack = task->stack < snapshot->stacks.count;
    if (ad_task_unbegun(snapshot, task) && (!options->all_frames || !has_stack)) {
        fputs("  (it is to begin in ", out);
        print_location(out, snapshot, task->start_location);
        fputs(")\n", out);
    } else if (has_stack)
        print_lines(out, snapshot, task->stack, values, options);
    else if (extra->error_trace.stack >= snapshot->stacks.count)
        fputs("  (no stack)\n", out);
    print_trace(out, snapshot, "failed in", &extra->error_trace, options);
    print_trace(out, snapshot, "spawned in", &extra->spawn_trace, options);
}

struct ad_error *ad_report_tasks(FILE *out, const struct ad_snapshot *snapshot,
                                 const struct ad_findings *findings, const struct ad_report_options *options)
{
    const struct ad_selection *selection = options->selection;
    (void)findings;
    for (size_t i = 0; i < selection->count && !ferror(out); i++) {
        uint32_t task = selection->tasks[i];
        fputs(i ? "\n" : "", out);
        print_header(out, snapshot, task);
        print_details(out, snapshot, &AD_ITEMS(struct ad_task, &snapshot->tasks)[task]);
        print_stacks(out, snapshot, task, options);
    }
    ad_selection_print_rest(out, selection, selection->count ? "\n" : "");
    return NULL;
}
