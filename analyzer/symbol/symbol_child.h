/* SPDX-License-Identifier: MIT */
/**
 * @file symbol_child.h - the child process in which one module's DWARF is read.
 *
 * It holds two descriptors, the ELF file and a pipe; it may read the one, write the other, and ask for
 * memory, nothing else (seccomp); its memory, CPU time and output are limited. What it sends is the
 * answerer's; of functions and lines:
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
#include "symbol/dwarf_object.h"
#include "symbol/dwarf_query.h"

struct ad_symbol_answers {
    void *bytes; /**< the caller's to free */
    size_t size;
    char reason[96]; /**< why it is not all; empty: it is */
};

/** Runs in the child: answers the queries of one unit, whose DIE is `unit`. An error ends the child. */
typedef struct ad_error *ad_symbol_answerer(struct ad_dwarf_object *object, Dwarf_Die unit,
                                            struct ad_dwarf_queries *queries, const struct ad_limits *limits,
                                            FILE *out);

/** Answers with functions and lines, in the form above. */
ad_symbol_answerer ad_symbol_answer_frames;

/** Runs a child over `queries` (sorted by address, unit AD_NO_UNIT), unit after unit. What goes wrong in the
 *  child is a `reason`, not an error. */
struct ad_error *ad_symbol_child_run(struct ad_elf_file *file, struct ad_dwarf_queries *queries,
                                     ad_symbol_answerer *answer, const struct ad_limits *limits,
                                     struct ad_symbol_answers *answers_ret) ad_must_check;

#endif
