/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "runtimes/layout_internal.h"

struct ad_error *ad_record_init(struct ad_record *record, const struct ad_layout *layout,
                                enum async_debug_record_kind kind)
{
    const struct async_debug_record *shape = &layout->descriptor.records[kind];
    *record = (struct ad_record){.shape = shape, .bytes = malloc(shape->size ? shape->size : 1)};
    return record->bytes ? NULL : &ad_error_nomem;
}

void ad_record_deinit(struct ad_record *record)
{
    free(record->bytes);
    record->bytes = NULL;
}

bool ad_record_fetch_some(struct ad_record *record, const struct ad_layout *layout, uint64_t address)
{
    record->address = address;
    record->got = 0;
    if (address)
        record->got = ad_target_read_some(layout->target, address, record->bytes, record->shape->size);
    return record->got > 0;
}

/* By kind; ASYNC_DEBUG_FIELDS: it has none. */
static unsigned magic_field(const struct ad_record *record, const struct ad_layout *layout)
{
    static const unsigned fields[ASYNC_DEBUG_RECORD_COUNT] = {
        [ASYNC_DEBUG_PROCESS] = ASYNC_DEBUG_PROCESS_MAGIC, [ASYNC_DEBUG_WORKER] = ASYNC_DEBUG_WORKER_MAGIC,
        [ASYNC_DEBUG_TASK] = ASYNC_DEBUG_TASK_MAGIC,       [ASYNC_DEBUG_FUTURE] = ASYNC_DEBUG_FUTURE_MAGIC,
        [ASYNC_DEBUG_WAITER] = ASYNC_DEBUG_WAITER_MAGIC,   [ASYNC_DEBUG_SLAB] = ASYNC_DEBUG_SLAB_MAGIC,
        [ASYNC_DEBUG_SITE] = ASYNC_DEBUG_FIELDS,           [ASYNC_DEBUG_LABEL] = ASYNC_DEBUG_FIELDS,
        [ASYNC_DEBUG_FINISHED] = ASYNC_DEBUG_FIELDS,       [ASYNC_DEBUG_HANDLE] = ASYNC_DEBUG_FIELDS,
        [ASYNC_DEBUG_FUNCTION] = ASYNC_DEBUG_FUNCTION_MAGIC,
    };
    return fields[record->shape - layout->descriptor.records];
}

/* Whether it is there in full and its magic is right. */
static bool is_whole(const struct ad_record *record, const struct ad_layout *layout)
{
    if (!record->got || record->got < record->shape->size)
        return false;
    unsigned magic = magic_field(record, layout);
    return !record->shape->magic || !ad_record_has(record, magic) ||
           ad_record_value(record, magic) == record->shape->magic;
}

bool ad_record_fetch(struct ad_record *record, const struct ad_layout *layout, uint64_t address)
{
    return ad_record_fetch_some(record, layout, address) && is_whole(record, layout);
}

bool ad_record_take(struct ad_record *record, const struct ad_layout *layout, uint64_t address,
                    const uint8_t *bytes)
{
    record->address = address;
    record->got = record->shape->size;
    memcpy(record->bytes, bytes, record->got);
    return is_whole(record, layout);
}

/* The field's description when its bytes were read. */
static const struct async_debug_field *find(const struct ad_record *record, unsigned number)
{
    const struct async_debug_field *field = number < ASYNC_DEBUG_FIELDS ? &record->shape->field[number] : NULL;
    if (!field || field->encoding == ASYNC_DEBUG_ABSENT || field->offset > record->got)
        return NULL;
    size_t left = record->got - field->offset;
    bool whole = field->size <= left;
    return whole || field->encoding == ASYNC_DEBUG_TEXT ? field : NULL;
}

bool ad_record_has(const struct ad_record *record, unsigned field)
{
    return find(record, field);
}

/* A number of 1, 2, 4 or 8 bytes; their being there was checked. Some thirty of them for each task. */
static uint64_t load(const uint8_t *bytes, size_t size)
{
    uint64_t eight;
    uint32_t four;
    uint16_t two;
    switch (size) {
    case sizeof(eight):
        memcpy(&eight, bytes, sizeof(eight));
        return eight;
    case sizeof(four):
        memcpy(&four, bytes, sizeof(four));
        return four;
    case sizeof(two):
        memcpy(&two, bytes, sizeof(two));
        return two;
    default:
        return size == 1 ? *bytes : 0;
    }
}

static uint64_t sign_extend(uint64_t value, size_t size)
{
    unsigned shift = 64 - 8 * (unsigned)size;
    return (uint64_t)((int64_t)(value << shift) >> shift);
}

