/* SPDX-License-Identifier: MIT */
#include "report/finding_words.h"

#include <inttypes.h>

#include "findings/graph.h"
#include "report/describe.h"
#include "report/escape.h"
#include "report/screen_internal.h"
#include "report/stack.h"
#include "report/system_call.h"
#include "report/words.h"

enum { NAMED = 3, DEADLOCK_NAMED = 4 };

/* What is being put into words. */
struct speech {
    FILE *out;
    const struct ad_snapshot *snapshot;
    const struct ad_finding *finding;
};

static const struct ad_task *task_at(const struct ad_snapshot *snapshot, uint32_t index)
{
    return &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
}

/* The innermost lines of the user's, where there is a stack. */
static void print_place(const struct speech *speech, uint32_t task)
{
    uint32_t stack = task_at(speech->snapshot, task)->stack;
    if (stack >= speech->snapshot->stacks.count)
        return;
    fputs("   ", speech->out);
    ad_print_innermost(speech->out, speech->snapshot, stack);
}

static void print_for(const struct speech *speech, const char *before, uint64_t since)
{
    uint64_t age = ad_age(speech->snapshot, since);
    if (age == UINT64_MAX)
        return;
    fputs(before, speech->out);
    ad_print_duration(speech->out, age);
}

static bool one(const struct speech *speech)
{
    return speech->finding->direct <= 1;
}

/* `#5 "reader"`, or `12 tasks (#5 "reader", #6, #9, ...)`. */
static void print_subject(const struct speech *speech)
{
    const struct ad_finding *finding = speech->finding;
    if (!one(speech))
        fprintf(speech->out, "%" PRIu64 " tasks (", finding->direct);
    for (size_t i = 0; i < finding->task_count && i < NAMED; i++) {
        const struct ad_task *task = task_at(speech->snapshot, finding->tasks[i]);
        if (i)
            fprintf(speech->out, ", #%" PRIu32, task->id);
        else
            ad_print_task(speech->out, task, AD_NAME_WIDTH);
    }
    if (!one(speech))
        fputs(finding->direct > NAMED ? ", ...)" : ")", speech->out);
}

/* ": 12 tasks wait on it, 5 of them through others" */
static void print_waiters(const struct speech *speech, const char *what)
{
    const struct ad_finding *finding = speech->finding;
    fputs(": ", speech->out);
    ad_print_count(speech->out, finding->total, "task");
    fprintf(speech->out, " %s %s", finding->total == 1 ? "waits" : "wait", what);
    if (finding->direct < finding->total)
        fprintf(speech->out, ", %" PRIu64 " of them through others", finding->total - finding->direct);
}

/* ", #5 "reader" the longest, for 14s" */
static void print_longest(const struct speech *speech)
{
    const struct ad_finding *finding = speech->finding;
    if (!finding->task_count)
        return;
    fputs(", ", speech->out);
    ad_print_task(speech->out, task_at(speech->snapshot, finding->tasks[0]), AD_NAME_WIDTH);
    fputs(finding->total > 1 ? " the longest," : "", speech->out);
    print_for(speech, " for ", finding->since);
}

/* "read", NULL: its thread is not in the kernel, or not known. */
static const char *system_call_of(const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_worker *worker =
        index < snapshot->workers.count ? &AD_ITEMS(struct ad_worker, &snapshot->workers)[index] : NULL;
    if (!worker || worker->thread >= snapshot->threads.count)
        return NULL;
    const struct ad_thread_state *threads = snapshot->threads.items;
    return ad_system_call_name(threads[worker->thread].thread.system_call);
}

static void print_worker(const struct speech *speech, uint32_t index)
{
    if (index < speech->snapshot->workers.count)
        fprintf(speech->out, "worker %" PRIu32,
                AD_ITEMS(struct ad_worker, &speech->snapshot->workers)[index].id);
    else
        fputs("a worker", speech->out);
}

