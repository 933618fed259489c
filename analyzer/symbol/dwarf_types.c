/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_types.h"

#include "symbol/dwarf_compat.h"
#include "symbol/dwarf_spelling.h"
#include "symbol/dwarf_wire.h"

#define NAME_SIZE 512

/* Of aliases to look through; a file may say that two are each other's. */
#define HOPS 16

struct pending {
    struct ad_die die;
    uint32_t id;
    uint32_t dimension; /* of an array: what is meant is the array without those before */
};

void ad_dwarf_types_init(struct ad_dwarf_types *types, const struct ad_dwarf_unit *unit, FILE *out)
{
    *types = (struct ad_dwarf_types){.unit = unit, .out = out, .pending = AD_VECTOR(struct pending)};
}

void ad_dwarf_types_deinit(struct ad_dwarf_types *types)
{
    ad_map_deinit(&types->ids);
    ad_vector_deinit(&types->pending);
}

static bool is_alias(uint16_t tag)
{
    return tag == DW_TAG_typedef || tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
           tag == DW_TAG_restrict_type || tag == DW_TAG_atomic_type;
}

/* What the aliases stand for; false: nothing, which is void. */
static bool look_through(struct ad_die *die)
{
    for (int hop = 0; hop < HOPS && is_alias(ad_die_tag(*die)); hop++)
        if (!ad_die_reference(*die, DW_AT_type, die))
            return false;
    return true;
}

/* A bound that is no constant. */
static bool is_computed(struct ad_die subrange, uint16_t attribute)
{
    uint16_t form;
    uint64_t value;
    bool negative;
    return ad_die_form(subrange, attribute, &form) && !ad_die_number(subrange, attribute, &value, &negative);
}

/* Whether its size depends on the frame. */
static bool is_dynamic(struct ad_die die)
{
    struct ad_die child = {0};
    if (!look_through(&die) || ad_die_tag(die) != DW_TAG_array_type)
        return false;
    while (ad_die_next_child(die, DW_TAG_subrange_type, DW_TAG_subrange_type, &child))
        if (is_computed(child, DW_AT_upper_bound) || is_computed(child, DW_AT_count))
            return true;
    return false;
}

static struct ad_error *ask(struct ad_dwarf_types *types, struct ad_die die, uint32_t dimension, uint32_t *id_ret)
{
    *id_ret = AD_NO_TYPE;
    if (types->count >= types->unit->limits->types)
        return NULL;
    bool shared = !dimension && !is_dynamic(die);
    uint64_t key = ad_die_key(die);
    if (shared && (*id_ret = ad_map_get(&types->ids, key, AD_NO_TYPE)) != AD_NO_TYPE)
        return NULL;
    struct pending pending = {die, types->count++, dimension};
    *id_ret = pending.id;
    AD_TRY(ad_vector_push(&types->pending, &pending));
    return shared ? ad_map_put(&types->ids, key, pending.id) : NULL;
}

struct ad_error *ad_dwarf_type_of(struct ad_dwarf_types *types, struct ad_die die, uint32_t *id_ret)
{
    struct ad_die typed, type;
    *id_ret = AD_NO_TYPE;
    if (!ad_die_with(die, DW_AT_type, &typed) || !ad_die_reference(typed, DW_AT_type, &type))
        return NULL;
    return ask(types, type, 0, id_ret);
}

/* ---- One type ---- */

/* What is told of a type before its members. */
struct body {
    enum ad_type_kind kind;
    uint8_t flags;
    uint64_t size;
    uint32_t target;
    enum ad_bound bound_form;
    uint64_t count;
    struct ad_program bound;
};

static enum ad_type_kind base_kind(uint64_t encoding)
{
    switch (encoding) {
    case DW_ATE_boolean:
        return AD_TYPE_BOOL;
    case DW_ATE_float:
        return AD_TYPE_FLOAT;
    case DW_ATE_complex_float:
        return AD_TYPE_COMPLEX;
    case DW_ATE_signed:
    case DW_ATE_signed_char:
        return AD_TYPE_SIGNED;
    case DW_ATE_unsigned:
    case DW_ATE_unsigned_char:
        return AD_TYPE_UNSIGNED;
    case DW_ATE_UTF:
        return AD_TYPE_CHARACTER;
    default:
        return AD_TYPE_UNKNOWN;
    }
}

