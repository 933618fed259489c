/* SPDX-License-Identifier: MIT */
#include "values/format.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "target/registers.h"
#include "values/format_internal.h"

/* ---- What is not there ---- */

static void put_register(struct ad_text *text, uint64_t number)
{
    enum { XMM_FIRST = 17, XMM_LAST = 32 }; /* psABI, figure 3.36 */
    if (number < AD_REG_COUNT)
        ad_text_print(text, "<not available: register %s was not saved>", ad_register_names[number]);
    else if (number >= XMM_FIRST && number <= XMM_LAST)
        ad_text_print(text, "<not available: register xmm%" PRIu64 " was not saved>", number - XMM_FIRST);
    else
        ad_text_print(text, "<not available: register number %" PRIu64 " is not known>", number);
}

void ad_format_blame(struct ad_text *text, const struct ad_fragment *fragment)
{
    switch (fragment->kind) {
    case AD_FRAGMENT_POINTER:
        ad_text_put(text, "<synthetic pointer>");
        return;
    case AD_FRAGMENT_UNREADABLE:
        ad_text_print(text, "<unreadable at 0x%" PRIx64 ">", fragment->number);
        return;
    case AD_FRAGMENT_REGISTER:
        put_register(text, fragment->number);
        return;
    case AD_FRAGMENT_MISSING:
        ad_text_print(text, "<not available: %s>", fragment->text);
        return;
    default:
        ad_text_put(text, "<optimized out>");
    }
}

static enum ad_value_state state_of(const struct ad_fragment *fragment)
{
    switch (fragment->kind) {
    case AD_FRAGMENT_POINTER:
        return AD_VALUE_KNOWN;
    case AD_FRAGMENT_UNREADABLE:
        return AD_VALUE_UNREADABLE;
    case AD_FRAGMENT_REGISTER:
    case AD_FRAGMENT_MISSING:
        return AD_VALUE_UNAVAILABLE;
    default:
        return AD_VALUE_OPTIMIZED_OUT;
    }
}

/* ---- Structures and arrays ---- */

/* One that is open: its brace is written, and its parts follow. */
struct level {
    const struct ad_type *type;
    const struct ad_source *source;
    uint64_t offset;
    uint64_t next;  /* member or element */
    uint64_t count; /* of them */
    uint64_t shown; /* elements, as limits->value_elements counts */
    uint64_t element_size;
    uint64_t repeats; /* of the element being written; 0: it is one */
    bool any;
    bool any_field; /* a member other than base classes */
};

static struct ad_error *begin(struct ad_formatter *formatter, struct ad_vector *levels,
                              const struct ad_part *part);

static struct ad_error *open_level(struct ad_formatter *formatter, struct ad_vector *levels,
                                   const struct level *level)
{
    if (levels->count >= ad_formatter_limits(formatter)->value_depth) {
        ad_text_put(formatter->text, "{...}");
        return NULL;
    }
    ad_text_put(formatter->text, "{");
    return ad_vector_push(levels, level);
}

static struct ad_error *begin_array(struct ad_formatter *formatter, struct ad_vector *levels,
                                    const struct ad_part *part, const struct ad_type *type)
{
    struct level level = {.type = type, .source = part->source, .offset = part->offset};
    const char *prefix;
    uint64_t total;
    bool known;
    AD_TRY(ad_format_array_count(formatter, type, &known, &level.count));
    AD_TRY(ad_format_size(formatter, type->target, &level.element_size));
    if ((!known || !level.count) && part->source->in_memory) {
        ad_format_pointer(formatter, part->source->address + part->offset, type->target);
        return NULL;
    }
    if (!known || !ad_mul(level.count, level.element_size, &total) || !ad_add(total, part->offset, &total)) {
        ad_text_put(formatter->text, "<not available: nobody knows how long it is>");
        return NULL;
    }
    unsigned width = ad_format_character_width(formatter->types, type->target, &prefix);
    if (!width)
        return open_level(formatter, levels, &level);
    ad_format_characters(formatter, part, level.count, width, prefix);
    return NULL;
}

