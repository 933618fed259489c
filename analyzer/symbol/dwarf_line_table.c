/* SPDX-License-Identifier: MIT */
/* The header of a line table: factors, directories, files. */
#include "symbol/dwarf_line_table.h"

#include <stdio.h>
#include <string.h>

#include "symbol/dwarf_compat.h"

/* One column of the tables of DWARF 5: what it holds, and in which form. */
struct column {
    uint64_t content;
    uint64_t form;
};

static struct ad_error *broken(const struct ad_line_table *table)
{
    return ad_error_create(AD_ERROR_FORMAT, "%s: a line table makes no sense", ad_elf_path(table->object->file));
}

/* Empty when there is none. */
static const char *text_in(struct ad_dwarf_object *object, const char *section, uint64_t offset)
{
    const char *text = ad_dwarf_text(object, section, offset);
    return text ? text : "";
}

/* Reads a value of one of the forms that these tables may have (DWARF 5, 6.2.4.1); false: another. */
static bool read_form(const struct ad_line_table *table, struct ad_cursor *in, uint64_t form,
                      const char **text_ret, uint64_t *number_ret)
{
    size_t offset_size = table->is_64 ? 8 : 4;
    switch (form) {
    case DW_FORM_string:
        *text_ret = ad_cursor_text(in);
        return *text_ret != NULL;
    case DW_FORM_line_strp:
        *text_ret = text_in(table->object, ".debug_line_str", ad_cursor_unsigned(in, offset_size));
        return true;
    case DW_FORM_strp:
        *text_ret = text_in(table->object, ".debug_str", ad_cursor_unsigned(in, offset_size));
        return true;
    case DW_FORM_udata:
        *number_ret = ad_cursor_uleb(in);
        return true;
    case DW_FORM_data1:
        *number_ret = ad_cursor_u8(in);
        return true;
    case DW_FORM_data2:
        *number_ret = ad_cursor_u16(in);
        return true;
    case DW_FORM_data4:
        *number_ret = ad_cursor_u32(in);
        return true;
    case DW_FORM_data8:
        *number_ret = ad_cursor_u64(in);
        return true;
    case DW_FORM_data16:
        ad_cursor_skip(in, 16);
        return true;
    case DW_FORM_block:
        ad_cursor_skip(in, ad_cursor_uleb(in));
        return true;
    default:
        return false;
    }
}

/* One directory or file of DWARF 5. */
static bool read_entry(const struct ad_line_table *table, struct ad_cursor *in, const struct column *columns,
                       size_t count, struct ad_line_file *entry)
{
    *entry = (struct ad_line_file){.name = ""};
    for (size_t i = 0; i < count; i++) {
        const char *text = "";
        uint64_t number = 0;
        if (!read_form(table, in, columns[i].form, &text, &number))
            return false;
        if (columns[i].content == DW_LNCT_path)
            entry->name = text;
        else if (columns[i].content == DW_LNCT_directory_index)
            entry->directory = number;
    }
    return !in->failed;
}

/* A table of directories or files of DWARF 5 into a vector of struct ad_line_file. An entry of no columns
 * would take no bytes, and their number be anything. */
static struct ad_error *read_entries(const struct ad_line_table *table, struct ad_cursor *in,
                                     struct ad_vector *entries)
{
    struct column columns[UINT8_MAX];
    size_t column_count = ad_cursor_u8(in);
    for (size_t i = 0; i < column_count; i++)
        columns[i] = (struct column){ad_cursor_uleb(in), ad_cursor_uleb(in)};
    uint64_t count = ad_cursor_uleb(in);
    if (in->failed || (count && !column_count))
        return broken(table);
    for (uint64_t i = 0; i < count; i++) {
        struct ad_line_file entry;
        if (!read_entry(table, in, columns, column_count, &entry))
            return broken(table);
        AD_TRY(ad_vector_push(entries, &entry));
    }
    return NULL;
}

/* DWARF 2 to 4: a list that an empty text ends; files have three numbers behind their name. */
static struct ad_error *read_list(const struct ad_line_table *table, struct ad_cursor *in, bool is_files,
                                  struct ad_vector *entries)
{
    for (;;) {
        struct ad_line_file entry = {.name = ad_cursor_text(in)};
        if (!entry.name)
            return broken(table);
        if (!entry.name[0])
            return NULL;
        if (is_files) {
            entry.directory = ad_cursor_uleb(in);
            ad_cursor_uleb(in); /* time */
            ad_cursor_uleb(in); /* size */
        }
        AD_TRY(ad_vector_push(entries, &entry));
    }
}

