/* SPDX-License-Identifier: MIT */
/* Which source line an address belongs to, and what a line table's files are called. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "symbol/dwarf_query.h"

/* A row covers the addresses up to the next row of its sequence (DWARF 5, 6.2.5). */
static void claim_row(Dwarf_Line row, uint64_t start, uint64_t end, struct ad_dwarf_queries *queries)
{
    Dwarf_Error error;
    Dwarf_Unsigned file, line, column;
    size_t first, count = ad_dwarf_queries_in(queries, start, end, &first);
    if (count == 0 || dwarf_line_srcfileno(row, &file, &error) != DW_DLV_OK ||
        dwarf_lineno(row, &line, &error) != DW_DLV_OK)
        return;
    if (dwarf_lineoff_b(row, &column, &error) != DW_DLV_OK)
        column = 0;
    for (size_t i = first; i < first + count; i++) {
        queries->items[i].file = file;
        queries->items[i].line = line;
        queries->items[i].column = column;
    }
}

void ad_dwarf_find_lines(Dwarf_Line_Context lines, struct ad_dwarf_queries *queries)
{
    Dwarf_Error error;
    Dwarf_Line *rows;
    Dwarf_Signed count;
    if (dwarf_srclines_from_linecontext(lines, &rows, &count, &error) != DW_DLV_OK)
        return;
    for (Dwarf_Signed i = 0; i + 1 < count; i++) {
        Dwarf_Bool ends;
        Dwarf_Addr start, end;
        if (dwarf_lineendsequence(rows[i], &ends, &error) == DW_DLV_OK && !ends &&
            dwarf_lineaddr(rows[i], &start, &error) == DW_DLV_OK &&
            dwarf_lineaddr(rows[i + 1], &end, &error) == DW_DLV_OK)
            claim_row(rows[i], start, end, queries);
    }
}

/* The directory of number `index`; 0 is the compilation directory (of its own entry in DWARF 5). */
static const char *directory(Dwarf_Line_Context lines, uint64_t index)
{
    Dwarf_Error error;
    const char *name;
    if (index == 0 || index > INT32_MAX)
        return "";
    int found = dwarf_srclines_include_dir_data(lines, (Dwarf_Signed)index, &name, &error);
    return found == DW_DLV_OK ? name : "";
}

static const char *compilation_directory(Dwarf_Line_Context lines)
{
    Dwarf_Error error;
    const char *name;
    return dwarf_srclines_comp_dir(lines, &name, &error) == DW_DLV_OK && name ? name : "";
}

static void append(char *buffer, size_t size, const char *part)
{
    size_t used = strlen(buffer);
    bool slash = used > 0 && buffer[used - 1] != '/';
    snprintf(buffer + used, size - used, "%s%s", slash ? "/" : "", part);
}

void ad_dwarf_file_path(Dwarf_Line_Context lines, uint64_t number, char *buffer, size_t size)
{
    Dwarf_Error error;
    const char *name;
    Dwarf_Unsigned directory_index, time, length;
    Dwarf_Form_Data16 *md5;
    buffer[0] = '\0';
    if (number > INT32_MAX || dwarf_srclines_files_data_b(lines, (Dwarf_Signed)number, &name, &directory_index,
                                                          &time, &length, &md5, &error) != DW_DLV_OK)
        return;
    const char *folder = directory(lines, directory_index);
    const char *start = compilation_directory(lines);
    /* A compilation directory made relative by -ffile-prefix-map is not where relative names start. */
    if (name[0] != '/' && folder[0] != '/' && start[0] == '/')
        append(buffer, size, start);
    if (name[0] != '/' && folder[0])
        append(buffer, size, folder);
    append(buffer, size, name);
}
