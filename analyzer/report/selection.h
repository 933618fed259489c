/* SPDX-License-Identifier: MIT */
/**
 * @file selection.h - which tasks a view shows, and in which order: the options that every view takes.
 *
 *     --where CONDITION   (filter.h)        --state WORD,...     --sort FIELD, --sort -FIELD
 *     --in REGEX          any frame         --waits-on TASK      --limit N
 *     --older-than TIME                     --waits-on REGEX
 *
 * All conditions have to be true. What a selection leaves out is counted, and views say so.
 */
#ifndef AD_REPORT_SELECTION_H
#define AD_REPORT_SELECTION_H

#include <argp.h>

#include "model/snapshot.h"

enum { AD_CONDITIONS_MAX = 16 };

/** The options as given; the texts stay argv's. */
struct ad_select_options {
    struct ad_condition {
        enum { AD_CONDITION_WHERE, AD_CONDITION_STATE, AD_CONDITION_IN, AD_CONDITION_WAITS_ON, AD_CONDITION_OLDER } kind;
        const char *text;
    } conditions[AD_CONDITIONS_MAX];
    unsigned condition_count;
    unsigned task; /**< only the one with this id; 0: any */
    const char *sort; /**< NULL: as the runtimes have them */
    uint64_t limit;   /**< 0: none */
};

/** The options for a command that has more of its own: a child parser, whose input is a struct
 *  ad_select_options, all zero at first. */
extern const struct argp ad_select_argp;

/** AD_ERROR_USAGE when some option makes no sense; says what would. */
struct ad_error *ad_select_check(const struct ad_select_options *options) ad_must_check;

/** Whether they leave anything out or change the order. */
bool ad_select_is_plain(const struct ad_select_options *options);

struct ad_selection {
    uint32_t *tasks;      /**< indices of those to show, in this order */
    size_t count;
    uint64_t passed;      /**< tasks that pass: `count` and those beyond the limit */
    uint64_t left_system; /**< tasks of the runtime's own that pass as well, and are left out */
    bool filtered;        /**< there is a condition */
};

/** `system`: the runtime's own tasks too. Linear, but for sorting. */
struct ad_error *ad_selection_init(const struct ad_select_options *options, bool system,
                                   const struct ad_snapshot *snapshot,
                                   struct ad_selection *selection_ret) ad_must_check;
void ad_selection_deinit(struct ad_selection *selection);

/** What is not shown, a line for each reason: "12 more tasks (--limit 0 shows them)". `separator` comes first. */
void ad_selection_print_rest(FILE *out, const struct ad_selection *selection, const char *separator);

#endif