static struct ad_error *read_names(struct ad_line_table *table, struct ad_cursor *in)
{
    if (table->version >= 5) {
        AD_TRY(read_entries(table, in, &table->directories));
        return read_entries(table, in, &table->files);
    }
    AD_TRY(read_list(table, in, false, &table->directories));
    return read_list(table, in, true, &table->files);
}

/* The unit's bytes behind its length; false: it does not lie in the section. */
static bool find_unit(struct ad_dwarf_object *object, uint64_t offset, bool *is_64_ret, struct ad_cursor *unit)
{
    if (!ad_dwarf_open(object, ".debug_line", offset, unit))
        return false;
    uint64_t length = ad_cursor_u32(unit);
    *is_64_ret = length == UINT32_MAX;
    if (*is_64_ret)
        length = ad_cursor_u64(unit);
    const void *body = ad_cursor_bytes(unit, length);
    ad_cursor_init(unit, body, body ? length : 0);
    return body != NULL;
}

static struct ad_error *read_header(struct ad_line_table *table, struct ad_cursor *in)
{
    table->version = ad_cursor_u16(in);
    if (table->version < 2 || table->version > 5)
        return broken(table);
    if (table->version >= 5)
        ad_cursor_skip(in, 2); /* sizes of addresses and segment selectors */
    uint64_t header_size = ad_cursor_unsigned(in, table->is_64 ? 8 : 4);
    table->program = *in;
    ad_cursor_skip(&table->program, header_size);
    table->instruction_length = ad_cursor_u8(in);
    table->operations = table->version >= 4 ? ad_cursor_u8(in) : 1;
    table->default_is_statement = ad_cursor_u8(in);
    table->line_base = (int8_t)ad_cursor_u8(in);
    table->line_range = ad_cursor_u8(in);
    table->opcode_base = ad_cursor_u8(in);
    table->operand_counts = ad_cursor_bytes(in, table->opcode_base ? table->opcode_base - 1u : 0);
    if (in->failed || table->program.failed || !table->operations || !table->line_range ||
        !table->opcode_base)
        return broken(table);
    return read_names(table, in);
}

struct ad_error *ad_line_table_init(struct ad_line_table *table, struct ad_dwarf_object *object,
                                    uint64_t offset, const char *unit_directory)
{
    struct ad_cursor unit;
    *table = (struct ad_line_table){
        .object = object,
        .unit_directory = unit_directory,
        .directories = AD_VECTOR(struct ad_line_file),
        .files = AD_VECTOR(struct ad_line_file),
    };
    if (!find_unit(object, offset, &table->is_64, &unit))
        return broken(table);
    struct ad_error *error = read_header(table, &unit);
    if (error)
        ad_line_table_deinit(table);
    return error;
}

void ad_line_table_deinit(struct ad_line_table *table)
{
    ad_vector_deinit(&table->directories);
    ad_vector_deinit(&table->files);
}

/* Entry `number` as the version counts; NULL: none. */
static const struct ad_line_file *entry_of(const struct ad_line_table *table, const struct ad_vector *entries,
                                           uint64_t number)
{
    uint64_t index = table->version >= 5 ? number : number - 1;
    return index < entries->count ? AD_ITEMS(struct ad_line_file, entries) + index : NULL;
}

static const char *name_of(const struct ad_line_file *entry)
{
    return entry ? entry->name : "";
}

/* Appends one part of a path, without the "./" that some build systems put before all. */
static void append(char *buffer, size_t size, const char *part)
{
    size_t used = strlen(buffer);
    while (part[0] == '.' && part[1] == '/')
        part += 2;
    if (strcmp(part, ".") == 0)
        return;
    bool slash = part[0] && used > 0 && buffer[used - 1] != '/';
    snprintf(buffer + used, size - used, "%s%s", slash ? "/" : "", part);
}

/* Whether relative names start in the unit's directory. One that -ffile-prefix-map made relative is only
 * known to hold a file that is named without any directory. */
static bool starts_paths(const char *start, const char *folder, const char *name)
{
    if (start[0] == '/')
        return start[1];
    return !folder[0] && !strchr(name, '/');
}

void ad_line_table_path(const struct ad_line_table *table, uint64_t number, char *buffer, size_t size)
{
    const struct ad_line_file *file = entry_of(table, &table->files, number);
    const char *name = name_of(file), *start = table->unit_directory, *folder = "";
    buffer[0] = '\0';
    if (!name[0])
        return;
    if (table->version >= 5)
        start = name_of(entry_of(table, &table->directories, 0));
    if (file->directory > 0)
        folder = name_of(entry_of(table, &table->directories, file->directory));
    if (name[0] != '/' && folder[0] != '/' && starts_paths(start, folder, name))
        append(buffer, size, start);
    if (name[0] != '/')
        append(buffer, size, folder);
    append(buffer, size, name);
}
