/* SPDX-License-Identifier: MIT */
#include "symbol/symbol_child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "symbol/dwarf_compat.h"
#include "symbol/dwarf_line_table.h"
#include "symbol/dwarf_split.h"

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

/* Finds the lines of a unit's queries; `lines_ret` NULL: there is no table that can be read. */
static struct ad_error *find_lines(const struct ad_dwarf_unit *unit, struct ad_dwarf_queries *queries,
                                   struct ad_line_table *table, struct ad_line_table **lines_ret)
{
    uint64_t offset;
    const char *folder = ad_die_text(unit->outside, DW_AT_comp_dir);
    *lines_ret = NULL;
    if (!ad_die_section_offset(unit->outside, DW_AT_stmt_list, &offset))
        return NULL;
    struct ad_error *error = ad_line_table_init(table, unit->skeleton, offset, folder ? folder : "");
    if (error && error->kind == AD_ERROR_NOMEM)
        return error;
    if (!error) {
        ad_line_table_find(table, queries);
        *lines_ret = table;
    }
    ad_error_destroy(error);
    return NULL;
}

struct ad_error *ad_symbol_answer_frames(const struct ad_dwarf_unit *unit, struct ad_dwarf_queries *queries, FILE *out)
{
    struct ad_line_table table, *lines;
    AD_TRY(find_lines(unit, queries, &table, &lines));
    AD_TRY(ad_dwarf_find_scopes(unit, queries));
    for (size_t i = 0; i < queries->count; i++)
        put_answer(out, &queries->items[i], lines);
    if (lines)
        ad_line_table_deinit(lines);
    return NULL;
}

/* What a child is to do with one file. */
struct job {
    const struct ad_symbol_files *files;
    struct ad_dwarf_queries *queries;
    ad_symbol_answerer *answer;
    const struct ad_limits *limits;
};

static int by_unit(const void *a, const void *b)
{
    const struct ad_dwarf_query *x = a, *y = b;
    if (x->unit != y->unit)
        return x->unit < y->unit ? -1 : 1;
    return (x->address > y->address) - (x->address < y->address);
}

/* A unit that was hit, and the part of the queries that is its own. */
struct hit {
    struct ad_dwarf_unit unit;
    struct ad_dwarf_queries queries;
};

static struct ad_error *open_units(const struct job *job, struct ad_dwarf_object *object, struct ad_vector *hits)
{
    struct ad_dwarf_queries *queries = job->queries;
    ad_dwarf_find_units(object, job->limits, queries);
    qsort(queries->items, queries->count, sizeof(queries->items[0]), by_unit);
    for (size_t i = 0, next; i < queries->count && queries->items[i].unit != AD_NO_UNIT; i = next) {
        struct hit hit;
        struct ad_die root;
        for (next = i; next < queries->count && queries->items[next].unit == queries->items[i].unit;)
            next++;
        hit.queries = (struct ad_dwarf_queries){queries->items + i, next - i};
        if (ad_die_of_unit(object, queries->items[i].unit, &root) &&
            ad_dwarf_unit_init(&hit.unit, root, job->limits))
            AD_TRY(ad_vector_push(hits, &hit));
    }
    return NULL;
}

/* Replaces skeletons by what they stand for, and tells of which it cannot. */
static void tell_needs(const struct job *job, struct ad_vector *hits, FILE *out)
{
    uint32_t count = 0;
    struct hit *items = hits->items;
    ad_auto_free const struct ad_dwarf_unit **needed = calloc(hits->count + 1, sizeof(*needed));
    for (size_t i = 0; needed && i < hits->count; i++) {
        uint64_t id;
        const char *name;
        if (ad_dwarf_unit_skeleton(&items[i].unit, &id, &name) &&
            !ad_dwarf_split_find(&items[i].unit, id, job->files))
            needed[count++] = &items[i].unit;
    }
    put(out, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t id = 0;
        const char *name = "", *folder = ad_die_text(needed[i]->root, DW_AT_comp_dir);
        ad_dwarf_unit_skeleton(needed[i], &id, &name);
        fwrite(&id, sizeof(id), 1, out);
        put_text(out, name);
        put_text(out, folder ? folder : "");
    }
}

/* Lives as long as the child. */
static bool open_object(const struct ad_symbol_files *files, struct ad_dwarf_object *object)
{
    static struct ad_dwarf_object alternate;
    struct ad_error *error = ad_dwarf_object_init(object, files->debug);
    if (!error && files->alternate) {
        error = ad_dwarf_object_init(&alternate, files->alternate);
        object->alternate = error ? NULL : &alternate;
        ad_error_destroy(error);
        error = NULL;
    }
    ad_error_destroy(error);
    return object->debug;
}

