/* SPDX-License-Identifier: MIT */
/** @file child.h - a child process with hardly any right, in which a library reads what nobody vouches for. */
#ifndef AD_SYMBOL_CHILD_H
#define AD_SYMBOL_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/limits.h"

/** What came of it. */
struct ad_child_end {
    void *bytes; /**< what it sent, even when it died afterwards; the caller's to free */
    size_t size;
    bool finished; /**< false: it took too long or sent too much, and was killed */
    int status;    /**< as of waitpid */
};

/** Exit status of a child that could not be confined. */
#define AD_CHILD_UNSTARTED 127

/** What runs in the child: sends its answer to `out`; returns the exit status. */
typedef int ad_child_body(void *context, FILE *out);

/** Runs `body` in a child that keeps these descriptors and the standard ones (symbol_confine.h), for
 *  limits->symbol_seconds. What goes wrong in it is told by its end, not by an error. */
struct ad_error *ad_child_run(const int *fds, size_t count, ad_child_body *body, void *context,
                              const struct ad_limits *limits, struct ad_child_end *end_ret) ad_must_check;

/** For tests: called in the child once it is confined; NULL: nothing. */
extern void (*ad_symbol_child_hook)(void);

#endif
