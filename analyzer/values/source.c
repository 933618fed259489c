/* SPDX-License-Identifier: MIT */
#include "values/source.h"

#include <stdlib.h>
#include <string.h>

#define STATES_MAX 200 /* fragments that a byte can blame; the rest blame the last of these */

static const struct ad_fragment nowhere = {.kind = AD_FRAGMENT_NOWHERE};

void ad_source_deinit(struct ad_source *source)
{
    free(source->bytes);
    free(source->states);
    ad_vector_deinit(&source->fragments);
    *source = (struct ad_source){0};
}

/* Bits [from, from + count) of the fragment into bits [to, ...) of the value, least significant first. */
static void copy_bits(struct ad_source *source, uint64_t to, const uint8_t *bytes, uint64_t from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        unsigned bit = bytes[(from + i) / 8] >> (from + i) % 8 & 1;
        uint8_t *place = &source->bytes[(to + i) / 8];
        *place = (uint8_t)((*place & ~(1u << (to + i) % 8)) | bit << (to + i) % 8);
    }
}

/* Of the fragments that are missing for the same reason, the first one. */
static size_t first_like(const struct ad_source *source, size_t index)
{
    const struct ad_fragment *fragments = source->fragments.items, *wanted = &fragments[index];
    for (size_t i = 0; i < index; i++)
        if (fragments[i].kind == wanted->kind && fragments[i].number == wanted->number &&
            fragments[i].text == wanted->text && wanted->kind >= AD_FRAGMENT_NOWHERE)
            return i;
    return index;
}

static void blame(struct ad_source *source, uint64_t bit, uint64_t count, size_t fragment)
{
    fragment = first_like(source, fragment);
    uint8_t state = (uint8_t)(1 + (fragment < STATES_MAX ? fragment : STATES_MAX));
    for (uint64_t i = bit / 8; i <= (bit + count - 1) / 8 && i < source->size; i++)
        source->states[i] = state;
}

/* The fragment's bytes from its first bit on, as many as it takes; the number that are there. */
static uint64_t fetch(struct ad_fragment *fragment, const struct ad_expression_stack *stack, uint8_t *buffer,
                      uint64_t size)
{
    uint64_t here = 0;
    switch (fragment->kind) {
    case AD_FRAGMENT_NUMBER:
        here = size < sizeof(fragment->number) ? size : sizeof(fragment->number);
        memcpy(buffer, &fragment->number, here);
        return here;
    case AD_FRAGMENT_BYTES:
        here = size < fragment->size ? size : fragment->size;
        memcpy(buffer, fragment->bytes, here);
        return here;
    case AD_FRAGMENT_MEMORY:
        here = stack->read(stack->context, fragment->number, buffer, size);
        if (here < size)
            *fragment = (struct ad_fragment){.kind = AD_FRAGMENT_UNREADABLE, .number = fragment->number + here};
        return here;
    default:
        return 0;
    }
}

/* Puts one fragment at bit `to` of the value; `count` bits fit. */
static void put_fragment(struct ad_source *source, const struct ad_expression_stack *stack, size_t index,
                         uint64_t to, uint64_t count, uint8_t *buffer)
{
    struct ad_fragment *fragment = &AD_ITEMS(struct ad_fragment, &source->fragments)[index];
    uint64_t from = fragment->bit_offset, limit = stack->limits->value_bytes * 8;
    if (from > limit || count > limit - from) {
        blame(source, to, count, index);
        return;
    }
    uint64_t there = fetch(fragment, stack, buffer, (from + count + 7) / 8) * 8;
    uint64_t usable = there > from ? there - from : 0;
    if (usable > count)
        usable = count;
    if (from % 8 == 0 && to % 8 == 0 && usable % 8 == 0)
        memcpy(source->bytes + to / 8, buffer + from / 8, usable / 8);
    else
        copy_bits(source, to, buffer, from, usable);
    if (usable < count)
        blame(source, to + usable, count - usable, index);
}

static struct ad_error *put_fragments(struct ad_source *source, const struct ad_expression_stack *stack)
{
    uint64_t bits = source->size * 8, to = 0;
    uint8_t *buffer = malloc(stack->limits->value_bytes + 1);
    if (!buffer)
        return &ad_error_nomem;
    for (size_t i = 0; i < source->fragments.count && to < bits; i++) {
        uint64_t count = AD_ITEMS(struct ad_fragment, &source->fragments)[i].bit_size;
        if (count > bits - to)
            count = bits - to;
        if (count)
            put_fragment(source, stack, i, to, count, buffer);
        to += count;
    }
    free(buffer);
    /* What no fragment tells is optimized out. */
    AD_TRY(ad_vector_push(&source->fragments, &nowhere));
    if (to < bits)
        blame(source, to, bits - to, source->fragments.count - 1);
    return NULL;
}

struct ad_error *ad_source_assemble(struct ad_source *source, const struct ad_expression_stack *stack,
                                    uint64_t size)
{
    const struct ad_fragment *first = source->fragments.items;
    if (source->fragments.count == 1 && first->kind == AD_FRAGMENT_MEMORY && first->bit_size == UINT64_MAX) {
        source->in_memory = true;
        source->address = first->number;
        return NULL;
    }
    if (source->fragments.count >= STATES_MAX)
        source->fragments.count = STATES_MAX - 1;
    source->size = (size_t)(size < stack->limits->value_bytes ? size : stack->limits->value_bytes);
    source->bytes = calloc(1, source->size + 1);
    source->states = calloc(1, source->size + 1);
    return source->bytes && source->states ? put_fragments(source, stack) : &ad_error_nomem;
}

const struct ad_fragment *ad_source_read(const struct ad_source *source,
                                         const struct ad_expression_stack *stack, uint64_t offset, uint64_t size,
                                         void *buffer)
{
    static _Thread_local struct ad_fragment unreadable;
    if (source->in_memory) {
        uint64_t address;
        size_t got = 0;
        bool real = ad_add(source->address, offset, &address);
        if (real)
            got = stack->read(stack->context, address, buffer, size);
        if (real && got == size)
            return NULL;
        unreadable = (struct ad_fragment){.kind = AD_FRAGMENT_UNREADABLE, .number = real ? address + got : offset};
        return &unreadable;
    }
    if (offset > source->size || size > source->size - offset)
        return &nowhere;
    for (uint64_t i = 0; i < size; i++)
        if (source->states[offset + i])
            return &AD_ITEMS(struct ad_fragment, &source->fragments)[source->states[offset + i] - 1];
    memcpy(buffer, source->bytes + offset, size);
    return NULL;
}

bool ad_source_is_lost(const struct ad_source *source, uint64_t offset, uint64_t size,
                       const struct ad_fragment **blame_ret)
{
    if (source->in_memory || !size)
        return false;
    *blame_ret = &nowhere;
    if (offset > source->size || size > source->size - offset)
        return offset >= source->size;
    for (uint64_t i = 1; i < size; i++)
        if (source->states[offset + i] != source->states[offset])
            return false;
    if (source->states[offset])
        *blame_ret = &AD_ITEMS(struct ad_fragment, &source->fragments)[source->states[offset] - 1];
    return source->states[offset];
}
