/* SPDX-License-Identifier: MIT */
/** @file verify.h - what --verify prints. */
#ifndef ASYNCDUMP_CLI_VERIFY_H
#define ASYNCDUMP_CLI_VERIFY_H

#include "cli/options.h"

/** One line for all stacks, then one for each of those that differ; agrees_ret: none does. */
struct ad_error *verify_print(const struct options *options, struct ad_dump *dump,
                              bool *agrees_ret) ad_must_check;

#endif
