/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_split.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/range.h"

/* The sections that an index has numbers for. */
#define KINDS 9

static const char *const kinds[KINDS] = {
    [1] = ".debug_info.dwo",     [3] = ".debug_abbrev.dwo",      [4] = ".debug_line.dwo",
    [5] = ".debug_loclists.dwo", [6] = ".debug_str_offsets.dwo", [8] = ".debug_rnglists.dwo",
};

static const char *const old_kinds[KINDS] = {
    [1] = ".debug_info.dwo", [2] = ".debug_types.dwo", [3] = ".debug_abbrev.dwo",
    [4] = ".debug_line.dwo", [5] = ".debug_loc.dwo",   [6] = ".debug_str_offsets.dwo",
};

/* ---- The index of a .dwp ---- */

struct index {
    bool is_old;
    uint32_t columns, units, slots;
    struct ad_cursor ids;  /* u64 for each slot */
    struct ad_cursor rows; /* u32 for each slot, from 1 */
    struct ad_cursor table; /* u32: kinds, then offsets of each unit, then sizes */
};

static struct ad_cursor take(struct ad_cursor *in, uint64_t size)
{
    struct ad_cursor part;
    const void *bytes = ad_cursor_bytes(in, size);
    ad_cursor_init(&part, bytes, bytes ? size : 0);
    return part;
}

static bool read_index(struct ad_elf_file *file, const char *name, struct index *index)
{
    const void *bytes;
    size_t size;
    struct ad_cursor in;
    struct ad_error *error = ad_elf_section_data(file, ad_elf_section(file, name), &bytes, &size);
    ad_error_destroy(error);
    if (error)
        return false;
    ad_cursor_init(&in, bytes, size);
    uint32_t version = ad_cursor_u32(&in); /* DWARF 5: 16 bits, and 16 of padding */
    index->is_old = version == 2;
    index->columns = ad_cursor_u32(&in);
    index->units = ad_cursor_u32(&in);
    index->slots = ad_cursor_u32(&in);
    if ((version != 2 && (version & UINT16_MAX) != 5) || index->columns >= KINDS)
        return false;
    index->ids = take(&in, (uint64_t)index->slots * 8);
    index->rows = take(&in, (uint64_t)index->slots * 4);
    index->table = take(&in, 4 * index->columns * (1 + 2 * (uint64_t)index->units));
    return !in.failed;
}

/* The row of a unit, from 1; 0: it is not there. */
static uint32_t find_row(const struct index *index, uint64_t id)
{
    struct ad_cursor ids = index->ids, rows = index->rows;
    while (ad_cursor_left(&ids)) {
        uint64_t found = ad_cursor_u64(&ids);
        uint32_t row = ad_cursor_u32(&rows);
        if (row && row <= index->units && found == id)
            return row;
    }
    return 0;
}

static uint32_t cell(const struct index *index, uint64_t row, uint32_t column)
{
    struct ad_cursor in = index->table;
    ad_cursor_skip(&in, 4 * (row * index->columns + column));
    return ad_cursor_u32(&in);
}

static struct ad_dwarf_object *find_type(struct ad_dwarf_object *object, uint64_t signature);

static struct ad_dwarf_object *open_row(struct ad_elf_file *file, const struct index *index, uint32_t row)
{
    struct ad_dwarf_slice slices[KINDS];
    size_t count = 0;
    for (uint32_t column = 0; column < index->columns; column++) {
        uint32_t kind = cell(index, 0, column);
        const char *name = kind < KINDS ? (index->is_old ? old_kinds : kinds)[kind] : NULL;
        if (name)
            slices[count++] = (struct ad_dwarf_slice){name, cell(index, row, column),
                                                      cell(index, (uint64_t)index->units + row, column)};
    }
    struct ad_dwarf_object *object = malloc(sizeof(*object));
    struct ad_error *error = object ? ad_dwarf_object_init_slices(object, file, slices, count) : NULL;
    ad_error_destroy(error);
    if (!object || error)
        return NULL; /* the child's memory goes with it */
    object->find_type = find_type;
    return object;
}

static struct ad_dwarf_object *open_indexed(struct ad_elf_file *file, const char *name, uint64_t id)
{
    struct index index;
    uint32_t row = read_index(file, name, &index) ? find_row(&index, id) : 0;
    return row ? open_row(file, &index, row) : NULL;
}

/* A type that was found once is in the same object from then on. */
static struct ad_dwarf_object *find_type(struct ad_dwarf_object *object, uint64_t signature)
{
    static struct ad_map places; /* signature -> into objects */
    static struct ad_vector objects = {.item_size = sizeof(struct ad_dwarf_object *)};
    uint32_t place = ad_map_get(&places, signature, UINT32_MAX);
    if (place == UINT32_MAX) {
        struct ad_dwarf_object *opened = open_indexed(object->file, ".debug_tu_index", signature);
        place = (uint32_t)objects.count;
        ad_error_destroy(ad_vector_push(&objects, &opened));
        ad_error_destroy(ad_map_put(&places, signature, place));
    }
    return place < objects.count ? AD_ITEMS(struct ad_dwarf_object *, &objects)[place] : NULL;
}

/* ---- Split units ---- */

static struct ad_dwarf_object *open_whole(struct ad_elf_file *file)
{
    struct ad_dwarf_object *object = malloc(sizeof(*object));
    struct ad_error *error = object ? ad_dwarf_object_init(object, file) : NULL;
    ad_error_destroy(error);
    return error ? NULL : object;
}

/* The root of the unit with this id in a .dwo; there is one, or a few. */
static bool find_root(struct ad_dwarf_object *object, uint64_t id, struct ad_die *root_ret)
{
    struct ad_cursor in;
    uint64_t found;
    if (!object || !object->is_split || !ad_dwarf_open(object, ".debug_info", 0, &in))
        return false;
    while (ad_cursor_left(&in)) {
        uint64_t header = (uint64_t)(in.position - in.start), length = ad_cursor_u32(&in);
        ad_cursor_skip(&in, length == UINT32_MAX ? ad_cursor_u64(&in) : length);
        if (!in.failed && ad_die_of_unit(object, header, root_ret) && ad_die_split_id(*root_ret, &found) &&
            found == id)
            return true;
    }
    return false;
}

bool ad_dwarf_split_find(struct ad_dwarf_unit *unit, uint64_t id, const struct ad_symbol_files *files)
{
    struct ad_die root;
    struct ad_dwarf_object *object = files->package ? open_indexed(files->package, ".debug_cu_index", id) : NULL;
    const struct ad_symbol_split *split = files->split.items;
    for (size_t i = 0; !object && i < files->split.count; i++)
        if (split[i].id == id)
            object = open_whole(split[i].file);
    return find_root(object, id, &root) && ad_dwarf_unit_split(unit, root);
}
