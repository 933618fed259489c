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
 *                 "tasks_read", "changing", "tasks_spawned", "tasks_finished" (ever), "debug_flags",
 *                 "slow_step_ns", "started_ns" (ago), "pid", "history_count"}]},
 *      "verdict": "hung"|"suspect"|"idle"|"busy"|"empty", "deadlocks": n, "stuck": n,
 *      "tally": {"outside", "inside", "sleeping", "ready", "running", "ended", "timed" (of those inside),
 *                "system" (of all)},
 *      "signature": 16 hex digits that stay the same for the same trouble in any run; null: nothing is wrong,
 *      "findings": [{"code": "deadlock"|"lost_wakeup"|... (asyncdump --explain lists them), "reason": "completed"|
 *                    ...|null, "severity": "note"|"warning"|"error", "confidence": "possible"|"likely"|"certain",
 *                    "sentence": "in words", "tasks": [id, ...], "ring" (how many of them wait in a ring), "chain",
 *                    "future": FUTURE|null, "worker", "deadlock", "direct", "total", "age_ns",
 *                    "evidence": [{"task", "state_class", "age_ns", "wait", "where"}, ...] (the first 64 tasks),
 *                    "confirm": "what would prove it", "signature"}, ...],
 *      "selection": {"passed" (tasks that --where and its like let pass), "shown" (--limit)},
 *      "tasks": [{"id", "name", "state" (the runtime's word), "state_class": "waiting"|...,
 *                 "wait": "in words", "awaits": FUTURE|null, "age_ns", "parent", "worker",
 *                 "spawn_site": PLACE|null, "resumes", "deadline_ns" (from now on; negative: overdue),
 *                 "ready": {"worker", "position" (null: in its inbox)}|null,
 *                 "cancel": {"state": "requested"|"delivered"|"swallowed", "by" (a task's id), "at_ns" (ago),
 *                            "site": PLACE|null}|null,
 *                 "error": {"code", "name", "text", "site": PLACE|null}|null,
 *                 "labels": [{"key", "value"}, ...], "flags": ["detached", ...], "group" (its address),
 *                 "times": {"cpu_ns", "wall_ns", "longest_step_ns"}|null, "start": LINE|null,
 *                 "spawned_in": LINE|null (where there is no spawn_site), "stack_size", "stack_used_max",
 *                 "argument", "locals" (addresses), "torn" (it changed while it was read), "stack": [LINE, ...] (innermost first) or null,
 *                 "stack_end": null when complete, else why it ends,
 *                 "spawn_stack", "error_stack": [LINE, ...] as recorded, or null,
 *                 "variables": with --locals, [[VARIABLE, ...], ...] for each LINE of "stack", or null}, ...],
 *      "workers": [{"id", "name", "state", "state_class", "thread", "current", "ready", "timers",
 *                   "last_tick_ns" (ago), "ticks", "inbox", "switches", "next_timer_ns" (from now on), "tasks",
 *                   "loop" (address), "system_call" (that its thread is in: "epoll_wait", or a number),
 *                   "system_call_fd" (that it works on), "system_call_arguments": ["0x7", ...] as the kernel got
 *                   them}, ...],
 *      "threads": [{"tid", "own_tid" (in the target's PID namespace), "name", "worker", "system_call",
 *                   "system_call_fd", "system_call_arguments", "crashed", "stack", "stack_end", "variables"}, ...],
 *      "finished": [{"id" (the runtime's own, as are those below), "name", "state", "state_class", "start": LINE,
 *                    "parent", "spawn_site", "age_ns" (since it ended), "life_ns", "error": as of a task, "resumes",
 *                    "cpu_ns", "flags"}, ...] (of each runtime the newest first),
 *      "handles": [{"kind", "name", "fd", "site", "task", "age_ns", "address"}, ...],
 *      "functions": [{"start": LINE, "spawned", "finished", "failed", "resumes", "cpu_ns", "wall_ns",
 *                     "longest_step_ns", "longest_task"}, ...],
 *      "losses": [{"what", "count", "partial"}, ...]}
 *
 *     FUTURE: {"kind" (the runtime's word), "kind_class", "state", "name", "address", "owner" (a task's id),
 *              "held_ns", "waiters", "fd", "peer", "deadline_ns" (from now on; negative: past), "capacity",
 *              "count", "senders", "receivers", "thread", "size", "owner_id" (the runtime's own), "worker",
 *              "error", "site", "created_ns" (ago), "holder_count", "holders": [{"task", "held_ns"}, ...],
 *              "child_count", "children": [{"kind", "kind_class", "state", "name", "address", "owner"}, ...]}
 *              Of holders and children the first 64 are listed.
 *     LINE:   {"function", "file", "line", "inlined", "hidden", "pc", "module", "offset"}
 *     PLACE:  {"file", "line", "function"}
 *     VARIABLE: {"name", "type", "argument", "depth" (0: of the function, more: of blocks inside), "value" (in
 *              words), "state": "known"|"optimized out"|"unreadable"|"not available"}; arguments first
 *
 * Streamed: one task at a time, never the whole document in memory. A task, worker or thread is one line.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/finding_words.h"
#include "report/json_internal.h"
#include "report/locals.h"
#include "report/report.h"
#include "report/stack.h"
#include "report/table.h"

enum { FLAGS = JSON_COMPACT | JSON_ENCODE_ANY };

/* ---- Stacks ---- */

/* What has to be made once and is printed many times: the same lines are in the stacks of many tasks. */
struct document {
    FILE *out;
    const struct ad_snapshot *snapshot;
    const struct ad_findings *findings;
    const struct ad_report_options *options;
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
        error = put(text.file, ad_json_line(&line));
    }
    if (!error)
        error = ad_buffer_close(&text);
    return error ? NULL : ad_take(text.text);
}

/* ,"name":[...] or null */
static struct ad_error *put_stack(struct document *document, const char *name, uint32_t index)
{
    const struct ad_snapshot *snapshot = document->snapshot;
    fprintf(document->out, ",\"%s\":", name);
    if (index >= snapshot->stacks.count) {
        fputs("null", document->out);
        return NULL;
    }
    const struct ad_stack *stack = &AD_ITEMS(struct ad_stack, &snapshot->stacks)[index];
    const struct ad_location *location;
    fputc('[', document->out);
    for (uint32_t i = 0; (location = ad_stack_location(snapshot, stack, i)); i++) {
        char **text = &document->lines[location - AD_ITEMS(struct ad_location, &snapshot->locations)];
        if (!*text && !(*text = lines_text(snapshot, location)))
            return &ad_error_nomem;
        fputs_unlocked(i ? "," : "", document->out);
        fputs_unlocked(*text, document->out);
    }
    fputc(']', document->out);
    return NULL;
}

static struct ad_error *put_stack_end(struct document *document, uint32_t index, bool unbegun)
{
    const struct ad_snapshot *snapshot = document->snapshot;
    fputs(",\"stack_end\":", document->out);
    if (index >= snapshot->stacks.count)
        return put(document->out, json_string(unbegun ? "it has not begun" : "no stack was read"));
    return put(document->out, ad_json_text(AD_ITEMS(struct ad_stack, &snapshot->stacks)[index].end_text));
}

/* ---- Arguments and locals ---- */

static json_t *value_text(const struct ad_value *value)
{
    ad_auto_buffer struct ad_buffer words = {0};
    struct ad_error *error = ad_buffer_open(&words);
    if (!error) {
        ad_escape_print_value(words.file, value->text);
        error = ad_buffer_close(&words);
    }
    json_t *text = error ? NULL : json_string(words.text);
    ad_error_destroy(error);
    return text;
}

static json_t *variable_object(const struct ad_variable *variable, const struct ad_value *value)
{
    static const char *const states[] = {"known", "optimized out", "unreadable", "not available"};
    return json_pack("{so so sb sI so ss}", "name", ad_json_text(variable->name), "type",
                     ad_json_text(variable->type), "argument", variable->argument, "depth",
                     (json_int_t)variable->depth, "value", value_text(value), "state",
                     states[value->state <= AD_VALUE_UNAVAILABLE ? value->state : AD_VALUE_UNAVAILABLE]);
}

/* ,"variables":[[...], ...] for each line of the stack, or null; nothing when they were not asked for. */
static struct ad_error *put_variables(struct document *document, uint32_t stack, const struct ad_vector *asked,
                                      uint32_t next)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    const char *separator = "[";
    if (!document->options->locals || !asked->count)
        return NULL;
    fputs(",\"variables\":", document->out);
    if (next == AD_NONE)
        return put(document->out, json_null());
    ad_stack_walk_init(&walk, document->snapshot, stack);
    while (ad_stack_walk_next(&walk, &line)) {
        struct ad_locals locals = ad_locals_next(document->snapshot, line.line, &next);
        json_t *list = json_array();
        for (uint32_t i = 0; i < locals.count; i++)
            list = ad_json_append(list, variable_object(&locals.variables[i], &locals.values[i]));
        fputs(separator, document->out);
        separator = ",";
        AD_TRY(put(document->out, list));
    }
    fputs(separator[0] == '[' ? "[]" : "]", document->out);
    return NULL;
}

/* The beginning of an object: the members of `value`, and a stack. */
static struct ad_error *put_with_stack(struct document *document, json_t *value, uint32_t stack, bool unbegun)
{
    fputc('{', document->out);
    if (!value)
        return &ad_error_nomem;
    int failed =
        json_dump_callback(value, write_piece, document->out, FLAGS | JSON_EMBED); /* without braces */
    json_decref(value);
    if (failed)
        return &ad_error_nomem;
    AD_TRY(put_stack(document, "stack", stack));
    return put_stack_end(document, stack, unbegun);
}

/* ---- The document ---- */

static struct ad_error *put_task(struct document *document, size_t number)
{
    const struct ad_snapshot *snapshot = document->snapshot;
    uint32_t index = document->options->selection->tasks[number];
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    const struct ad_task_extra *extra = ad_task_extra(snapshot, task);
    AD_TRY(put_with_stack(document, ad_json_task_object(snapshot, index), task->stack,
                          ad_task_unbegun(snapshot, task)));
    AD_TRY(put_stack(document, "spawn_stack", extra->spawn_trace.stack));
    AD_TRY(put_stack(document, "error_stack", extra->error_trace.stack));
    AD_TRY(put_variables(document, task->stack, &snapshot->task_values, ad_task_values(snapshot, index)));
    fputc('}', document->out);
    return NULL;
}

static struct ad_error *put_thread(struct document *document, size_t index)
{
    const struct ad_snapshot *snapshot = document->snapshot;
    const struct ad_thread_state *thread = &AD_ITEMS(struct ad_thread_state, &snapshot->threads)[index];
    AD_TRY(put_with_stack(document, ad_json_thread(snapshot, thread), thread->stack, false));
    AD_TRY(put_variables(document, thread->stack, &snapshot->thread_values, ad_thread_values(snapshot, index)));
    fputc('}', document->out);
    return NULL;
}

static struct ad_error *put_finding(struct document *document, size_t index)
{
    const struct ad_finding *finding = &AD_ITEMS(struct ad_finding, &document->findings->findings)[index];
    return put(document->out, ad_json_finding(document->snapshot, finding));
}

static struct ad_error *put_signature(struct document *document)
{
    uint64_t signature;
    AD_TRY(ad_findings_signature(document->snapshot, document->findings, &signature));
    fputs(",\n\"signature\":", document->out);
    return put(document->out, ad_json_signature(signature));
}

static struct ad_error *put_worker(struct document *document, size_t index)
{
    const struct ad_worker *worker = &AD_ITEMS(struct ad_worker, &document->snapshot->workers)[index];
    return put(document->out, ad_json_worker_object(document->snapshot, worker));
}

static struct ad_error *put_finished(struct document *document, size_t index)
{
    const struct ad_finished *finished = &AD_ITEMS(struct ad_finished, &document->snapshot->finished)[index];
    return put(document->out, ad_json_finished(document->snapshot, finished));
}

static struct ad_error *put_handle(struct document *document, size_t index)
{
    const struct ad_handle *handle = &AD_ITEMS(struct ad_handle, &document->snapshot->handles)[index];
    return put(document->out, ad_json_handle(document->snapshot, handle));
}

static struct ad_error *put_function(struct document *document, size_t index)
{
    const struct ad_function *function = &AD_ITEMS(struct ad_function, &document->snapshot->functions)[index];
    return put(document->out, ad_json_function(document->snapshot, function));
}

static struct ad_error *put_loss(struct document *document, size_t index)
{
    return put(document->out, ad_json_loss(&AD_ITEMS(struct ad_loss, &document->snapshot->losses)[index]));
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

static struct ad_error *put_selection(struct document *document)
{
    const struct ad_selection *selection = document->options->selection;
    fputs(",\n\"selection\":", document->out);
    return put(document->out, json_pack("{sI sI}", "passed", (json_int_t)selection->passed, "shown",
                                        (json_int_t)selection->count));
}

static struct ad_error *put_document(struct document *document)
{
    static const char *const verdicts[] = {"hung", "suspect", "idle", "busy", "empty"};
    const struct ad_snapshot *snapshot = document->snapshot;
    const struct ad_findings *findings = document->findings;
    const struct ad_selection *selection = document->options->selection;
    FILE *out = document->out;
    fputs("{\"schema\":1,\n\"target\":", out);
    AD_TRY(put(out, ad_json_target(snapshot)));
    fprintf(out, ",\n\"verdict\":\"%s\",\"deadlocks\":%" PRIu64 ",\"stuck\":%" PRIu64 ",\"tally\":",
            verdicts[findings->verdict], findings->deadlocks, findings->stuck);
    AD_TRY(put(out, ad_json_tally(&findings->tally)));
    AD_TRY(put_signature(document));
    AD_TRY(put_array(document, "findings", findings->findings.count, put_finding));
    AD_TRY(put_selection(document));
    AD_TRY(put_array(document, "tasks", selection->count, put_task));
    AD_TRY(put_array(document, "workers", snapshot->workers.count, put_worker));
    AD_TRY(put_array(document, "threads", snapshot->threads.count, put_thread));
    AD_TRY(put_array(document, "finished", snapshot->finished.count, put_finished));
    AD_TRY(put_array(document, "handles", snapshot->handles.count, put_handle));
    AD_TRY(put_array(document, "functions", snapshot->functions.count, put_function));
    AD_TRY(put_array(document, "losses", snapshot->losses.count, put_loss));
    fputs("}\n", out);
    return NULL;
}

struct ad_error *ad_report_json(FILE *out, const struct ad_snapshot *snapshot,
                                const struct ad_findings *findings, const struct ad_report_options *options)
{
    /* programs get all frames, each marked, whatever the options say */
    struct document document = {.out = out, .snapshot = snapshot, .findings = findings, .options = options};
    document.lines = calloc(snapshot->locations.count + 1, sizeof(*document.lines));
    if (!document.lines)
        return &ad_error_nomem;
    struct ad_error *error = put_document(&document);
    for (size_t i = 0; i < snapshot->locations.count; i++)
        free(document.lines[i]);
    free(document.lines);
    return error;
}
