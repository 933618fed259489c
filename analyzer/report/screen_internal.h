/* SPDX-License-Identifier: MIT */
/** @file screen_internal.h - the parts of the first screen, each a file of its own. */
#ifndef AD_REPORT_SCREEN_INTERNAL_H
#define AD_REPORT_SCREEN_INTERNAL_H

#include "report/report.h"
#include "report/table.h"

struct ad_screen {
    const struct ad_snapshot *snapshot;
    const struct ad_findings *findings;
    const struct ad_report_options *options;
    uint64_t signature; /**< 0: none */
};

enum { AD_NAME_WIDTH = 36, AD_WAIT_WIDTH = 64, AD_WHERE_WIDTH = 120 };

/** What was read, the verdict, the vitals: three lines. */
void ad_screen_head(FILE *out, const struct ad_screen *screen);
/** A row for each member of a deadlock, a line for each other finding; the worst ones. */
struct ad_error *ad_screen_findings(FILE *out, const struct ad_screen *screen, size_t bytes) ad_must_check;
/** The table of groups. */
struct ad_error *ad_screen_groups(FILE *out, const struct ad_screen *screen, size_t bytes) ad_must_check;
/** What could not be read. */
struct ad_error *ad_screen_losses(FILE *out, const struct ad_snapshot *snapshot, size_t bytes) ad_must_check;

#endif
