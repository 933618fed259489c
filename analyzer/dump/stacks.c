/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump/dump_internal.h"

enum { REASONS = AD_STACK_NO_REGISTER + 1 };

/* The table of distinct stacks while it is built. A stack is the sequence of its locations and how it ends. */
struct builder {
    struct ad_snapshot *snapshot;
    struct ad_unwinder *unwinder;
    struct ad_locations locations;
    struct ad_map stack_at;          /* hash -> the last stack of that hash */
    struct ad_vector previous;       /* uint32_t for each stack: the one before it of the same hash */
    struct ad_vector sequence;       /* uint32_t: location indices of the stack at hand */
    uint64_t incomplete[REASONS];    /* tasks whose stack ends early, by the reason */
    uint64_t incomplete_at[REASONS]; /* where the first of them does */
};

/* Up to the runtime's entry trampoline: what lies below it is not the task's. */
static struct ad_error *make_sequence(struct builder *builder, struct ad_unwound_stack *stack)
{
    builder->sequence.count = 0;
    for (size_t i = 0; i < stack->count; i++) {
        uint32_t location;
        const struct ad_unwound_frame *frame = &stack->frames[i];
        AD_TRY(ad_locations_find(&builder->locations, frame->pc, frame->interrupted, &location));
        AD_TRY(ad_vector_push(&builder->sequence, &location));
        if (AD_ITEMS(struct ad_location, &builder->snapshot->locations)[location].entry) {
            stack->end = AD_STACK_ENTRY;
            break;
        }
    }
    return NULL;
}

static uint64_t hash_sequence(const struct builder *builder, enum ad_stack_end end)
{
    const uint32_t *items = builder->sequence.items;
    uint64_t hash = ad_map_hash(end);
    for (size_t i = 0; i < builder->sequence.count; i++)
        hash = ad_map_hash(hash ^ items[i]);
    return hash;
}

static bool is_stack(const struct builder *builder, uint32_t index, enum ad_stack_end end)
{
    const struct ad_stack *stack = &AD_ITEMS(struct ad_stack, &builder->snapshot->stacks)[index];
    size_t count = builder->sequence.count;
    if (stack->count != count || stack->end != (uint32_t)end)
        return false;
    const uint32_t *frames = AD_ITEMS(uint32_t, &builder->snapshot->frames) + stack->first;
    return !count || memcmp(frames, builder->sequence.items, count * sizeof(*frames)) == 0;
}

/* Where it ends is said only when that is code, and so the same for all tasks of this stack. */
static struct ad_error *end_text(struct builder *builder, const struct ad_unwound_stack *stack,
                                 const char **text_ret)
{
    char text[128];
    *text_ret = NULL;
    if (stack->end == AD_STACK_ENTRY)
        return NULL;
    int length = snprintf(text, sizeof(text), "%s", ad_stack_end_text(stack->end));
    if (stack->end == AD_STACK_NO_CFI && length > 0 && (size_t)length < sizeof(text))
        snprintf(text + length, sizeof(text) - (size_t)length, " at 0x%" PRIx64, stack->end_address);
    return ad_snapshot_text(builder->snapshot, text, text_ret);
}

static struct ad_error *add_stack(struct builder *builder, const struct ad_unwound_stack *unwound,
                                  uint32_t before)
{
    struct ad_snapshot *snapshot = builder->snapshot;
    struct ad_stack stack = {
        .first = (uint32_t)snapshot->frames.count,
        .count = (uint32_t)builder->sequence.count,
        .end = unwound->end,
    };
    AD_TRY(end_text(builder, unwound, &stack.end_text));
    for (size_t i = 0; i < builder->sequence.count; i++)
        AD_TRY(ad_vector_push(&snapshot->frames, &AD_ITEMS(uint32_t, &builder->sequence)[i]));
    AD_TRY(ad_vector_push(&builder->previous, &before));
    return ad_vector_push(&snapshot->stacks, &stack);
}

static struct ad_error *keep_stack(struct builder *builder, struct ad_unwound_stack *unwound, uint32_t *index_ret)
{
    AD_TRY(make_sequence(builder, unwound));
    if (builder->sequence.count > UINT32_MAX - builder->snapshot->frames.count) {
        builder->sequence.count = 0; /* indices have 32 bits: such a target is not a real one */
        unwound->end = AD_STACK_CAP;
    }
    uint64_t hash = hash_sequence(builder, unwound->end);
    uint32_t last = ad_map_get(&builder->stack_at, hash, AD_NONE);
    for (uint32_t i = last; i != AD_NONE; i = AD_ITEMS(uint32_t, &builder->previous)[i]) {
        if (is_stack(builder, i, unwound->end)) {
            *index_ret = i;
            return NULL;
        }
    }
    *index_ret = (uint32_t)builder->snapshot->stacks.count;
    AD_TRY(ad_map_put(&builder->stack_at, hash, *index_ret));
    return add_stack(builder, unwound, last);
}

/* At least the frame that the registers themselves name. */
static struct ad_error *unwind(struct builder *builder, const struct ad_registers *registers, bool interrupted,
                               struct ad_unwound_stack *stack, uint32_t *index_ret)
{
    struct ad_unwound_frame first = {.pc = registers->value[AD_REG_PC], .interrupted = interrupted};
    AD_TRY(ad_unwind(builder->unwinder, registers, interrupted, stack));
    if (!stack->count) {
        stack->frames = &first;
        stack->count = 1;
    }
    return keep_stack(builder, stack, index_ret);
}

