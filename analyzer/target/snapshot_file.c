/* SPDX-License-Identifier: MIT */
#include "target/snapshot_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/registers.h"

/* struct elf_prstatus and elf_prpsinfo of x86-64 (sys/procfs.h). */
enum {
    PRSTATUS_SIZE = 336,
    PRSTATUS_CURSIG = 12,
    PRSTATUS_PID = 32,
    PRSTATUS_REGISTERS = 112,
    PRPSINFO_SIZE = 136,
    PRPSINFO_PID = 24,
    PRPSINFO_COMMAND = 40,
    PRPSINFO_ARGUMENTS = 56,
    PRPSINFO_ARGUMENTS_SIZE = 80,
};

#define FILE_UNIT UINT64_C(4096) /* of the offsets in NT_FILE */

/* The file while it is made: what comes before the bytes is gathered first. */
struct writer {
    struct ad_target *target;
    const struct ad_range *ranges;
    size_t range_count;
    char *notes;
    size_t note_bytes;
};

/* ---- Notes -------------------------------------------------------------------------------------------- */

static void put_padded(FILE *out, const void *bytes, size_t size)
{
    static const char zeros[4];
    fwrite(bytes, 1, size, out);
    fwrite(zeros, 1, -size % 4, out);
}

static void put_note(FILE *out, const char *name, uint32_t type, const void *bytes, size_t size)
{
    const Elf64_Nhdr header = {(Elf64_Word)strlen(name) + 1, (Elf64_Word)size, type};
    fwrite(&header, sizeof(header), 1, out);
    put_padded(out, name, header.n_namesz);
    put_padded(out, bytes, size);
}

static void put_thread(FILE *out, const struct ad_target *target, const struct ad_thread *thread)
{
    char status[PRSTATUS_SIZE] = {0};
    uint16_t signal = (uint16_t)(thread->crashed ? target->signal : 0);
    int32_t tid = thread->tid;
    memcpy(status + PRSTATUS_CURSIG, &signal, sizeof(signal));
    memcpy(status + PRSTATUS_PID, &tid, sizeof(tid));
    if (thread->block)
        memcpy(status + PRSTATUS_REGISTERS, thread->block, AD_REGISTERS_X86_64_SIZE);
    else
        ad_registers_encode_x86_64(thread, status + PRSTATUS_REGISTERS);
    put_note(out, "CORE", NT_PRSTATUS, status, sizeof(status));
}

static void put_process(FILE *out, const struct ad_target *target)
{
    char info[PRPSINFO_SIZE] = {0};
    int32_t pid = target->pid;
    const char *executable = target->executable ? target->executable : "";
    memcpy(info + PRPSINFO_PID, &pid, sizeof(pid));
    memcpy(info + PRPSINFO_COMMAND, target->command, sizeof(target->command));
    memcpy(info + PRPSINFO_ARGUMENTS, executable, strnlen(executable, PRPSINFO_ARGUMENTS_SIZE - 1));
    put_note(out, "CORE", NT_PRPSINFO, info, sizeof(info));
}

static bool is_of_file(const struct ad_region *region)
{
    return region->path && region->path[0] != '[';
}

/* u64 count, u64 unit of the offsets, count times { start, end, offset }, then the paths. */
static void put_mappings(FILE *out, const struct ad_target *target)
{
    uint64_t head[2] = {0, FILE_UNIT};
    for (size_t i = 0; i < target->region_count; i++)
        head[0] += is_of_file(&target->regions[i]);
    fwrite(head, sizeof(head), 1, out);
    for (size_t i = 0; i < target->region_count; i++) {
        const struct ad_region *region = &target->regions[i];
        uint64_t numbers[] = {region->range.start, region->range.end, region->file_offset / FILE_UNIT};
        if (is_of_file(region))
            fwrite(numbers, sizeof(numbers), 1, out);
    }
    for (size_t i = 0; i < target->region_count; i++)
        if (is_of_file(&target->regions[i]))
            fwrite(target->regions[i].path, 1, strlen(target->regions[i].path) + 1, out);
}

static struct ad_error *put_files(FILE *out, const struct ad_target *target)
{
    ad_auto_free char *bytes = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&bytes, &size);
    if (!memory)
        return &ad_error_nomem;
    put_mappings(memory, target);
    if (fclose(memory) != 0)
        return &ad_error_nomem;
    put_note(out, "CORE", NT_FILE, bytes, size);
    return NULL;
}

static struct ad_error *put_notes(FILE *out, const struct ad_target *target)
{
    const uint64_t times[] = {target->realtime, target->monotonic};
    for (size_t i = 0; i < target->thread_count; i++) {
        put_thread(out, target, &target->threads[i]);
        if (i == 0)
            put_process(out, target);
    }
    if (!target->thread_count)
        put_process(out, target);
    put_note(out, "CORE", NT_AUXV, target->auxv ? target->auxv : "", target->auxv_size);
    put_note(out, AD_SNAPSHOT_NOTE_NAME, AD_SNAPSHOT_NOTE_TYPE, times, sizeof(times));
    return put_files(out, target);
}

