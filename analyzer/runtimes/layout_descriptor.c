/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "runtimes/layout_internal.h"

#define LITTLE_ENDIAN_DATA 1 /* ELFDATA2LSB */
#define MACHINE_X86_64 62    /* EM_X86_64 */

/* Without these tables no task can be read. */
#define LEAST_SIZE (offsetof(struct async_debug_descriptor, records) + \
                    (ASYNC_DEBUG_TASK + 1) * sizeof(struct async_debug_record))

static struct ad_error *refuse(uint64_t address, const char *reason)
{
    return ad_error_create(AD_ERROR_FORMAT, "no readable descriptor at 0x%" PRIx64 ": %s", address, reason);
}

/* The first part has the same shape in every version of the contract. */
static struct ad_error *check_head(const struct async_debug_descriptor *descriptor, uint64_t address)
{
    if (memcmp(descriptor->magic, ASYNC_DEBUG_MAGIC, sizeof(descriptor->magic)) != 0)
        return refuse(address, "its magic is missing");
    if (descriptor->self != address)
        return refuse(address, "it is a copy, or its runtime has not been started");
    if (descriptor->byte_order != LITTLE_ENDIAN_DATA || descriptor->word_size != sizeof(uint64_t))
        return refuse(address, "it is not of a 64-bit little-endian machine");
    if (descriptor->machine != MACHINE_X86_64)
        return refuse(address, "it is not of an x86-64 machine");
    if (descriptor->abi >> 16 != ASYNC_DEBUG_ABI >> 16)
        return ad_error_create(AD_ERROR_FORMAT,
                               "the descriptor at 0x%" PRIx64 " has ABI %u.%u and this asyncdump reads %u.x: "
                               "another version of asyncdump is needed",
                               address, descriptor->abi >> 16, descriptor->abi & 0xffff, ASYNC_DEBUG_ABI >> 16);
    if (descriptor->size < LEAST_SIZE)
        return refuse(address, "it is too short");
    return NULL;
}

static struct ad_error *read_descriptor(struct ad_target *target, uint64_t address,
                                        struct async_debug_descriptor *descriptor)
{
    const size_t head = offsetof(struct async_debug_descriptor, runtime);
    memset(descriptor, 0, sizeof(*descriptor));
    AD_TRY(ad_target_read(target, address, descriptor, head, "descriptor"));
    AD_TRY(check_head(descriptor, address));
    size_t size = descriptor->size < sizeof(*descriptor) ? descriptor->size : sizeof(*descriptor);
    return ad_target_read(target, address + head, (char *)descriptor + head, size - head, "descriptor");
}

struct ad_error *ad_layout_check(struct ad_target *target, uint64_t address)
{
    struct async_debug_descriptor descriptor;
    return read_descriptor(target, address, &descriptor);
}

static bool field_fits(const struct async_debug_field *field, uint32_t record_size)
{
    bool inside = field->offset <= record_size && field->size <= record_size - field->offset;
    switch (field->encoding) {
    case ASYNC_DEBUG_UNSIGNED:
    case ASYNC_DEBUG_SIGNED:
        return inside && (field->size == 1 || field->size == 2 || field->size == 4 || field->size == 8);
    case ASYNC_DEBUG_POINTER:
    case ASYNC_DEBUG_TEXT_POINTER:
        return inside && field->size == sizeof(uint64_t);
    case ASYNC_DEBUG_TEXT:
    case ASYNC_DEBUG_EMBEDDED:
        return inside;
    default:
        return false;
    }
}

/* Makes absent what the publisher did not know of and what does not fit. */
static void check_record(struct ad_layout *layout, struct async_debug_record *record)
{
    uint64_t limit = layout->limits->record_bytes;
    bool usable = record->size && record->size <= limit;
    if (record->size > limit)
        ad_layout_tally(layout, AD_TALLY_FIELDS, layout->address);
    if (!usable)
        *record = (struct async_debug_record){0};
    for (uint32_t i = 0; i < ASYNC_DEBUG_FIELDS; i++) {
        struct async_debug_field *field = &record->field[i];
        bool known = i < record->field_count && field->encoding != ASYNC_DEBUG_ABSENT;
        bool fits = known && field_fits(field, record->size);
        if (known && !fits)
            ad_layout_tally(layout, AD_TALLY_FIELDS, layout->address);
        if (!fits)
            *field = (struct async_debug_field){0};
    }
}

