/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "report/escape.h"
#include "report/finding_words.h"
#include "report/screen_internal.h"
#include "report/stack.h"
#include "report/system_call.h"
#include "report/words.h"

enum { DESCRIPTION_WIDTH = 120, COMMAND_WIDTH = 40 };

/* ---- Line 1: what was read ---- */

static void print_program(FILE *out, const struct ad_snapshot *snapshot)
{
    char text[COMMAND_WIDTH];
    const char *command = snapshot->command;
    if ((!command || !*command) && snapshot->executable)
        command = ad_base_name(snapshot->executable);
    fputs(command && *command ? ad_escape(text, sizeof(text), command) : "unknown program", out);
}

static void print_date(FILE *out, uint64_t realtime)
{
    char text[64];
    time_t seconds = (time_t)(realtime / UINT64_C(1000000000));
    struct tm local;
    if (localtime_r(&seconds, &local) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local))
        fputs(text, out);
}

/* " (pid 1234, SIGABRT, 2026-11-21 02:14:07)", of these what is known and not said already. */
static void print_circumstances(FILE *out, const struct ad_snapshot *snapshot)
{
    const char *separator = " (";
    if (snapshot->kind != AD_TARGET_LIVE && snapshot->pid) {
        fprintf(out, "%spid %d", separator, (int)snapshot->pid);
        separator = ", ";
    }
    if (snapshot->signal) {
        const char *name = sigabbrev_np(snapshot->signal);
        if (name)
            fprintf(out, "%sSIG%s", separator, name);
        else
            fprintf(out, "%ssignal %d", separator, snapshot->signal);
        separator = ", ";
    }
    if (snapshot->realtime) {
        fputs(separator, out);
        print_date(out, snapshot->realtime);
        separator = ", ";
    }
    fputs(separator[0] == ',' ? ")" : "", out);
}

static void print_tasks_read(FILE *out, const struct ad_snapshot *snapshot)
{
    const struct ad_runtime *runtimes = snapshot->runtimes.items;
    uint64_t declared = 0;
    bool known = snapshot->runtimes.count;
    for (size_t i = 0; i < snapshot->runtimes.count; i++) {
        known = known && runtimes[i].tasks_declared != UINT64_MAX;
        declared += runtimes[i].tasks_declared;
    }
    fprintf(out, "  tasks read %zu", snapshot->tasks.count);
    if (known)
        fprintf(out, " of %" PRIu64, declared);
}

static void print_target(FILE *out, const struct ad_snapshot *snapshot)
{
    char text[DESCRIPTION_WIDTH];
    if (snapshot->description && *snapshot->description)
        fprintf(out, "%s: ", ad_escape(text, sizeof(text), snapshot->description));
    print_program(out, snapshot);
    print_circumstances(out, snapshot);
    if (snapshot->build_id_state)
        fprintf(out, "  %s", ad_escape(text, sizeof(text), snapshot->build_id_state));
    print_tasks_read(out, snapshot);
    fputc('\n', out);
}

/* ---- Line 2: the verdict ---- */

static void print_hung(FILE *out, const struct ad_findings *findings, uint64_t tasks)
{
    const char *pronoun = findings->deadlocks == 1 ? "it" : "them";
    fputs("HUNG: ", out);
    if (!findings->deadlocks) {
        ad_finding_headline(out, findings->findings.items);
        return;
    }
    ad_print_count(out, findings->deadlocks, "deadlock");
    if (findings->stuck)
        fprintf(out, "; %" PRIu64 " of %" PRIu64 " tasks %s on %s", findings->stuck, tasks,
                findings->stuck == 1 ? "waits" : "wait", pronoun);
    else
        fprintf(out, "; no other task waits on %s", pronoun);
}

