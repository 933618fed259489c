/* SPDX-License-Identifier: MIT */
/* Finds the descriptor from its note, as a reader of this very process would, and runs a task by it. */
#define _GNU_SOURCE
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "async.h"
#include "async_debug.h"

static const struct async_debug_descriptor *descriptor;

static void search(const char *at, size_t size)
{
    for (const char *end = at + size; at + sizeof(ElfW(Nhdr)) <= end;) {
        const ElfW(Nhdr) *header = (const ElfW(Nhdr) *)at;
        const char *name = at + sizeof(*header), *content = name + ((header->n_namesz + 3) & ~3u);
        struct async_debug_note note;
        if (header->n_type == ASYNC_DEBUG_NOTE_TYPE && header->n_namesz == sizeof(ASYNC_DEBUG_NOTE_NAME) &&
            strcmp(name, ASYNC_DEBUG_NOTE_NAME) == 0) {
            memcpy(&note, content, sizeof(note));
            descriptor = (const void *)(content + offsetof(struct async_debug_note, offset) + note.offset);
        }
        at = content + ((header->n_descsz + 3) & ~3u);
    }
}

static int search_module(struct dl_phdr_info *module, size_t size, void *unused)
{
    (void)size, (void)unused;
    for (int i = 0; i < module->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &module->dlpi_phdr[i];
        if (header->p_type == PT_NOTE)
            search((const char *)module->dlpi_addr + header->p_vaddr, header->p_memsz);
    }
    return 0;
}

static int check(void *unused)
{
    (void)unused;
    return memcmp(descriptor->magic, ASYNC_DEBUG_MAGIC, sizeof(descriptor->magic)) == 0 &&
           descriptor->self == (uintptr_t)descriptor && descriptor->process && descriptor->bridge;
}

int main(void)
{
    dl_iterate_phdr(search_module, NULL);
    if (!descriptor) {
        fprintf(stderr, "no note in memory\n");
        return 1;
    }
    if (async_run(check, NULL, NULL) != 1) {
        fprintf(stderr, "the note leads to no valid descriptor\n");
        return 1;
    }
    return 0;
}
