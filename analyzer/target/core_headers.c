/* SPDX-License-Identifier: MIT */
#include "target/core_internal.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"

/* What decompress.h does not know, or what was packed twice: name the way out. */
static const struct {
    const char *magic;
    size_t size;
    const char *tool;
} compressions[] = {
    {"\x28\xb5\x2f\xfd", 4, "zstd -d"},
    {"\x1f\x8b", 2, "gzip -d"},
    {"\xfd\x37zXZ", 6, "xz -d"},
    {"\x04\x22\x4d\x18", 4, "lz4 -d"},
    {"\x02\x21\x4c\x18", 4, "lz4 -d"},
    {"BZh", 3, "bzip2 -d"},
};

static struct ad_error *refuse(const struct ad_core *core, const char *why)
{
    return ad_error_create(AD_ERROR_UNUSABLE, "%s is not a core that can be read: %s", core->path, why);
}

static struct ad_error *refuse_bytes(const struct ad_core *core, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof(compressions) / sizeof(compressions[0]); i++)
        if (size >= compressions[i].size && !memcmp(bytes, compressions[i].magic, compressions[i].size))
            return ad_error_create(AD_ERROR_UNUSABLE, "%s is compressed: unpack it first with '%s'",
                                   core->path, compressions[i].tool);
    if (!size)
        return refuse(core, "it is empty; was the disk full, or the core limit (ulimit -c) 0?");
    return refuse(core, "it is not an ELF file; give a core file, or a process with -p PID");
}

static struct ad_error *check_type(const struct ad_core *core, const Elf64_Ehdr *header)
{
    if (header->e_ident[EI_CLASS] != ELFCLASS64)
        return refuse(core, "it is of a 32-bit program; only 64-bit ones are understood");
    if (header->e_ident[EI_DATA] != ELFDATA2LSB)
        return refuse(core, "it is of a big-endian machine; only little-endian ones are understood");
    if (header->e_type == ET_EXEC || header->e_type == ET_DYN)
        return refuse(core, "it is a program or library; give its core file first, then the program");
    if (header->e_type != ET_CORE)
        return refuse(core, "it is an ELF file of another type, such as an object file");
    if (header->e_machine != EM_X86_64 && header->e_machine != EM_AARCH64)
        return ad_error_create(AD_ERROR_UNUSABLE, "%s is a core of another machine (ELF machine %u); "
                               "x86-64 and aarch64 are understood", core->path, header->e_machine);
    if (header->e_phnum && header->e_phentsize != sizeof(Elf64_Phdr))
        return refuse(core, "its program headers have an unknown size");
    return NULL;
}

/* Program headers beyond 65,534 are counted in section header 0, which the kernel writes last. */
static bool count_in_section(const struct ad_core *core, const Elf64_Ehdr *header, uint64_t *count_ret)
{
    Elf64_Shdr section;
    if (!header->e_shoff || ad_pread(core->file.fd, &section, sizeof(section), header->e_shoff) < sizeof(section))
        return false;
    if (section.sh_type != SHT_NULL || section.sh_info < PN_XNUM)
        return false;
    *count_ret = section.sh_info;
    return true;
}

/* Truncation took section header 0: the headers end where the first bytes of a segment begin. */
static uint64_t count_by_place(const struct ad_core *core, const Elf64_Ehdr *header)
{
    uint64_t first = core->file.size;
    Elf64_Phdr segment;
    for (uint64_t i = 0; i < PN_XNUM; i++) {
        uint64_t offset = header->e_phoff + i * sizeof(segment);
        if (ad_pread(core->file.fd, &segment, sizeof(segment), offset) < sizeof(segment))
            break;
        bool has_bytes = segment.p_filesz && segment.p_offset > header->e_phoff;
        if (has_bytes && segment.p_offset < first)
            first = segment.p_offset;
    }
    return first > header->e_phoff ? (first - header->e_phoff) / sizeof(segment) : 0;
}

static uint64_t count_segments(const struct ad_core *core, const Elf64_Ehdr *header)
{
    uint64_t count = header->e_phnum;
    if (count == PN_XNUM && !count_in_section(core, header, &count))
        count = count_by_place(core, header);
    return count;
}

uint64_t ad_core_clip(struct ad_core *core, uint64_t offset, uint64_t size)
{
    uint64_t room = offset < core->file.size ? core->file.size - offset : 0;
    if (size <= room)
        return size;
    core->target.truncated = true;
    if (!ad_add(core->target.missing_bytes, size - room, &core->target.missing_bytes))
        core->target.missing_bytes = UINT64_MAX;
    return room;
}

static struct ad_error *read_segments(struct ad_core *core, const Elf64_Ehdr *header)
{
    uint64_t count = count_segments(core, header);
    if (count > core->target.limits->regions) {
        core->target.skipped += count - core->target.limits->regions;
        count = core->target.limits->regions;
    }
    uint64_t bytes = ad_core_clip(core, header->e_phoff, count * sizeof(Elf64_Phdr));
    count = bytes / sizeof(Elf64_Phdr);
    core->segments.items = calloc(count + 1, sizeof(Elf64_Phdr));
    if (!core->segments.items)
        return &ad_error_nomem;
    size_t got = ad_pread(core->file.fd, core->segments.items, count * sizeof(Elf64_Phdr), header->e_phoff);
    core->segments.count = core->segments.capacity = got / sizeof(Elf64_Phdr);
    return NULL;
}

struct ad_error *ad_core_read_headers(struct ad_core *core)
{
    Elf64_Ehdr header = {0};
    size_t got = ad_pread(core->file.fd, &header, sizeof(header), 0);
    if (got < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return refuse_bytes(core, header.e_ident, got);
    if (got < sizeof(header))
        return refuse(core, "it ends inside its first header; was the disk full?");
    AD_TRY(check_type(core, &header));
    core->target.machine = header.e_machine;
    AD_TRY(read_segments(core, &header));
    if (!core->segments.count)
        return refuse(core, "it has no segments; was it cut off at once?");
    return NULL;
}
