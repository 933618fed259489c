/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "async_debug.h"
#include "base/cleanup.h"
#include "module/module_internal.h"
#include "target/elf_note.h"

/* Once a file stands behind the target's memory, a build-id read there may be the file's own: no proof. */
static void take_note(struct ad_module *module, const struct ad_elf_note *note, uint64_t address)
{
    bool wanted = !module->build_id.size && !module->file && note->size <= AD_BUILD_ID_MAX;
    if (wanted && ad_elf_note_is(note, "GNU", NT_GNU_BUILD_ID)) {
        memcpy(module->build_id.bytes, note->bytes, note->size);
        module->build_id.size = note->size;
    }
    if (ad_elf_note_is(note, ASYNC_DEBUG_NOTE_NAME, ASYNC_DEBUG_NOTE_TYPE) && !module->note &&
        note->size >= sizeof(struct async_debug_note))
        module->note = address;
}

static struct ad_error *read_segment(struct ad_modules *modules, struct ad_image *image, const Elf64_Phdr *segment,
                                     uint64_t *budget)
{
    uint64_t address = segment->p_vaddr + image->module.bias; /* may wrap: then nothing is there */
    if (segment->p_filesz > *budget)
        return NULL;
    *budget -= segment->p_filesz;
    ad_auto_free uint8_t *bytes = malloc(segment->p_filesz + 1);
    if (!bytes)
        return &ad_error_nomem;
    size_t got = ad_target_read_some(modules->target, address, bytes, segment->p_filesz);
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes, got);
    struct ad_elf_note note;
    while (ad_elf_note_next(&cursor, segment->p_align, &note))
        take_note(&image->module, &note, address + (uint64_t)((const uint8_t *)note.bytes - bytes));
    return NULL;
}

struct ad_error *ad_image_read_notes(struct ad_modules *modules, struct ad_image *image)
{
    uint64_t budget = modules->limits->notes_bytes;
    const Elf64_Phdr *segments = image->segments;
    size_t count = image->segment_count;
    if (!segments && image->module.file)
        segments = ad_elf_segments(image->module.file, &count);
    for (size_t i = 0; segments && i < count; i++)
        if (segments[i].p_type == PT_NOTE)
            AD_TRY(read_segment(modules, image, &segments[i], &budget));
    return NULL;
}
