/* SPDX-License-Identifier: MIT */
/**
 * @file core_writer.h - writes ELF core files by hand, sane or not, for tests.
 *
 *     struct core_writer writer;
 *     core_writer_init(&writer);
 *     core_writer_load(&writer, 0x10000, PF_R | PF_W, bytes, 4096, 8192);
 *     core_writer_thread(&writer, 77, SIGSEGV, 0x401000, 0x7fff0000);
 *     core_writer_save(&writer, path);
 *
 * In the file: header, program headers (PT_NOTE first), notes, the bytes of the segments, and section
 * header 0 at the end when `extended` is set, as the kernel does beyond 65,534 program headers.
 */
#ifndef CORE_WRITER_H
#define CORE_WRITER_H

#include <assert.h>
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct core_bytes {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
};

struct core_writer {
    Elf64_Ehdr header;
    struct core_bytes segments; /* Elf64_Phdr of the PT_LOADs; p_offset counts from the data */
    struct core_bytes notes;
    struct core_bytes data;
    bool extended; /* e_phnum = PN_XNUM, the count in section header 0 */
};

static inline void core_bytes_add(struct core_bytes *to, const void *bytes, size_t size)
{
    if (to->size + size >= to->capacity) {
        to->capacity = 2 * (to->size + size) + 64;
        to->bytes = realloc(to->bytes, to->capacity);
        assert(to->bytes);
    }
    if (size)
        memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static inline void core_bytes_write(const struct core_bytes *from, FILE *file)
{
    if (from->size)
        fwrite(from->bytes, 1, from->size, file);
}

static inline void core_writer_init(struct core_writer *writer)
{
    *writer = (struct core_writer){0};
    memcpy(writer->header.e_ident, ELFMAG, SELFMAG);
    writer->header.e_ident[EI_CLASS] = ELFCLASS64;
    writer->header.e_ident[EI_DATA] = ELFDATA2LSB;
    writer->header.e_ident[EI_VERSION] = EV_CURRENT;
    writer->header.e_type = ET_CORE;
    writer->header.e_machine = EM_X86_64;
    writer->header.e_version = EV_CURRENT;
    writer->header.e_ehsize = sizeof(Elf64_Ehdr);
    writer->header.e_phentsize = sizeof(Elf64_Phdr);
    writer->header.e_shentsize = sizeof(Elf64_Shdr);
}

/* A PT_LOAD with `size` bytes in the file and `memory_size` in memory; `bytes` may be NULL for zeros. */
static inline void core_writer_load(struct core_writer *writer, uint64_t vaddr, uint32_t flags, const void *bytes,
                                    uint64_t size, uint64_t memory_size)
{
    Elf64_Phdr segment = {.p_type = PT_LOAD, .p_flags = flags, .p_offset = writer->data.size, .p_vaddr = vaddr,
                          .p_filesz = size, .p_memsz = memory_size, .p_align = 4096};
    core_bytes_add(&writer->segments, &segment, sizeof(segment));
    if (!size)
        return;
    uint8_t *zeros = calloc(1, size);
    core_bytes_add(&writer->data, bytes ? bytes : zeros, size);
    free(zeros);
}

static inline Elf64_Phdr *core_writer_last(struct core_writer *writer)
{
    return (Elf64_Phdr *)(writer->segments.bytes + writer->segments.size) - 1;
}

static inline void core_writer_note(struct core_writer *writer, const char *name, uint32_t type, const void *bytes,
                                    uint32_t size)
{
    static const uint8_t padding[4];
    Elf64_Nhdr header = {.n_namesz = (uint32_t)strlen(name) + 1, .n_descsz = size, .n_type = type};
    core_bytes_add(&writer->notes, &header, sizeof(header));
    core_bytes_add(&writer->notes, name, header.n_namesz);
    core_bytes_add(&writer->notes, padding, -header.n_namesz & 3u);
    core_bytes_add(&writer->notes, bytes, size);
    core_bytes_add(&writer->notes, padding, -size & 3u);
}

/* NT_PRSTATUS of x86-64: signal at 12, pid at 32, registers at 112 (rsp is the 19th, rip the 16th). */
static inline void core_writer_thread(struct core_writer *writer, int32_t tid, uint16_t signal, uint64_t pc,
                                      uint64_t sp)
{
    uint8_t status[336] = {0};
    uint64_t no_call = UINT64_MAX;
    memcpy(status + 12, &signal, sizeof(signal));
    memcpy(status + 32, &tid, sizeof(tid));
    memcpy(status + 112 + 15 * 8, &no_call, sizeof(no_call));
    memcpy(status + 112 + 16 * 8, &pc, sizeof(pc));
    memcpy(status + 112 + 19 * 8, &sp, sizeof(sp));
    core_writer_note(writer, "CORE", NT_PRSTATUS, status, sizeof(status));
}

struct core_file_entry {
    uint64_t start, end, offset; /* offset in bytes; a multiple of 4096 */
    const char *path;
};

/* NT_FILE as the kernel writes it, in units of pages. */
static inline void core_writer_files(struct core_writer *writer, const struct core_file_entry *entries, size_t count)
{
    struct core_bytes note = {0};
    uint64_t head[2] = {count, 4096};
    core_bytes_add(&note, head, sizeof(head));
    for (size_t i = 0; i < count; i++) {
        uint64_t numbers[3] = {entries[i].start, entries[i].end, entries[i].offset / 4096};
        core_bytes_add(&note, numbers, sizeof(numbers));
    }
    for (size_t i = 0; i < count; i++)
        core_bytes_add(&note, entries[i].path, strlen(entries[i].path) + 1);
    core_writer_note(writer, "CORE", NT_FILE, note.bytes, (uint32_t)note.size);
    free(note.bytes);
}

static inline void core_writer_auxv(struct core_writer *writer, const uint64_t *pairs, size_t count)
{
    core_writer_note(writer, "CORE", NT_AUXV, pairs, (uint32_t)(count * 2 * sizeof(uint64_t)));
}

/* Where the bytes of the segments begin in the file. */
static inline uint64_t core_writer_data_offset(const struct core_writer *writer)
{
    return sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + writer->segments.size + writer->notes.size;
}

/* Writes the file and releases the writer. */
static inline void core_writer_save(struct core_writer *writer, const char *path)
{
    size_t count = 1 + writer->segments.size / sizeof(Elf64_Phdr);
    uint64_t notes = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr), data = core_writer_data_offset(writer);
    Elf64_Phdr note = {.p_type = PT_NOTE, .p_offset = notes, .p_filesz = writer->notes.size, .p_align = 4};
    Elf64_Shdr section = {.sh_info = (uint32_t)count, .sh_size = 1};
    writer->header.e_phoff = sizeof(Elf64_Ehdr);
    writer->header.e_phnum = writer->extended ? PN_XNUM : (uint16_t)count;
    writer->header.e_shoff = writer->extended ? data + writer->data.size : 0;
    Elf64_Phdr *segments = (Elf64_Phdr *)writer->segments.bytes;
    for (size_t i = 0; i + 1 < count; i++)
        segments[i].p_offset += data;
    FILE *file = fopen(path, "wb");
    assert(file);
    fwrite(&writer->header, 1, sizeof(writer->header), file);
    fwrite(&note, 1, sizeof(note), file);
    core_bytes_write(&writer->segments, file);
    core_bytes_write(&writer->notes, file);
    core_bytes_write(&writer->data, file);
    if (writer->extended)
        fwrite(&section, 1, sizeof(section), file);
    fclose(file);
    free(writer->segments.bytes);
    free(writer->notes.bytes);
    free(writer->data.bytes);
}

#endif
