/* SPDX-License-Identifier: MIT */
/** @file variables.h - which arguments and locals are in scope at code addresses. code.h has what is told. */
#ifndef AD_SYMBOL_VARIABLES_H
#define AD_SYMBOL_VARIABLES_H

#include "symbol/code.h"

/** Looks up `count` run-time addresses; a caller's return address as pc - 1. What cannot be found is empty. */
struct ad_error *ad_variables_find(struct ad_modules *modules, const uint64_t *addresses, size_t count,
                                   const struct ad_limits *limits,
                                   struct ad_variables *variables_ret) ad_must_check;
void ad_variables_deinit(struct ad_variables *variables);

#endif
