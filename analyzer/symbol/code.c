/* SPDX-License-Identifier: MIT */
#include "symbol/code.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/vector.h"

/* Of aliases to look through; a file may say that two are each other's. */
#define HOPS 64

static int by_id(const void *a, const void *b)
{
    const struct ad_type *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

const struct ad_type *ad_type_get(const struct ad_types *types, uint32_t id)
{
    static const struct ad_type unknown = {.kind = AD_TYPE_UNKNOWN, .target = AD_NO_TYPE};
    const struct ad_type key = {.id = id}, *found = NULL;
    if (types && types->count)
        found = bsearch(&key, types->items, types->count, sizeof(key), by_id);
    return found ? found : &unknown;
}

const struct ad_type *ad_type_real(const struct ad_types *types, uint32_t id)
{
    static const struct ad_type nothing = {.kind = AD_TYPE_VOID, .target = AD_NO_TYPE};
    const struct ad_type *type = ad_type_get(types, id);
    for (int hop = 0; hop < HOPS && type->kind == AD_TYPE_ALIAS; hop++)
        type = type->target == AD_NO_TYPE ? &nothing : ad_type_get(types, type->target);
    return type->kind == AD_TYPE_ALIAS ? ad_type_get(NULL, 0) : type;
}

/* ---- What the child sent ---- */

/* What is read of one unit, and where it goes. */
struct reader {
    struct ad_cursor in;
    const struct ad_limits *limits;
    struct ad_variables *variables;
    uint64_t bias;
    struct ad_vector types; /* struct ad_type: of the unit at hand */
    struct ad_types *unit;  /* in the pool; filled when the unit has ended */
};

/* Room in the pool for `count` items that take at least `least` bytes each of what was sent. */
static void *make_room(struct reader *reader, uint64_t count, uint64_t least, size_t size)
{
    if (reader->in.failed || count > ad_cursor_left(&reader->in) / least) {
        reader->in.failed = true;
        return NULL;
    }
    void *room = ad_pool_alloc(&reader->variables->pool, (size_t)count * size + 1);
    if (!room)
        reader->in.failed = true;
    return room;
}

static const char *take_text(struct reader *reader)
{
    uint32_t length = ad_cursor_u32(&reader->in);
    if (reader->in.failed || length == UINT32_MAX)
        return NULL;
    const char *bytes = ad_cursor_bytes(&reader->in, length);
    return bytes ? ad_pool_text(&reader->variables->pool, bytes, strnlen(bytes, length)) : NULL;
}

static struct ad_program take_program(struct reader *reader)
{
    struct ad_cursor *in = &reader->in;
    struct ad_program program = {.offset_size = ad_cursor_u8(in)};
    program.size = ad_cursor_u32(in);
    uint8_t *bytes = make_room(reader, program.size, 1, 1);
    const void *sent = ad_cursor_bytes(in, program.size);
    if (!bytes || !sent)
        return (struct ad_program){0};
    memcpy(bytes, sent, program.size);
    program.bytes = bytes;
    uint32_t count = ad_cursor_u32(in);
    struct ad_operand *operands = make_room(reader, count, 12, sizeof(*operands));
    for (uint32_t i = 0; operands && i < count; i++) {
        operands[i].at = ad_cursor_u32(in);
        operands[i].value = ad_cursor_u64(in);
    }
    program.operands = operands;
    program.operand_count = operands ? count : 0;
    if (program.offset_size != 8)
        program.offset_size = 4;
    return program;
}

static void take_members(struct reader *reader, struct ad_type *type)
{
    struct ad_cursor *in = &reader->in;
    uint32_t count = ad_cursor_u32(in);
    struct ad_type_member *members = make_room(reader, count, 25, sizeof(*members));
    for (uint32_t i = 0; members && i < count && !in->failed; i++) {
        members[i].name = take_text(reader);
        members[i].type = ad_cursor_u32(in);
        members[i].offset = ad_cursor_u64(in);
        members[i].bit_offset = ad_cursor_u32(in);
        members[i].bit_size = ad_cursor_u32(in);
        members[i].is_base = ad_cursor_u8(in);
        if (members[i].bit_offset > 7 || members[i].bit_size > 64)
            in->failed = true;
    }
    type->members = members;
    type->member_count = members ? count : 0;
}

static struct ad_error *take_type(struct reader *reader)
{
    struct ad_cursor *in = &reader->in;
    struct ad_type type = {.id = ad_cursor_u32(in)};
    uint8_t kind = ad_cursor_u8(in);
    type.flags = ad_cursor_u8(in);
    type.size = ad_cursor_u64(in);
    type.name = take_text(reader);
    type.target = ad_cursor_u32(in);
    uint8_t bound = ad_cursor_u8(in);
    type.count = ad_cursor_u64(in);
    type.bound = take_program(reader);
    take_members(reader, &type);
    if (kind >= AD_TYPE_KINDS || bound >= AD_BOUNDS || reader->types.count >= reader->limits->types)
        in->failed = true;
    if (in->failed)
        return NULL;
    type.kind = (enum ad_type_kind)kind;
    type.bound_form = (enum ad_bound)bound;
    return ad_vector_push(&reader->types, &type);
}

static void take_scope(struct reader *reader, struct ad_code_scope *scope)
{
    struct ad_cursor *in = &reader->in;
    uint32_t count = ad_cursor_u32(in);
    struct ad_code_variable *variables = make_room(reader, count, 23, sizeof(*variables));
    for (uint32_t i = 0; variables && i < count && !in->failed; i++) {
        variables[i].name = take_text(reader);
        variables[i].type = ad_cursor_u32(in);
        variables[i].is_argument = ad_cursor_u8(in);
        variables[i].depth = ad_cursor_u32(in);
        uint8_t where = ad_cursor_u8(in);
        variables[i].program = take_program(reader);
        variables[i].where = where < AD_WHERES ? (enum ad_where)where : AD_WHERE_BROKEN;
    }
    *scope = (struct ad_code_scope){variables, variables ? count : 0};
}

static uint64_t relocate(const struct reader *reader, uint64_t address)
{
    return address ? address + reader->bias : 0;
}

static const struct ad_call_site *take_call_site(struct reader *reader)
{
    struct ad_cursor *in = &reader->in;
    if (!ad_cursor_u8(in))
        return NULL;
    struct ad_call_site *site = make_room(reader, 1, 1, sizeof(*site));
    if (!site)
        return NULL;
    site->target = relocate(reader, ad_cursor_u64(in));
    site->target_name = take_text(reader);
    uint32_t count = ad_cursor_u32(in);
    struct ad_call_parameter *parameters = make_room(reader, count, 17, sizeof(*parameters));
    for (uint32_t i = 0; parameters && i < count && !in->failed; i++) {
        parameters[i].key = ad_cursor_u64(in);
        parameters[i].program = take_program(reader);
    }
    site->parameters = parameters;
    site->count = parameters ? count : 0;
    return site;
}

static void take_code(struct reader *reader)
{
    struct ad_cursor *in = &reader->in;
    struct ad_code code = {.types = reader->unit, .bias = reader->bias};
    uint32_t index = ad_cursor_u32(in);
    code.function = relocate(reader, ad_cursor_u64(in));
    code.name = take_text(reader);
    code.frame_base = take_program(reader);
    code.scope_count = ad_cursor_u32(in);
    struct ad_code_scope *scopes = make_room(reader, code.scope_count, 4, sizeof(*scopes));
    for (uint32_t i = 0; scopes && i < code.scope_count && !in->failed; i++)
        take_scope(reader, &scopes[i]);
    code.scopes = scopes;
    code.call_site = take_call_site(reader);
    if (!in->failed && index < reader->variables->count)
        reader->variables->codes[index] = code;
}

static struct ad_error *end_unit(struct reader *reader)
{
    if (!reader->unit || !reader->types.count)
        return NULL;
    size_t size = reader->types.count * sizeof(struct ad_type);
    void *items = ad_pool_alloc(&reader->variables->pool, size);
    if (!items)
        return &ad_error_nomem;
    qsort(reader->types.items, reader->types.count, sizeof(struct ad_type), by_id);
    memcpy(items, reader->types.items, size);
    *reader->unit = (struct ad_types){items, (uint32_t)reader->types.count};
    return NULL;
}

static struct ad_error *begin_unit(struct reader *reader)
{
    AD_TRY(end_unit(reader));
    reader->types.count = 0;
    reader->unit = ad_pool_alloc(&reader->variables->pool, sizeof(*reader->unit));
    return reader->unit ? NULL : &ad_error_nomem;
}

static struct ad_error *take_record(struct reader *reader)
{
    uint8_t kind = ad_cursor_u8(&reader->in);
    if (kind == 'U')
        return begin_unit(reader);
    if (kind == 'T' && reader->unit)
        return take_type(reader);
    if (kind == 'C' && reader->unit)
        take_code(reader);
    else
        reader->in.failed = true;
    return NULL;
}

struct ad_error *ad_variables_decode(const void *bytes, size_t size, uint64_t bias,
                                     const struct ad_limits *limits, struct ad_variables *variables)
{
    struct reader reader = {
        .limits = limits, .variables = variables, .bias = bias, .types = AD_VECTOR(struct ad_type)};
    struct ad_error *error = NULL;
    ad_cursor_init(&reader.in, bytes, size);
    while (!error && !reader.in.failed && ad_cursor_left(&reader.in))
        error = take_record(&reader);
    if (!error)
        error = end_unit(&reader);
    ad_vector_deinit(&reader.types);
    return error;
}