static struct ad_error *make_notes(struct writer *writer)
{
    FILE *memory = open_memstream(&writer->notes, &writer->note_bytes);
    if (!memory)
        return &ad_error_nomem;
    struct ad_error *error = put_notes(memory, writer->target);
    return fclose(memory) == 0 ? error : error ? error : &ad_error_nomem;
}

/* ---- Segments ----------------------------------------------------------------------------------------- */

static uint32_t flags_at(const struct ad_target *target, uint64_t address)
{
    const struct ad_region *region = ad_target_region(target, address);
    uint32_t protection = region && region->protection ? region->protection : AD_REGION_READ | AD_REGION_WRITE;
    return (protection & AD_REGION_READ ? PF_R : 0u) | (protection & AD_REGION_WRITE ? PF_W : 0u) |
           (protection & AD_REGION_EXECUTE ? PF_X : 0u);
}

static Elf64_Phdr load_of(const struct ad_target *target, struct ad_range range, uint64_t offset)
{
    return (Elf64_Phdr){.p_type = PT_LOAD,
                        .p_flags = flags_at(target, range.start),
                        .p_offset = offset,
                        .p_vaddr = range.start,
                        .p_filesz = ad_range_size(range),
                        .p_memsz = ad_range_size(range),
                        .p_align = 1};
}

/* What can no longer be read is zeros: the headers say already how much there is. */
static void put_range(FILE *out, struct ad_target *target, struct ad_range range)
{
    char bytes[65536];
    while (range.start < range.end) {
        uint64_t left = ad_range_size(range);
        size_t size = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
        size_t got = target->ops->read(target, range.start, bytes, size);
        if (!got)
            memset(bytes, 0, got = size);
        fwrite(bytes, 1, got, out);
        range.start += got;
    }
}

/* ---- The file ----------------------------------------------------------------------------------------- */

static void put_headers(FILE *out, const struct writer *writer)
{
    uint64_t count = writer->range_count + 1;
    bool many = count >= PN_XNUM;
    uint64_t sections = many ? sizeof(Elf64_Shdr) : 0;
    const Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = writer->target->machine,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(header) + sections,
        .e_shoff = many ? sizeof(header) : 0,
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (Elf64_Half)(many ? PN_XNUM : count),
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = many,
    };
    const Elf64_Shdr extended = {.sh_size = 1, .sh_info = (Elf64_Word)count};
    fwrite(&header, sizeof(header), 1, out);
    if (many)
        fwrite(&extended, sizeof(extended), 1, out);
    uint64_t offset = header.e_phoff + count * sizeof(Elf64_Phdr);
    const Elf64_Phdr note = {.p_type = PT_NOTE, .p_offset = offset, .p_filesz = writer->note_bytes, .p_align = 4};
    fwrite(&note, sizeof(note), 1, out);
    offset += writer->note_bytes;
    for (size_t i = 0; i < writer->range_count; i++) {
        Elf64_Phdr load = load_of(writer->target, writer->ranges[i], offset);
        fwrite(&load, sizeof(load), 1, out);
        offset += load.p_filesz;
    }
}

static void put_all(FILE *out, const struct writer *writer)
{
    put_headers(out, writer);
    fwrite(writer->notes, 1, writer->note_bytes, out);
    for (size_t i = 0; i < writer->range_count; i++)
        put_range(out, writer->target, writer->ranges[i]);
}

static struct ad_error *exists(const char *path)
{
    return ad_error_create(AD_ERROR_USAGE, "%s exists and is not overwritten: remove it or name another file", path);
}

struct ad_error *ad_snapshot_file_check(const char *path)
{
    return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? exists(path) : NULL;
}

static struct ad_error *create(const char *path, FILE **out_ret)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return exists(path);
    if (fd < 0)
        return ad_error_system(errno, "the snapshot %s cannot be made", path);
    *out_ret = fdopen(fd, "w");
    if (*out_ret)
        return NULL;
    close(fd);
    unlink(path);
    return &ad_error_nomem;
}

static void writer_deinit(struct writer *writer)
{
    free(writer->notes);
}

struct ad_error *ad_snapshot_file_write(const char *path, struct ad_target *target, const struct ad_range *ranges,
                                        size_t count)
{
    ad_cleanup(writer_deinit) struct writer writer = {.target = target, .ranges = ranges, .range_count = count};
    FILE *out = NULL;
    if (target->machine != EM_X86_64)
        return ad_error_create(AD_ERROR_UNUSABLE, "a snapshot can be made of x86-64 programs only");
    AD_TRY(make_notes(&writer));
    AD_TRY(create(path, &out));
    put_all(out, &writer);
    bool failed = fflush(out) != 0 || ferror(out);
    int error = errno;
    failed |= fclose(out) != 0;
    if (!failed)
        return NULL;
    unlink(path);
    return ad_error_system(error, "the snapshot %s cannot be written", path);
}
