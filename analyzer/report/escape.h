/* SPDX-License-Identifier: MIT */
/**
 * @file escape.h - the gate for every text of a target on its way to a terminal, a log or a JSON document.
 *
 *     printable ASCII        as it is, a backslash doubled
 *     printable UTF-8        as it is
 *     everything else        \x1b for a byte (control, not UTF-8), \u{202e} for a character that shows
 *                            nothing, reorders, joins or imitates a space: bidi, zero-width, format, private
 *
 * So the result is valid UTF-8 on one line, shows what it is, and can be turned back.
 */
#ifndef AD_REPORT_ESCAPE_H
#define AD_REPORT_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/** Longest result of ad_escape_print, the final NUL counted. */
enum { AD_ESCAPE_MAX = 2048 };

/**
 * Writes the escaped text, NUL-terminated, into `buffer` of `size` bytes (at least 4). What does not fit is
 * cut, never inside a character or an escape, and "..." put there. NULL gives "". Returns `buffer`.
 */
char *ad_escape(char *buffer, size_t size, const char *text);

/** Prints the escaped text, cut at AD_ESCAPE_MAX. */
void ad_escape_print(FILE *out, const char *text);

/** Prints the text of a value (struct ad_value), of any length: its backslashes are escapes already, and stay as
 *  they are; everything else is escaped as above. */
void ad_escape_print_value(FILE *out, const char *text);

#endif
