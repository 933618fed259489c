/* SPDX-License-Identifier: MIT */
/**
 * @file view.h - the views by their options, so that the command line and GDB print the same words.
 *
 *     (none)           the first screen          --groups N     with N groups
 *     --tasks          every task with its stack --all-frames   the runtime's own frames too
 *     --json           everything, for programs  --system       the runtime's own tasks too
 *     --locals         --tasks with arguments and locals; likewise with --json
 *     --group FIELD    what tasks have in common
 *     --tree           who waits for whom        --tree=spawned who spawned whom
 *     --task ID        everything known of one task
 *     --csv            a line for each task      --folded       stacks for flame graphs
 *     --workers        event loops               --futures      what tasks wait for
 *     --dot            a graph for Graphviz      --pprof FILE   a profile for go tool pprof
 *     --whatis ADDRESS which task, stack, future, worker or code that is
 *     --findings       every finding with its evidence
 *     --explain CODE   what that code means; "list": all of them. Needs no target.
 *     --frames N       the innermost frames of each stack only
 *
 * and those of selection.h in all of them.
 */
#ifndef AD_REPORT_VIEW_H
#define AD_REPORT_VIEW_H

#include <argp.h>
#include <stdio.h>

#include "report/report.h"

enum ad_view { AD_VIEW_SCREEN, AD_VIEW_TASKS, AD_VIEW_JSON, AD_VIEW_FINDINGS, AD_VIEW_EXPLAIN,
               AD_VIEW_GROUPED, AD_VIEW_TREE, AD_VIEW_TASK, AD_VIEW_CSV, AD_VIEW_FOLDED,
               AD_VIEW_WORKERS, AD_VIEW_FUTURES, AD_VIEW_DOT, AD_VIEW_PPROF, AD_VIEW_WHATIS };

struct ad_view_options {
    enum ad_view view;
    enum ad_finding_code explain; /**< AD_FINDING_CODES: the list */
    struct ad_report_options report; /**< its selection is made from the next */
    struct ad_select_options select;
};

/** The options for a command that has more of its own: a child parser, whose input is a struct
 *  ad_view_options, all zero at first. */
extern const struct argp ad_view_argp;

/** AD_ERROR_USAGE when an option makes no sense that argp could not judge. */
struct ad_error *ad_view_check(const struct ad_view_options *options) ad_must_check;

/** AD_VIEW_EXPLAIN sees neither snapshot nor findings. */
struct ad_error *ad_view_print(FILE *out, const struct ad_view_options *options,
                               const struct ad_snapshot *snapshot,
                               const struct ad_findings *findings) ad_must_check;

/** As ad_view_run, without printing. */
struct ad_error *ad_view_parse(int argc, char **argv, struct ad_view_options *options_ret) ad_must_check;

/**
 * Parses the options in `argv` and prints that view. argv[0] is a program name and not looked at; argv may
 * be reordered; argc may be 0. Never exits: what it does not know is an AD_ERROR_USAGE that lists what
 * there is. A failed write is not an error here: see ferror(out).
 */
struct ad_error *ad_view_run(FILE *out, int argc, char **argv, const struct ad_snapshot *snapshot,
                             const struct ad_findings *findings) ad_must_check;

/** Runs argp without its messages and exits; an option that it refuses is an AD_ERROR_USAGE with `hint`. */
struct ad_error *ad_argp_run(const struct argp *argp, int argc, char **argv, unsigned flags, void *input,
                             const char *hint) ad_must_check;

#endif