static void print_suspect(FILE *out, const struct ad_findings *findings, uint64_t tasks)
{
    const struct ad_finding *worst = findings->findings.items;
    fputs("SUSPECT: ", out);
    if (!findings->findings.count || worst->severity < AD_SEVERITY_WARNING) {
        ad_print_count(out, findings->tally.inside, "task");
        fputs(" wait only for other tasks, and nothing from outside is awaited", out);
    } else if (worst->code == AD_FINDING_WORKER_BLOCKED) {
        fputs("a task keeps its worker from ", out);
        if (worst->direct)
            ad_print_count(out, worst->direct, "ready task");
        else
            fputs("what else is due there", out);
    } else if (worst->code == AD_FINDING_BLOCKER) {
        fprintf(out, "%" PRIu64 " of %" PRIu64 " tasks %s ", worst->total, tasks,
                worst->total == 1 ? "waits" : "wait");
        fputs(worst->task_count ? "behind a holder that does not go on" : "behind an owner that is gone",
              out);
    } else {
        ad_finding_headline(out, worst);
    }
}

static void print_idle(FILE *out, const struct ad_snapshot *snapshot, const struct ad_tally *tally)
{
    uint64_t oldest = ad_age(snapshot, tally->oldest);
    const char *what = !tally->sleeping  ? "network and other input"
                       : !tally->outside ? "timers"
                                         : "network input and timers";
    fputs("idle: ", out);
    if (!tally->outside && !tally->sleeping) {
        ad_print_count(out, tally->inside, "task");
        fprintf(out, " wait%s for other tasks, %" PRIu64 " of them with a timeout; there is no deadlock",
                tally->inside == 1 ? "s" : "", tally->timed);
        return;
    }
    ad_print_count(out, tally->outside + tally->sleeping, "task");
    fprintf(out, " %s for %s", tally->outside + tally->sleeping == 1 ? "waits" : "wait", what);
    if (oldest != UINT64_MAX) {
        fputs(", oldest ", out);
        ad_print_duration(out, oldest);
    }
    if (tally->inside)
        fprintf(out, ", %" PRIu64 " for other tasks; there is no deadlock", tally->inside);
    else
        fputs("; nothing is stuck", out);
}

static void print_verdict(FILE *out, const struct ad_screen *screen)
{
    const struct ad_tally *tally = &screen->findings->tally;
    uint64_t tasks = screen->snapshot->tasks.count;
    switch (screen->findings->verdict) {
    case AD_VERDICT_HUNG:
        print_hung(out, screen->findings, tasks);
        break;
    case AD_VERDICT_SUSPECT:
        print_suspect(out, screen->findings, tasks);
        break;
    case AD_VERDICT_IDLE:
        print_idle(out, screen->snapshot, tally);
        break;
    case AD_VERDICT_BUSY:
        fprintf(out, "busy: %" PRIu64 " of %" PRIu64 " tasks running, %" PRIu64 " ready to run",
                tally->running, tasks, tally->ready);
        break;
    case AD_VERDICT_EMPTY:
        fputs("empty: there is no task that could run", out);
        break;
    }
    fputc('\n', out);
}

/* ---- Line 3: the vitals ---- */

/* The function in which the worker's thread is: "epoll_wait"; NULL when its stack is not known. */
static const char *thread_function(const struct ad_snapshot *snapshot, const struct ad_worker *worker)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    if (worker->thread >= snapshot->threads.count)
        return NULL;
    uint32_t stack = AD_ITEMS(struct ad_thread_state, &snapshot->threads)[worker->thread].stack;
    ad_stack_walk_init(&walk, snapshot, stack);
    return ad_stack_walk_next(&walk, &line) && line.line ? line.line->function : NULL;
}

static const char *system_call_of(const struct ad_snapshot *snapshot, const struct ad_worker *worker)
{
    if (worker->thread >= snapshot->threads.count)
        return NULL;
    const struct ad_thread_state *threads = snapshot->threads.items;
    return ad_system_call_name(threads[worker->thread].thread.system_call);
}

static const char *do_word(enum async_debug_worker_state_class state)
{
    switch (state) {
    case ASYNC_DEBUG_WORKER_STATE_POLLING:
        return "idle";
    case ASYNC_DEBUG_WORKER_STATE_LOOP:
        return "in the event loop";
    case ASYNC_DEBUG_WORKER_STATE_TASK:
        return "running task";
    case ASYNC_DEBUG_WORKER_STATE_ENDED:
        return "ended";
    default:
        return "in an unknown state";
    }
}

