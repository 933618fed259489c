/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "report/describe.h"
#include "report/finding_words.h"
#include "report/screen_internal.h"
#include "report/stack.h"
#include "report/words.h"

/* How much of each kind the first screen shows; --json has all. */
enum { DEADLOCKS_SHOWN = 3, OTHERS_SHOWN = 4, MEMBERS_SHOWN = 6, MEMBERS_OF_MANY = 4 };

static const struct ad_column deadlock_columns[] = {{.widest = 8},
                                                    {.widest = AD_NAME_WIDTH, .narrowest = 12},
                                                    {.widest = AD_WAIT_WIDTH + 10, .narrowest = 40},
                                                    {.widest = 120, .narrowest = 16}};
enum { DEADLOCK_COLUMNS = sizeof(deadlock_columns) / sizeof(deadlock_columns[0]) };

enum { SENTENCE_WIDTH = 220 };

static const struct ad_task *task_at(const struct ad_snapshot *snapshot, uint32_t index)
{
    return &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
}

/* ---- Deadlocks ---- */

static void print_member(FILE *out, const struct ad_snapshot *snapshot, const char *label, uint32_t task)
{
    fprintf(out, "%s\t", label);
    ad_print_task(out, task_at(snapshot, task), AD_NAME_WIDTH - 8);
    fputs("\twaits for ", out);
    ad_describe_wait(out, snapshot, task);
    fputc('\t', out);
    /* The innermost line alone is often a wrapper of the lock that all share. */
    ad_print_innermost(out, snapshot, task_at(snapshot, task)->stack);
    fputc('\n', out);
}

/* A long deadlock is shortened in its middle. Returns the rows. */
static size_t print_deadlock(FILE *out, const struct ad_snapshot *snapshot, const struct ad_finding *deadlock,
                             size_t room)
{
    size_t left_out = deadlock->task_count > room ? deadlock->task_count - room : 0;
    for (size_t i = 0; i < deadlock->task_count; i++) {
        if (left_out && i == room / 2) {
            fprintf(out, "          ... and %zu more%s ...\n", left_out,
                    deadlock->ring < deadlock->task_count ? "" : ", each waiting for the next");
            i += left_out;
        }
        print_member(out, snapshot, i ? "" : "DEADLOCK", deadlock->tasks[i]);
    }
    return deadlock->task_count - left_out + (left_out != 0);
}

static struct ad_error *print_deadlocks(FILE *out, const struct ad_screen *screen, size_t bytes)
{
    const struct ad_finding *findings = screen->findings->findings.items;
    uint64_t count = screen->findings->deadlocks, shown = count < DEADLOCKS_SHOWN ? count : DEADLOCKS_SHOWN;
    size_t lines = 0;
    ad_auto_buffer struct ad_buffer rows = {0};
    AD_TRY(ad_buffer_open(&rows));
    for (uint64_t i = 0; i < shown; i++)
        lines += print_deadlock(rows.file, screen->snapshot, &findings[i],
                                count > 1 ? MEMBERS_OF_MANY : MEMBERS_SHOWN);
    AD_TRY(ad_buffer_close(&rows));
    struct ad_column fitted[DEADLOCK_COLUMNS];
    memcpy(fitted, deadlock_columns, sizeof(deadlock_columns));
    if (screen->options->width)
        ad_table_fit(rows.text, fitted, DEADLOCK_COLUMNS, screen->options->width);
    if (ad_table_print(out, rows.text, fitted, DEADLOCK_COLUMNS, bytes) < lines)
        fputs("          and more (--json has all of it)\n", out);
    if (count > shown)
        fprintf(out, "          and %" PRIu64 " more deadlock%s (--json lists %s)\n", count - shown,
                count - shown == 1 ? "" : "s", count - shown == 1 ? "it" : "them");
    return NULL;
}

/* ---- Others ---- */

static struct ad_error *print_others(FILE *out, const struct ad_screen *screen, size_t bytes)
{
    const struct ad_finding *findings = screen->findings->findings.items;
    uint64_t first = screen->findings->deadlocks, count = screen->findings->findings.count - first;
    size_t shown = count < OTHERS_SHOWN ? (size_t)count : OTHERS_SHOWN;
    ad_auto_buffer struct ad_buffer rows = {0};
    AD_TRY(ad_buffer_open(&rows));
    for (uint64_t i = first; i < first + shown; i++) {
        fprintf(rows.file, "%-*s  ", AD_TABLE_INDENT - 2, ad_finding_code_name(findings[i].code));
        ad_finding_sentence(rows.file, screen->snapshot, &findings[i]);
        fputc('\n', rows.file);
    }
    AD_TRY(ad_buffer_close(&rows));
    const struct ad_column sentence = {.widest = SENTENCE_WIDTH, .fold = screen->options->width};
    size_t printed = ad_table_print(out, rows.text, &sentence, 1, bytes);
    if (count > printed)
        fprintf(out, "          and %" PRIu64 " more finding%s (--json lists %s)\n", count - printed,
                count - printed == 1 ? "" : "s", count - printed == 1 ? "it" : "them");
    return NULL;
}

struct ad_error *ad_screen_findings(FILE *out, const struct ad_screen *screen, size_t bytes)
{
    if (!screen->findings->findings.count)
        return NULL;
    fputc('\n', out);
    if (screen->findings->deadlocks)
        AD_TRY(print_deadlocks(out, screen, bytes / 3 * 2));
    if (screen->findings->findings.count > screen->findings->deadlocks)
        AD_TRY(print_others(out, screen, bytes / 3));
    if (screen->signature)
        fprintf(out, "signature %016" PRIx64 "\n", screen->signature);
    return NULL;
}
