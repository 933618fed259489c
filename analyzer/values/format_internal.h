/* SPDX-License-Identifier: MIT */
/**
 * @file format_internal.h - the parts of the formatter:
 *
 *     format.c          a variable; structures and arrays, with a stack of their own
 *     format_array.c    how long an array is, and how often an element repeats
 *     format_scalar.c   numbers, enums, pointers
 *     format_quoted.c   characters and texts
 */
#ifndef AD_VALUES_FORMAT_INTERNAL_H
#define AD_VALUES_FORMAT_INTERNAL_H

#include "values/format.h"

struct ad_formatter {
    const struct ad_value_frame *frame;
    const struct ad_types *types;
    struct ad_text *text;
};

static inline const struct ad_limits *ad_formatter_limits(const struct ad_formatter *formatter)
{
    return formatter->frame->stack->limits;
}

/** A value inside of a source. */
struct ad_part {
    uint32_t type;
    const struct ad_source *source;
    uint64_t offset;
    uint32_t bit_offset;
    uint32_t bit_size; /**< 0: no bit-field */
};

/** Bytes of text in the target's memory; the number read. */
size_t ad_format_read(const struct ad_formatter *formatter, uint64_t address, void *buffer, size_t size);

/** Puts the words for why something is not there. */
void ad_format_blame(struct ad_text *text, const struct ad_fragment *fragment);

/** Everything but structures and arrays. */
void ad_format_scalar(struct ad_formatter *formatter, const struct ad_part *part);
/** 0x55... and what can be said of it; `pointee` is the type it leads to. */
void ad_format_pointer(struct ad_formatter *formatter, uint64_t address, uint32_t pointee);

/** How wide the characters of a type are: 1, 2, 4; 0: it is no character. `prefix_ret`: "", "L", "u", "U" */
unsigned ad_format_character_width(const struct ad_types *types, uint32_t type, const char **prefix_ret);
/** 'a' */
void ad_format_character(struct ad_text *text, uint32_t character, unsigned width, const char *prefix);
/** An array of `count` characters. */
void ad_format_characters(struct ad_formatter *formatter, const struct ad_part *part, uint64_t count,
                          unsigned width, const char *prefix);
/** The text at an address, up to its NUL. */
void ad_format_text(struct ad_formatter *formatter, uint64_t address, unsigned width, const char *prefix);

/** How many elements an array has; false: nobody knows. */
struct ad_error *ad_format_array_count(const struct ad_formatter *formatter, const struct ad_type *type,
                                       bool *known_ret, uint64_t *count_ret) ad_must_check;
/** Bytes of one element; 0: not known. */
struct ad_error *ad_format_size(const struct ad_formatter *formatter, uint32_t type,
                                uint64_t *size_ret) ad_must_check;
/** How many of `count` elements of `size` bytes are the same from `offset` on; at least 1. */
uint64_t ad_format_repeats(const struct ad_formatter *formatter, const struct ad_source *source, uint64_t offset,
                           uint64_t size, uint64_t count);

/** More elements that are the same than these are counted, as GDB does. */
enum { AD_FORMAT_REPEATS = 10 };

#endif
