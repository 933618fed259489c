/* SPDX-License-Identifier: MIT */
#include "base/cursor.h"

#include <string.h>

void ad_cursor_init(struct ad_cursor *cursor, const void *bytes, size_t size)
{
    const uint8_t *start = bytes;
    *cursor = (struct ad_cursor){start, start, start ? start + size : start, false};
}

size_t ad_cursor_left(const struct ad_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->position);
}

const void *ad_cursor_bytes(struct ad_cursor *cursor, size_t size)
{
    if (cursor->failed || size > ad_cursor_left(cursor)) {
        cursor->failed = true;
        cursor->position = cursor->end;
        return NULL;
    }
    const void *bytes = cursor->position;
    cursor->position += size;
    return bytes;
}

uint64_t ad_cursor_unsigned(struct ad_cursor *cursor, size_t size)
{
    uint64_t value = 0;
    const void *bytes = size <= sizeof(value) ? ad_cursor_bytes(cursor, size) : NULL;
    if (bytes)
        memcpy(&value, bytes, size);
    else
        cursor->failed = true;
    return value;
}

uint8_t ad_cursor_u8(struct ad_cursor *cursor)
{
    return (uint8_t)ad_cursor_unsigned(cursor, 1);
}

uint16_t ad_cursor_u16(struct ad_cursor *cursor)
{
    return (uint16_t)ad_cursor_unsigned(cursor, 2);
}

uint32_t ad_cursor_u32(struct ad_cursor *cursor)
{
    return (uint32_t)ad_cursor_unsigned(cursor, 4);
}

uint64_t ad_cursor_u64(struct ad_cursor *cursor)
{
    return ad_cursor_unsigned(cursor, 8);
}

/* LEB128 (DWARF 5, 7.6); bits beyond 64 are dropped. `shift_ret` is where a sign would start. */
static uint64_t leb(struct ad_cursor *cursor, unsigned *shift_ret, bool *sign_ret)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = ad_cursor_u8(cursor);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) && !cursor->failed);
    *shift_ret = shift;
    *sign_ret = byte & 0x40;
    return value;
}

uint64_t ad_cursor_uleb(struct ad_cursor *cursor)
{
    unsigned shift;
    bool sign;
    return leb(cursor, &shift, &sign);
}

int64_t ad_cursor_sleb(struct ad_cursor *cursor)
{
    unsigned shift;
    bool sign;
    uint64_t value = leb(cursor, &shift, &sign);
    if (sign && shift < 64)
        value |= ~UINT64_C(0) << shift;
    return (int64_t)value;
}

const char *ad_cursor_text(struct ad_cursor *cursor)
{
    const uint8_t *nul = cursor->failed ? NULL : memchr(cursor->position, 0, ad_cursor_left(cursor));
    if (!nul) {
        cursor->failed = true;
        cursor->position = cursor->end;
        return NULL;
    }
    const char *text = (const char *)cursor->position;
    cursor->position = nul + 1;
    return text;
}

void ad_cursor_skip(struct ad_cursor *cursor, size_t size)
{
    (void)ad_cursor_bytes(cursor, size);
}

void ad_cursor_align(struct ad_cursor *cursor, size_t alignment)
{
    size_t offset = (size_t)(cursor->position - cursor->start);
    ad_cursor_skip(cursor, -offset & (alignment - 1));
}