uint64_t ad_record_value_or(const struct ad_record *record, unsigned number, uint64_t fallback)
{
    const struct async_debug_field *field = find(record, number);
    if (!field)
        return fallback;
    if (field->encoding == ASYNC_DEBUG_EMBEDDED)
        return record->address + field->offset;
    if (field->encoding == ASYNC_DEBUG_TEXT)
        return fallback;
    uint64_t value = load(record->bytes + field->offset, field->size);
    return field->encoding == ASYNC_DEBUG_SIGNED ? sign_extend(value, field->size) : value;
}

uint64_t ad_record_value(const struct ad_record *record, unsigned field)
{
    return ad_record_value_or(record, field, 0);
}

uint64_t ad_record_link(const struct ad_record *record, unsigned number, const struct async_debug_record *to,
                        unsigned link)
{
    uint64_t value = ad_record_value(record, number);
    bool to_field = record->shape->field[number].flags & ASYNC_DEBUG_LINK_TO_FIELD;
    return value && to_field ? value - to->field[link].offset : value;
}

void ad_record_head(const struct ad_record *record, unsigned number, const struct async_debug_record *to,
                    unsigned link, uint64_t *first_ret, uint64_t *head_ret)
{
    const struct async_debug_field *field = &record->shape->field[number];
    uint64_t own = record->address + field->offset, first = 0;
    bool to_field = field->flags & ASYNC_DEBUG_LINK_TO_FIELD;
    *first_ret = ad_record_link(record, number, to, link);
    *head_ret = to_field ? own - to->field[link].offset : own;
    if (field->encoding != ASYNC_DEBUG_EMBEDDED)
        return;
    if (field->offset <= record->got && sizeof(first) <= record->got - field->offset)
        memcpy(&first, record->bytes + field->offset, sizeof(first));
    *first_ret = first && to_field ? first - to->field[link].offset : first;
}

static struct ad_error *pointed_text(struct ad_layout *layout, uint64_t address, const char **text_ret)
{
    size_t size = (size_t)layout->limits->text;
    ad_auto_free char *text = malloc(size + 1);
    if (!text)
        return &ad_error_nomem;
    struct ad_error *error = ad_target_read_text(layout->target, address, text, size + 1, "text");
    if (error) {
        ad_error_destroy(error);
        ad_layout_tally(layout, AD_TALLY_TEXTS, address);
    }
    *text_ret = *text ? ad_pool_text(&layout->snapshot->pool, text, strlen(text)) : NULL;
    return *text && !*text_ret ? &ad_error_nomem : NULL;
}

struct ad_error *ad_record_text(const struct ad_record *record, struct ad_layout *layout, unsigned number,
                                const char **text_ret)
{
    const struct async_debug_field *field = find(record, number);
    *text_ret = NULL;
    if (!field)
        return NULL;
    if (field->encoding == ASYNC_DEBUG_TEXT_POINTER) {
        uint64_t address = ad_record_value(record, number);
        return address ? pointed_text(layout, address, text_ret) : NULL;
    }
    if (field->encoding != ASYNC_DEBUG_TEXT)
        return NULL;
    size_t left = record->got - field->offset, size = field->size < left ? field->size : left;
    size = size < layout->limits->text ? size : layout->limits->text;
    const char *text = (const char *)record->bytes + field->offset;
    size_t length = strnlen(text, size);
    *text_ret = length ? ad_pool_text(&layout->snapshot->pool, text, length) : NULL;
    return length && !*text_ret ? &ad_error_nomem : NULL;
}

static struct ad_error *read_place(struct ad_layout *layout, uint64_t address, struct ad_place *place)
{
    ad_auto_record struct ad_record site = {0};
    AD_TRY(ad_record_init(&site, layout, ASYNC_DEBUG_SITE));
    if (!ad_record_fetch_some(&site, layout, address))
        return NULL;
    place->line = (uint32_t)ad_record_value(&site, ASYNC_DEBUG_SITE_LINE);
    AD_TRY(ad_record_text(&site, layout, ASYNC_DEBUG_SITE_FILE, &place->file));
    return ad_record_text(&site, layout, ASYNC_DEBUG_SITE_FUNCTION, &place->function);
}

struct ad_error *ad_record_place(const struct ad_record *record, struct ad_layout *layout, unsigned field,
                                 struct ad_place *place_ret)
{
    uint64_t address = ad_record_value(record, field);
    *place_ret = (struct ad_place){0};
    if (!address)
        return NULL;
    uint32_t index = ad_map_get(&layout->place_at, address, AD_NONE);
    if (index == AD_NONE) {
        AD_TRY(read_place(layout, address, place_ret));
        index = (uint32_t)layout->places.count;
        AD_TRY(ad_vector_push(&layout->places, place_ret));
        AD_TRY(ad_map_put(&layout->place_at, address, index));
    }
    *place_ret = AD_ITEMS(struct ad_place, &layout->places)[index];
    return NULL;
}
