/* SPDX-License-Identifier: MIT */
#include "target/core_internal.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/splice.h"
#include "target/elf_note.h"
#include "target/registers.h"
#include "target/snapshot_file.h"

/* struct elf_prstatus and elf_prpsinfo (sys/procfs.h) of 64-bit machines; only the block of general
 * registers depends on the machine. */
enum {
    PRSTATUS_CURSIG = 12,
    PRSTATUS_PID = 32,
    PRSTATUS_REGISTERS = 112,
    PRPSINFO_PID = 24,
    PRPSINFO_COMMAND = 40,
    PRPSINFO_COMMAND_SIZE = 16,
};

#define NO_SYSTEM_CALL UINT64_MAX

static struct ad_cursor at(const struct ad_elf_note *note, size_t offset)
{
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, note->bytes, note->size);
    ad_cursor_skip(&cursor, offset);
    return cursor;
}

/* One for each thread; the first is the one that made the kernel write the core. */
static struct ad_error *read_thread(struct ad_core *core, const struct ad_elf_note *note)
{
    struct ad_cursor pid = at(note, PRSTATUS_PID), signal = at(note, PRSTATUS_CURSIG);
    struct ad_thread thread = {.tid = (pid_t)ad_cursor_u32(&pid), .system_call = NO_SYSTEM_CALL};
    if (pid.failed || core->threads.count >= core->target.limits->threads) {
        core->target.skipped++;
        return NULL;
    }
    struct ad_cursor block = at(note, PRSTATUS_REGISTERS);
    const void *registers = ad_cursor_bytes(&block, AD_REGISTERS_X86_64_SIZE);
    if (core->target.machine == EM_X86_64 && registers) {
        void *copy = ad_pool_alloc(&core->pool, AD_REGISTERS_X86_64_SIZE);
        ad_registers_decode_x86_64(registers, &thread);
        thread.block = copy ? memcpy(copy, registers, AD_REGISTERS_X86_64_SIZE) : NULL;
    }
    if (core->threads.count == 0)
        core->target.signal = ad_cursor_u16(&signal);
    return ad_vector_push(&core->threads, &thread);
}

static void read_process(struct ad_core *core, const struct ad_elf_note *note)
{
    struct ad_cursor pid = at(note, PRPSINFO_PID), command = at(note, PRPSINFO_COMMAND);
    uint32_t value = ad_cursor_u32(&pid);
    const char *name = ad_cursor_bytes(&command, PRPSINFO_COMMAND_SIZE);
    if (!name) {
        core->target.skipped++;
        return;
    }
    core->target.pid = (pid_t)value;
    memcpy(core->target.command, name, strnlen(name, sizeof(core->target.command) - 1));
}

static struct ad_error *read_auxv(struct ad_core *core, const struct ad_elf_note *note)
{
    if (core->auxv || !note->size)
        return NULL;
    core->auxv = malloc(note->size);
    if (!core->auxv)
        return &ad_error_nomem;
    core->target.auxv = memcpy(core->auxv, note->bytes, note->size);
    core->target.auxv_size = note->size;
    return NULL;
}

/* NT_FILE: u64 count, u64 unit of the offsets, count times { start, end, offset }, then count paths. */
static struct ad_error *read_mappings(struct ad_core *core, const struct ad_elf_note *note)
{
    struct ad_cursor numbers = at(note, 0), paths;
    uint64_t count = ad_cursor_u64(&numbers), unit = ad_cursor_u64(&numbers);
    uint64_t most = ad_cursor_left(&numbers) / (3 * sizeof(uint64_t));
    if (count > most) {
        core->target.skipped += count - most;
        count = most;
    }
    paths = at(note, (2 + 3 * count) * sizeof(uint64_t));
    const char *before = NULL;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t start = ad_cursor_u64(&numbers), end = ad_cursor_u64(&numbers);
        struct ad_core_mapping mapping = {.range = {start, end}};
        bool good = ad_mul(ad_cursor_u64(&numbers), unit, &mapping.file_offset) && start < end;
        const char *path = ad_cursor_text(&paths);
        if (!path || !good) {
            core->target.skipped++;
            continue;
        }
        if (!before || strcmp(before, path) != 0)
            before = ad_pool_text(&core->pool, path, strlen(path));
        if (!before)
            return &ad_error_nomem;
        mapping.path = before;
        AD_TRY(ad_vector_push(&core->mappings, &mapping));
    }
    return NULL;
}

