/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "findings/graph.h"
#include "report/describe.h"
#include "report/escape.h"
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

/* The innermost lines of the user's, where there is a stack. */
static void print_place(FILE *out, const struct ad_snapshot *snapshot, uint32_t task)
{
    uint32_t stack = task_at(snapshot, task)->stack;
    if (stack >= snapshot->stacks.count)
        return;
    fputs("   ", out);
    ad_print_innermost(out, snapshot, stack);
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

static const char *verb_of(const struct ad_future *future)
{
    return ad_future_is_lock(future) ? "held by" : "waits for";
}

/* "; held by #5 "audit" > #8 for 14m03s" */
static void print_chain(FILE *out, const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    const struct ad_future *future = &AD_ITEMS(struct ad_future, &snapshot->futures)[finding->future];
    uint64_t age = ad_age(snapshot, future->owned_since);
    bool several = future->holder_count > 1;
    fprintf(out, "; %s ", several ? "of them" : verb_of(future));
    ad_print_task(out, task_at(snapshot, finding->tasks[0]), AD_NAME_WIDTH);
    if (age != UINT64_MAX && !several) {
        fputs(" for ", out);
        ad_print_duration(out, age);
    }
    for (size_t i = 1; i < finding->task_count; i++) {
        bool gap = i + 1 == finding->task_count && finding->chain > finding->task_count;
        fprintf(out, ", %swhich waits for #%" PRIu32, gap ? "... " : "",
                task_at(snapshot, finding->tasks[i])->id);
    }
}

/* Where the chain ends: in a deadlock, or with a task that waits for something else, or does something. */
static void print_root(FILE *out, const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    uint32_t root = finding->tasks[finding->task_count - 1];
    if (finding->deadlock != AD_NONE) {
        fputs(", in the deadlock", out);
        return;
    }
    bool waits = task_at(snapshot, root)->state == ASYNC_DEBUG_STATE_WAITING;
    fputs(waits ? ", which waits for " : ", which is ", out);
    if (waits)
        ad_describe_wait(out, snapshot, root);
    else
        fputs(ad_task_state_word(snapshot, task_at(snapshot, root)), out);
    print_place(out, snapshot, root);
}

static void print_blocker(FILE *out, const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    const struct ad_future *future = &AD_ITEMS(struct ad_future, &snapshot->futures)[finding->future];
    fputs("BLOCKER   ", out);
    /* The chain begins with one owner. One that has ended or was not read, or that is one of several, is
       told by the description itself. */
    ad_describe_future(out, snapshot, finding->future,
                       !finding->task_count       ? AD_DETAIL_FULL
                       : future->holder_count > 1 ? AD_DETAIL_OWNER
                                                  : AD_DETAIL_OBJECT);
    fputs(": ", out);
    ad_print_count(out, finding->total, "task");
    fputs(finding->total == 1 ? " waits on it" : " wait on it", out);
    if (finding->direct < finding->total)
        fprintf(out, ", %" PRIu64 " of them through others", finding->total - finding->direct);
    if (finding->task_count) {
        print_chain(out, snapshot, finding);
        print_root(out, snapshot, finding);
    }
    fputc('\n', out);
}

static void print_blocked_worker(FILE *out, const struct ad_snapshot *snapshot,
                                 const struct ad_finding *finding)
{
    const struct ad_worker *worker = &AD_ITEMS(struct ad_worker, &snapshot->workers)[finding->worker];
    fprintf(out, "BLOCKED   worker %" PRIu32 ": ", worker->id);
    ad_print_task(out, task_at(snapshot, finding->tasks[0]), AD_NAME_WIDTH);
    fputs(" keeps it for ", out);
    ad_print_duration(out, ad_age(snapshot, worker->last_tick));
    fputs("; ", out);
    ad_print_count(out, finding->direct, "ready task");
    fputs(finding->direct == 1 ? " waits" : " wait", out);
    print_place(out, snapshot, finding->tasks[0]);
    fputc('\n', out);
}

static struct ad_error *print_others(FILE *out, const struct ad_screen *screen, size_t bytes)
{
    const struct ad_finding *findings = screen->findings->findings.items;
    uint64_t first = screen->findings->deadlocks, count = screen->findings->findings.count - first;
    size_t shown = count < OTHERS_SHOWN ? (size_t)count : OTHERS_SHOWN;
    ad_auto_buffer struct ad_buffer rows = {0};
    AD_TRY(ad_buffer_open(&rows));
    for (uint64_t i = first; i < first + shown; i++) {
        if (findings[i].code == AD_FINDING_BLOCKED_WORKER)
            print_blocked_worker(rows.file, screen->snapshot, &findings[i]);
        else
            print_blocker(rows.file, screen->snapshot, &findings[i]);
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
    return NULL;
}