static bool has_registers(const struct ad_registers *registers)
{
    const uint32_t needed = 1u << AD_REG_PC | 1u << AD_REG_SP;
    return (registers->valid & needed) == needed;
}

/* ---- Threads, and the tasks that run on them ------------------------------------------------------ */

/* A running task's own frames are those of its thread, down to the entry trampoline. */
static void give_to_task(struct builder *builder, const struct ad_thread_state *thread)
{
    struct ad_snapshot *snapshot = builder->snapshot;
    if (thread->worker == AD_NONE)
        return;
    const struct ad_worker *worker = ad_snapshot_worker(snapshot, thread->worker);
    const struct ad_stack *stack = &AD_ITEMS(struct ad_stack, &snapshot->stacks)[thread->stack];
    if (worker->current == AD_NONE)
        return;
    struct ad_task *task = ad_snapshot_task(snapshot, worker->current);
    uint64_t sp = thread->thread.registers.value[AD_REG_SP];
    struct ad_range bounds;
    bool on_it = ad_range_init(&bounds, task->stack_low, task->stack_size) && ad_range_contains(bounds, sp);
    uint32_t last = stack->count ? AD_ITEMS(uint32_t, &snapshot->frames)[stack->first + stack->count - 1] : 0;
    bool entered = stack->count && AD_ITEMS(struct ad_location, &snapshot->locations)[last].entry;
    if (task->state == ASYNC_DEBUG_STATE_RUNNING && (on_it || entered))
        task->stack = thread->stack;
}

static struct ad_error *unwind_threads(struct builder *builder)
{
    struct ad_thread_state *threads = builder->snapshot->threads.items;
    for (size_t i = 0; i < builder->snapshot->threads.count; i++) {
        struct ad_unwound_stack stack;
        if (!has_registers(&threads[i].thread.registers))
            continue;
        AD_TRY(unwind(builder, &threads[i].thread.registers, true, &stack, &threads[i].stack));
        give_to_task(builder, &threads[i]);
    }
    return NULL;
}

/* ---- Suspended tasks -------------------------------------------------------------------------------- */

static void count_end(struct builder *builder, const struct ad_unwound_stack *stack)
{
    if (stack->end == AD_STACK_ENTRY || (unsigned)stack->end >= REASONS)
        return;
    if (!builder->incomplete[stack->end]++)
        builder->incomplete_at[stack->end] = stack->end_address;
}

static struct ad_error *unwind_tasks(struct builder *builder)
{
    for (uint32_t i = 0; i < builder->snapshot->tasks.count; i++) {
        struct ad_task *task = ad_snapshot_task(builder->snapshot, i);
        struct ad_unwound_stack stack;
        if (!has_registers(&task->registers))
            continue;
        AD_TRY(unwind(builder, &task->registers, false, &stack, &task->stack));
        count_end(builder, &stack);
    }
    return NULL;
}

/* ---- Recorded stacks -------------------------------------------------------------------------------- */

static struct ad_error *keep_trace(struct builder *builder, struct ad_trace *trace)
{
    const struct ad_vector *addresses = &builder->snapshot->addresses;
    if (!trace->count)
        return NULL;
    ad_auto_free struct ad_unwound_frame *frames = calloc(trace->count, sizeof(*frames));
    if (!frames)
        return &ad_error_nomem;
    for (uint32_t i = 0; i < trace->count; i++)
        frames[i].pc = AD_ITEMS(uint64_t, addresses)[trace->first + i];
    struct ad_unwound_stack stack = {.frames = frames, .count = trace->count, .end = AD_STACK_ENTRY};
    return keep_stack(builder, &stack, &trace->stack);
}

static struct ad_error *keep_traces(struct builder *builder)
{
    struct ad_task_extra *extras = builder->snapshot->extras.items;
    for (size_t i = 0; i < builder->snapshot->extras.count; i++) {
        AD_TRY(keep_trace(builder, &extras[i].spawn_trace));
        AD_TRY(keep_trace(builder, &extras[i].error_trace));
    }
    return NULL;
}

static struct ad_error *tell_incomplete(const struct builder *builder)
{
    for (unsigned i = 0; i < REASONS; i++)
        if (builder->incomplete[i])
            AD_TRY(ad_snapshot_lose(builder->snapshot, true, builder->incomplete[i],
                                    "the stacks of %" PRIu64 " of %zu tasks end early: %s, the first at 0x%" PRIx64,
                                    builder->incomplete[i], builder->snapshot->tasks.count,
                                    ad_stack_end_text((enum ad_stack_end)i), builder->incomplete_at[i]));
    return NULL;
}

static void builder_deinit(struct builder *builder)
{
    ad_unwinder_destroy(builder->unwinder);
    ad_locations_deinit(&builder->locations);
    ad_map_deinit(&builder->stack_at);
    ad_vector_deinit(&builder->previous);
    ad_vector_deinit(&builder->sequence);
}

struct ad_error *ad_dump_stacks(struct ad_dump *dump, const struct ad_limits *limits)
{
    ad_cleanup(builder_deinit) struct builder builder = {
        .snapshot = dump->snapshot,
        .locations = {.snapshot = dump->snapshot},
        .previous = AD_VECTOR(uint32_t),
        .sequence = AD_VECTOR(uint32_t),
    };
    AD_TRY(ad_unwinder_create(dump->modules, limits, &builder.unwinder));
    AD_TRY(unwind_tasks(&builder));
    AD_TRY(unwind_threads(&builder));
    AD_TRY(keep_traces(&builder));
    AD_TRY(ad_locations_add_starts(&builder.locations));
    return tell_incomplete(&builder);
}
