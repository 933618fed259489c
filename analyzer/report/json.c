/* SPDX-License-Identifier: MIT */
/**
 * @file json.c - the whole snapshot and its findings as one JSON object, for programs.
 *
 * Absent or unknown values are null. Times are nanoseconds, addresses are "0x..." texts (a JSON number
 * cannot hold them), tasks are named by "id". Texts of the target are escaped as on the screen
 * (report/escape.h), so every text is valid UTF-8 and shows nothing but itself.
 *
 *     {"schema": 1,
 *      "target": {"description", "kind": "core"|"live"|"debugger"|"fake", "pid", "command", "executable",
 *                 "build_id", "signal", "signal_name", "time_ns" (since 1970), "now_ns" (its monotonic
 * clock), "stop_note", "tasks_read", "runtimes": [{"name", "version", "found_by", "tasks_declared",
 *                 "tasks_read", "changing"}]},
 *      "verdict": "hung"|"suspect"|"idle"|"busy"|"empty", "deadlocks": n, "stuck": n,
 *      "tally": {"outside", "inside", "sleeping", "ready", "running", "ended"},
 *      "findings": [{"code": "deadlock"|"blocker"|"blocked_worker", "severity": "note"|"warning"|"error",
 *                    "tasks": [id, ...], "chain", "future": FUTURE|null, "worker", "deadlock", "direct",
 *                    "total"}, ...],
 *      "tasks": [{"id", "name", "state" (the runtime's word), "state_class": "waiting"|..., "wait": "in
 * words", "awaits": FUTURE|null, "age_ns", "parent", "worker", "spawn_site": PLACE|null, "resumes", "stack":
 * [{"function", "file", "line", "inlined", "hidden", "pc", "module", "offset"}, ...] (innermost first) or
 * null, "stack_end": null when complete, else why it ends}, ...], "workers": [{"id", "name", "state",
 * "state_class", "thread", "current", "ready", "timers", "last_tick_ns" (ago), "ticks"}, ...], "threads":
 * [{"tid", "name", "worker", "crashed", "stack", "stack_end"}, ...], "losses": [{"what", "count", "partial"},
 * ...]}
 *
 *     FUTURE: {"kind" (the runtime's word), "kind_class", "state", "name", "address", "owner" (a task's id),
 *              "held_ns", "waiters", "fd", "peer", "deadline_ns" (from now on; negative: past), "capacity",
 *              "count", "senders", "receivers", "thread"}
 *     PLACE:  {"file", "line", "function"}
 *
 * Streamed: one task at a time, never the whole document in memory. A task, worker or thread is one line.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/describe.h"
#include "report/escape.h"
#include "report/report.h"
#include "report/stack.h"
#include "report/table.h"
#include "report/words.h"

enum { FLAGS = JSON_COMPACT | JSON_ENCODE_ANY };

/* ---- Values ---- */

static json_t *text_value(const char *text)
{
    char buffer[AD_ESCAPE_MAX];
    return text && *text ? json_string(ad_escape(buffer, sizeof(buffer), text)) : json_null();
}

/* jansson's integers are signed; UINT64_MAX and its like are "not known". */
static json_t *number_value(uint64_t number)
{
    return number <= INT64_MAX ? json_integer((json_int_t)number) : json_null();
}

static json_t *nonzero_value(uint64_t number)
{
    return number ? number_value(number) : json_null();
}

static json_t *address_value(uint64_t address)
{
    char text[32];
    snprintf(text, sizeof(text), "0x%" PRIx64, address);
    return json_string(text);
}

static json_t *task_value(const struct ad_snapshot *snapshot, uint32_t index)
{
    return index < snapshot->tasks.count ? json_integer(AD_ITEMS(struct ad_task, &snapshot->tasks)[index].id)
                                         : json_null();
}

static json_t *worker_value(const struct ad_snapshot *snapshot, uint32_t index)
{
    return index < snapshot->workers.count
               ? json_integer(AD_ITEMS(struct ad_worker, &snapshot->workers)[index].id)
               : json_null();
}

