/* SPDX-License-Identifier: MIT */
/**
 * @file elf_note.h - walking the notes of a core or a module (elf(5), "Notes").
 *
 *     u32 name size | u32 bytes size | u32 type | name, padded | bytes, padded
 *
 * Padded to 4 bytes; to 8 only in segments with p_align 8 (.note.gnu.property).
 */
#ifndef AD_TARGET_ELF_NOTE_H
#define AD_TARGET_ELF_NOTE_H

#include "base/cursor.h"

struct ad_elf_note {
    uint32_t type;
    const char *name; /**< not NUL-terminated when hostile: use ad_elf_note_is */
    size_t name_size;
    const void *bytes;
    size_t size;
};

/** The next note; false at the end, or with cursor->failed set where the notes are broken. */
bool ad_elf_note_next(struct ad_cursor *cursor, size_t alignment, struct ad_elf_note *note_ret);
bool ad_elf_note_is(const struct ad_elf_note *note, const char *name, uint32_t type);

#endif
