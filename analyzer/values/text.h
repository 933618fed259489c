/* SPDX-License-Identifier: MIT */
/** @file text.h - the text of a value in the making, of bounded length. */
#ifndef AD_VALUES_TEXT_H
#define AD_VALUES_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct ad_text {
    char *bytes; /**< NUL-terminated */
    size_t size;
    size_t limit;
    bool full; /**< "..." was put at the end, and nothing more will be */
};

struct ad_error *ad_text_init(struct ad_text *text, size_t limit) ad_must_check;
void ad_text_deinit(struct ad_text *text);
void ad_text_clear(struct ad_text *text);

void ad_text_put(struct ad_text *text, const char *more);
void ad_text_print(struct ad_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