/* ---- Deadlocks and blockers ------------------------------------------------------------------------- */

static void tell_deadlock(const struct speech *speech)
{
    const struct ad_finding *finding = speech->finding;
    fputs(finding->ring == 1 ? "a task waits for itself: " : "tasks wait for each other: ", speech->out);
    for (size_t i = 0; i < finding->task_count && i < DEADLOCK_NAMED; i++) {
        fputs(i ? "; " : "", speech->out);
        ad_print_task(speech->out, task_at(speech->snapshot, finding->tasks[i]), AD_NAME_WIDTH);
        fputs(" waits for ", speech->out);
        ad_describe_wait(speech->out, speech->snapshot, finding->tasks[i]);
    }
    if (finding->task_count > DEADLOCK_NAMED)
        fprintf(speech->out, "; and %zu more", finding->task_count - DEADLOCK_NAMED);
    print_place(speech, finding->tasks[0]);
}

static const char *verb_of(const struct ad_future *future)
{
    return ad_future_is_lock(future) ? "held by" : "waits for";
}

/* "; held by #5 "audit" for 14m03s, which waits for #8" */
static void print_chain(const struct speech *speech, const struct ad_future *future)
{
    const struct ad_finding *finding = speech->finding;
    bool several = future->holder_count > 1;
    fprintf(speech->out, "; %s ", several ? "of them" : verb_of(future));
    ad_print_task(speech->out, task_at(speech->snapshot, finding->tasks[0]), AD_NAME_WIDTH);
    if (!several)
        print_for(speech, " for ", future->owned_since);
    for (size_t i = 1; i < finding->task_count; i++) {
        bool gap = i + 1 == finding->task_count && finding->chain > finding->task_count;
        fprintf(speech->out, ", %swhich waits for #%" PRIu32, gap ? "... " : "",
                task_at(speech->snapshot, finding->tasks[i])->id);
    }
}

/* What the task does that keeps them all. */
static void print_doing(const struct speech *speech, uint32_t root)
{
    const struct ad_task *task = task_at(speech->snapshot, root);
    const char *call =
        task->state == ASYNC_DEBUG_STATE_RUNNING ? system_call_of(speech->snapshot, task->worker) : NULL;
    fprintf(speech->out, ", which is %s", ad_task_state_word(speech->snapshot, task));
    if (call)
        fprintf(speech->out, ", in %s", call);
    print_for(speech, task->state == ASYNC_DEBUG_STATE_READY ? ", but has not had its turn for " : " for ",
              task->state == ASYNC_DEBUG_STATE_READY ? task->ready_since : task->resumed_at);
}

/* Where the chain ends: in a deadlock, or with a task that waits for something else, or does something. */
static void print_root(const struct speech *speech)
{
    const struct ad_finding *finding = speech->finding;
    uint32_t root = finding->tasks[finding->task_count - 1];
    const struct ad_task *task = task_at(speech->snapshot, root);
    if (finding->deadlock != AD_NONE) {
        fputs(", in the deadlock", speech->out);
        return;
    }
    if (task->state == ASYNC_DEBUG_STATE_WAITING) {
        fputs(", which waits for ", speech->out);
        ad_describe_wait(speech->out, speech->snapshot, root);
        print_for(speech, ", since ", task->suspended_at);
    } else {
        print_doing(speech, root);
    }
    print_place(speech, root);
}

static void tell_blocker(const struct speech *speech)
{
    const struct ad_finding *finding = speech->finding;
    const struct ad_future *future = &AD_ITEMS(struct ad_future, &speech->snapshot->futures)[finding->future];
    /* The chain begins with one owner. One that has ended or was not read, or that is one of several, is
       told by the description itself. */
    ad_describe_future(speech->out, speech->snapshot, finding->future,
                       !finding->task_count       ? AD_DETAIL_FULL
                       : future->holder_count > 1 ? AD_DETAIL_OWNER
                                                  : AD_DETAIL_OBJECT);
    print_waiters(speech, "on it");
    if (finding->task_count) {
        print_chain(speech, future);
        print_root(speech);
    }
}

