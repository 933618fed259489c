/* SPDX-License-Identifier: MIT */
/**
 * @file cursor.h - a bounded reader over bytes that nobody vouches for.
 * Reading past the end gives zeros and sets `failed`, so that a parser may check once at its end.
 * Little endian only: every target of this engine is.
 */
#ifndef AD_BASE_CURSOR_H
#define AD_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ad_cursor {
    const uint8_t *start;
    const uint8_t *position;
    const uint8_t *end;
    bool failed;
};

void ad_cursor_init(struct ad_cursor *cursor, const void *bytes, size_t size);
size_t ad_cursor_left(const struct ad_cursor *cursor);
uint8_t ad_cursor_u8(struct ad_cursor *cursor);
uint16_t ad_cursor_u16(struct ad_cursor *cursor);
uint32_t ad_cursor_u32(struct ad_cursor *cursor);
uint64_t ad_cursor_u64(struct ad_cursor *cursor);
/** A value of 1, 2, 4 or 8 bytes. */
uint64_t ad_cursor_unsigned(struct ad_cursor *cursor, size_t size);
uint64_t ad_cursor_uleb(struct ad_cursor *cursor);
int64_t ad_cursor_sleb(struct ad_cursor *cursor);
/** The next `size` bytes, or NULL. */
const void *ad_cursor_bytes(struct ad_cursor *cursor, size_t size);
/** The NUL-terminated text here, or NULL when it does not end inside. */
const char *ad_cursor_text(struct ad_cursor *cursor);
void ad_cursor_skip(struct ad_cursor *cursor, size_t size);
/** Moves to the next multiple of `alignment` (a power of two), counted from the start. */
void ad_cursor_align(struct ad_cursor *cursor, size_t alignment);

#endif