static enum ad_type_kind kind_of(struct ad_die die, uint16_t tag)
{
    switch (tag) {
    case DW_TAG_base_type:
        return base_kind(ad_die_unsigned(die, DW_AT_encoding, 0));
    case DW_TAG_enumeration_type:
        return AD_TYPE_ENUM;
    case DW_TAG_pointer_type:
        return AD_TYPE_POINTER;
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        return AD_TYPE_REFERENCE;
    case DW_TAG_subroutine_type:
        return AD_TYPE_FUNCTION;
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
        return AD_TYPE_STRUCT;
    case DW_TAG_union_type:
        return AD_TYPE_UNION;
    case DW_TAG_array_type:
        return AD_TYPE_ARRAY;
    case DW_TAG_unspecified_type:
        return AD_TYPE_VOID;
    default:
        return is_alias(tag) ? AD_TYPE_ALIAS : AD_TYPE_UNKNOWN;
    }
}

/* Whether to tell more of what a pointer leads to than the name in its own type's. */
static bool is_shown_pointee(struct ad_die pointer)
{
    struct ad_die pointee;
    if (!ad_die_reference(pointer, DW_AT_type, &pointee) || !look_through(&pointee))
        return false;
    uint16_t tag = ad_die_tag(pointee);
    return tag == DW_TAG_base_type || tag == DW_TAG_subroutine_type;
}

/* By a negative value, as GDB does it: C has no other way to tell. */
static bool is_signed_enum(struct ad_die die)
{
    struct ad_die child = {0};
    uint64_t value;
    bool negative = false;
    while (!negative && ad_die_next_child(die, DW_TAG_enumerator, DW_TAG_enumerator, &child))
        ad_die_number(child, DW_AT_const_value, &value, &negative);
    return negative;
}

/* A bound that the frame has, by the attribute that says it; false: there is none. */
static bool find_dynamic_bound(const struct ad_dwarf_unit *unit, struct ad_die subrange, uint16_t attribute,
                               uint64_t address, struct body *body)
{
    struct ad_die variable, type;
    bool is_count = attribute == DW_AT_count;
    if (ad_die_reference(subrange, attribute, &variable)) {
        body->count = 8;
        if (ad_die_reference(variable, DW_AT_type, &type) && look_through(&type))
            body->count = ad_die_unsigned(type, DW_AT_byte_size, 8);
        body->bound_form = is_count ? AD_BOUND_COUNT_VARIABLE : AD_BOUND_VARIABLE;
        return ad_dwarf_program(unit, variable, DW_AT_location, address, &body->bound) == AD_DWARF_FOUND;
    }
    body->bound_form = is_count ? AD_BOUND_COUNT_VALUE : AD_BOUND_VALUE;
    return is_computed(subrange, attribute) &&
           ad_dwarf_program(unit, subrange, attribute, address, &body->bound) == AD_DWARF_FOUND;
}

static void find_bound(struct ad_dwarf_types *types, struct ad_die subrange, uint64_t address, struct body *body)
{
    const struct ad_dwarf_unit *unit = types->unit;
    uint64_t lower = ad_die_unsigned(subrange, DW_AT_lower_bound, 0);
    uint64_t last = ad_die_unsigned(subrange, DW_AT_upper_bound, UINT64_MAX);
    uint64_t count = ad_die_unsigned(subrange, DW_AT_count, UINT64_MAX);
    if (count != UINT64_MAX || last != UINT64_MAX) {
        body->bound_form = AD_BOUND_COUNT;
        body->count = count != UINT64_MAX ? count : last + 1 >= lower ? last + 1 - lower : 0;
    } else if (!find_dynamic_bound(unit, subrange, DW_AT_upper_bound, address, body) &&
               !find_dynamic_bound(unit, subrange, DW_AT_count, address, body)) {
        body->bound_form = AD_BOUND_NONE;
        body->bound = (struct ad_program){0};
    }
}

/* One dimension of an array; what it is made of is the array of those that follow. */
static struct ad_error *describe_array(struct ad_dwarf_types *types, struct ad_die die,
                                       const struct pending *pending, uint64_t address, struct body *body)
{
    struct ad_die child = {0};
    uint32_t dimensions = 0;
    uint16_t form;
    if (ad_die_form(die, DW_AT_GNU_vector, &form))
        body->flags |= AD_TYPE_VECTOR;
    while (ad_die_next_child(die, DW_TAG_subrange_type, DW_TAG_subrange_type, &child))
        if (dimensions++ == pending->dimension)
            find_bound(types, child, address, body);
    return pending->dimension + 1 < dimensions ? ask(types, die, pending->dimension + 1, &body->target)
                                               : ad_dwarf_type_of(types, die, &body->target);
}

