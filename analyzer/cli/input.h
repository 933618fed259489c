/* SPDX-License-Identifier: MIT */
/** @file input.h - what the command line names, opened: a file, standard input, coredumpctl's, a process. */
#ifndef ASYNCDUMP_CLI_INPUT_H
#define ASYNCDUMP_CLI_INPUT_H

#include "cli/options.h"

/** Progress is shown on a terminal when it takes long. */
struct ad_error *input_open(const struct options *options, struct ad_target **target_ret) ad_must_check;

#endif