static struct ad_error *begin_structure(struct ad_formatter *formatter, struct ad_vector *levels,
                                        const struct ad_part *part, const struct ad_type *type)
{
    struct level level = {
        .type = type, .source = part->source, .offset = part->offset, .count = type->member_count};
    if (!(type->flags & AD_TYPE_INCOMPLETE))
        return open_level(formatter, levels, &level);
    ad_text_put(formatter->text, "<incomplete type>");
    return NULL;
}

/* Writes a value, or opens it. */
static struct ad_error *begin(struct ad_formatter *formatter, struct ad_vector *levels,
                              const struct ad_part *part)
{
    const struct ad_type *type = ad_type_real(formatter->types, part->type);
    const struct ad_fragment *missing;
    uint64_t size;
    AD_TRY(ad_format_size(formatter, part->type, &size));
    if (ad_source_is_lost(part->source, part->offset, size, &missing)) {
        ad_format_blame(formatter->text, missing);
        return NULL;
    }
    switch (type->kind) {
    case AD_TYPE_ARRAY:
        return begin_array(formatter, levels, part, type);
    case AD_TYPE_STRUCT:
    case AD_TYPE_UNION:
        return begin_structure(formatter, levels, part, type);
    default:
        ad_format_scalar(formatter, part);
        return NULL;
    }
}

static struct ad_error *next_element(struct ad_formatter *formatter, struct ad_vector *levels, struct level *level)
{
    struct ad_part part = {.type = level->type->target,
                           .source = level->source,
                           .offset = level->offset + level->next * level->element_size};
    level->repeats = ad_format_repeats(formatter, level->source, part.offset, level->element_size,
                                       level->count - level->next);
    bool counted = level->repeats > AD_FORMAT_REPEATS;
    if (!counted)
        level->repeats = 0;
    level->next += counted ? level->repeats : 1;
    level->shown += counted ? AD_FORMAT_REPEATS : 1;
    return begin(formatter, levels, &part);
}

static struct ad_error *next_member(struct ad_formatter *formatter, struct ad_vector *levels, struct level *level)
{
    const struct ad_type_member *member = &level->type->members[level->next++];
    struct ad_part part = {.type = member->type,
                           .source = level->source,
                           .bit_offset = member->bit_offset,
                           .bit_size = member->bit_size};
    const char *name = member->is_base ? ad_type_get(formatter->types, member->type)->name : member->name;
    if (name) {
        ad_text_put(formatter->text, member->is_base ? "<" : "");
        ad_text_put(formatter->text, name);
        ad_text_put(formatter->text, member->is_base ? "> = " : " = ");
    }
    level->any_field |= !member->is_base;
    if (member->offset != UINT64_MAX && ad_add(level->offset, member->offset, &part.offset))
        return begin(formatter, levels, &part);
    ad_text_put(formatter->text, "<not available: only the program knows where it is>");
    return NULL;
}

static void close_level(struct ad_formatter *formatter, struct ad_vector *levels)
{
    struct level *level = &AD_ITEMS(struct level, levels)[--levels->count];
    if (level->type->kind == AD_TYPE_ARRAY && level->next < level->count)
        ad_text_put(formatter->text, "...");
    if (level->type->kind != AD_TYPE_ARRAY && !level->any_field)
        ad_text_put(formatter->text, level->any ? ", <No data fields>" : "<No data fields>");
    ad_text_put(formatter->text, "}");
}

/* Writes the next part of the innermost level, or closes it. */
static struct ad_error *go_on(struct ad_formatter *formatter, struct ad_vector *levels)
{
    struct level *level = &AD_ITEMS(struct level, levels)[levels->count - 1];
    bool is_array = level->type->kind == AD_TYPE_ARRAY;
    if (level->repeats)
        ad_text_print(formatter->text, " <repeats %" PRIu64 " times>", level->repeats);
    level->repeats = 0;
    if (level->next >= level->count || formatter->text->full ||
        (is_array && level->shown >= ad_formatter_limits(formatter)->value_elements)) {
        close_level(formatter, levels);
        return NULL;
    }
    ad_text_put(formatter->text, level->any ? ", " : "");
    level->any = true;
    return is_array ? next_element(formatter, levels, level) : next_member(formatter, levels, level);
}