static int answer_all(const struct job *job, FILE *out)
{
    static struct ad_dwarf_object object;
    struct ad_vector hits = AD_VECTOR(struct hit);
    dwarf_set_de_alloc_flag(0); /* up to six times faster: no tree of every allocation */
    if (!open_object(job->files, &object))
        return REFUSED;
    if (open_units(job, &object, &hits))
        return NO_MEMORY;
    tell_needs(job, &hits, out);
    for (size_t i = 0; i < hits.count; i++) {
        struct hit *hit = &AD_ITEMS(struct hit, &hits)[i];
        if (job->answer(&hit->unit, &hit->queries, out))
            return NO_MEMORY;
        fflush(out); /* what is answered is kept, should the next unit be a broken one */
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

static struct ad_error *run(struct job *job, struct ad_symbol_answers *answers)
{
    const struct ad_symbol_files *files = job->files;
    const struct ad_symbol_split *split = files->split.items;
    struct ad_child_end end;
    size_t count = 0;
    ad_auto_free int *fds = calloc(files->split.count + 3, sizeof(*fds));
    if (!fds)
        return &ad_error_nomem;
    fds[count++] = ad_elf_fd(files->debug);
    if (files->alternate)
        fds[count++] = ad_elf_fd(files->alternate);
    if (files->package)
        fds[count++] = ad_elf_fd(files->package);
    for (size_t i = 0; i < files->split.count; i++)
        fds[count++] = ad_elf_fd(split[i].file);
    AD_TRY(ad_child_run(fds, count, run_job, job, job->limits, &end));
    answers->bytes = end.bytes;
    answers->size = end.size;
    explain(answers, end.finished, end.status);
    return NULL;
}

/* ---- What is needed besides ---- */

static char *take_text(struct ad_cursor *in)
{
    uint32_t length = ad_cursor_u32(in);
    const char *bytes = ad_cursor_bytes(in, length);
    return bytes ? strndup(bytes, length) : NULL;
}

static void free_needs(struct ad_vector *needs)
{
    struct ad_symbol_need *items = needs->items;
    for (size_t i = 0; i < needs->count; i++) {
        free(items[i].name);
        free(items[i].folder);
    }
    ad_vector_deinit(needs);
}

/* Takes the head off the answers; what is cut or makes no sense is none. */
static struct ad_error *take_needs(struct ad_symbol_answers *answers, struct ad_vector *needs)
{
    struct ad_cursor in;
    ad_cursor_init(&in, answers->bytes, answers->size);
    uint32_t count = ad_cursor_u32(&in);
    for (uint32_t i = 0; i < count && !in.failed; i++) {
        struct ad_symbol_need need = {.id = ad_cursor_u64(&in)};
        need.name = take_text(&in);
        need.folder = take_text(&in);
        bool whole = need.name && need.folder;
        struct ad_error *error = whole ? ad_vector_push(needs, &need) : NULL;
        if (!whole || error) {
            free(need.name);
            free(need.folder);
            in.failed = true;
        }
        AD_TRY(error);
    }
    answers->size = in.failed ? 0 : ad_cursor_left(&in);
    if (answers->size)
        memmove(answers->bytes, in.position, answers->size);
    return NULL;
}

static void explain_needs(struct ad_symbol_answers *answers, const struct ad_symbol_files *files,
                          const struct ad_vector *needs)
{
    const struct ad_symbol_need *first = needs->items;
    if (answers->reason[0])
        return;
    if (needs->count)
        snprintf(answers->reason, sizeof(answers->reason),
                 "debug information of %zu of its units is in files that are not found: %s%s", needs->count,
                 first->name, needs->count > 1 ? ", ..." : "");
    else if (files->lost_alternate)
        snprintf(answers->reason, sizeof(answers->reason),
                 "part of its debug information is in a file that is not found: %s", files->lost_alternate);
}

/* Runs the child until there is no more to be given to it: at first without, then with a .dwp, then with .dwo's. */
static struct ad_error *run_all(struct job *job, struct ad_symbol_files *files, const struct ad_module *module,
                                struct ad_symbol_answers *answers)
{
    for (;;) {
        struct ad_vector needs = AD_VECTOR(struct ad_symbol_need);
        struct ad_error *error = run(job, answers);
        if (!error)
            error = take_needs(answers, &needs);
        bool again = !error && needs.count && !answers->reason[0] &&
                     ad_symbol_files_add(files, module, needs.items, needs.count, job->limits);
        if (!error && !again)
            explain_needs(answers, files, &needs);
        free_needs(&needs);
        if (!again)
            return error;
        free(answers->bytes);
        *answers = (struct ad_symbol_answers){0};
    }
}

struct ad_error *ad_symbol_child_run(const struct ad_module *module, struct ad_dwarf_queries *queries,
                                     ad_symbol_answerer *answer, const struct ad_limits *limits,
                                     struct ad_symbol_answers *answers_ret)
{
    struct ad_symbol_files files;
    struct job job = {&files, queries, answer, limits};
    *answers_ret = (struct ad_symbol_answers){0};
    ad_symbol_files_init(&files, module, limits);
    struct ad_error *error = run_all(&job, &files, module, answers_ret);
    ad_symbol_files_deinit(&files);
    if (error) {
        free(answers_ret->bytes);
        answers_ret->bytes = NULL;
    }
    return error;
}
