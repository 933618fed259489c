/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "findings/graph.h"
#include "report/describe.h"
#include "report/groups.h"
#include "report/screen_internal.h"
#include "report/stack.h"
#include "report/words.h"

enum { GROUPS = 20, MORE_BYTES = 64, NARROW = 120 };

static const struct ad_column columns[] = {
    {.right = true},   {.right = true}, {0}, {.widest = AD_WAIT_WIDTH, .narrowest = 16},
    {.narrowest = 16}, {.narrowest = 6}};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void print_wait(FILE *out, const struct ad_snapshot *snapshot, const struct ad_group *group)
{
    if (group->future == AD_NONE) {
        fputc('-', out);
    } else if (group->one_object) {
        ad_describe_future(out, snapshot, group->future, AD_DETAIL_OWNER);
    } else {
        ad_describe_future(out, snapshot, group->future, AD_DETAIL_KIND);
        if (group->kind != ASYNC_DEBUG_KIND_TIMER || !group->deadline || !snapshot->now) {
            fputs(", several", out);
        } else if (group->deadline > snapshot->now) {
            fputs(", first in ", out);
            ad_print_duration(out, group->deadline - snapshot->now);
        } else {
            fputs(", first is due", out);
        }
    }
}

/* "begins in serve server.c:12" where there is nothing else to show. */
static void print_where(FILE *out, const struct ad_snapshot *snapshot, const struct ad_group *group,
                        size_t width)
{
    struct ad_stack_line line;
    const struct ad_location *locations = snapshot->locations.items;
    if (group->start == AD_NONE || !ad_location_line(snapshot, &locations[group->start], 0, &line)) {
        ad_print_where(out, snapshot, group->stack, width);
        return;
    }
    bool ended = ad_task_ended(&AD_ITEMS(struct ad_task, &snapshot->tasks)[group->shown[0]]);
    fputs(ended ? "began in " : "begins in ", out);
    ad_print_line_short(out, &line);
}

static void print_ids(FILE *out, const struct ad_snapshot *snapshot, const struct ad_group *group,
                      unsigned most)
{
    for (uint64_t i = 0; i < group->count && i < most; i++)
        fprintf(out, "%s#%" PRIu32, i ? " " : "",
                AD_ITEMS(struct ad_task, &snapshot->tasks)[group->shown[i]].id);
    if (group->count > most)
        fputs(" ...", out);
}

static void print_group(FILE *out, const struct ad_screen *screen, const struct ad_group *group)
{
    const struct ad_snapshot *snapshot = screen->snapshot;
    unsigned width = screen->options->width ? screen->options->width / 2 : AD_WHERE_WIDTH;
    fprintf(out, "%" PRIu64 "\t", group->count);
    if (group->oldest == UINT64_MAX)
        fputc('-', out);
    else
        ad_print_duration(out, group->oldest);
    fprintf(out, "\t%s\t", group->state);
    print_wait(out, snapshot, group);
    fputc('\t', out);
    print_where(out, snapshot, group, width < AD_WHERE_WIDTH ? width : AD_WHERE_WIDTH);
    fputc('\t', out);
    print_ids(out, snapshot, group, width < NARROW / 2 ? AD_GROUP_SHOWN / 2 : AD_GROUP_SHOWN);
    fputc('\n', out);
}

static struct ad_error *print_groups(FILE *out, const struct ad_screen *screen,
                                     const struct ad_vector *groups, size_t bytes)
{
    size_t wanted = screen->options->groups ? screen->options->groups : GROUPS;
    size_t count = groups->count < wanted ? groups->count : wanted;
    ad_auto_buffer struct ad_buffer rows = {0};
    AD_TRY(ad_buffer_open(&rows));
    fputs("COUNT\tOLDEST\tSTATE\tWAITS FOR\tWHERE\tTASKS\n", rows.file);
    for (size_t i = 0; i < count; i++)
        print_group(rows.file, screen, &AD_ITEMS(struct ad_group, groups)[i]);
    AD_TRY(ad_buffer_close(&rows));

    struct ad_column fitted[COLUMNS];
    memcpy(fitted, columns, sizeof(columns));
    if (screen->options->width)
        ad_table_fit(rows.text, fitted, COLUMNS, screen->options->width);
    size_t printed = ad_table_print(out, rows.text, fitted, COLUMNS, bytes);
    size_t shown = printed ? printed - 1 : 0; /* without the headings */
    if (shown < groups->count) {
        size_t left = groups->count - shown;
        fprintf(out, "%zu more group%s (--groups %zu shows %s)\n", left, left == 1 ? "" : "s", groups->count,
                left == 1 ? "it" : "them");
    }
    return NULL;
}

/* The head and the findings are of all tasks. */
static void print_selected(FILE *out, const struct ad_screen *screen)
{
    const struct ad_selection *selection = screen->options->selection;
    if (selection->filtered)
        fprintf(out, "\n%" PRIu64 " of %zu tasks selected%s\n", selection->passed, screen->snapshot->tasks.count,
                selection->passed ? ":" : "");
}

struct ad_error *ad_screen_groups(FILE *out, const struct ad_screen *screen, size_t bytes)
{
    struct ad_vector groups;
    AD_TRY(ad_groups_compute(screen->snapshot, screen->options->selection, &groups));
    struct ad_error *error = NULL;
    print_selected(out, screen);
    if (groups.count) {
        if (!screen->options->selection->filtered)
            fputc('\n', out);
        error = print_groups(out, screen, &groups, bytes - MORE_BYTES);
    }
    ad_vector_deinit(&groups);
    return error;
}