static struct ad_error *format_part(struct ad_formatter *formatter, const struct ad_part *part)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector levels = AD_VECTOR(struct level);
    AD_TRY(begin(formatter, &levels, part));
    while (levels.count)
        AD_TRY(go_on(formatter, &levels));
    return NULL;
}

/* @0x7ffe...: the value that is referred to */
static struct ad_error *format_reference(struct ad_formatter *formatter, const struct ad_type *type,
                                         const struct ad_source *source)
{
    uint64_t address;
    const struct ad_fragment *missing =
        ad_source_read(source, formatter->frame->stack, 0, sizeof(address), &address);
    if (missing) {
        ad_format_blame(formatter->text, missing);
        return NULL;
    }
    const struct ad_source there = {.in_memory = true, .address = address};
    const struct ad_part part = {.type = type->target, .source = &there};
    ad_text_print(formatter->text, "@0x%" PRIx64 ": ", address);
    return format_part(formatter, &part);
}

/* ---- Variables ---- */

static struct ad_error *find_fragments(const struct ad_value_frame *frame, const struct ad_code_variable *variable,
                                       struct ad_vector *fragments)
{
    struct ad_fragment fragment = {.kind = AD_FRAGMENT_NOWHERE, .bit_size = UINT64_MAX};
    switch (variable->where) {
    case AD_WHERE_PROGRAM:
        return ad_expression_locate(frame->stack, frame->frame, &variable->program, fragments);
    case AD_WHERE_CONSTANT:
        fragment.kind = AD_FRAGMENT_BYTES;
        fragment.bytes = variable->program.bytes;
        fragment.size = variable->program.size;
        break;
    case AD_WHERE_BROKEN:
        fragment.kind = AD_FRAGMENT_MISSING;
        fragment.text = "its location makes no sense";
        break;
    default:
        break;
    }
    return ad_vector_push(fragments, &fragment);
}

/* What to blame when nothing of a value is there; NULL: some of it is. */
static const struct ad_fragment *find_lost(const struct ad_formatter *formatter, const struct ad_source *source,
                                           uint64_t size)
{
    const struct ad_fragment *missing;
    uint8_t byte;
    if (source->in_memory)
        return size ? ad_source_read(source, formatter->frame->stack, 0, 1, &byte) : NULL;
    return ad_source_is_lost(source, 0, size, &missing) ? missing : NULL;
}

struct ad_error *ad_value_format(const struct ad_value_frame *frame, const struct ad_code_variable *variable,
                                 struct ad_text *text, enum ad_value_state *state_ret)
{
    ad_cleanup(ad_source_deinit) struct ad_source source = {.fragments = AD_VECTOR(struct ad_fragment)};
    struct ad_formatter formatter = {
        .frame = frame, .types = frame->stack->frames[frame->frame].code->types, .text = text};
    const struct ad_type *type = ad_type_real(formatter.types, variable->type);
    const struct ad_part part = {.type = variable->type, .source = &source};
    uint64_t size;
    ad_text_clear(text);
    AD_TRY(find_fragments(frame, variable, &source.fragments));
    AD_TRY(ad_format_size(&formatter, variable->type, &size));
    AD_TRY(ad_source_assemble(&source, frame->stack, size));
    const struct ad_fragment *lost = find_lost(&formatter, &source, size);
    *state_ret = lost ? state_of(lost) : AD_VALUE_KNOWN;
    if (!lost)
        return type->kind == AD_TYPE_REFERENCE ? format_reference(&formatter, type, &source)
                                               : format_part(&formatter, &part);
    ad_format_blame(text, lost);
    return NULL;
}