/* Of a snapshot of our own: when that was. */
static void read_time(struct ad_core *core, const struct ad_elf_note *note)
{
    struct ad_cursor times = at(note, 0);
    uint64_t realtime = ad_cursor_u64(&times), monotonic = ad_cursor_u64(&times);
    if (times.failed)
        return;
    core->target.monotonic = monotonic;
    core->target.realtime = realtime ? realtime : core->target.realtime;
}

static struct ad_error *read_note(struct ad_core *core, const struct ad_elf_note *note)
{
    if (ad_elf_note_is(note, "CORE", NT_PRSTATUS))
        return read_thread(core, note);
    if (ad_elf_note_is(note, "CORE", NT_AUXV))
        return read_auxv(core, note);
    if (ad_elf_note_is(note, "CORE", NT_FILE))
        return read_mappings(core, note);
    if (ad_elf_note_is(note, "CORE", NT_PRPSINFO))
        read_process(core, note);
    if (ad_elf_note_is(note, AD_SNAPSHOT_NOTE_NAME, AD_SNAPSHOT_NOTE_TYPE))
        read_time(core, note);
    return NULL;
}

static struct ad_error *read_segment(struct ad_core *core, const Elf64_Phdr *segment)
{
    uint64_t size = ad_core_clip(core, segment->p_offset, segment->p_filesz);
    if (size > core->target.limits->notes_bytes) {
        core->target.skipped++;
        size = core->target.limits->notes_bytes;
    }
    ad_auto_free void *bytes = malloc(size + 1);
    if (!bytes)
        return &ad_error_nomem;
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes, ad_pread(core->file.fd, bytes, size, segment->p_offset));
    struct ad_elf_note note;
    while (ad_elf_note_next(&cursor, segment->p_align, &note))
        AD_TRY(read_note(core, &note));
    core->target.skipped += cursor.failed;
    return NULL;
}

/* Mappings as a writer may give them, in any order and overlapping, made plain: the later wins. */
static struct ad_error *splice_mappings(struct ad_core *core)
{
    size_t count = core->mappings.count, piece_count;
    const struct ad_core_mapping *mappings = core->mappings.items;
    ad_auto_free struct ad_range *ranges = calloc(count + 1, sizeof(*ranges));
    ad_auto_free struct ad_piece *pieces = NULL;
    if (!ranges)
        return &ad_error_nomem;
    for (size_t i = 0; i < count; i++)
        ranges[i] = mappings[i].range;
    AD_TRY(ad_splice(ranges, count, &pieces, &piece_count));
    struct ad_vector spliced = AD_VECTOR(struct ad_core_mapping);
    struct ad_error *error = NULL;
    for (size_t i = 0; !error && i < piece_count; i++) {
        struct ad_core_mapping mapping = mappings[pieces[i].index];
        mapping.file_offset += pieces[i].range.start - mapping.range.start;
        mapping.range = pieces[i].range;
        error = ad_vector_push(&spliced, &mapping);
    }
    ad_vector_deinit(&core->mappings);
    core->mappings = spliced;
    return error;
}

struct ad_error *ad_core_read_notes(struct ad_core *core)
{
    const Elf64_Phdr *segments = core->segments.items;
    for (size_t i = 0; i < core->segments.count; i++)
        if (segments[i].p_type == PT_NOTE)
            AD_TRY(read_segment(core, &segments[i]));
    AD_TRY(splice_mappings(core));
    struct ad_thread *threads = core->threads.items;
    if (core->threads.count) {
        threads[0].crashed = core->target.signal != 0;
        if (!core->target.pid)
            core->target.pid = threads[0].tid;
    }
    core->target.threads = threads;
    core->target.thread_count = core->threads.count;
    return NULL;
}