/* ---- Wakeups that do not come ------------------------------------------------------------------------ */

static void tell_not_run(const struct speech *speech)
{
    print_subject(speech);
    fputs(one(speech) ? " is ready" : " are ready", speech->out);
    print_for(speech, " for ", speech->finding->since);
    fputs(", and ", speech->out);
    print_worker(speech, speech->finding->worker);
    fputs(" waits for events instead", speech->out);
    print_place(speech, speech->finding->tasks[0]);
}

static void tell_lost_wakeup(const struct speech *speech)
{
    static const char *const whys[AD_REASONS] = {
        [AD_REASON_COMPLETED] = ", which is over, and nobody has woken",
        [AD_REASON_UNLISTED] = ", which does not know of it: nobody will wake",
        [AD_REASON_AVAILABLE] = ", although it can be had; nobody has woken",
        [AD_REASON_OVERDUE] = ", although that time has passed; nobody has woken",
    };
    const struct ad_finding *finding = speech->finding;
    if (finding->reason == AD_REASON_NOT_RUN) {
        tell_not_run(speech);
        return;
    }
    print_subject(speech);
    fputs(one(speech) ? " waits for " : " wait for ", speech->out);
    ad_describe_future(speech->out, speech->snapshot, finding->future, AD_DETAIL_FULL);
    fprintf(speech->out, "%s %s", whys[finding->reason] ? whys[finding->reason] : "",
            one(speech) ? "it" : "them");
    print_for(speech, "; it waits since ", finding->since);
    print_place(speech, finding->tasks[0]);
}

static void tell_orphan(const struct speech *speech)
{
    static const char *const whys[AD_REASONS] = {
        [AD_REASON_HELD_BY_ENDED] = "on it, and it can never be given back",
        [AD_REASON_NO_PRODUCER] = "for it, and nobody is left to provide it",
        [AD_REASON_NO_CONSUMER] = "for it, and nobody is left to receive",
    };
    const struct ad_finding *finding = speech->finding;
    ad_describe_future(speech->out, speech->snapshot, finding->future, AD_DETAIL_FULL);
    print_waiters(speech, whys[finding->reason] ? whys[finding->reason] : "for it");
    print_longest(speech);
    print_place(speech, finding->tasks[0]);
}

/* ---- Workers and limits ------------------------------------------------------------------------------ */

static void tell_worker_blocked(const struct speech *speech)
{
    const struct ad_finding *finding = speech->finding;
    const char *call = system_call_of(speech->snapshot, finding->worker);
    print_worker(speech, finding->worker);
    fputs(": ", speech->out);
    ad_print_task(speech->out, task_at(speech->snapshot, finding->tasks[0]), AD_NAME_WIDTH);
    fputs(" keeps it", speech->out);
    print_for(speech, " for ", finding->since);
    fprintf(speech->out, call ? ", in %s; " : "; ", call);
    if (finding->direct) {
        ad_print_count(speech->out, finding->direct, "ready task");
        fputs(finding->direct == 1 ? " waits" : " wait", speech->out);
    } else {
        fputs("what else is due there waits", speech->out);
    }
    print_place(speech, finding->tasks[0]);
}

static void tell_starved(const struct speech *speech)
{
    ad_print_count(speech->out, speech->finding->direct, "ready task");
    fputs(one(speech) ? " waits for its turn on " : " wait for their turn on ", speech->out);
    print_worker(speech, speech->finding->worker);
    print_longest(speech);
    print_place(speech, speech->finding->tasks[0]);
}

