/* SPDX-License-Identifier: MIT */
/**
 * @file table.h - lines up columns. A table is text whose cells end with a tab and whose rows end with a
 * newline; escaped text holds neither, so no name can break it. In a table of several columns a row of one
 * cell is a sentence: printed as it is.
 */
#ifndef AD_REPORT_TABLE_H
#define AD_REPORT_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

struct ad_column {
    bool right;         /**< numbers */
    unsigned widest;    /**< characters; a longer cell is cut with "..."; 0: any */
    unsigned narrowest; /**< what ad_table_fit leaves of it; 0: all */
    unsigned fold; /**< of the last column: what is longer than so many characters goes on in lines of its
                    *   own, AD_TABLE_INDENT in, none longer; 0: nothing does */
};

enum { AD_TABLE_COLUMNS = 8, AD_TABLE_INDENT = 10 };

/** Makes `widest` of those columns less that may be narrower, the widest first, until the table is at most
 *  `width` characters wide, or they all are as narrow as they can be. */
void ad_table_fit(const char *text, struct ad_column *columns, size_t count, size_t width);

/** Prints whole rows as long as they fit into `bytes`; returns how many. At most AD_TABLE_COLUMNS columns. */
size_t ad_table_print(FILE *out, const char *text, const struct ad_column *columns, size_t count,
                      size_t bytes);

/** Characters in UTF-8 of `size` bytes. */
size_t ad_text_width(const char *text, size_t size);

/** Text in the making: print to `file`, then close it to have `text`. All zero at first; never copied while
 * it is open. */
struct ad_buffer {
    FILE *file;
    char *text;
    size_t size;
};

struct ad_error *ad_buffer_open(struct ad_buffer *buffer) ad_must_check;
struct ad_error *ad_buffer_close(struct ad_buffer *buffer) ad_must_check;
/** Takes a buffer in any state. */
void ad_buffer_deinit(struct ad_buffer *buffer);

#define ad_auto_buffer __attribute__((cleanup(ad_buffer_deinit)))

#endif
