/* SPDX-License-Identifier: MIT */
#include "symbol/symbol_child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <libdwarf/dwarf.h>

#include "symbol/dwarf_line_table.h"
#include "symbol/dwarf_object.h"

/* Exit statuses of the child. */
enum { DONE = 0, REFUSED = 1, FAILED = 2, NO_MEMORY = 3 };

#define PATH_SIZE 4096
/* ---- The child ---- */

static void put(FILE *out, uint32_t value)
{
    fwrite(&value, sizeof(value), 1, out);
}

static void put_text(FILE *out, const char *text)
{
    size_t length = text ? strnlen(text, PATH_SIZE) : 0;
    put(out, text ? (uint32_t)length : UINT32_MAX);
    fwrite(text ? text : "", 1, length, out);
}

static void put_frame(FILE *out, const struct ad_dwarf_scope *scope, const struct ad_line_table *lines,
                      uint64_t file, uint64_t line, uint64_t column)
{
    char path[PATH_SIZE] = "";
    if (lines && line)
        ad_line_table_path(lines, file, path, sizeof(path));
    fputc(scope->inlined, out);
    put(out, line <= UINT32_MAX ? (uint32_t)line : 0);
    put(out, column <= UINT32_MAX ? (uint32_t)column : 0);
    put_text(out, scope->name);
    put_text(out, scope->linkage_name);
    put_text(out, path[0] ? path : NULL);
}

/* Innermost first: the line of the address for the innermost function, of the inlined call for the
 * one around it, and so on. */
static void put_answer(FILE *out, const struct ad_dwarf_query *query, const struct ad_line_table *lines)
{
    static const struct ad_dwarf_scope unknown;
    const struct ad_dwarf_scope *scopes = AD_ITEMS(struct ad_dwarf_scope, &query->scopes);
    size_t count = query->scopes.count;
    if (count == 0 && query->line == 0)
        return;
    uint64_t file = query->file, line = query->line, column = query->column;
    put(out, query->index);
    put(out, count ? (uint32_t)count : 1);
    if (count == 0)
        put_frame(out, &unknown, lines, file, line, column);
    for (size_t i = count; i-- > 0;) {
        put_frame(out, &scopes[i], lines, file, line, column);
        file = scopes[i].call_file;
        line = scopes[i].call_line;
        column = scopes[i].call_column;
    }
}

static const char *directory_of(Dwarf_Die unit)
{
    Dwarf_Error error;
    Dwarf_Attribute attribute;
    char *directory;
    if (dwarf_attr(unit, DW_AT_comp_dir, &attribute, &error) != DW_DLV_OK ||
        dwarf_formstring(attribute, &directory, &error) != DW_DLV_OK)
        return "";
    return directory;
}

/* Finds the lines of a unit's queries; `lines_ret` NULL: there is no table that can be read. */
static struct ad_error *find_lines(struct ad_elf_file *file, Dwarf_Die unit, struct ad_dwarf_queries *queries,
                                   struct ad_line_table *table, struct ad_line_table **lines_ret)
{
    uint64_t offset;
    *lines_ret = NULL;
    if (!ad_dwarf_offset(unit, DW_AT_stmt_list, &offset))
        return NULL;
    struct ad_error *error = ad_line_table_init(table, file, offset, directory_of(unit));
    if (error && error->kind == AD_ERROR_NOMEM)
        return error;
    if (!error) {
        ad_line_table_find(table, queries);
        *lines_ret = table;
    }
    ad_error_destroy(error);
    return NULL;
}

struct ad_error *ad_symbol_answer_frames(struct ad_dwarf_object *object, Dwarf_Die unit,
                                         struct ad_dwarf_queries *queries, const struct ad_limits *limits,
                                         FILE *out)
{
    struct ad_line_table table, *lines;
    AD_TRY(find_lines(object->file, unit, queries, &table, &lines));
    AD_TRY(ad_dwarf_find_scopes(object->debug, unit, limits, queries));
    for (size_t i = 0; i < queries->count; i++)
        put_answer(out, &queries->items[i], lines);
    if (lines)
        ad_line_table_deinit(lines);
    return NULL;
}

/* What a child is to do with one file. */
struct job {
    struct ad_elf_file *file;
    struct ad_dwarf_queries *queries;
    ad_symbol_answerer *answer;
    const struct ad_limits *limits;
};

static struct ad_error *answer_unit(const struct job *job, struct ad_dwarf_object *object,
                                    struct ad_dwarf_queries *queries, FILE *out)
{
    Dwarf_Error error;
    Dwarf_Die unit;
    if (dwarf_offdie_b(object->debug, queries->items[0].unit, true, &unit, &error) != DW_DLV_OK)
        return NULL;
    AD_TRY(job->answer(object, unit, queries, job->limits, out));
    fflush(out); /* what is answered is kept, should the next unit be a broken one */
    return NULL;
}

static int by_unit(const void *a, const void *b)
{
    const struct ad_dwarf_query *x = a, *y = b;
    if (x->unit != y->unit)
        return x->unit < y->unit ? -1 : 1;
    return (x->address > y->address) - (x->address < y->address);
}

static int answer_all(const struct job *job, FILE *out)
{
    struct ad_dwarf_queries *queries = job->queries;
    struct ad_dwarf_object object;
    dwarf_set_de_alloc_flag(0); /* up to six times faster: no tree of every allocation */
    if (ad_dwarf_object_init(&object, job->file))
        return REFUSED;
    ad_dwarf_find_units(object.debug, queries);
    qsort(queries->items, queries->count, sizeof(queries->items[0]), by_unit);
    for (size_t i = 0, next; i < queries->count && queries->items[i].unit != AD_NO_UNIT; i = next) {
        for (next = i; next < queries->count && queries->items[next].unit == queries->items[i].unit;)
            next++;
        struct ad_dwarf_queries part = {queries->items + i, next - i};
        if (answer_unit(job, &object, &part, out))
            return NO_MEMORY;
    }
    return fflush(out) == 0 ? DONE : FAILED;
}

static int run_job(void *context, FILE *out)
{
    return answer_all(context, out);
}

/* ---- The parent ---- */

static void explain(struct ad_symbol_answers *answers, bool finished, int status)
{
    const char *reason = "";
    if (!finished)
        reason = "its debug information took too long to read";
    else if (WIFSIGNALED(status))
        reason = "the reader of its debug information was ended by signal";
    else if (WEXITSTATUS(status) == REFUSED)
        reason = "its debug information is broken";
    else if (WEXITSTATUS(status) == NO_MEMORY)
        reason = "its debug information needs more memory than allowed";
    else if (WEXITSTATUS(status) != DONE)
        reason = "the reader of its debug information could not start";
    const char *signal_name = finished && WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    snprintf(answers->reason, sizeof(answers->reason), "%s%s%s", reason, signal_name ? " SIG" : "",
             signal_name ? signal_name : "");
}

struct ad_error *ad_symbol_child_run(struct ad_elf_file *file, struct ad_dwarf_queries *queries,
                                     ad_symbol_answerer *answer, const struct ad_limits *limits,
                                     struct ad_symbol_answers *answers_ret)
{
    struct job job = {file, queries, answer, limits};
    struct ad_child_end end;
    *answers_ret = (struct ad_symbol_answers){0};
    AD_TRY(ad_child_run(ad_elf_fd(file), run_job, &job, limits, &end));
    answers_ret->bytes = end.bytes;
    answers_ret->size = end.size;
    explain(answers_ret, end.finished, end.status);
    return NULL;
}
