/* SPDX-License-Identifier: MIT */
#include "report/stack.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/words.h"

enum { WHERE_INNER = 3, FUNCTION_WIDTH = 48, FILE_WIDTH = 32 };

void ad_stack_walk_init(struct ad_stack_walk *walk, const struct ad_snapshot *snapshot, uint32_t stack)
{
    *walk = (struct ad_stack_walk){.snapshot = snapshot};
    if (stack < snapshot->stacks.count)
        walk->stack = &AD_ITEMS(struct ad_stack, &snapshot->stacks)[stack];
}

/* The location of the frame at which the walk stands; NULL at the end. */
static const struct ad_location *location_here(const struct ad_stack_walk *walk)
{
    const struct ad_snapshot *snapshot = walk->snapshot;
    if (!walk->stack || walk->frame >= walk->stack->count)
        return NULL;
    uint64_t frame = (uint64_t)walk->stack->first + walk->frame;
    if (frame >= snapshot->frames.count)
        return NULL;
    uint32_t location = AD_ITEMS(uint32_t, &snapshot->frames)[frame];
    return location < snapshot->locations.count
               ? &AD_ITEMS(struct ad_location, &snapshot->locations)[location]
               : NULL;
}

bool ad_stack_walk_next(struct ad_stack_walk *walk, struct ad_stack_line *line_ret)
{
    const struct ad_location *location = location_here(walk);
    if (!location)
        return false;
    uint64_t index = (uint64_t)location->first_line + walk->line;
    bool known = walk->line < location->line_count && index < walk->snapshot->lines.count;
    const struct ad_line *line = known ? &AD_ITEMS(struct ad_line, &walk->snapshot->lines)[index] : NULL;
    *line_ret = (struct ad_stack_line){
        .number = walk->number++,
        .location = location,
        .line = line,
        .hidden = location->entry || (line && line->hidden),
    };
    if (!known || ++walk->line >= location->line_count) {
        walk->frame++;
        walk->line = 0;
    }
    return true;
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

/* The lines of WHERE: the innermost ones and the outermost one. */
struct where {
    struct ad_stack_line inner[WHERE_INNER];
    struct ad_stack_line outer;
    size_t count;
};

static void collect(const struct ad_snapshot *snapshot, uint32_t stack, struct where *where)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    *where = (struct where){0};
    ad_stack_walk_init(&walk, snapshot, stack);
    while (ad_stack_walk_next(&walk, &line)) {
        if (line.hidden)
            continue;
        if (where->count < WHERE_INNER)
            where->inner[where->count] = line;
        where->outer = line;
        where->count++;
    }
    if (!where->count && ad_stack_user_line(snapshot, stack, &where->inner[0]))
        where->count = 1;
}

static bool is_cut(const struct ad_snapshot *snapshot, uint32_t stack)
{
    return stack < snapshot->stacks.count && AD_ITEMS(struct ad_stack, &snapshot->stacks)[stack].end_text;
}

void ad_print_where(FILE *out, const struct ad_snapshot *snapshot, uint32_t stack)
{
    struct where where;
    collect(snapshot, stack, &where);
    if (!where.count) {
        fputs("(no stack)", out);
        return;
    }
    if (is_cut(snapshot, stack))
        fputs("... > ", out);
    if (where.count > WHERE_INNER) {
        ad_print_line_short(out, &where.outer);
        fputs(where.count > WHERE_INNER + 1 ? " > ... > " : " > ", out);
    }
    for (size_t i = where.count < WHERE_INNER ? where.count : WHERE_INNER; i--;) {
        ad_print_line_short(out, &where.inner[i]);
        fputs(i ? " > " : "", out);
    }
}
