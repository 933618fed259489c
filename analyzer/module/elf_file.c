/* SPDX-License-Identifier: MIT */
#include "module/elf_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "module/elf_internal.h"
#include "target/elf_note.h"

bool ad_build_id_equal(const struct ad_build_id *a, const struct ad_build_id *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

void ad_build_id_text(const struct ad_build_id *id, char *text)
{
    text[0] = '\0';
    for (size_t i = 0; i < id->size; i++)
        snprintf(text + 2 * i, 3, "%02x", id->bytes[i]);
}

size_t ad_elf_read_at(struct ad_elf_file *file, uint64_t offset, void *buffer, size_t size)
{
    if (file->fd >= 0)
        return ad_pread(file->fd, buffer, size, offset);
    if (offset >= file->size)
        return 0;
    size = size < file->size - offset ? size : (size_t)(file->size - offset);
    memcpy(buffer, file->image + offset, size);
    return size;
}

struct ad_error *ad_elf_load(struct ad_elf_file *file, uint64_t offset, uint64_t size, const char *what,
                             void **bytes_ret)
{
    if (!ad_range_holds((struct ad_range){0, file->size}, offset, size))
        return ad_error_create(AD_ERROR_FORMAT, "%s: %s lies outside the file", file->path, what);
    void *bytes = malloc(size + 1);
    if (!bytes)
        return &ad_error_nomem;
    if (ad_elf_read_at(file, offset, bytes, size) < size) {
        free(bytes);
        return ad_error_create(AD_ERROR_FORMAT, "%s: %s cannot be read", file->path, what);
    }
    ((char *)bytes)[size] = '\0';
    *bytes_ret = bytes;
    return NULL;
}

static struct ad_error *read_header(struct ad_elf_file *file)
{
    Elf64_Ehdr *header = &file->header;
    size_t got = ad_elf_read_at(file, 0, header, sizeof(*header));
    if (got < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return ad_error_create(AD_ERROR_UNUSABLE, "%s is not an ELF file", file->path);
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
        return ad_error_create(AD_ERROR_UNUSABLE, "%s is not of a 64-bit little-endian machine", file->path);
    bool sizes_known = (!header->e_phoff || header->e_phentsize == sizeof(Elf64_Phdr)) &&
                       (!header->e_shoff || header->e_shentsize == sizeof(Elf64_Shdr));
    if (!sizes_known)
        return ad_error_create(AD_ERROR_FORMAT, "%s: headers of an unknown size", file->path);
    return NULL;
}

/* Counts that do not fit into the header are in section header 0 (gABI, "ELF Header"). */
static void read_counts(struct ad_elf_file *file, uint64_t *segments_ret, uint64_t *sections_ret,
                        uint64_t *names_ret)
{
    const Elf64_Ehdr *header = &file->header;
    Elf64_Shdr first = {0};
    if (header->e_shoff && ad_elf_read_at(file, header->e_shoff, &first, sizeof(first)) < sizeof(first))
        memset(&first, 0, sizeof(first));
    *segments_ret = header->e_phnum == PN_XNUM ? first.sh_info : header->e_phnum;
    *sections_ret = header->e_shnum == 0 ? first.sh_size : header->e_shnum;
    *names_ret = header->e_shstrndx == SHN_XINDEX ? first.sh_link : header->e_shstrndx;
}

static struct ad_error *read_segments(struct ad_elf_file *file, uint64_t count)
{
    if (!file->header.e_phoff || !count)
        return NULL;
    if (count > file->limits->regions)
        return ad_error_create(AD_ERROR_LIMIT, "%s has %llu program headers", file->path,
                               (unsigned long long)count);
    void *segments;
    AD_TRY(ad_elf_load(file, file->header.e_phoff, count * sizeof(Elf64_Phdr), "its program headers", &segments));
    file->segments = segments;
    file->segment_count = count;
    return NULL;
}

static struct ad_error *read_section_names(struct ad_elf_file *file, uint64_t names_index)
{
    uint64_t size = 0;
    for (size_t i = 0; i < file->section_count; i++)
        file->sections[i].name = "";
    if (names_index < file->section_count) {
        const Elf64_Shdr *header = &file->sections[names_index].header;
        size = header->sh_type == SHT_STRTAB ? header->sh_size : 0;
        if (size > file->limits->section_bytes)
            return ad_error_create(AD_ERROR_LIMIT, "%s: section names of %llu bytes", file->path,
                                   (unsigned long long)size);
        if (size)
            AD_TRY(ad_elf_load(file, header->sh_offset, size, "its section names",
                               (void **)&file->section_names));
    }
    for (size_t i = 0; i < file->section_count; i++) {
        uint32_t name = file->sections[i].header.sh_name;
        if (name < size)
            file->sections[i].name = file->section_names + name;
    }
    return NULL;
}

static struct ad_error *read_sections(struct ad_elf_file *file, uint64_t count, uint64_t names_index)
{
    if (!file->header.e_shoff || !count)
        return NULL;
    if (count > file->limits->elf_sections)
        return ad_error_create(AD_ERROR_LIMIT, "%s has %llu sections", file->path, (unsigned long long)count);
    ad_auto_free void *headers = NULL;
    AD_TRY(ad_elf_load(file, file->header.e_shoff, count * sizeof(Elf64_Shdr), "its section headers", &headers));
    file->sections = calloc(count, sizeof(*file->sections));
    file->data = calloc(count, sizeof(*file->data));
    if (!file->sections || !file->data)
        return &ad_error_nomem;
    file->section_count = count;
    for (size_t i = 0; i < count; i++)
        memcpy(&file->sections[i].header, (char *)headers + i * sizeof(Elf64_Shdr), sizeof(Elf64_Shdr));
    return read_section_names(file, names_index);
}

/* Takes the build-id from notes at this place of the file, if it is there; `budget` is for all places. */
static struct ad_error *scan_notes(struct ad_elf_file *file, uint64_t offset, uint64_t size, uint64_t alignment,
                                   uint64_t *budget)
{
    if (file->build_id.size || size > *budget)
        return NULL;
    *budget -= size;
    ad_auto_free void *bytes = malloc(size + 1);
    if (!bytes)
        return &ad_error_nomem;
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes, ad_elf_read_at(file, offset, bytes, size));
    struct ad_elf_note note;
    while (ad_elf_note_next(&cursor, alignment, &note)) {
        if (!ad_elf_note_is(&note, "GNU", NT_GNU_BUILD_ID) || note.size > AD_BUILD_ID_MAX)
            continue;
        memcpy(file->build_id.bytes, note.bytes, note.size);
        file->build_id.size = note.size;
        break;
    }
    return NULL;
}

/* Sections first: the program headers of a separate debug file are those of the other file. */
static struct ad_error *read_build_id(struct ad_elf_file *file)
{
    uint64_t budget = file->limits->notes_bytes;
    for (size_t i = 0; i < file->section_count; i++) {
        const Elf64_Shdr *header = &file->sections[i].header;
        if (header->sh_type == SHT_NOTE)
            AD_TRY(scan_notes(file, header->sh_offset, header->sh_size, header->sh_addralign, &budget));
    }
    for (size_t i = 0; i < file->segment_count; i++) {
        const Elf64_Phdr *segment = &file->segments[i];
        if (segment->p_type == PT_NOTE)
            AD_TRY(scan_notes(file, segment->p_offset, segment->p_filesz, segment->p_align, &budget));
    }
    return NULL;
}

/* A file cut off behind its segments, and an image in memory, may lack the sections only. */
static struct ad_error *try_sections(struct ad_elf_file *file, uint64_t count, uint64_t names_index)
{
    struct ad_error *error = read_sections(file, count, names_index);
    if (error && error->kind == AD_ERROR_FORMAT) {
        ad_error_destroy(error);
        return NULL;
    }
    return error;
}

static struct ad_error *parse(struct ad_elf_file *file)
{
    uint64_t segments, sections, names;
    AD_TRY(read_header(file));
    read_counts(file, &segments, &sections, &names);
    AD_TRY(read_segments(file, segments));
    AD_TRY(try_sections(file, sections, names));
    return read_build_id(file);
}

static struct ad_elf_file *create(const char *path, const struct ad_limits *limits)
{
    struct ad_elf_file *file = calloc(1, sizeof(*file));
    if (!file)
        return NULL;
    *file = (struct ad_elf_file){.limits = limits, .path = strdup(path), .fd = -1};
    if (file->path)
        return file;
    free(file);
    return NULL;
}

/* Consumes the file when it cannot be parsed. */
static struct ad_error *finish(struct ad_elf_file *file, struct ad_error *error, struct ad_elf_file **file_ret)
{
    if (!error)
        error = parse(file);
    if (error)
        ad_elf_close(file);
    else
        *file_ret = file;
    return error;
}

static struct ad_error *open_path(const char *path, int flags, const struct ad_limits *limits,
                                  struct ad_elf_file **file_ret)
{
    struct ad_elf_file *file = create(path, limits);
    if (!file)
        return &ad_error_nomem;
    return finish(file, ad_open_regular(path, flags, &file->fd, &file->size), file_ret);
}

struct ad_error *ad_elf_open(const char *path, const struct ad_limits *limits, struct ad_elf_file **file_ret)
{
    return open_path(path, 0, limits, file_ret);
}

struct ad_error *ad_elf_open_named(const char *path, const struct ad_limits *limits,
                                   struct ad_elf_file **file_ret)
{
    return open_path(path, O_NOFOLLOW, limits, file_ret);
}

struct ad_error *ad_elf_open_fd(int fd, const char *path, const struct ad_limits *limits,
                                struct ad_elf_file **file_ret)
{
    struct stat status;
    struct ad_elf_file *file = create(path, limits);
    if (!file) {
        close(fd);
        return &ad_error_nomem;
    }
    file->fd = fd;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return finish(file, ad_error_create(AD_ERROR_UNUSABLE, "%s is not a regular file", path), file_ret);
    file->size = (uint64_t)status.st_size;
    return finish(file, NULL, file_ret);
}

struct ad_error *ad_elf_open_image(const char *name, const void *bytes, size_t size,
                                   const struct ad_limits *limits, struct ad_elf_file **file_ret)
{
    struct ad_elf_file *file = create(name, limits);
    if (!file)
        return &ad_error_nomem;
    file->image = malloc(size + 1);
    if (!file->image)
        return finish(file, &ad_error_nomem, file_ret);
    memcpy(file->image, bytes, size);
    file->size = size;
    return finish(file, NULL, file_ret);
}

void ad_elf_close(struct ad_elf_file *file)
{
    if (!file)
        return;
    if (file->fd >= 0)
        close(file->fd);
    for (size_t i = 0; i < file->section_count; i++)
        free(file->data[i].bytes);
    ad_elf_close(file->small); /* which has none inside */
    ad_error_destroy(file->small_error);
    free(file->path);
    free(file->image);
    free(file->segments);
    free(file->sections);
    free(file->data);
    free(file->section_names);
    free(file->functions);
    free(file->pieces);
    free(file);
}

const char *ad_elf_path(const struct ad_elf_file *file)
{
    return file->path;
}

int ad_elf_fd(const struct ad_elf_file *file)
{
    return file->fd;
}

const Elf64_Ehdr *ad_elf_header(const struct ad_elf_file *file)
{
    return &file->header;
}

const Elf64_Phdr *ad_elf_segments(const struct ad_elf_file *file, size_t *count_ret)
{
    *count_ret = file->segment_count;
    return file->segments;
}

const struct ad_build_id *ad_elf_build_id(const struct ad_elf_file *file)
{
    return &file->build_id;
}

/* Reads from the PT_LOAD segment that has the first byte, if its flags have none of `refused`. */
static size_t read_segment(struct ad_elf_file *file, uint64_t vaddr, void *buffer, size_t size, uint32_t refused)
{
    for (size_t i = 0; i < file->segment_count; i++) {
        const Elf64_Phdr *segment = &file->segments[i];
        bool inside = segment->p_type == PT_LOAD && vaddr >= segment->p_vaddr &&
                      vaddr - segment->p_vaddr < segment->p_filesz;
        uint64_t skip = inside ? vaddr - segment->p_vaddr : 0, offset;
        if (!inside || !ad_add(segment->p_offset, skip, &offset))
            continue;
        if (segment->p_flags & refused)
            return 0;
        uint64_t left = segment->p_filesz - skip;
        return ad_elf_read_at(file, offset, buffer, size < left ? size : (size_t)left);
    }
    return 0;
}

static size_t read_segments_from(struct ad_elf_file *file, uint64_t vaddr, void *buffer, size_t size,
                                 uint32_t refused)
{
    size_t got = 0;
    while (got < size && vaddr <= UINT64_MAX - got) {
        size_t count = read_segment(file, vaddr + got, (char *)buffer + got, size - got, refused);
        if (!count)
            break;
        got += count;
    }
    return got;
}

size_t ad_elf_read(struct ad_elf_file *file, uint64_t vaddr, void *buffer, size_t size)
{
    return read_segments_from(file, vaddr, buffer, size, 0);
}

size_t ad_elf_read_constant(struct ad_elf_file *file, uint64_t vaddr, void *buffer, size_t size)
{
    return read_segments_from(file, vaddr, buffer, size, PF_W);
}
