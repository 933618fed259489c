/* SPDX-License-Identifier: MIT */
/** @file options.h - what the command line asks for. */
#ifndef ASYNCDUMP_CLI_OPTIONS_H
#define ASYNCDUMP_CLI_OPTIONS_H

#include "dump/dump.h"
#include "report/view.h"

enum action { ACTION_SHOW, ACTION_HELP, ACTION_VERSION, ACTION_LIMITS, ACTION_EXPLAIN, ACTION_SERVE };

#define OPTIONS_DEBUG_DIRS 32 /**< more are refused: each costs a look for each library */

/** Not to be copied: `dump` points into it. */
struct options {
    enum action action;
    const char *core; /**< ACTION_SHOW: this or a pid, never both; "-": standard input */
    bool coredumpctl; /**< `core` is its MATCH, or NULL */
    const char *output; /**< a file instead of standard output; may be NULL */
    const char *debug_dirs[OPTIONS_DEBUG_DIRS]; /**< dump.modules.debug_dirs */
    pid_t pid;
    bool fail_on_finding;
    bool verify; /**< instead of the view */
    struct ad_view_options view;
    struct ad_dump_options dump;
};

/** AD_ERROR_USAGE with what is wrong and what to do. The texts stay argv's. */
struct ad_error *options_parse(struct options *options_ret, int argc, char **argv) ad_must_check;

/** What --help prints. */
void options_help(FILE *out);

#endif