static bool has(const struct ad_layout *layout, enum async_debug_record_kind kind, unsigned field)
{
    return layout->descriptor.records[kind].field[field].encoding != ASYNC_DEBUG_ABSENT;
}

/* Of a task nothing is mandatory but its state; and there must be a road to it. */
static struct ad_error *check_records(struct ad_layout *layout)
{
    for (unsigned i = 0; i < ASYNC_DEBUG_RECORD_COUNT; i++)
        check_record(layout, &layout->descriptor.records[i]);
    bool heads = has(layout, ASYNC_DEBUG_PROCESS, ASYNC_DEBUG_PROCESS_TASKS) ||
                 has(layout, ASYNC_DEBUG_WORKER, ASYNC_DEBUG_WORKER_TASKS);
    bool slabs = (has(layout, ASYNC_DEBUG_PROCESS, ASYNC_DEBUG_PROCESS_SLABS) &&
                  has(layout, ASYNC_DEBUG_PROCESS, ASYNC_DEBUG_PROCESS_SLAB_COUNT)) ||
                 (has(layout, ASYNC_DEBUG_WORKER, ASYNC_DEBUG_WORKER_SLABS) &&
                  has(layout, ASYNC_DEBUG_WORKER, ASYNC_DEBUG_WORKER_SLAB_COUNT));
    layout->has_list = heads && has(layout, ASYNC_DEBUG_TASK, ASYNC_DEBUG_TASK_NEXT);
    layout->has_index = slabs && has(layout, ASYNC_DEBUG_SLAB, ASYNC_DEBUG_SLAB_SLOTS) &&
                        has(layout, ASYNC_DEBUG_SLAB, ASYNC_DEBUG_SLAB_SLOT_COUNT);
    if (!has(layout, ASYNC_DEBUG_TASK, ASYNC_DEBUG_TASK_STATE))
        return refuse(layout->address, "it does not say where a task's state is");
    if (!layout->has_list && !layout->has_index)
        return refuse(layout->address, "it describes neither a list nor an index of tasks");
    return NULL;
}

static struct ad_error *read_names(struct ad_layout *layout, const struct async_debug_name *names, size_t count,
                                   struct ad_name_table *table)
{
    *table = (struct ad_name_table){.count = count};
    for (size_t i = 0; i < count; i++) {
        size_t length = strnlen(names[i].text, sizeof(names[i].text));
        if (!length)
            continue;
        table->meaning[i] = names[i].meaning;
        table->text[i] = ad_pool_text(&layout->snapshot->pool, names[i].text, length);
        if (!table->text[i])
            return &ad_error_nomem;
    }
    return NULL;
}

struct ad_error *ad_layout_descriptor(struct ad_layout *layout)
{
    struct async_debug_descriptor *descriptor = &layout->descriptor;
    AD_TRY(read_descriptor(layout->target, layout->address, descriptor));
    AD_TRY(check_records(layout));
    AD_TRY(read_names(layout, descriptor->task_states, ASYNC_DEBUG_STATES, &layout->task_states));
    AD_TRY(read_names(layout, descriptor->future_states, ASYNC_DEBUG_STATES, &layout->future_states));
    AD_TRY(read_names(layout, descriptor->worker_states, ASYNC_DEBUG_STATES, &layout->worker_states));
    return read_names(layout, descriptor->future_kinds, ASYNC_DEBUG_KINDS, &layout->future_kinds);
}

const char *ad_name_text(const struct ad_name_table *table, uint64_t number)
{
    const char *text = number < table->count ? table->text[number] : NULL;
    return text ? text : "unknown";
}

uint16_t ad_name_meaning(const struct ad_name_table *table, uint64_t number)
{
    return number < table->count ? table->meaning[number] : 0;
}