static struct ad_error *describe(struct ad_dwarf_types *types, struct ad_die die, const struct pending *pending,
                                 uint64_t address, struct body *body)
{
    uint16_t tag = ad_die_tag(die);
    *body = (struct body){.kind = kind_of(die, tag), .target = AD_NO_TYPE};
    bool has_size = body->kind == AD_TYPE_POINTER || body->kind == AD_TYPE_REFERENCE;
    body->size = ad_die_unsigned(die, DW_AT_byte_size, has_size ? 8 : 0);
    if (ad_die_flag(die, DW_AT_declaration))
        body->flags |= AD_TYPE_INCOMPLETE;
    switch (body->kind) {
    case AD_TYPE_ARRAY:
        return describe_array(types, die, pending, address, body);
    case AD_TYPE_ENUM:
        body->flags |= is_signed_enum(die) ? AD_TYPE_IS_SIGNED : 0;
        return NULL;
    case AD_TYPE_POINTER:
        return is_shown_pointee(die) ? ad_dwarf_type_of(types, die, &body->target) : NULL;
    case AD_TYPE_ALIAS:
    case AD_TYPE_REFERENCE:
        return ad_dwarf_type_of(types, die, &body->target);
    default:
        return NULL;
    }
}

/* ---- Its members ---- */

/* DWARF 2 counts a bit-field's bits from the most significant one of a unit of byte_size bytes. */
static void find_bits(struct ad_die member, struct ad_type_member *found)
{
    struct ad_die type;
    uint64_t size = ad_die_unsigned(member, DW_AT_bit_size, 0);
    uint64_t from_start = ad_die_unsigned(member, DW_AT_data_bit_offset, UINT64_MAX);
    uint64_t from_top = ad_die_unsigned(member, DW_AT_bit_offset, UINT64_MAX);
    if (size > 64)
        size = 0;
    found->bit_size = (uint32_t)size;
    if (size && from_start != UINT64_MAX) {
        found->offset = from_start / 8;
        found->bit_offset = (uint32_t)(from_start % 8);
    } else if (size && from_top != UINT64_MAX) {
        uint64_t bytes = ad_die_unsigned(member, DW_AT_byte_size, 0);
        if (!bytes && ad_die_reference(member, DW_AT_type, &type) && look_through(&type))
            bytes = ad_die_unsigned(type, DW_AT_byte_size, 0);
        uint64_t bit = bytes * 8 - from_top - size; /* may wrap around: then it is none */
        if (bytes <= 16 && bit < 128 && found->offset != UINT64_MAX) {
            found->offset += bit / 8;
            found->bit_offset = (uint32_t)(bit % 8);
        }
    }
}

/* A constant, or as DWARF 2 has it, an expression that adds one. */
static uint64_t member_offset(const struct ad_dwarf_unit *unit, struct ad_die member)
{
    uint16_t form;
    struct ad_program program;
    struct ad_cursor in;
    struct ad_operation operation;
    uint64_t offset = ad_die_unsigned(member, DW_AT_data_member_location, UINT64_MAX);
    if (offset != UINT64_MAX || !ad_die_form(member, DW_AT_data_member_location, &form))
        return offset != UINT64_MAX ? offset : 0;
    if (ad_dwarf_program(unit, member, DW_AT_data_member_location, 0, &program) != AD_DWARF_FOUND)
        return UINT64_MAX;
    ad_cursor_init(&in, program.bytes, program.size);
    bool is_sum = ad_operation_next(&in, program.offset_size, &operation) &&
                  operation.code == DW_OP_plus_uconst && !ad_cursor_left(&in);
    return is_sum ? operation.number : UINT64_MAX;
}

static bool is_static(struct ad_die member)
{
    return ad_die_flag(member, DW_AT_external) || ad_die_flag(member, DW_AT_declaration);
}

