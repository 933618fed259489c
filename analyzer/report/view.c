/* SPDX-License-Identifier: MIT */
#include "report/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/finding_words.h"

enum { KEY_TASKS = 0x1000, KEY_JSON, KEY_ALL_FRAMES, KEY_SYSTEM, KEY_LOCALS, KEY_GROUPS, KEY_FRAMES, KEY_GROUP, KEY_TREE, KEY_TASK, KEY_CSV, KEY_FOLDED, KEY_WHATIS, KEY_WORKERS, KEY_FUTURES, KEY_DOT, KEY_PPROF, KEY_FINDINGS, KEY_EXPLAIN, NUMBER_MAX = 1000000, ARGUMENT_WIDTH = 100 };

static const struct argp_option option_list[] = {
    {NULL, 0, NULL, 0, "What to show (without any: verdict, vitals, findings, groups of equal tasks):", 1},
    {"tasks", KEY_TASKS, NULL, 0, "every task: state, what it waits for, whole stack", 1},
    {"json", KEY_JSON, NULL, 0, "everything as one JSON object, \"schema\": 1", 1},
    {"locals", KEY_LOCALS, NULL, 0, "every task, with the arguments and locals of its frames; also with --json", 1},
    {"group", KEY_GROUP, "FIELD", 0, "what tasks have in common: stack, wait, spawn, state, label.K or any other field", 1},
    {"tree", KEY_TREE, "spawned", OPTION_ARG_OPTIONAL, "who waits for whom; --tree=spawned: who spawned whom", 1},
    {"task", KEY_TASK, "ID", 0, "everything known of one task", 1},
    {"csv", KEY_CSV, NULL, 0, "a line for each task, a column for each field", 1},
    {"folded", KEY_FOLDED, NULL, 0, "stacks and how many tasks have each, for flame graphs", 1},
    {"workers", KEY_WORKERS, NULL, 0, "event loops: thread, run queue, timers, current task", 1},
    {"futures", KEY_FUTURES, NULL, 0, "what tasks wait for, who holds it, who waits", 1},
    {"dot", KEY_DOT, NULL, 0, "who waits for what that who holds, for Graphviz", 1},
    {"pprof", KEY_PPROF, "FILE", 0, "write a profile of the tasks' stacks for go tool pprof", 1},
    {"whatis", KEY_WHATIS, "ADDRESS", 0, "which task, stack, future, worker or code that address is", 1},
    {"findings", KEY_FINDINGS, NULL, 0, "every finding with its evidence, and how sure it is", 1},
    {"explain", KEY_EXPLAIN, "CODE", 0, "what a finding of this code means, its causes and cures; \"list\": all codes", 1},
    {"all-frames", KEY_ALL_FRAMES, NULL, 0, "with --tasks: the runtime's own frames too", 1},
    {"frames", KEY_FRAMES, "N", 0, "with --tasks: the N innermost frames of each stack", 1},
    {"system", KEY_SYSTEM, NULL, 0, "the runtime's own tasks too", 1},
    {"groups", KEY_GROUPS, "N", 0, "N groups instead of as many as fit one screen", 1},
    {0},
};

static error_t parse_number(const char *argument, unsigned long least, unsigned *number_ret)
{
    char *end;
    unsigned long number = strtoul(argument, &end, 10);
    if (*end || end == argument || *argument == '-' || number < least || number > NUMBER_MAX)
        return EINVAL;
    *number_ret = (unsigned)number;
    return 0;
}

static error_t parse_code(const char *argument, struct ad_view_options *options)
{
    options->view = AD_VIEW_EXPLAIN;
    options->explain = ad_finding_code_named(argument);
    return options->explain == AD_FINDING_CODES && strcmp(argument, "list") != 0 ? EINVAL : 0;
}

