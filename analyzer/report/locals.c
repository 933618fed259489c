/* SPDX-License-Identifier: MIT */
#include "report/locals.h"

#include "report/escape.h"

static uint32_t item_of(const struct ad_vector *firsts, size_t index)
{
    return index < firsts->count ? AD_ITEMS(uint32_t, firsts)[index] : AD_NONE;
}

uint32_t ad_task_values(const struct ad_snapshot *snapshot, size_t task)
{
    return item_of(&snapshot->task_values, task);
}

uint32_t ad_thread_values(const struct ad_snapshot *snapshot, size_t thread)
{
    return item_of(&snapshot->thread_values, thread);
}

struct ad_locals ad_locals_next(const struct ad_snapshot *snapshot, const struct ad_line *line, uint32_t *next)
{
    struct ad_locals locals = {0};
    if (*next == AD_NONE || !line)
        return locals;
    size_t index = (size_t)(line - AD_ITEMS(struct ad_line, &snapshot->lines));
    struct ad_line_variables place = ad_snapshot_line_variables(snapshot, index);
    if ((uint64_t)place.first + place.count > snapshot->variables.count ||
        (uint64_t)*next + place.count > snapshot->values.count)
        return locals;
    if (place.count) {
        locals.variables = AD_ITEMS(struct ad_variable, &snapshot->variables) + place.first;
        locals.values = AD_ITEMS(struct ad_value, &snapshot->values) + *next;
        locals.count = place.count;
    }
    *next += place.count;
    return locals;
}

void ad_print_locals(FILE *out, const struct ad_locals *locals)
{
    for (uint32_t i = 0; i < locals->count; i++) {
        fputs(locals->variables[i].argument ? "        arg " : "            ", out);
        ad_escape_print(out, locals->variables[i].name);
        fputs(" = ", out);
        ad_escape_print_value(out, locals->values[i].text);
        fputc('\n', out);
    }
}
