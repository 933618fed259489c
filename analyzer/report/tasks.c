/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "report/describe.h"
#include "report/escape.h"
#include "report/report.h"
#include "report/stack.h"
#include "report/words.h"

static void print_place(FILE *out, const struct ad_place *place)
{
    fputs(" at ", out);
    ad_escape_print(out, place->file);
    fprintf(out, ":%" PRIu32, place->line);
    if (place->function) {
        fputs(" in ", out);
        ad_escape_print(out, place->function);
    }
}

static void print_origin(FILE *out, const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    if (!task->spawn_site.file && !task->parent_id)
        return;
    fputs(", spawned", out);
    if (task->spawn_site.file)
        print_place(out, &task->spawn_site);
    if (task->parent < snapshot->tasks.count)
        fprintf(out, " by #%" PRIu32, AD_ITEMS(struct ad_task, &snapshot->tasks)[task->parent].id);
    else if (task->parent_id)
        fprintf(out, " by #%" PRIu64 ", which has ended", task->parent_id);
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
    if (task->error_text && *task->error_text) {
        fputs(", failed: ", out);
        ad_escape_print(out, task->error_text);
    }
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

static void print_stack(FILE *out, const struct ad_snapshot *snapshot, uint32_t stack, bool all_frames)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    ad_stack_walk_init(&walk, snapshot, stack);
    while (ad_stack_walk_next(&walk, &line))
        if (all_frames || !line.hidden)
            print_line(out, &line);
    if (!walk.stack) {
        fputs("  (no stack)\n", out);
    } else if (walk.stack->end_text) {
        fputs("  (the stack is not complete: ", out);
        ad_escape_print(out, walk.stack->end_text);
        fputs(")\n", out);
    }
}

struct ad_error *ad_report_tasks(FILE *out, const struct ad_snapshot *snapshot,
                                 const struct ad_findings *findings, const struct ad_report_options *options)
{
    (void)findings;
    for (uint32_t i = 0; i < snapshot->tasks.count && !ferror(out); i++) {
        fputs(i ? "\n" : "", out);
        print_header(out, snapshot, i);
        print_stack(out, snapshot, AD_ITEMS(struct ad_task, &snapshot->tasks)[i].stack, options->all_frames);
    }
    return NULL;
}
