/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "runtimes/layout_internal.h"

/* A task that waits uses about 1 KiB of its stack. */
#define STACK_BYTES ((size_t)4096)
#define AHEAD ((size_t)1024) /* tasks of which a disk may read the stacks before they are needed */

/* Which bytes around a context hold its registers: the same for all tasks of a runtime. */
struct span {
    int64_t low;
    int64_t high;
};

static struct span find_span(const struct async_debug_descriptor *descriptor)
{
    struct span span = {0, 0};
    for (uint32_t i = 0; i < ASYNC_DEBUG_REGISTERS && i < descriptor->register_count; i++) {
        const struct async_debug_register *rule = &descriptor->registers[i];
        int64_t end = (int64_t)rule->offset + (int64_t)sizeof(uint64_t);
        if (rule->rule != ASYNC_DEBUG_REGISTER_AT)
            continue;
        span.low = rule->offset < span.low ? rule->offset : span.low;
        span.high = end > span.high ? end : span.high;
    }
    return span;
}

/* A running task's saved context is stale, and one that has ended has none. */
static bool is_suspended(const struct ad_task *task)
{
    return task->context && (task->state == ASYNC_DEBUG_STATE_CREATED || task->state == ASYNC_DEBUG_STATE_READY ||
                             task->state == ASYNC_DEBUG_STATE_WAITING);
}

static struct ad_task *tasks_of(const struct ad_layout *layout)
{
    return AD_ITEMS(struct ad_task, &layout->snapshot->tasks);
}

static struct ad_error *prefetch(struct ad_layout *layout, struct span span)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    if (!layout->target->ops->prefetch)
        return NULL;
    for (size_t i = layout->first_task; i < layout->snapshot->tasks.count; i++) {
        const struct ad_task *task = &tasks_of(layout)[i];
        struct ad_range range;
        if (is_suspended(task) &&
            ad_range_init(&range, task->context + (uint64_t)span.low, (uint64_t)(span.high - span.low)))
            AD_TRY(ad_vector_push(&ranges, &range));
    }
    return ad_target_prefetch(layout->target, ranges.items, ranges.count);
}

/* Values of the table's registers; false when the bytes at hand do not reach. */
static bool apply_rules(const struct ad_layout *layout, uint64_t context, struct span span,
                        struct ad_cursor *bytes, struct ad_registers *registers)
{
    const struct async_debug_descriptor *descriptor = &layout->descriptor;
    for (uint32_t i = 0; i < ASYNC_DEBUG_REGISTERS && i < descriptor->register_count; i++) {
        const struct async_debug_register *rule = &descriptor->registers[i];
        if (rule->number >= AD_REG_COUNT || rule->rule == ASYNC_DEBUG_REGISTER_NONE)
            continue;
        uint64_t value = context + (uint64_t)(int64_t)rule->offset;
        if (rule->rule == ASYNC_DEBUG_REGISTER_AT) {
            bytes->position = bytes->start;
            ad_cursor_skip(bytes, (size_t)(rule->offset - span.low));
            value = ad_cursor_u64(bytes);
        }
        ad_registers_set(registers, rule->number, value);
    }
    return !bytes->failed;
}

/* The stack pointer of a suspended task points into its own stack, where those bounds are told. */
static bool plausible(const struct ad_task *task, const struct ad_registers *registers)
{
    const uint32_t needed = 1u << AD_REG_PC | 1u << AD_REG_SP;
    struct ad_range stack;
    if ((registers->valid & needed) != needed || !ad_range_init(&stack, task->stack_low, task->stack_size))
        return false;
    return !task->stack_size || ad_range_holds(stack, registers->value[AD_REG_SP], 0);
}

/* While contexts are read. */
struct reading {
    struct ad_layout *layout;
    struct span span;
    uint8_t *buffer;
    size_t room;
    uint32_t waiter_size; /* of a WAITER record; 0: there are none */
};

/* Bytes to read from a context on: its registers, and for a visitor the stack behind them. */
static size_t wanted(const struct reading *reading, const struct ad_task *task)
{
    size_t least = (size_t)(reading->span.high - reading->span.low);
    uint64_t start = task->context + (uint64_t)reading->span.low;
    struct ad_range stack;
    if (!reading->layout->visitor)
        return least;
    if (!ad_range_init(&stack, task->stack_low, task->stack_size) || !ad_range_contains(stack, start))
        return reading->room;
    uint64_t left = stack.end - start;
    left = left < reading->room ? left : reading->room;
    return left > least ? (size_t)left : least;
}

/* Keeps the record of what the task waits for when it lies among the bytes that were read: there is one for each
 * task, and queues lead from one to the other. */
static struct ad_error *note_waiter(const struct reading *reading, size_t index, uint64_t start, size_t got)
{
    struct ad_layout *layout = reading->layout;
    uint64_t waiter = AD_ITEMS(struct ad_links, &layout->links)[index - layout->first_task].waiter;
    size_t number = reading->waiter_size ? layout->noted.count / reading->waiter_size : 0;
    if (!waiter || !reading->waiter_size || number >= AD_NONE ||
        !ad_range_holds((struct ad_range){start, start + got}, waiter, reading->waiter_size))
        return NULL;
    AD_TRY(ad_map_put(&layout->noted_at, waiter, (uint32_t)number));
    return ad_vector_append(&layout->noted, reading->buffer + (waiter - start), reading->waiter_size);
}

static struct ad_error *tell(const struct reading *reading, size_t index, const struct ad_registers *registers,
                             uint64_t start, size_t got)
{
    const struct ad_stack_visitor *visitor = reading->layout->visitor;
    if (!visitor || visitor->keep_registers)
        AD_TRY(ad_snapshot_keep_registers(reading->layout->snapshot, (uint32_t)index, registers));
    if (!visitor)
        return NULL;
    AD_TRY(note_waiter(reading, index, start, got));
    return visitor->visit(visitor->context, (uint32_t)index, registers, start, reading->buffer, got);
}