static void tell_pool_busy(const struct speech *speech)
{
    const struct ad_finding *finding = speech->finding;
    ad_print_count(speech->out, finding->direct, "call");
    fputs(one(speech) ? " waits" : " wait", speech->out);
    fputs(" for a thread of the pool, the longest", speech->out);
    print_for(speech, " for ", finding->since);
    fputs("; they are kept by ", speech->out);
    for (size_t i = 0; i < finding->task_count && i < NAMED; i++) {
        const struct ad_task *task = task_at(speech->snapshot, finding->tasks[i]);
        fputs(i ? ", " : "", speech->out);
        ad_print_task(speech->out, task, AD_NAME_WIDTH);
        print_for(speech, " for ", task->suspended_at);
    }
    if (finding->task_count > NAMED)
        fputs(", ...", speech->out);
    print_place(speech, finding->tasks[0]);
}

static void tell_channel_full(const struct speech *speech)
{
    ad_describe_future(speech->out, speech->snapshot, speech->finding->future, AD_DETAIL_FULL);
    print_waiters(speech, "to send, and nobody receives");
    print_longest(speech);
    print_place(speech, speech->finding->tasks[0]);
}

static void tell_stack(const struct speech *speech)
{
    const struct ad_finding *finding = speech->finding;
    const struct ad_task *task = task_at(speech->snapshot, finding->tasks[0]);
    print_subject(speech);
    if (finding->code == AD_FINDING_STACK_OVERFLOW)
        fprintf(speech->out, " has left its stack of %" PRIu64 " KiB", task->stack_size / 1024);
    else
        fprintf(speech->out, " %s used %" PRIu64 " of %" PRIu64 " bytes of stack",
                one(speech) ? "has" : "have", task->stack_used_max, task->stack_size);
    print_place(speech, finding->tasks[0]);
}

/* ---- Lives ------------------------------------------------------------------------------------------- */

static void tell_cancel_ignored(const struct speech *speech)
{
    const struct ad_finding *finding = speech->finding;
    const struct ad_task *task = task_at(speech->snapshot, finding->tasks[0]);
    print_subject(speech);
    print_for(speech, one(speech) ? " was asked to end " : " were asked to end, the first ", finding->since);
    fprintf(speech->out, " ago, and %s not: #%" PRIu32 " ", one(speech) ? "has" : "have", task->id);
    fputs(task->state == ASYNC_DEBUG_STATE_WAITING ? "waits for " : "is ", speech->out);
    ad_describe_wait(speech->out, speech->snapshot, finding->tasks[0]);
    fputs(task->flags & ASYNC_DEBUG_TASK_SHIELDED ? " (shielded)" : "", speech->out);
    print_place(speech, finding->tasks[0]);
}

static void tell_unseen_failure(const struct speech *speech)
{
    const struct ad_finding *finding = speech->finding;
    const struct ad_task *task = task_at(speech->snapshot, finding->tasks[0]);
    print_subject(speech);
    print_for(speech, one(speech) ? " failed " : " failed, the first ", finding->since);
    fputs(" ago", speech->out);
    if (task->error) {
        fputs(" with ", speech->out);
        ad_print_error_code(speech->out, task->error);
    }
    if (task->error_text && *task->error_text) {
        fputs(": ", speech->out);
        ad_escape_print(speech->out, task->error_text);
    }
    fputs("; nobody has taken the error", speech->out);
    ad_print_place(speech->out, &task->spawn_site);
}

static void tell_never_started(const struct speech *speech)
{
    print_subject(speech);
    fputs(one(speech) ? " was made" : " were made", speech->out);
    print_for(speech, one(speech) ? " " : ", the first ", speech->finding->since);
    fputs(" ago and never started", speech->out);
    ad_print_place(speech->out, &task_at(speech->snapshot, speech->finding->tasks[0])->spawn_site);
}

static void tell_growth(const struct speech *speech)
{
    const struct ad_task *task = task_at(speech->snapshot, speech->finding->tasks[0]);
    fprintf(speech->out, "%" PRIu64 " tasks like ", speech->finding->direct);
    ad_print_task(speech->out, task, AD_NAME_WIDTH);
    print_for(speech, " have come in ", speech->finding->since);
    fputs(", they still come, and hardly any ends", speech->out);
    ad_print_place(speech->out, &task->spawn_site);
}

