/* SPDX-License-Identifier: MIT */
/** @file symbol_confine.h - takes from the calling process all that a reader of files does not need. */
#ifndef AD_SYMBOL_SYMBOL_CONFINE_H
#define AD_SYMBOL_SYMBOL_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"

/** Keeps these descriptors (sorted) and the standard ones, and memory. False: it could not be done. */
bool ad_symbol_confine(const int *fds, size_t count, const struct ad_limits *limits);

#endif
