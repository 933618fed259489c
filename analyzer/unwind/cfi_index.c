/* SPDX-License-Identifier: MIT */
#include "unwind/cfi_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vector.h"

/* One function: 24 bytes, because a C++ program has tens of thousands. */
struct ad_cfi_place {
    struct ad_range range;
    size_t offset; /* of the FDE in its section */
};

/* Nothing to be had is no error here: the other table, or an honest end of the stack, remains. */
static struct ad_error *only_nomem(struct ad_error *error)
{
    if (error && error->kind == AD_ERROR_NOMEM)
        return error;
    ad_error_destroy(error);
    return NULL;
}

static struct ad_error *load_section(struct ad_elf_file *file, const char *name, bool is_debug_frame,
                                     struct ad_cfi_section *ret)
{
    const void *bytes;
    const struct ad_elf_section *section = file ? ad_elf_section(file, name) : NULL;
    if (!section)
        return NULL;
    struct ad_error *error = ad_elf_section_data(file, section, &bytes, &ret->size);
    if (error)
        return only_nomem(error);
    ret->bytes = bytes;
    ret->address = section->header.sh_addr;
    ret->is_debug_frame = is_debug_frame;
    return NULL;
}

static const Elf64_Phdr *find_segment(struct ad_elf_file *file, uint32_t type, uint64_t vaddr)
{
    size_t count;
    const Elf64_Phdr *segments = ad_elf_segments(file, &count);
    for (size_t i = 0; i < count; i++) {
        bool holds = vaddr >= segments[i].p_vaddr && vaddr - segments[i].p_vaddr < segments[i].p_filesz;
        if (segments[i].p_type == type && (type != PT_LOAD || holds))
            return &segments[i];
    }
    return NULL;
}

/* Link-time address of .eh_frame as .eh_frame_hdr has it (LSB Core, 10.6.2); 0: not told. Linkers write
 * version 1 and a 4-byte pc-relative pointer. */
static uint64_t eh_frame_address(struct ad_elf_file *file)
{
    enum { VERSION = 1, PC_RELATIVE_SDATA4 = 0x1b, POINTER = 4, HEAD = 8 };
    const Elf64_Phdr *segment = find_segment(file, PT_GNU_EH_FRAME, 0);
    uint8_t head[HEAD];
    if (!segment || ad_elf_read(file, segment->p_vaddr, head, sizeof(head)) < sizeof(head))
        return 0;
    int32_t distance;
    memcpy(&distance, head + POINTER, sizeof(distance));
    bool known = head[0] == VERSION && head[1] == PC_RELATIVE_SDATA4;
    return known ? segment->p_vaddr + POINTER + (uint64_t)(int64_t)distance : 0;
}

/* Without section headers, .eh_frame reaches at most to the end of its segment. */
static struct ad_error *load_by_segment(struct ad_cfi_index *index, struct ad_elf_file *file,
                                        const struct ad_limits *limits, struct ad_cfi_section *ret)
{
    uint64_t address = eh_frame_address(file);
    const Elf64_Phdr *load = address ? find_segment(file, PT_LOAD, address) : NULL;
    uint64_t size = load ? load->p_filesz - (address - load->p_vaddr) : 0;
    struct ad_range file_range;
    if (!size || size > limits->section_bytes || !ad_range_init(&file_range, load->p_offset, load->p_filesz))
        return NULL;
    uint8_t last;
    if (ad_elf_read_at(file, file_range.end - 1, &last, 1) < 1)
        return NULL; /* a size that is not in the file is not worth the memory */
    index->bytes = malloc(size);
    if (!index->bytes)
        return &ad_error_nomem;
    *ret =
        (struct ad_cfi_section){index->bytes, ad_elf_read(file, address, index->bytes, size), address, false};
    return NULL;
}

static int by_start(const void *a, const void *b)
{
    const struct ad_cfi_place *left = a, *right = b;
    if (left->range.start != right->range.start)
        return left->range.start < right->range.start ? -1 : 1;
    return (left->offset < right->offset) - (left->offset > right->offset);
}

static struct ad_error *index_table(struct ad_cfi_table *table)
{
    struct ad_vector places = AD_VECTOR(struct ad_cfi_place);
    struct ad_error *error = NULL;
    struct ad_cfi_fde fde;
    size_t offset = 0, start = 0;
    enum ad_cfi_kind kind;
    while (!error && (kind = ad_cfi_next(&table->section, &offset, &fde)) != AD_CFI_END) {
        struct ad_cfi_place place = {fde.range, start};
        if (kind == AD_CFI_FDE)
            error = ad_vector_push(&places, &place);
        start = offset;
    }
    if (places.count)
        qsort(places.items, places.count, sizeof(struct ad_cfi_place), by_start);
    table->places = places.items;
    table->count = places.count;
    return error;
}

struct ad_error *ad_cfi_index_init(struct ad_cfi_index *index, struct ad_module *module,
                                   const struct ad_limits *limits)
{
    struct ad_cfi_section *eh_frame = &index->tables[0].section;
    memset(index, 0, sizeof(*index));
    AD_TRY(load_section(module->file, ".eh_frame", false, eh_frame));
    if (!eh_frame->bytes && module->file)
        AD_TRY(load_by_segment(index, module->file, limits, eh_frame));
    AD_TRY(load_section(module->debug, ".debug_frame", true, &index->tables[1].section));
    if (!index->tables[1].section.bytes)
        AD_TRY(load_section(module->file, ".debug_frame", true, &index->tables[1].section));
    for (size_t i = 0; i < AD_CFI_TABLES; i++)
        AD_TRY(index_table(&index->tables[i]));
    return NULL;
}

void ad_cfi_index_deinit(struct ad_cfi_index *index)
{
    for (size_t i = 0; i < AD_CFI_TABLES; i++)
        free(index->tables[i].places);
    free(index->bytes);
}

/* The last function that begins at or before `vaddr`: of overlapping ones the inner. */
static const struct ad_cfi_place *find_place(const struct ad_cfi_table *table, uint64_t vaddr)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->places[middle].range.start <= vaddr)
            low = middle + 1;
        else
            high = middle;
    }
    bool inside = low > 0 && ad_range_contains(table->places[low - 1].range, vaddr);
    return inside ? &table->places[low - 1] : NULL;
}

bool ad_cfi_find(const struct ad_cfi_index *index, uint64_t vaddr, struct ad_cfi_fde *fde)
{
    for (size_t i = 0; i < AD_CFI_TABLES; i++) {
        const struct ad_cfi_table *table = &index->tables[i];
        const struct ad_cfi_place *place = find_place(table, vaddr);
        size_t offset = place ? place->offset : 0;
        if (place && ad_cfi_next(&table->section, &offset, fde) == AD_CFI_FDE)
            return true;
    }
    return false;
}
