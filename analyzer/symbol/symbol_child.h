/* SPDX-License-Identifier: MIT */
/**
 * @file symbol_child.h - the child process in which one module's DWARF is read.
 *
 * It holds the module's debug files and a pipe; it may read the ones, write the other, and ask for
 * memory, nothing else (seccomp); its memory, CPU time and output are limited. It first sends which split
 * units it has not, with which files it is started once more (symbol_files.h); then come the answers:
 *
 *     head   = u32 count | (u64 id | text name | text folder)...     of the units that were hit
 *
 * What an answer is, is the answerer's; of functions and lines:
 *
 *     answer = u32 index | u32 frames | frame...           one for each address that DWARF knows
 *     frame  = u8 inlined | u32 line | u32 column | text function | text linkage name | text file      innermost first
 *     text   = u32 length | bytes                          length UINT32_MAX: not known
 *
 * Answers that arrived before a crash are good.
 */
#ifndef AD_SYMBOL_SYMBOL_CHILD_H
#define AD_SYMBOL_SYMBOL_CHILD_H

#include <stdio.h>

#include "symbol/child.h"
#include "symbol/dwarf_query.h"
#include "symbol/symbol_files.h"

struct ad_symbol_answers {
    void *bytes; /**< the caller's to free */
    size_t size;
    char reason[192]; /**< why it is not all; empty: it is */
};

/** Runs in the child: answers the queries of one unit. An error ends the child. */
typedef struct ad_error *ad_symbol_answerer(const struct ad_dwarf_unit *unit, struct ad_dwarf_queries *queries,
                                            FILE *out);

/** Answers with functions and lines, in the form above. */
ad_symbol_answerer ad_symbol_answer_frames;

/** Runs a child over `queries` (sorted by address, unit AD_NO_UNIT), unit after unit, and again for each kind of
 *  file that turns out to be needed. What goes wrong in the
 *  child is a `reason`, not an error. */
struct ad_error *ad_symbol_child_run(const struct ad_module *module, struct ad_dwarf_queries *queries,
                                     ad_symbol_answerer *answer, const struct ad_limits *limits,
                                     struct ad_symbol_answers *answers_ret) ad_must_check;

#endif
