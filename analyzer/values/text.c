/* SPDX-License-Identifier: MIT */
#include "values/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOTS "..."
#define PIECE_MAX 512

struct ad_error *ad_text_init(struct ad_text *text, size_t limit)
{
    *text = (struct ad_text){.bytes = calloc(1, limit + sizeof(DOTS)), .limit = limit};
    return text->bytes ? NULL : &ad_error_nomem;
}

void ad_text_deinit(struct ad_text *text)
{
    free(text->bytes);
    *text = (struct ad_text){0};
}

void ad_text_clear(struct ad_text *text)
{
    text->size = 0;
    text->full = false;
    text->bytes[0] = '\0';
}

void ad_text_put(struct ad_text *text, const char *more)
{
    size_t length = strlen(more);
    if (text->full)
        return;
    text->full = length > text->limit - text->size;
    if (text->full) {
        more = DOTS;
        length = strlen(DOTS);
    }
    memcpy(text->bytes + text->size, more, length + 1);
    text->size += length;
}

void ad_text_print(struct ad_text *text, const char *format, ...)
{
    char piece[PIECE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    ad_text_put(text, piece);
}
