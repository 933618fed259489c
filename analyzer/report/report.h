/* SPDX-License-Identifier: MIT */
/**
 * @file report.h - the views. They see a snapshot and its findings, never a target, and write to a stream.
 * Everything that came from a target passes through report/escape.h.
 */
#ifndef AD_REPORT_REPORT_H
#define AD_REPORT_REPORT_H

#include <stdio.h>

#include "findings/findings.h"
#include "model/snapshot.h"
#include "report/selection.h"

struct ad_report_options {
    bool all_frames; /**< show the runtime's own frames too */
    bool system;     /**< show the runtime's own tasks too */
    bool locals;     /**< show arguments and locals; they must have been read */
    unsigned frames; /**< lines of each stack; 0: all */
    unsigned groups; /**< groups on the first screen; 0: 20. In ad_report_grouped: 0: all */
    const char *group; /**< of ad_report_grouped: a field, or "stack" */
    const char *file; /**< of ad_report_pprof: where to write the profile */
    uint64_t address; /**< of ad_report_whatis */
    bool spawned;    /**< of ad_report_tree: who spawned whom, not who waits for whom */
    const struct ad_selection *selection; /**< the tasks to show; never NULL */
    unsigned width;  /**< characters of a line on the first screen; 0: any */
};

/** The first screen: verdict, vitals, findings, groups by whole stack. Under 4 KB whatever the size (and the
 *  width: what does not fit a line goes on in the next, or is cut with "..."). */
struct ad_error *ad_report_screen(FILE *out, const struct ad_snapshot *snapshot,
                                  const struct ad_findings *findings,
                                  const struct ad_report_options *options) ad_must_check;
/** Every task with its state, what it waits for, what else is known of it, and its whole stack. */
struct ad_error *ad_report_tasks(FILE *out, const struct ad_snapshot *snapshot,
                                 const struct ad_findings *findings,
                                 const struct ad_report_options *options) ad_must_check;
/** Every finding with its evidence: what each of its tasks does, for how long, and where. */
struct ad_error *ad_report_findings(FILE *out, const struct ad_snapshot *snapshot,
                                    const struct ad_findings *findings) ad_must_check;
/** One JSON object, "schema": 1; see json.c for its shape. */
struct ad_error *ad_report_json(FILE *out, const struct ad_snapshot *snapshot,
                                const struct ad_findings *findings,
                                const struct ad_report_options *options) ad_must_check;
/** What the selected tasks have in common: a line for each value of a field, or each whole stack, with how
 *  many tasks have it, how long they are in their state, and what they wait for. */
struct ad_error *ad_report_grouped(FILE *out, const struct ad_snapshot *snapshot,
                                   const struct ad_findings *findings,
                                   const struct ad_report_options *options) ad_must_check;
/** AD_ERROR_USAGE when there is nothing of that name to group by. */
struct ad_error *ad_group_check(const char *name) ad_must_check;
/** Who waits for whom, or who spawned whom; see tree.c. */
struct ad_error *ad_report_tree(FILE *out, const struct ad_snapshot *snapshot,
                                const struct ad_findings *findings,
                                const struct ad_report_options *options) ad_must_check;
/** As ad_report_tasks and, of a single task, every field that is known (fields.h). */
struct ad_error *ad_report_task(FILE *out, const struct ad_snapshot *snapshot,
                                const struct ad_findings *findings,
                                const struct ad_report_options *options) ad_must_check;
/** A line for each task, a column for each field (fields.h), as in RFC 4180; durations are nanoseconds. */
struct ad_error *ad_report_csv(FILE *out, const struct ad_snapshot *snapshot,
                               const struct ad_findings *findings,
                               const struct ad_report_options *options) ad_must_check;
/** "main;serve;read 12": each distinct stack and how many tasks have it, for flame graphs. */
struct ad_error *ad_report_folded(FILE *out, const struct ad_snapshot *snapshot,
                                  const struct ad_findings *findings,
                                  const struct ad_report_options *options) ad_must_check;
/** Every worker: its thread, what it runs, its run queue and timers. */
struct ad_error *ad_report_workers(FILE *out, const struct ad_snapshot *snapshot,
                                   const struct ad_findings *findings,
                                   const struct ad_report_options *options) ad_must_check;
/** Every future that is waited for, or of a selection those that its tasks wait for. */
struct ad_error *ad_report_futures(FILE *out, const struct ad_snapshot *snapshot,
                                   const struct ad_findings *findings,
                                   const struct ad_report_options *options) ad_must_check;
/** Tasks, what they wait for and who holds it, as a graph for Graphviz. */
struct ad_error *ad_report_dot(FILE *out, const struct ad_snapshot *snapshot,
                               const struct ad_findings *findings,
                               const struct ad_report_options *options) ad_must_check;
/** Writes a profile for `go tool pprof` (pprof.c) into options->file, and a line about it to `out`. */
struct ad_error *ad_report_pprof(FILE *out, const struct ad_snapshot *snapshot,
                                 const struct ad_findings *findings,
                                 const struct ad_report_options *options) ad_must_check;
/** Which task, stack, future, worker or code an address belongs to. */
struct ad_error *ad_report_whatis(FILE *out, const struct ad_snapshot *snapshot,
                                  const struct ad_findings *findings,
                                  const struct ad_report_options *options) ad_must_check;

#endif
