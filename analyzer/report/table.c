/* SPDX-License-Identifier: MIT */
#include "report/table.h"

#include <stdlib.h>
#include <string.h>

#define GAP "  "
#define CUT "..."

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static bool starts_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t ad_text_width(const char *text, size_t size)
{
    size_t width = 0;
    for (size_t i = 0; i < size; i++)
        width += starts_character(text[i]);
    return width;
}

/* Bytes of the first `width` characters. */
static size_t bytes_of(const char *text, size_t size, size_t width)
{
    size_t i = 0;
    for (; i < size; i++)
        if (starts_character(text[i]) && !width--)
            break;
    return i;
}

/* A cell of a row. */
struct cell {
    const char *text;
    size_t size;
    bool last; /* of its row */
};

static const char *next_cell(const char *text, struct cell *cell)
{
    size_t size = strcspn(text, "\t\n");
    *cell = (struct cell){text, size, text[size] != '\t'};
    return text + size + (text[size] != '\0');
}

static size_t shown_width(struct cell cell, const struct ad_column *column)
{
    size_t width = ad_text_width(cell.text, cell.size);
    return column->widest && width > column->widest ? column->widest : width;
}

static void measure(const char *text, const struct ad_column *columns, size_t count, size_t *widths)
{
    struct cell cell;
    for (size_t column = 0; *text; column = cell.last ? 0 : column + 1) {
        text = next_cell(text, &cell);
        if (column >= count || (cell.last && column == 0))
            continue; /* a row of one cell is a sentence, not a part of the table */
        size_t width = shown_width(cell, &columns[column]);
        widths[column] = width > widths[column] ? width : widths[column];
    }
}

static size_t sum(const size_t *widths, size_t count)
{
    size_t total = count ? (count - 1) * strlen(GAP) : 0;
    for (size_t i = 0; i < count; i++)
        total += widths[i];
    return total;
}

/* The widest that may be narrower; `count`: none. */
static size_t widest_of(const struct ad_column *columns, const size_t *widths, size_t count)
{
    size_t found = count;
    for (size_t i = 0; i < count; i++) {
        if (columns[i].narrowest && widths[i] > columns[i].narrowest &&
            (found == count || widths[i] > widths[found]))
            found = i;
    }
    return found;
}

void ad_table_fit(const char *text, struct ad_column *columns, size_t count, size_t width)
{
    size_t widths[AD_TABLE_COLUMNS] = {0}, column;
    if (count > AD_TABLE_COLUMNS)
        return;
    measure(text, columns, count, widths);
    while (sum(widths, count) > width && (column = widest_of(columns, widths, count)) < count)
        columns[column].widest = (unsigned)--widths[column];
}

/* The bytes of a line of at most `width` characters: up to a blank, where there is one. */
static size_t line_of(const char *text, size_t size, size_t width)
{
    size_t bytes = bytes_of(text, size, width);
    for (size_t i = bytes; bytes < size && i > bytes / 2; i--)
        if (text[i] == ' ')
            return i;
    return bytes;
}

static void print_folded(FILE *out, const char *text, size_t size, size_t width)
{
    size_t bytes = line_of(text, size, width);
    fwrite(text, 1, bytes, out);
    while (bytes < size) {
        text += bytes;
        size -= bytes;
        for (; size && *text == ' '; size--)
            text++;
        bytes = line_of(text, size, width - AD_TABLE_INDENT);
        fprintf(out, "%s%*s%.*s", size ? "\n" : "", size ? AD_TABLE_INDENT : 0, "", (int)bytes, text);
    }
}

static void print_cell(FILE *out, struct cell cell, const struct ad_column *column, size_t width)
{
    size_t own = ad_text_width(cell.text, cell.size), shown = shown_width(cell, column);
    size_t padding = width > shown ? width - shown : 0;
    if (column->right)
        fprintf(out, "%*s", (int)padding, "");
    if (cell.last && column->fold > 2 * AD_TABLE_INDENT && own > column->fold)
        print_folded(out, cell.text, bytes_of(cell.text, cell.size, shown), column->fold);
    else if (own > shown && shown > strlen(CUT))
        fprintf(out, "%.*s%s", (int)bytes_of(cell.text, cell.size, shown - strlen(CUT)), cell.text, CUT);
    else
        fwrite(cell.text, 1, bytes_of(cell.text, cell.size, shown), out);
    if (!column->right && !cell.last)
        fprintf(out, "%*s", (int)padding, "");
    fputs(cell.last ? "\n" : GAP, out);
}

/* The row at `text`, aligned; returns the next one. */
static const char *print_row(FILE *out, const char *text, const struct ad_column *columns, size_t count,
                             const size_t *widths)
{
    static const struct ad_column plain = {0};
    struct cell cell;
    size_t column = 0;
    do {
        text = next_cell(text, &cell);
        bool sentence = cell.last && column == 0 && count > 1;
        bool free = sentence || column >= count;
        print_cell(out, cell, free ? &plain : &columns[column], free ? 0 : widths[column]);
        column++;
    } while (!cell.last);
    return text;
}

size_t ad_table_print(FILE *out, const char *text, const struct ad_column *columns, size_t count,
                      size_t bytes)
{
    size_t widths[AD_TABLE_COLUMNS] = {0}, rows = 0;
    measure(text, columns, count < AD_TABLE_COLUMNS ? count : AD_TABLE_COLUMNS, widths);
    while (*text) {
        ad_auto_buffer struct ad_buffer row = {0};
        struct ad_error *error = ad_buffer_open(&row);
        if (!error) {
            text = print_row(row.file, text, columns, count, widths);
            error = ad_buffer_close(&row);
        }
        if (error || row.size > bytes) {
            ad_error_destroy(error); /* shown as rows left out */
            break;
        }
        fwrite(row.text, 1, row.size, out);
        bytes -= row.size;
        rows++;
    }
    return rows;
}

struct ad_error *ad_buffer_open(struct ad_buffer *buffer)
{
    ad_buffer_deinit(buffer);
    buffer->file = open_memstream(&buffer->text, &buffer->size);
    return buffer->file ? NULL : &ad_error_nomem;
}

struct ad_error *ad_buffer_close(struct ad_buffer *buffer)
{
    FILE *file = buffer->file;
    buffer->file = NULL;
    bool failed = ferror(file);
    return fclose(file) || failed ? &ad_error_nomem : NULL;
}

void ad_buffer_deinit(struct ad_buffer *buffer)
{
    if (buffer->file)
        fclose(buffer->file);
    free(buffer->text);
    *buffer = (struct ad_buffer){0};
}
