/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "report/describe.h"
#include "report/escape.h"
#include "report/report.h"
#include "report/system_call.h"
#include "report/table.h"
#include "report/words.h"

enum { TEXT_WIDTH = 60, WORKER_COLUMNS = 8, FUTURE_COLUMNS = 6 };

static void print_ago(FILE *out, const struct ad_snapshot *snapshot, uint64_t since)
{
    uint64_t age = ad_age(snapshot, since);
    if (age == UINT64_MAX)
        fputc('-', out);
    else
        ad_print_duration(out, age);
}

/* ---- Workers ---- */

static void print_thread(FILE *out, const struct ad_snapshot *snapshot, const struct ad_worker *worker)
{
    fprintf(out, "%d", (int)worker->thread_id);
    if (worker->thread >= snapshot->threads.count)
        return;
    const struct ad_thread_state *threads = snapshot->threads.items;
    const char *call = ad_system_call_name(threads[worker->thread].thread.system_call);
    if (call)
        fprintf(out, " in %s", call);
}

static void print_current(FILE *out, const struct ad_snapshot *snapshot, const struct ad_worker *worker)
{
    if (worker->current < snapshot->tasks.count)
        ad_print_task(out, &AD_ITEMS(struct ad_task, &snapshot->tasks)[worker->current], TEXT_WIDTH);
    else if (worker->current_address)
        fprintf(out, "0x%" PRIx64 ", not read", worker->current_address);
    else
        fputc('-', out);
}

static void print_timers(FILE *out, const struct ad_snapshot *snapshot, const struct ad_worker *worker)
{
    fprintf(out, "%" PRIu64, worker->timer_count);
    if (!worker->next_timer || !snapshot->now)
        return;
    bool due = worker->next_timer <= snapshot->now;
    fputs(due ? ", due " : ", next in ", out);
    ad_print_duration(out, due ? snapshot->now - worker->next_timer : worker->next_timer - snapshot->now);
    fputs(due ? " ago" : "", out);
}

static void print_worker(FILE *out, const struct ad_snapshot *snapshot, const struct ad_worker *worker)
{
    char text[TEXT_WIDTH];
    fprintf(out, "%" PRIu32 "\t%s\t", worker->id, ad_escape(text, sizeof(text), worker->state_name));
    print_thread(out, snapshot, worker);
    fputc('\t', out);
    if (worker->tasks_alive == UINT64_MAX)
        fputs("-\t", out);
    else
        fprintf(out, "%" PRIu64 "\t", worker->tasks_alive);
    fprintf(out, "%" PRIu64 " + %" PRIu64 "\t", worker->ready_count, worker->inbox_count);
    print_timers(out, snapshot, worker);
    fputc('\t', out);
    print_ago(out, snapshot, worker->last_tick);
    fputc('\t', out);
    print_current(out, snapshot, worker);
    fputc('\n', out);
}

struct ad_error *ad_report_workers(FILE *out, const struct ad_snapshot *snapshot,
                                   const struct ad_findings *findings, const struct ad_report_options *options)
{
    static const struct ad_column columns[WORKER_COLUMNS] = {{.right = true}, {0}, {0}, {.right = true}};
    ad_auto_buffer struct ad_buffer rows = {0};
    (void)findings;
    (void)options;
    AD_TRY(ad_buffer_open(&rows));
    fputs("WORKER\tSTATE\tTHREAD\tTASKS\tREADY + INBOX\tTIMERS\tLAST TICK\tRUNS\n", rows.file);
    for (size_t i = 0; i < snapshot->workers.count; i++)
        print_worker(rows.file, snapshot, &AD_ITEMS(struct ad_worker, &snapshot->workers)[i]);
    AD_TRY(ad_buffer_close(&rows));
    ad_table_print(out, rows.text, columns, WORKER_COLUMNS, SIZE_MAX);
    return NULL;
}

/* ---- Futures ---- */

static void print_waiters(FILE *out, const struct ad_snapshot *snapshot, const struct ad_future *future)
{
    enum { SHOWN = 4 };
    uint32_t shown = 0;
    for (uint32_t i = 0; i < future->waiter_count && shown < SHOWN; i++) {
        uint64_t place = (uint64_t)future->first_waiter + i;
        uint32_t task = place < snapshot->waiters.count ? AD_ITEMS(uint32_t, &snapshot->waiters)[place] : AD_NONE;
        if (task < snapshot->tasks.count)
            fprintf(out, "%s#%" PRIu32, shown++ ? " " : "", AD_ITEMS(struct ad_task, &snapshot->tasks)[task].id);
    }
    fputs(shown && shown < future->waiter_count ? " ..." : shown ? "" : "-", out);
}

static void print_future(FILE *out, const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_future *future = &AD_ITEMS(struct ad_future, &snapshot->futures)[index];
    char text[TEXT_WIDTH];
    fprintf(out, "0x%" PRIx64 "\t%" PRIu32 "\t%s\t", future->address, future->waiter_count,
            ad_escape(text, sizeof(text), future->state_name));
    ad_describe_future(out, snapshot, index, AD_DETAIL_FULL);
    fputc('\t', out);
    print_waiters(out, snapshot, future);
    fputc('\t', out);
    if (future->site.file)
        fprintf(out, "%s:%" PRIu32, ad_escape(text, sizeof(text), future->site.file), future->site.line);
    else
        fputc('-', out);
    fputc('\n', out);
}

/* Of those that selected tasks wait for, when there is a condition; else of all. */
static void mark(const struct ad_snapshot *snapshot, const struct ad_selection *selection,
                 bool *wanted)
{
    const struct ad_task *tasks = snapshot->tasks.items;
    for (size_t i = 0; i < snapshot->futures.count; i++)
        wanted[i] = !selection->filtered;
    for (size_t i = 0; i < selection->count; i++)
        if (tasks[selection->tasks[i]].future < snapshot->futures.count)
            wanted[tasks[selection->tasks[i]].future] = true;
}

struct ad_error *ad_report_futures(FILE *out, const struct ad_snapshot *snapshot,
                                   const struct ad_findings *findings, const struct ad_report_options *options)
{
    static const struct ad_column columns[FUTURE_COLUMNS] = {{0}, {.right = true}};
    ad_auto_free bool *wanted = calloc(snapshot->futures.count + 1, sizeof(*wanted));
    ad_auto_buffer struct ad_buffer rows = {0};
    (void)findings;
    if (!wanted)
        return &ad_error_nomem;
    mark(snapshot, options->selection, wanted);
    AD_TRY(ad_buffer_open(&rows));
    fputs("FUTURE\tWAIT\tSTATE\tWHAT\tTASKS\tMADE AT\n", rows.file);
    for (uint32_t i = 0; i < snapshot->futures.count; i++)
        if (wanted[i])
            print_future(rows.file, snapshot, i);
    AD_TRY(ad_buffer_close(&rows));
    ad_table_print(out, rows.text, columns, FUTURE_COLUMNS, SIZE_MAX);
    return NULL;
}
