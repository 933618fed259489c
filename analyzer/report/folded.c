/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/report.h"
#include "report/stack.h"

/* What separates frames and counts must not be inside a name. */
static void print_frame(FILE *out, const struct ad_stack_line *line)
{
    char text[AD_ESCAPE_MAX];
    if (line->line && line->line->function)
        ad_escape(text, sizeof(text), line->line->function);
    else
        snprintf(text, sizeof(text), "0x%" PRIx64, line->location->pc);
    for (char *at = text; *at; at++)
        *at = *at == ';' ? ':' : *at;
    fputs(text, out);
}

/* The lines of a stack that are shown, innermost first; the caller's to free. Where all are hidden, all. */
static struct ad_error *shown_lines(const struct ad_snapshot *snapshot, uint32_t stack, bool all_frames,
                                    struct ad_vector *lines)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    *lines = AD_VECTOR(struct ad_stack_line);
    ad_stack_walk_init(&walk, snapshot, stack);
    while (ad_stack_walk_next(&walk, &line))
        if (all_frames || !line.hidden)
            AD_TRY(ad_vector_push(lines, &line));
    return !lines->count && !all_frames ? shown_lines(snapshot, stack, true, lines) : NULL;
}

/* "main;serve;read 12": outermost first, as flame graphs have it. */
static struct ad_error *print_stack(FILE *out, const struct ad_snapshot *snapshot, uint32_t stack,
                                    uint64_t count, bool all_frames)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector lines;
    AD_TRY(shown_lines(snapshot, stack, all_frames, &lines));
    for (size_t i = lines.count; i--;) {
        print_frame(out, &AD_ITEMS(struct ad_stack_line, &lines)[i]);
        fputs(i ? ";" : "", out);
    }
    fprintf(out, "%s %" PRIu64 "\n", lines.count ? "" : "(no stack)", count);
    return NULL;
}

struct ad_error *ad_report_folded(FILE *out, const struct ad_snapshot *snapshot,
                                  const struct ad_findings *findings, const struct ad_report_options *options)
{
    const struct ad_selection *selection = options->selection;
    const struct ad_task *tasks = snapshot->tasks.items;
    uint32_t stacks = (uint32_t)snapshot->stacks.count;
    ad_auto_free uint64_t *counts = calloc((size_t)stacks + 1, sizeof(*counts)); /* the last: no stack */
    (void)findings;
    if (!counts)
        return &ad_error_nomem;
    for (size_t i = 0; i < selection->count; i++) {
        uint32_t stack = tasks[selection->tasks[i]].stack;
        counts[stack < stacks ? stack : stacks]++;
    }
    for (uint32_t i = 0; i <= stacks && !ferror(out); i++)
        if (counts[i])
            AD_TRY(print_stack(out, snapshot, i, counts[i], options->all_frames));
    return NULL;
}