static struct ad_error *read_context(const struct reading *reading, size_t index)
{
    struct ad_layout *layout = reading->layout;
    const struct ad_task *task = &tasks_of(layout)[index];
    uint64_t start = task->context + (uint64_t)reading->span.low;
    struct ad_registers registers = {0};
    struct ad_cursor cursor;
    size_t got = ad_target_read_some(layout->target, start, reading->buffer, wanted(reading, task));
    ad_cursor_init(&cursor, reading->buffer, got);
    if (!apply_rules(layout, task->context, reading->span, &cursor, &registers) || !plausible(task, &registers)) {
        ad_layout_tally(layout, AD_TALLY_CONTEXTS, task->context);
        return NULL;
    }
    return tell(reading, index, &registers, start, got);
}

/* Tells the target of the stacks of the tasks from `from` on, so that it reads them while others are unwound. */
static struct ad_error *expect(const struct reading *reading, size_t from, struct ad_vector *ranges)
{
    struct ad_layout *layout = reading->layout;
    size_t end = layout->snapshot->tasks.count;
    end = from < end && end - from > AHEAD ? from + AHEAD : end;
    ranges->count = 0;
    for (size_t i = from; i < end; i++) {
        const struct ad_task *task = &tasks_of(layout)[i];
        struct ad_range range;
        if (is_suspended(task) &&
            ad_range_init(&range, task->context + (uint64_t)reading->span.low, wanted(reading, task)))
            AD_TRY(ad_vector_push(ranges, &range));
    }
    ad_target_expect(layout->target, ranges->items, ranges->count);
    return NULL;
}

static struct ad_error *read_contexts(const struct reading *reading)
{
    struct ad_layout *layout = reading->layout;
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    bool ahead = layout->visitor && layout->target->ops->expect;
    size_t first = layout->first_task;
    if (ahead)
        AD_TRY(expect(reading, first, &ranges));
    for (size_t i = first; i < layout->snapshot->tasks.count; i++) {
        if (ahead && (i - first) % AHEAD == 0)
            AD_TRY(expect(reading, i + AHEAD, &ranges));
        if (is_suspended(&tasks_of(layout)[i]))
            AD_TRY(read_context(reading, i));
    }
    return NULL;
}

struct ad_error *ad_layout_contexts(struct ad_layout *layout)
{
    struct span span = find_span(&layout->descriptor);
    uint64_t size = (uint64_t)(span.high - span.low);
    if (!layout->descriptor.register_count)
        return NULL;
    if (size > layout->limits->record_bytes)
        return ad_snapshot_lose(layout->snapshot, true, 1,
                                "the registers of suspended tasks are spread over %llu bytes: not read",
                                (unsigned long long)size);
    size_t room = size < STACK_BYTES ? STACK_BYTES : (size_t)size;
    ad_auto_free uint8_t *buffer = malloc(room);
    if (!buffer)
        return &ad_error_nomem;
    struct reading reading = {layout, span, buffer, room, layout->descriptor.records[ASYNC_DEBUG_WAITER].size};
    AD_TRY(prefetch(layout, span));
    return read_contexts(&reading);
}

/* ---- Stacks ------------------------------------------------------------------------------------- */

/* A stack of unknown bounds, from a little below its stack pointer (the red zone of the psABI, 3.2.2) up. */
static bool stack_from(const struct ad_target *target, const struct ad_registers *registers, uint64_t limit,
                       struct ad_range *range)
{
    const uint64_t red_zone = 128;
    uint64_t sp = registers->value[AD_REG_SP];
    const struct ad_region *region = ad_target_region(target, sp);
    if (!(registers->valid & 1u << AD_REG_SP) || !region)
        return false;
    *range = region->range;
    if (sp - range->start > red_zone)
        range->start = sp - red_zone;
    if (ad_range_size(*range) > limit)
        range->end = range->start + limit;
    return true;
}

bool ad_layout_used_stack(const struct ad_target *target, const struct ad_task *task,
                          const struct ad_registers *registers, const struct ad_limits *limits, struct ad_range *range)
{
    uint64_t low = registers->value[AD_REG_SP];
    struct ad_range stack;
    if (!task->stack_size)
        return stack_from(target, registers, limits->thread_bytes, range);
    if (!(registers->valid & 1u << AD_REG_SP) ||
        !ad_range_init(&stack, task->stack_low, task->stack_size) || !ad_range_contains(stack, low))
        return false;
    if (ad_range_contains(stack, task->context) && task->context < low)
        low = task->context;
    *range = (struct ad_range){low, stack.end};
    if (ad_range_size(*range) > limits->stack_bytes)
        range->end = low + limits->stack_bytes;
    return true;
}

struct ad_error *ad_layout_prefetch_stacks(struct ad_target *target, const struct ad_limits *limits,
                                           const struct ad_snapshot *snapshot)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    struct ad_range range;
    if (!target->ops->prefetch)
        return NULL;
    for (uint32_t i = 0; i < snapshot->tasks.count; i++)
        if (ad_layout_used_stack(target, ad_snapshot_task(snapshot, i), ad_snapshot_registers(snapshot, i), limits,
                                 &range))
            AD_TRY(ad_vector_push(&ranges, &range));
    for (size_t i = 0; i < target->thread_count; i++)
        if (stack_from(target, &target->threads[i].registers, limits->thread_bytes, &range))
            AD_TRY(ad_vector_push(&ranges, &range));
    return ad_target_prefetch(target, ranges.items, ranges.count);
}