static json_t *place_value(const struct ad_place *place)
{
    if (!place->file && !place->function)
        return json_null();
    return json_pack("{so sI so}", "file", text_value(place->file), "line", (json_int_t)place->line,
                     "function", text_value(place->function));
}

static json_t *wait_value(const struct ad_snapshot *snapshot, uint32_t task)
{
    ad_auto_buffer struct ad_buffer words = {0};
    struct ad_error *error = ad_buffer_open(&words);
    if (!error) {
        ad_describe_wait(words.file, snapshot, task);
        error = ad_buffer_close(&words);
    }
    if (error) {
        ad_error_destroy(error);
        return NULL;
    }
    return json_string(words.text); /* escaped already */
}

/* ---- Futures ---- */

static const char *kind_word(enum async_debug_kind_class kind)
{
    static const char *const words[] = {
        "other",     "timer",     "yield",  "read",         "write",           "accept",
        "connect",   "poll",      "close",  "mutex",        "rwlock_read",     "rwlock_write",
        "semaphore", "condition", "event",  "channel_send", "channel_receive", "join",
        "group",     "promise",   "select", "all",          "barrier",         "work",
        "dns",       "file",      "signal", "process",
    };
    _Static_assert(sizeof(words) / sizeof(words[0]) == ASYNC_DEBUG_KIND_PROCESS + 1, "a word for each kind");
    return (unsigned)kind < sizeof(words) / sizeof(words[0]) ? words[kind] : words[0];
}

/* Nanoseconds from now to the deadline; both clocks must be known. */
static json_t *time_left(const struct ad_snapshot *snapshot, uint64_t deadline)
{
    if (!deadline || !snapshot->now || deadline > INT64_MAX || snapshot->now > INT64_MAX)
        return json_null();
    return json_integer((json_int_t)deadline - (json_int_t)snapshot->now);
}

static json_t *future_value(const struct ad_snapshot *snapshot, uint32_t index)
{
    if (index >= snapshot->futures.count)
        return json_null();
    const struct ad_future *future = &AD_ITEMS(struct ad_future, &snapshot->futures)[index];
    json_t *value = json_pack("{so ss so so so so so so}", "kind", text_value(future->kind_name),
                              "kind_class", kind_word(future->kind), "state", text_value(future->state_name),
                              "name", text_value(future->name), "address", address_value(future->address),
                              "owner", task_value(snapshot, future->owner), "held_ns",
                              number_value(ad_age(snapshot, future->owned_since)), "waiters",
                              number_value(future->declared_waiters != UINT64_MAX ? future->declared_waiters
                                                                                  : future->waiter_count));
    json_t *more =
        json_pack("{so so so so so so so so}", "fd", future->fd >= 0 ? json_integer(future->fd) : json_null(),
                  "peer", text_value(future->peer), "deadline_ns", time_left(snapshot, future->deadline),
                  "capacity", number_value(future->capacity), "count", number_value(future->count), "senders",
                  number_value(future->senders), "receivers", number_value(future->receivers), "thread",
                  future->thread ? json_integer(future->thread) : json_null());
    if (!value || !more || json_object_update(value, more)) {
        json_decref(value);
        value = NULL;
    }
    json_decref(more);
    return value;
}

/* ---- Stacks ---- */

static json_t *line_value(const struct ad_stack_line *shown)
{
    const struct ad_line *line = shown->line;
    bool has_line = line && line->file;
    return json_pack("{so so so sb sb so so so}", "function", text_value(line ? line->function : NULL),
                     "file", text_value(has_line ? line->file : NULL), "line",
                     has_line ? json_integer(line->line) : json_null(), "inlined", line && line->inlined,
                     "hidden", shown->hidden, "pc", address_value(shown->location->pc), "module",
                     text_value(shown->location->module), "offset", number_value(shown->location->offset));
}

/* What has to be made once and is printed many times: the same lines are in the stacks of many tasks. */
struct document {
    FILE *out;
    const struct ad_snapshot *snapshot;
    const struct ad_findings *findings;
    char **lines; /* by location: its lines as JSON; NULL: not made yet */
};