static error_t parse_address(const char *argument, uint64_t *address_ret)
{
    char *end;
    errno = 0;
    *address_ret = strtoull(argument, &end, 16);
    return *end || end == argument || *argument == '-' || errno ? EINVAL : 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct ad_view_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->select;
        return 0;
    case KEY_TASKS:
        options->view = AD_VIEW_TASKS;
        return 0;
    case KEY_JSON:
        options->view = AD_VIEW_JSON;
        return 0;
    case KEY_FINDINGS:
        options->view = AD_VIEW_FINDINGS;
        return 0;
    case KEY_EXPLAIN:
        return parse_code(argument, options);
    case KEY_GROUP:
        options->view = AD_VIEW_GROUPED;
        options->report.group = argument;
        return 0;
    case KEY_TREE:
        options->view = AD_VIEW_TREE;
        options->report.spawned = argument;
        return argument && strcmp(argument, "spawned") != 0 ? EINVAL : 0;
    case KEY_TASK:
        options->view = AD_VIEW_TASK;
        return parse_number(argument, 1, &options->select.task);
    case KEY_CSV:
        options->view = AD_VIEW_CSV;
        return 0;
    case KEY_FOLDED:
        options->view = AD_VIEW_FOLDED;
        return 0;
    case KEY_WORKERS:
        options->view = AD_VIEW_WORKERS;
        return 0;
    case KEY_FUTURES:
        options->view = AD_VIEW_FUTURES;
        return 0;
    case KEY_DOT:
        options->view = AD_VIEW_DOT;
        return 0;
    case KEY_PPROF:
        options->view = AD_VIEW_PPROF;
        options->report.file = argument;
        return 0;
    case KEY_WHATIS:
        options->view = AD_VIEW_WHATIS;
        return parse_address(argument, &options->report.address);
    case KEY_ALL_FRAMES:
        options->report.all_frames = true;
        return 0;
    case KEY_SYSTEM:
        options->report.system = true;
        return 0;
    case KEY_LOCALS:
        options->report.locals = true;
        if (options->view == AD_VIEW_SCREEN)
            options->view = AD_VIEW_TASKS;
        return 0;
    case KEY_GROUPS:
        return parse_number(argument, 1, &options->report.groups);
    case KEY_FRAMES:
        return parse_number(argument, 0, &options->report.frames);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&ad_select_argp, 0, NULL, 1}, {0}};
const struct argp ad_view_argp = {.options = option_list, .parser = parse, .children = children};

struct ad_error *ad_view_check(const struct ad_view_options *options)
{
    if (options->view == AD_VIEW_GROUPED)
        AD_TRY(ad_group_check(options->report.group));
    return ad_select_check(&options->select);
}

static struct ad_error *print_view(FILE *out, const struct ad_view_options *options,
                                   const struct ad_report_options *report, const struct ad_snapshot *snapshot,
                                   const struct ad_findings *findings)
{
    switch (options->view) {
    case AD_VIEW_TASKS:
        return ad_report_tasks(out, snapshot, findings, report);
    case AD_VIEW_JSON:
        return ad_report_json(out, snapshot, findings, report);
    case AD_VIEW_FINDINGS:
        return ad_report_findings(out, snapshot, findings);
    case AD_VIEW_GROUPED:
        return ad_report_grouped(out, snapshot, findings, report);
    case AD_VIEW_TREE:
        return ad_report_tree(out, snapshot, findings, report);
    case AD_VIEW_TASK:
        return ad_report_task(out, snapshot, findings, report);
    case AD_VIEW_CSV:
        return ad_report_csv(out, snapshot, findings, report);
    case AD_VIEW_FOLDED:
        return ad_report_folded(out, snapshot, findings, report);
    case AD_VIEW_WORKERS:
        return ad_report_workers(out, snapshot, findings, report);
    case AD_VIEW_FUTURES:
        return ad_report_futures(out, snapshot, findings, report);
    case AD_VIEW_DOT:
        return ad_report_dot(out, snapshot, findings, report);
    case AD_VIEW_PPROF:
        return ad_report_pprof(out, snapshot, findings, report);
    case AD_VIEW_WHATIS:
        return ad_report_whatis(out, snapshot, findings, report);
    default:
        return ad_report_screen(out, snapshot, findings, report);
    }
}