/* ---- Which ------------------------------------------------------------------------------------------- */

void ad_finding_sentence(FILE *out, const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    static void (*const tellers[AD_FINDING_CODES])(const struct speech *speech) = {
        [AD_FINDING_DEADLOCK] = tell_deadlock,
        [AD_FINDING_LOST_WAKEUP] = tell_lost_wakeup,
        [AD_FINDING_ORPHAN] = tell_orphan,
        [AD_FINDING_STACK_OVERFLOW] = tell_stack,
        [AD_FINDING_WORKER_BLOCKED] = tell_worker_blocked,
        [AD_FINDING_BLOCKER] = tell_blocker,
        [AD_FINDING_POOL_BUSY] = tell_pool_busy,
        [AD_FINDING_CHANNEL_FULL] = tell_channel_full,
        [AD_FINDING_STARVED] = tell_starved,
        [AD_FINDING_CANCEL_IGNORED] = tell_cancel_ignored,
        [AD_FINDING_UNSEEN_FAILURE] = tell_unseen_failure,
        [AD_FINDING_NEVER_STARTED] = tell_never_started,
        [AD_FINDING_STACK_NEAR_END] = tell_stack,
        [AD_FINDING_GROWTH] = tell_growth,
    };
    const struct speech speech = {out, snapshot, finding};
    tellers[finding->code](&speech);
}

void ad_finding_headline(FILE *out, const struct ad_finding *finding)
{
    static const char *const ones[AD_FINDING_CODES] = {
        [AD_FINDING_LOST_WAKEUP] = "task waits for what has come already",
        [AD_FINDING_ORPHAN] = "task waits for what nobody is left to bring",
        [AD_FINDING_STACK_OVERFLOW] = "task has left its stack",
        [AD_FINDING_POOL_BUSY] = "call waits long for a thread of the pool",
        [AD_FINDING_CHANNEL_FULL] = "task waits to send, and nobody receives",
        [AD_FINDING_STARVED] = "ready task does not get its turn",
        [AD_FINDING_CANCEL_IGNORED] = "task was asked to end, and does not",
        [AD_FINDING_UNSEEN_FAILURE] = "task has failed, and nobody takes the error",
        [AD_FINDING_NEVER_STARTED] = "task was made and never started",
        [AD_FINDING_STACK_NEAR_END] = "task has nearly used up its stack",
    };
    static const char *const many[AD_FINDING_CODES] = {
        [AD_FINDING_LOST_WAKEUP] = "tasks wait for what has come already",
        [AD_FINDING_ORPHAN] = "tasks wait for what nobody is left to bring",
        [AD_FINDING_STACK_OVERFLOW] = "tasks have left their stacks",
        [AD_FINDING_POOL_BUSY] = "calls wait long for a thread of the pool",
        [AD_FINDING_CHANNEL_FULL] = "tasks wait to send, and nobody receives",
        [AD_FINDING_STARVED] = "ready tasks do not get their turn",
        [AD_FINDING_CANCEL_IGNORED] = "tasks were asked to end, and do not",
        [AD_FINDING_UNSEEN_FAILURE] = "tasks have failed, and nobody takes the errors",
        [AD_FINDING_NEVER_STARTED] = "tasks were made and never started",
        [AD_FINDING_STACK_NEAR_END] = "tasks have nearly used up their stacks",
    };
    const char *words = (finding->total == 1 ? ones : many)[finding->code];
    fprintf(out, "%" PRIu64 " %s", finding->total, words ? words : "tasks are concerned");
}

const char *ad_severity_word(enum ad_severity severity)
{
    static const char *const words[] = {"note", "warning", "error"};
    return words[severity];
}

const char *ad_confidence_word(enum ad_confidence confidence)
{
    static const char *const words[] = {"possible", "likely", "certain"};
    return words[confidence];
}