static int write_piece(const char *buffer, size_t size, void *out)
{
    fwrite_unlocked(buffer, 1, size, out); /* a failing stream is its owner's to notice */
    return 0;
}

/* Prints one value and lets it go. */
static struct ad_error *put(FILE *out, json_t *value)
{
    if (!value)
        return &ad_error_nomem;
    int failed = json_dump_callback(value, write_piece, out, FLAGS);
    json_decref(value);
    return failed ? &ad_error_nomem : NULL;
}

/* {...},{...}: the lines of a location, NULL when there is no memory. */
static char *lines_text(const struct ad_snapshot *snapshot, const struct ad_location *location)
{
    ad_auto_buffer struct ad_buffer text = {0};
    struct ad_stack_line line;
    struct ad_error *error = ad_buffer_open(&text);
    for (uint32_t i = 0; !error && ad_location_line(snapshot, location, i, &line); i++) {
        fputs(i ? "," : "", text.file);
        error = put(text.file, line_value(&line));
    }
    if (!error)
        error = ad_buffer_close(&text);
    return error ? NULL : ad_take(text.text);
}

/* ,"stack":[...],"stack_end":... */
static struct ad_error *put_stack(struct document *document, uint32_t index)
{
    const struct ad_snapshot *snapshot = document->snapshot;
    if (index >= snapshot->stacks.count) {
        fputs(",\"stack\":null,\"stack_end\":\"no stack was read\"", document->out);
        return NULL;
    }
    const struct ad_stack *stack = &AD_ITEMS(struct ad_stack, &snapshot->stacks)[index];
    const struct ad_location *location;
    fputs(",\"stack\":[", document->out);
    for (uint32_t i = 0; (location = ad_stack_location(snapshot, stack, i)); i++) {
        char **text = &document->lines[location - AD_ITEMS(struct ad_location, &snapshot->locations)];
        if (!*text && !(*text = lines_text(snapshot, location)))
            return &ad_error_nomem;
        fputs_unlocked(i ? "," : "", document->out);
        fputs_unlocked(*text, document->out);
    }
    fputs("],\"stack_end\":", document->out);
    return put(document->out, text_value(stack->end_text));
}

/* An object with the members of `value` and a stack. */
static struct ad_error *put_with_stack(struct document *document, json_t *value, uint32_t stack)
{
    fputc('{', document->out);
    if (!value)
        return &ad_error_nomem;
    int failed =
        json_dump_callback(value, write_piece, document->out, FLAGS | JSON_EMBED); /* without braces */
    json_decref(value);
    if (failed)
        return &ad_error_nomem;
    AD_TRY(put_stack(document, stack));
    fputc('}', document->out);
    return NULL;
}

/* ---- The parts of the document ---- */

static json_t *task_object(const struct document *document, size_t index)
{
    const struct ad_snapshot *snapshot = document->snapshot;
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    bool waits = task->state == ASYNC_DEBUG_STATE_WAITING;
    return json_pack("{sI so so ss so so so so so so so}", "id", (json_int_t)task->id, "name",
                     text_value(task->name), "state", text_value(task->state_name), "state_class",
                     ad_task_state_word(snapshot, task), "wait", wait_value(snapshot, (uint32_t)index),
                     "awaits", waits ? future_value(snapshot, task->future) : json_null(), "age_ns",
                     number_value(ad_task_age(snapshot, task)), "parent", task_value(snapshot, task->parent),
                     "worker", worker_value(snapshot, task->worker), "spawn_site",
                     place_value(&task->spawn_site), "resumes", number_value(task->resumes));
}

