/* SPDX-License-Identifier: MIT */
/* What debuggers need of a core to find its shared libraries: the program's headers and dynamic section, the
 * dynamic linker's r_debug, and its list of link_maps with their names (link.h). */
#include <elf.h>
#include <sys/auxv.h>

#include "base/cursor.h"
#include "dump/dump_internal.h"

/* struct r_debug and struct link_map of 64-bit machines. */
enum { R_DEBUG_SIZE = 40, R_DEBUG_MAP = 8, LINK_SIZE = 40, LINK_NAME = 8, LINK_DYNAMIC = 16, LINK_NEXT = 24 };

#define DYNAMIC_ENTRIES 256 /* a program has some thirty */

static uint64_t word_at(const uint8_t *bytes, size_t offset)
{
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes + offset, sizeof(uint64_t));
    return ad_cursor_u64(&cursor);
}

static bool read_at(struct ad_target *target, uint64_t address, void *bytes, size_t size)
{
    return address && ad_target_read_some(target, address, bytes, size) == size;
}

/* The value of a dynamic section's entry; 0: none. Reads it to its end, which is what it is called for. */
static uint64_t read_dynamic(struct ad_target *target, uint64_t address, int64_t wanted)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < DYNAMIC_ENTRIES; i++) {
        Elf64_Dyn entry;
        if (!read_at(target, address + i * sizeof(entry), &entry, sizeof(entry)) || entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == wanted)
            value = entry.d_un.d_val;
    }
    return value;
}

/* Its own headers say where the program is, too. */
static uint64_t find_dynamic(struct ad_target *target)
{
    uint64_t headers, count, dynamic = 0, bias = 0;
    bool has_dynamic = false;
    if (!ad_target_auxv(target, AT_PHDR, &headers) || !ad_target_auxv(target, AT_PHNUM, &count))
        return 0;
    for (uint64_t i = 0; i < count && i < PN_XNUM; i++) {
        Elf64_Phdr header;
        if (!read_at(target, headers + i * sizeof(header), &header, sizeof(header)))
            break;
        if (header.p_type == PT_PHDR)
            bias = headers - header.p_vaddr;
        has_dynamic |= header.p_type == PT_DYNAMIC;
        dynamic = header.p_type == PT_DYNAMIC ? header.p_vaddr : dynamic;
    }
    return has_dynamic ? dynamic + bias : 0;
}

void ad_dump_read_links(struct ad_dump *dump, const struct ad_limits *limits)
{
    struct ad_target *target = dump->target;
    uint8_t debug[R_DEBUG_SIZE], link[LINK_SIZE];
    char name[4096]; /* PATH_MAX of Linux */
    uint64_t dynamic = find_dynamic(target);
    uint64_t at = dynamic ? read_dynamic(target, dynamic, DT_DEBUG) : 0;
    at = read_at(target, at, debug, sizeof(debug)) ? word_at(debug, R_DEBUG_MAP) : 0;
    for (uint64_t i = 0; i < limits->modules && read_at(target, at, link, sizeof(link)); i++) {
        uint64_t text = word_at(link, LINK_NAME);
        if (text)
            ad_error_destroy(ad_target_read_text(target, text, name, sizeof(name), "a library's name"));
        (void)read_dynamic(target, word_at(link, LINK_DYNAMIC), DT_NULL);
        at = word_at(link, LINK_NEXT);
    }
}