static struct ad_error *read_member(struct ad_dwarf_types *types, struct ad_die die, struct ad_vector *members)
{
    struct ad_type_member *member;
    bool negative;
    uint16_t tag = ad_die_tag(die);
    if (tag == DW_TAG_member && is_static(die))
        return NULL;
    AD_TRY(ad_vector_add(members, (void **)&member));
    *member = (struct ad_type_member){.name = ad_die_name(die),
                                      .type = AD_NO_TYPE,
                                      .is_base = tag == DW_TAG_inheritance};
    if (tag == DW_TAG_enumerator) {
        if (!ad_die_number(die, DW_AT_const_value, &member->offset, &negative))
            member->offset = 0;
        return NULL;
    }
    member->offset = member_offset(types->unit, die);
    find_bits(die, member);
    return ad_dwarf_type_of(types, die, &member->type);
}

/* Values of an enum are known by what it is inside of, and those of an enum class by its own name too. */
static void qualify_values(struct ad_dwarf_types *types, struct ad_die die, struct ad_vector *members)
{
    bool is_class = ad_die_flag(die, DW_AT_enum_class);
    const char *around = ad_dwarf_scope_name(&types->names, types->unit, die);
    const char *own = is_class ? ad_die_name(die) : NULL;
    struct ad_type_member *items = members->items;
    for (size_t i = 0; (around || own) && i < members->count; i++) {
        char *name;
        if (items[i].name && asprintf(&name, "%s%s%s%s%s", around ? around : "", around ? "::" : "", own ? own : "",
                                      own ? "::" : "", items[i].name) >= 0)
            items[i].name = name; /* the child's memory goes with it */
    }
}

static struct ad_error *read_members(struct ad_dwarf_types *types, struct ad_die die, enum ad_type_kind kind,
                                     struct ad_vector *members)
{
    struct ad_die child = {0};
    uint16_t tag = kind == AD_TYPE_ENUM ? DW_TAG_enumerator : DW_TAG_member;
    Dwarf_Half other = kind == AD_TYPE_ENUM ? DW_TAG_enumerator : DW_TAG_inheritance;
    if (kind != AD_TYPE_ENUM && kind != AD_TYPE_STRUCT && kind != AD_TYPE_UNION)
        return NULL;
    while (members->count < types->unit->limits->members && ad_die_next_child(die, tag, other, &child))
        AD_TRY(read_member(types, child, members));
    if (kind == AD_TYPE_ENUM)
        qualify_values(types, die, members);
    return NULL;
}

static void put_type(struct ad_dwarf_types *types, uint32_t id, const char *name, const struct body *body,
                     const struct ad_vector *members)
{
    FILE *out = types->out;
    ad_wire_u8(out, 'T');
    ad_wire_u32(out, id);
    ad_wire_u8(out, (uint8_t)body->kind);
    ad_wire_u8(out, body->flags);
    ad_wire_u64(out, body->size);
    ad_wire_text(out, name, types->unit->limits);
    ad_wire_u32(out, body->target);
    ad_wire_u8(out, (uint8_t)body->bound_form);
    ad_wire_u64(out, body->count);
    ad_wire_program(out, &body->bound);
    ad_wire_u32(out, (uint32_t)members->count);
    const struct ad_type_member *items = members->items;
    for (size_t i = 0; i < members->count; i++) {
        ad_wire_text(out, items[i].name, types->unit->limits);
        ad_wire_u32(out, items[i].type);
        ad_wire_u64(out, items[i].offset);
        ad_wire_u32(out, items[i].bit_offset);
        ad_wire_u32(out, items[i].bit_size);
        ad_wire_u8(out, items[i].is_base);
    }
}

static struct ad_error *tell(struct ad_dwarf_types *types, const struct pending *pending, uint64_t address)
{
    struct ad_die die = pending->die;
    char name[NAME_SIZE];
    struct body body;
    struct ad_vector members = AD_VECTOR(struct ad_type_member);
    AD_TRY(describe(types, die, pending, address, &body));
    struct ad_error *failure = read_members(types, die, body.kind, &members);
    ad_dwarf_spell(types->unit, &types->names, die, name, sizeof(name));
    if (!failure)
        put_type(types, pending->id, name, &body, &members);
    ad_vector_deinit(&members);
    return failure;
}

struct ad_error *ad_dwarf_types_tell(struct ad_dwarf_types *types, uint64_t address)
{
    while (types->pending.count) {
        struct pending pending = AD_ITEMS(struct pending, &types->pending)[--types->pending.count];
        AD_TRY(tell(types, &pending, address));
    }
    return NULL;
}