static json_t *worker_object(const struct document *document, size_t index)
{
    const struct ad_snapshot *snapshot = document->snapshot;
    static const char *const words[] = {"unknown", "polling", "loop", "task", "ended"};
    const struct ad_worker *worker = &AD_ITEMS(struct ad_worker, &snapshot->workers)[index];
    return json_pack("{sI so so ss si so so so so so}", "id", (json_int_t)worker->id, "name",
                     text_value(worker->name), "state", text_value(worker->state_name), "state_class",
                     words[worker->state <= ASYNC_DEBUG_WORKER_STATE_ENDED ? worker->state : 0], "thread",
                     (int)worker->thread_id, "current", task_value(snapshot, worker->current), "ready",
                     number_value(worker->ready_count), "timers", number_value(worker->timer_count),
                     "last_tick_ns", number_value(ad_age(snapshot, worker->last_tick)), "ticks",
                     number_value(worker->ticks));
}

static json_t *thread_object(const struct document *document, size_t index)
{
    const struct ad_snapshot *snapshot = document->snapshot;
    const struct ad_thread_state *state = &AD_ITEMS(struct ad_thread_state, &snapshot->threads)[index];
    char name[sizeof(state->thread.name) + 1] = "";
    memcpy(name, state->thread.name, sizeof(state->thread.name));
    return json_pack("{si so so sb}", "tid", (int)state->thread.tid, "name", text_value(name), "worker",
                     worker_value(snapshot, state->worker), "crashed", state->thread.crashed);
}

static json_t *loss_object(const struct document *document, size_t index)
{
    const struct ad_snapshot *snapshot = document->snapshot;
    const struct ad_loss *loss = &AD_ITEMS(struct ad_loss, &snapshot->losses)[index];
    return json_pack("{so so sb}", "what", text_value(loss->what), "count", number_value(loss->count),
                     "partial", loss->partial);
}

static json_t *task_ids(const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    json_t *ids = json_array();
    for (size_t i = 0; ids && i < finding->task_count; i++) {
        if (json_array_append_new(ids, task_value(snapshot, finding->tasks[i]))) {
            json_decref(ids);
            ids = NULL;
        }
    }
    return ids;
}

static json_t *finding_object(const struct document *document, size_t index)
{
    static const char *const codes[] = {"deadlock", "blocker", "blocked_worker"};
    static const char *const severities[] = {"note", "warning", "error"};
    const struct ad_snapshot *snapshot = document->snapshot;
    const struct ad_finding *finding = &AD_ITEMS(struct ad_finding, &document->findings->findings)[index];
    return json_pack("{ss ss so so so so so so so}", "code", codes[finding->code], "severity",
                     severities[finding->severity], "tasks", task_ids(snapshot, finding), "chain",
                     nonzero_value(finding->chain), "future", future_value(snapshot, finding->future),
                     "worker", worker_value(snapshot, finding->worker), "deadlock",
                     finding->deadlock == AD_NONE ? json_null() : json_integer(finding->deadlock), "direct",
                     number_value(finding->direct), "total", number_value(finding->total));
}

static json_t *runtime_object(const struct ad_runtime *runtime)
{
    return json_pack("{so so so so so sb}", "name", text_value(runtime->name), "version",
                     text_value(runtime->version), "found_by", text_value(runtime->found_by),
                     "tasks_declared", number_value(runtime->tasks_declared), "tasks_read",
                     number_value(runtime->tasks_read), "changing", runtime->changing);
}

static json_t *runtimes_value(const struct ad_snapshot *snapshot)
{
    json_t *runtimes = json_array();
    for (size_t i = 0; runtimes && i < snapshot->runtimes.count; i++) {
        if (json_array_append_new(runtimes,
                                  runtime_object(&AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[i]))) {
            json_decref(runtimes);
            runtimes = NULL;
        }
    }
    return runtimes;
}

static json_t *target_object(const struct ad_snapshot *snapshot)
{
    static const char *const kinds[] = {"core", "live", "debugger", "fake"};
    const char *signal = snapshot->signal ? sigabbrev_np(snapshot->signal) : NULL;
    char signal_name[32] = "";
    if (signal)
        snprintf(signal_name, sizeof(signal_name), "SIG%s", signal);
    return json_pack(
        "{so ss so so so so so so so so so sI so}", "description", text_value(snapshot->description), "kind",
        kinds[snapshot->kind], "pid", nonzero_value((uint64_t)snapshot->pid), "command",
        text_value(snapshot->command), "executable", text_value(snapshot->executable), "build_id",
        text_value(snapshot->build_id_state), "signal", nonzero_value((uint64_t)snapshot->signal),
        "signal_name", text_value(signal_name), "time_ns", nonzero_value(snapshot->realtime), "now_ns",
        nonzero_value(snapshot->now), "stop_note", text_value(snapshot->stop_note), "tasks_read",
        (json_int_t)snapshot->tasks.count, "runtimes", runtimes_value(snapshot));
}

