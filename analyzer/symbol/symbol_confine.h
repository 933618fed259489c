/* SPDX-License-Identifier: MIT */
/** @file symbol_confine.h - takes from the calling process all that a reader of one file does not need. */
#ifndef AD_SYMBOL_SYMBOL_CONFINE_H
#define AD_SYMBOL_SYMBOL_CONFINE_H

#include <stdbool.h>

#include "base/limits.h"

/** Keeps the two descriptors and the standard ones, and memory. False: it could not be done. */
bool ad_symbol_confine(int file_fd, int pipe_fd, const struct ad_limits *limits);

#endif
