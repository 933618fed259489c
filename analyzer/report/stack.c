/* SPDX-License-Identifier: MIT */
#include "report/stack.h"

#include <inttypes.h>
#include <string.h>

#include "report/escape.h"
#include "report/table.h"
#include "report/words.h"

enum { WHERE_INNER = 3, FUNCTION_WIDTH = 48, FILE_WIDTH = 32, PIECE_SIZE = 256 };

#define SEPARATOR " > "
#define GAP " > ... > "

void ad_stack_walk_init(struct ad_stack_walk *walk, const struct ad_snapshot *snapshot, uint32_t stack)
{
    *walk = (struct ad_stack_walk){.snapshot = snapshot};
    if (stack < snapshot->stacks.count)
        walk->stack = &AD_ITEMS(struct ad_stack, &snapshot->stacks)[stack];
}

const struct ad_location *ad_stack_location(const struct ad_snapshot *snapshot, const struct ad_stack *stack,
                                            uint32_t frame)
{
    if (!stack || frame >= stack->count)
        return NULL;
    uint64_t index = (uint64_t)stack->first + frame;
    if (index >= snapshot->frames.count)
        return NULL;
    uint32_t location = AD_ITEMS(uint32_t, &snapshot->frames)[index];
    return location < snapshot->locations.count
               ? &AD_ITEMS(struct ad_location, &snapshot->locations)[location]
               : NULL;
}

bool ad_location_line(const struct ad_snapshot *snapshot, const struct ad_location *location, uint32_t number,
                      struct ad_stack_line *line_ret)
{
    uint64_t index = (uint64_t)location->first_line + number;
    bool known = number < location->line_count && index < snapshot->lines.count;
    if (number && !known)
        return false;
    const struct ad_line *line = known ? &AD_ITEMS(struct ad_line, &snapshot->lines)[index] : NULL;
    *line_ret = (struct ad_stack_line){
        .location = location, .line = line, .hidden = location->entry || (line && line->hidden)};
    return true;
}

bool ad_stack_walk_next(struct ad_stack_walk *walk, struct ad_stack_line *line_ret)
{
    const struct ad_location *location;
    while ((location = ad_stack_location(walk->snapshot, walk->stack, walk->frame))) {
        if (ad_location_line(walk->snapshot, location, walk->line, line_ret)) {
            walk->line++;
            line_ret->number = walk->number++;
            return true;
        }
        walk->frame++;
        walk->line = 0;
    }
    return false;
}

bool ad_stack_user_line(const struct ad_snapshot *snapshot, uint32_t stack, struct ad_stack_line *line_ret)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    bool found = false;
    ad_stack_walk_init(&walk, snapshot, stack);
    while (ad_stack_walk_next(&walk, &line)) {
        if (!found || !line.hidden)
            *line_ret = line;
        found = true;
        if (!line.hidden)
            break;
    }
    return found;
}

/* Not every runtime counts resumes: the stack must agree. */
bool ad_task_unbegun(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    struct ad_stack_line line;
    if (task->resumes || task->start_location >= snapshot->locations.count ||
        (task->state != ASYNC_DEBUG_STATE_READY && task->state != ASYNC_DEBUG_STATE_CREATED))
        return false;
    return !ad_stack_user_line(snapshot, task->stack, &line) || line.hidden;
}

void ad_print_line_short(FILE *out, const struct ad_stack_line *line)
{
    char text[256];
    if (!line->line || !line->line->function) {
        fprintf(out, "0x%" PRIx64, line->location->pc);
        if (line->location->module)
            fprintf(out, " in %s+0x%" PRIx64, ad_escape(text, FILE_WIDTH, line->location->module),
                    line->location->offset);
        return;
    }
    fputs(ad_escape(text, FUNCTION_WIDTH, line->line->function), out);
    if (line->line->file)
        fprintf(out, " %s:%" PRIu32, ad_escape(text, FILE_WIDTH, ad_base_name(line->line->file)),
                line->line->line);
}

/* The lines of WHERE, printed: the innermost ones and, behind them, the outermost one. */
struct where {
    char pieces[WHERE_INNER + 1][PIECE_SIZE];
    size_t widths[WHERE_INNER + 1];
    size_t count; /* lines of the user's, however many of them are in `pieces` */
};

static void keep(struct where *where, size_t place, const struct ad_stack_line *line)
{
    FILE *out = fmemopen(where->pieces[place], PIECE_SIZE, "w");
    where->pieces[place][0] = '\0';
    if (out) {
        ad_print_line_short(out, line);
        fclose(out);
    }
    where->pieces[place][PIECE_SIZE - 1] = '\0';
    where->widths[place] = ad_text_width(where->pieces[place], strlen(where->pieces[place]));
}

/* A function that calls its own alias, which was inlined: a system call of libc. */
static bool is_alias(const struct ad_stack_line *inner, const struct ad_stack_line *line)
{
    return inner->line && line->line && inner->line->inlined && inner->line->function &&
           line->line->function && inner->location == line->location &&
           strcmp(inner->line->function, line->line->function) == 0;
}

static void collect(const struct ad_snapshot *snapshot, uint32_t stack, struct where *where)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line, outer = {0};
    *where = (struct where){0};
    ad_stack_walk_init(&walk, snapshot, stack);
    while (ad_stack_walk_next(&walk, &line)) {
        if (line.hidden || is_alias(&outer, &line))
            continue;
        if (where->count < WHERE_INNER)
            keep(where, where->count, &line);
        outer = line;
        where->count++;
    }
    if (where->count > WHERE_INNER)
        keep(where, WHERE_INNER, &outer);
    if (!where->count && ad_stack_user_line(snapshot, stack, &line)) {
        keep(where, 0, &line);
        where->count = 1;
    }
}

static bool is_cut(const struct ad_snapshot *snapshot, uint32_t stack)
{
    return stack < snapshot->stacks.count && AD_ITEMS(struct ad_stack, &snapshot->stacks)[stack].end_text;
}

static void print_inner(FILE *out, const struct where *where, size_t count)
{
    while (count--)
        fprintf(out, "%s%s", where->pieces[count], count ? SEPARATOR : "");
}

/* The outermost line and as many of the innermost as fit into `width`, at least one. */
static void print_shortened(FILE *out, const struct where *where, size_t width)
{
    size_t outer = where->count > WHERE_INNER ? WHERE_INNER : where->count - 1, inner = 1;
    size_t used = where->widths[outer] + strlen(GAP) + where->widths[0];
    while (inner < outer && inner < WHERE_INNER && used + where->widths[inner] + strlen(SEPARATOR) <= width)
        used += where->widths[inner++] + strlen(SEPARATOR);
    fprintf(out, "%s%s", where->pieces[outer], inner + 1 < where->count ? GAP : SEPARATOR);
    print_inner(out, where, inner);
}

void ad_print_where(FILE *out, const struct ad_snapshot *snapshot, uint32_t stack, size_t width)
{
    struct where where;
    collect(snapshot, stack, &where);
    if (!where.count) {
        fputs("(no stack)", out);
        return;
    }
    if (is_cut(snapshot, stack))
        fputs("... > ", out);
    if (where.count == 1)
        fputs(where.pieces[0], out);
    else
        print_shortened(out, &where, width);
}

void ad_print_innermost(FILE *out, const struct ad_snapshot *snapshot, uint32_t stack)
{
    struct where where;
    collect(snapshot, stack, &where);
    print_inner(out, &where, where.count < WHERE_INNER ? where.count : WHERE_INNER);
}