static json_t *tally_object(const struct ad_tally *tally)
{
    return json_pack("{sI sI sI sI sI sI}", "outside", (json_int_t)tally->outside, "inside",
                     (json_int_t)tally->inside, "sleeping", (json_int_t)tally->sleeping, "ready",
                     (json_int_t)tally->ready, "running", (json_int_t)tally->running, "ended",
                     (json_int_t)tally->ended);
}

/* ---- The document ---- */

static struct ad_error *put_task(struct document *document, size_t index)
{
    return put_with_stack(document, task_object(document, index),
                          AD_ITEMS(struct ad_task, &document->snapshot->tasks)[index].stack);
}

static struct ad_error *put_thread(struct document *document, size_t index)
{
    return put_with_stack(document, thread_object(document, index),
                          AD_ITEMS(struct ad_thread_state, &document->snapshot->threads)[index].stack);
}

static struct ad_error *put_finding(struct document *document, size_t index)
{
    return put(document->out, finding_object(document, index));
}

static struct ad_error *put_worker(struct document *document, size_t index)
{
    return put(document->out, worker_object(document, index));
}

static struct ad_error *put_loss(struct document *document, size_t index)
{
    return put(document->out, loss_object(document, index));
}

/* ,"name":[one object on each line] */
static struct ad_error *put_array(struct document *document, const char *name, size_t count,
                                  struct ad_error *(*put_one)(struct document *document, size_t index))
{
    FILE *out = document->out;
    fprintf(out, ",\n\"%s\":[", name);
    for (size_t i = 0; i < count && !ferror(out); i++) {
        fputs(i ? ",\n" : "\n", out);
        AD_TRY(put_one(document, i));
    }
    fputc(']', out);
    return NULL;
}

static struct ad_error *put_document(struct document *document)
{
    static const char *const verdicts[] = {"hung", "suspect", "idle", "busy", "empty"};
    const struct ad_snapshot *snapshot = document->snapshot;
    const struct ad_findings *findings = document->findings;
    FILE *out = document->out;
    fputs("{\"schema\":1,\n\"target\":", out);
    AD_TRY(put(out, target_object(snapshot)));
    fprintf(out, ",\n\"verdict\":\"%s\",\"deadlocks\":%" PRIu64 ",\"stuck\":%" PRIu64 ",\"tally\":",
            verdicts[findings->verdict], findings->deadlocks, findings->stuck);
    AD_TRY(put(out, tally_object(&findings->tally)));
    AD_TRY(put_array(document, "findings", findings->findings.count, put_finding));
    AD_TRY(put_array(document, "tasks", snapshot->tasks.count, put_task));
    AD_TRY(put_array(document, "workers", snapshot->workers.count, put_worker));
    AD_TRY(put_array(document, "threads", snapshot->threads.count, put_thread));
    AD_TRY(put_array(document, "losses", snapshot->losses.count, put_loss));
    fputs("}\n", out);
    return NULL;
}

struct ad_error *ad_report_json(FILE *out, const struct ad_snapshot *snapshot,
                                const struct ad_findings *findings, const struct ad_report_options *options)
{
    (void)options; /* programs get all frames, each marked */
    struct document document = {.out = out, .snapshot = snapshot, .findings = findings};
    document.lines = calloc(snapshot->locations.count + 1, sizeof(*document.lines));
    if (!document.lines)
        return &ad_error_nomem;
    struct ad_error *error = put_document(&document);
    for (size_t i = 0; i < snapshot->locations.count; i++)
        free(document.lines[i]);
    free(document.lines);
    return error;
}
