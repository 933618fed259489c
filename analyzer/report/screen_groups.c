/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "report/describe.h"
#include "report/groups.h"
#include "report/screen_internal.h"
#include "report/stack.h"
#include "report/words.h"

enum { GROUPS = 20, MORE_BYTES = 64 };

static const struct ad_column columns[] = {
    {.right = true}, {.right = true}, {0}, {.widest = AD_WAIT_WIDTH}, {0}, {0}};

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

static void print_ids(FILE *out, const struct ad_snapshot *snapshot, const struct ad_group *group)
{
    for (uint64_t i = 0; i < group->count && i < AD_GROUP_SHOWN; i++)
        fprintf(out, "%s#%" PRIu32, i ? " " : "",
                AD_ITEMS(struct ad_task, &snapshot->tasks)[group->shown[i]].id);
    if (group->count > AD_GROUP_SHOWN)
        fputs(" ...", out);
}

static void print_group(FILE *out, const struct ad_snapshot *snapshot, const struct ad_group *group)
{
    fprintf(out, "%" PRIu64 "\t", group->count);
    if (group->oldest == UINT64_MAX)
        fputc('-', out);
    else
        ad_print_duration(out, group->oldest);
    fprintf(out, "\t%s\t", group->state);
    print_wait(out, snapshot, group);
    fputc('\t', out);
    ad_print_where(out, snapshot, group->stack, AD_WHERE_WIDTH);
    fputc('\t', out);
    print_ids(out, snapshot, group);
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
        print_group(rows.file, screen->snapshot, &AD_ITEMS(struct ad_group, groups)[i]);
    AD_TRY(ad_buffer_close(&rows));

    size_t printed = ad_table_print(out, rows.text, columns, sizeof(columns) / sizeof(columns[0]), bytes);
    size_t shown = printed ? printed - 1 : 0; /* without the headings */
    if (shown < groups->count) {
        size_t left = groups->count - shown;
        fprintf(out, "%zu more group%s (--groups %zu shows %s)\n", left, left == 1 ? "" : "s", groups->count,
                left == 1 ? "it" : "them");
    }
    return NULL;
}

struct ad_error *ad_screen_groups(FILE *out, const struct ad_screen *screen, size_t bytes)
{
    struct ad_vector groups;
    AD_TRY(ad_groups_compute(screen->snapshot, screen->options->system, &groups));
    struct ad_error *error = NULL;
    if (groups.count) {
        fputc('\n', out);
        error = print_groups(out, screen, &groups, bytes - MORE_BYTES);
    }
    ad_vector_deinit(&groups);
    return error;
}