struct ad_error *ad_view_print(FILE *out, const struct ad_view_options *options,
                               const struct ad_snapshot *snapshot, const struct ad_findings *findings)
{
    if (options->view == AD_VIEW_EXPLAIN) {
        ad_explain(out, options->explain);
        return NULL;
    }
    struct ad_report_options report = options->report;
    struct ad_select_options select = options->select;
    ad_cleanup(ad_selection_deinit) struct ad_selection selection = {0};
    bool grouped = options->view == AD_VIEW_SCREEN || options->view == AD_VIEW_GROUPED;
    bool system = report.system || options->view == AD_VIEW_JSON || options->view == AD_VIEW_TASK;
    if (grouped && select.limit) { /* it is groups that are many there */
        report.groups = select.limit < NUMBER_MAX ? (unsigned)select.limit : NUMBER_MAX;
        select.limit = 0;
    }
    AD_TRY(ad_selection_init(&select, system, snapshot, &selection));
    if (options->view == AD_VIEW_TASK && !selection.count)
        return ad_error_create(AD_ERROR_USAGE, "there is no task %u here; --csv lists all", select.task);
    report.selection = &selection;
    return print_view(out, options, &report, snapshot, findings);
}

/* What argp was at when it gave up. */
struct run {
    void *input;
    char refused[ARGUMENT_WIDTH];
};

/* getopt has moved on behind what it refuses (but for a bundle of short options, which are not ours). */
static void note_refused(struct run *run, const struct argp_state *state)
{
    int refused = state->next > 1 ? state->next - 1 : 1;
    ad_escape(run->refused, sizeof(run->refused), refused < state->argc ? state->argv[refused] : NULL);
}

static error_t parse_outer(int key, char *argument, struct argp_state *state)
{
    struct run *run = state->input;
    (void)argument;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = run->input;
    if (key == ARGP_KEY_ERROR)
        note_refused(run, state);
    return key == ARGP_KEY_INIT || key == ARGP_KEY_ERROR ? 0 : ARGP_ERR_UNKNOWN;
}

struct ad_error *ad_argp_run(const struct argp *argp, int argc, char **argv, unsigned flags, void *input,
                             const char *hint)
{
    struct run run = {.input = input};
    const struct argp_child children[] = {{argp, 0, NULL, 0}, {0}};
    const struct argp outer = {.parser = parse_outer, .children = children};
    error_t error = argp_parse(&outer, argc, argv, flags | ARGP_SILENT, NULL, &run);
    if (!error)
        return NULL;
    if (error == ENOMEM)
        return &ad_error_nomem;
    return ad_error_create(AD_ERROR_USAGE, "'%s' is not expected here, or its value is missing or wrong: %s",
                           run.refused, hint);
}

/* A view takes no arguments but its options. */
static error_t parse_alone(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = state->input;
    return key == ARGP_KEY_ARG ? EINVAL : key == ARGP_KEY_INIT ? 0 : ARGP_ERR_UNKNOWN;
}

struct ad_error *ad_view_parse(int argc, char **argv, struct ad_view_options *options_ret)
{
    static const struct argp_child children[] = {{&ad_view_argp, 0, NULL, 0}, {0}};
    static const struct argp alone = {.parser = parse_alone, .children = children};
    *options_ret = (struct ad_view_options){0};
    if (argc <= 0)
        return NULL;
    AD_TRY(ad_argp_run(&alone, argc, argv, 0, options_ret,
                       "there are --tasks, --json, --locals, --findings, --explain CODE, --group FIELD, --tree, --task ID, --csv, --folded, --workers, --futures, --dot, --pprof FILE, --whatis ADDRESS, --all-frames, --system, --groups N, "
                       "--frames N, to select tasks --where, --state, --in, --waits-on, --older-than, --sort, --limit, and nothing for the "
                       "summary"));
    return ad_view_check(options_ret);
}

struct ad_error *ad_view_run(FILE *out, int argc, char **argv, const struct ad_snapshot *snapshot,
                             const struct ad_findings *findings)
{
    struct ad_view_options options;
    AD_TRY(ad_view_parse(argc, argv, &options));
    return ad_view_print(out, &options, snapshot, findings);
}