/* " in epoll_wait" when all workers of this state are in one function, or one system call where no function is
   known. */
static void print_common_function(FILE *out, const struct ad_snapshot *snapshot,
                                  enum async_debug_worker_state_class state)
{
    const struct ad_worker *workers = snapshot->workers.items;
    const char *common = NULL;
    char text[COMMAND_WIDTH];
    for (size_t i = 0; i < snapshot->workers.count; i++) {
        if (workers[i].state != state)
            continue;
        const char *function = thread_function(snapshot, &workers[i]);
        function = function ? function : system_call_of(snapshot, &workers[i]);
        if (!function || (common && strcmp(common, function)))
            return;
        common = function;
    }
    if (common)
        fprintf(out, " in %s", ad_escape(text, sizeof(text), common));
}

/* "running task #5 in nanosleep": whoever occupies a worker is worth its number. */
static void print_current(FILE *out, const struct ad_snapshot *snapshot)
{
    const struct ad_worker *workers = snapshot->workers.items;
    unsigned room = 3;
    for (size_t i = 0; i < snapshot->workers.count && room; i++) {
        bool runs =
            workers[i].state == ASYNC_DEBUG_WORKER_STATE_TASK && workers[i].current < snapshot->tasks.count;
        if (!runs || !room--)
            continue;
        fprintf(out, " #%" PRIu32, AD_ITEMS(struct ad_task, &snapshot->tasks)[workers[i].current].id);
        if (!system_call_of(snapshot, &workers[i]))
            continue;
        fputs(" in ", out);
        ad_print_system_call(out, &AD_ITEMS(struct ad_thread_state, &snapshot->threads)[workers[i].thread].thread);
    }
}

static void print_worker_state(FILE *out, const struct ad_snapshot *snapshot,
                               enum async_debug_worker_state_class state, uint64_t count)
{
    uint64_t all = snapshot->workers.count;
    if (count < all)
        fprintf(out, ", %" PRIu64 " %s", count, do_word(state));
    else
        fprintf(out, ", %s%s", all > 1 ? "all " : "", do_word(state));
    if (state == ASYNC_DEBUG_WORKER_STATE_TASK)
        print_current(out, snapshot);
    else
        print_common_function(out, snapshot, state);
}

static void print_workers(FILE *out, const struct ad_snapshot *snapshot)
{
    uint64_t counts[ASYNC_DEBUG_WORKER_STATE_ENDED + 1] = {0};
    const struct ad_worker *workers = snapshot->workers.items;
    for (size_t i = 0; i < snapshot->workers.count; i++)
        counts[workers[i].state <= ASYNC_DEBUG_WORKER_STATE_ENDED ? workers[i].state : 0]++;
    fprintf(out, "    workers %zu", snapshot->workers.count);
    for (unsigned state = 0; state <= ASYNC_DEBUG_WORKER_STATE_ENDED; state++)
        if (counts[state])
            print_worker_state(out, snapshot, state, counts[state]);
}

static void print_vitals(FILE *out, const struct ad_screen *screen)
{
    const struct ad_tally *tally = &screen->findings->tally;
    fprintf(out,
            "tasks %zu: %" PRIu64 " waiting  %" PRIu64 " sleeping  %" PRIu64 " ready  %" PRIu64 " running",
            screen->snapshot->tasks.count, tally->outside + tally->inside, tally->sleeping, tally->ready,
            tally->running);
    if (tally->ended)
        fprintf(out, "  %" PRIu64 " ended", tally->ended);
    if (tally->system)
        fprintf(out, ", %" PRIu64 " of them the runtime's own", tally->system);
    print_workers(out, screen->snapshot);
    fputc('\n', out);
}

void ad_screen_head(FILE *out, const struct ad_screen *screen)
{
    print_target(out, screen->snapshot);
    print_verdict(out, screen);
    print_vitals(out, screen);
}
