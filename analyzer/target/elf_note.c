/* SPDX-License-Identifier: MIT */
#include "target/elf_note.h"

#include <string.h>

/* The padding behind the last note may be missing. */
static void pad(struct ad_cursor *cursor, size_t alignment)
{
    size_t padding = -(size_t)(cursor->position - cursor->start) & (alignment - 1);
    size_t left = ad_cursor_left(cursor);
    ad_cursor_skip(cursor, padding < left ? padding : left);
}

bool ad_elf_note_next(struct ad_cursor *cursor, size_t alignment, struct ad_elf_note *note_ret)
{
    if (cursor->failed || !ad_cursor_left(cursor))
        return false;
    alignment = alignment == 8 ? 8 : 4;
    note_ret->name_size = ad_cursor_u32(cursor);
    note_ret->size = ad_cursor_u32(cursor);
    note_ret->type = ad_cursor_u32(cursor);
    note_ret->name = ad_cursor_bytes(cursor, note_ret->name_size);
    pad(cursor, alignment);
    note_ret->bytes = ad_cursor_bytes(cursor, note_ret->size);
    pad(cursor, alignment);
    return !cursor->failed;
}

bool ad_elf_note_is(const struct ad_elf_note *note, const char *name, uint32_t type)
{
    size_t length = strnlen(note->name, note->name_size);
    return note->type == type && length == strlen(name) && memcmp(note->name, name, length) == 0;
}
