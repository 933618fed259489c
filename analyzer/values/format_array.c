/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cleanup.h"
#include "values/format_internal.h"

/* Of arrays of arrays; a file may say any number of them. */
#define DIMENSIONS 16

/* An element that is compared is at most this long. */
#define COMPARED 256

static struct ad_error *read_bound(const struct ad_formatter *formatter, const struct ad_type *type,
                                   bool *known_ret, uint64_t *last_ret)
{
    ad_cleanup(ad_source_deinit) struct ad_source source = {.fragments = AD_VECTOR(struct ad_fragment)};
    const struct ad_expression_stack *stack = formatter->frame->stack;
    uint64_t bits = 0;
    AD_TRY(ad_expression_locate(stack, formatter->frame->frame, &type->bound, &source.fragments));
    AD_TRY(ad_source_assemble(&source, stack, sizeof(bits)));
    uint64_t size = type->count && type->count <= sizeof(bits) ? type->count : sizeof(bits);
    *known_ret = !ad_source_read(&source, stack, 0, size, &bits);
    *last_ret = size == 4 ? (uint64_t)(int32_t)bits : bits;
    return NULL;
}

struct ad_error *ad_format_array_count(const struct ad_formatter *formatter, const struct ad_type *type,
                                       bool *known_ret, uint64_t *count_ret)
{
    struct ad_fragment bound = {0};
    bool is_count = type->bound_form == AD_BOUND_COUNT_VALUE || type->bound_form == AD_BOUND_COUNT_VARIABLE;
    *known_ret = true;
    switch (type->bound_form) {
    case AD_BOUND_COUNT:
        *count_ret = type->count;
        return NULL;
    case AD_BOUND_VALUE:
    case AD_BOUND_COUNT_VALUE:
        AD_TRY(ad_expression_number(formatter->frame->stack, formatter->frame->frame, &type->bound, &bound));
        *known_ret = bound.kind == AD_FRAGMENT_NUMBER;
        break;
    case AD_BOUND_VARIABLE:
    case AD_BOUND_COUNT_VARIABLE:
        AD_TRY(read_bound(formatter, type, known_ret, &bound.number));
        break;
    default:
        *known_ret = false;
    }
    *count_ret = is_count ? bound.number : bound.number + 1;
    return NULL;
}

struct ad_error *ad_format_size(const struct ad_formatter *formatter, uint32_t id, uint64_t *size_ret)
{
    uint64_t factor = 1;
    const struct ad_type *type = ad_type_real(formatter->types, id);
    for (int i = 0; type->kind == AD_TYPE_ARRAY && !type->size; i++) {
        bool known;
        uint64_t count;
        AD_TRY(ad_format_array_count(formatter, type, &known, &count));
        *size_ret = 0;
        if (!known || i == DIMENSIONS || !ad_mul(factor, count, &factor))
            return NULL;
        type = ad_type_real(formatter->types, type->target);
    }
    if (!ad_mul(factor, type->size, size_ret))
        *size_ret = 0;
    return NULL;
}

uint64_t ad_format_repeats(const struct ad_formatter *formatter, const struct ad_source *source, uint64_t offset,
                           uint64_t size, uint64_t count)
{
    uint8_t first[COMPARED], other[COMPARED];
    const struct ad_expression_stack *stack = formatter->frame->stack;
    uint64_t repeats = 1, most = stack->limits->stack_bytes / (size ? size : 1);
    if (!size || size > COMPARED || ad_source_read(source, stack, offset, size, first))
        return 1;
    while (repeats < count && repeats < most) {
        offset += size; /* within the array, whose size does not wrap around */
        if (ad_source_read(source, stack, offset, size, other) || memcmp(first, other, size) != 0)
            break;
        repeats++;
    }
    return repeats;
}
