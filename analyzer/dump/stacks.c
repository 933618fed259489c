/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump/dump_internal.h"

enum { REASONS = AD_STACK_NO_REGISTER + 1 };

/* The table of distinct stacks while it is built. A stack is the sequence of its locations and how it ends. */
struct ad_stacks {
    struct ad_snapshot *snapshot;
    struct ad_unwinder *unwinder;
    struct ad_locations locations;
    struct ad_vector row_location[2]; /* uint32_t: index of the location by the frame's row; [1]: interrupted */
    struct ad_map stack_at;          /* hash -> the last stack of that hash */
    struct ad_vector previous;       /* uint32_t for each stack: the one before it of the same hash */
    struct ad_vector sequence;       /* uint32_t: location indices of the stack at hand */
    uint64_t incomplete[REASONS];    /* tasks whose stack ends early, by the reason */
    uint64_t incomplete_at[REASONS]; /* where the first of them does */
};

/* The location of a frame: the unwinder has numbered the places, so that they need not be looked up. */
static struct ad_error *find_location(struct ad_stacks *stacks, const struct ad_unwound_frame *frame,
                                      uint32_t *location_ret)
{
    struct ad_vector *known = &stacks->row_location[frame->interrupted];
    const uint32_t none = AD_NONE;
    if (frame->row == AD_NONE)
        return ad_locations_find(&stacks->locations, frame->pc, frame->interrupted, location_ret);
    while (known->count <= frame->row)
        AD_TRY(ad_vector_push(known, &none));
    uint32_t *location = &AD_ITEMS(uint32_t, known)[frame->row];
    if (*location == AD_NONE)
        AD_TRY(ad_locations_find(&stacks->locations, frame->pc, frame->interrupted, location));
    *location_ret = *location;
    return NULL;
}

/* Up to the runtime's entry trampoline: what lies below it is not the task's. */
static struct ad_error *make_sequence(struct ad_stacks *stacks, struct ad_unwound_stack *stack)
{
    stacks->sequence.count = 0;
    for (size_t i = 0; i < stack->count; i++) {
        uint32_t location;
        const struct ad_unwound_frame *frame = &stack->frames[i];
        AD_TRY(find_location(stacks, frame, &location));
        AD_TRY(ad_vector_push(&stacks->sequence, &location));
        if (AD_ITEMS(struct ad_location, &stacks->snapshot->locations)[location].entry) {
            stack->end = AD_STACK_ENTRY;
            break;
        }
    }
    return NULL;
}

static uint64_t hash_sequence(const struct ad_stacks *stacks, enum ad_stack_end end)
{
    const uint32_t *items = stacks->sequence.items;
    uint64_t hash = ad_map_hash(end);
    for (size_t i = 0; i < stacks->sequence.count; i++)
        hash = ad_map_hash(hash ^ items[i]);
    return hash;
}

static bool is_stack(const struct ad_stacks *stacks, uint32_t index, enum ad_stack_end end)
{
    const struct ad_stack *stack = &AD_ITEMS(struct ad_stack, &stacks->snapshot->stacks)[index];
    size_t count = stacks->sequence.count;
    if (stack->count != count || stack->end != (uint32_t)end)
        return false;
    const uint32_t *frames = AD_ITEMS(uint32_t, &stacks->snapshot->frames) + stack->first;
    return !count || memcmp(frames, stacks->sequence.items, count * sizeof(*frames)) == 0;
}

/* Where it ends is said only when that is code, and so the same for all tasks of this stack. */
static struct ad_error *end_text(struct ad_stacks *stacks, const struct ad_unwound_stack *stack,
                                 const char **text_ret)
{
    char text[128];
    *text_ret = NULL;
    if (stack->end == AD_STACK_ENTRY)
        return NULL;
    int length = snprintf(text, sizeof(text), "%s", ad_stack_end_text(stack->end));
    if (stack->end == AD_STACK_NO_CFI && length > 0 && (size_t)length < sizeof(text))
        snprintf(text + length, sizeof(text) - (size_t)length, " at 0x%" PRIx64, stack->end_address);
    return ad_snapshot_text(stacks->snapshot, text, text_ret);
}

static struct ad_error *add_stack(struct ad_stacks *stacks, const struct ad_unwound_stack *unwound,
                                  uint32_t before)
{
    struct ad_snapshot *snapshot = stacks->snapshot;
    struct ad_stack stack = {
        .first = (uint32_t)snapshot->frames.count,
        .count = (uint32_t)stacks->sequence.count,
        .end = unwound->end,
    };
    AD_TRY(end_text(stacks, unwound, &stack.end_text));
    for (size_t i = 0; i < stacks->sequence.count; i++)
        AD_TRY(ad_vector_push(&snapshot->frames, &AD_ITEMS(uint32_t, &stacks->sequence)[i]));
    AD_TRY(ad_vector_push(&stacks->previous, &before));
    return ad_vector_push(&snapshot->stacks, &stack);
}

static struct ad_error *keep_stack(struct ad_stacks *stacks, struct ad_unwound_stack *unwound, uint32_t *index_ret)
{
    AD_TRY(make_sequence(stacks, unwound));
    if (stacks->sequence.count > UINT32_MAX - stacks->snapshot->frames.count) {
        stacks->sequence.count = 0; /* indices have 32 bits: such a target is not a real one */
        unwound->end = AD_STACK_CAP;
    }
    uint64_t hash = hash_sequence(stacks, unwound->end);
    uint32_t last = ad_map_get(&stacks->stack_at, hash, AD_NONE);
    for (uint32_t i = last; i != AD_NONE; i = AD_ITEMS(uint32_t, &stacks->previous)[i]) {
        if (is_stack(stacks, i, unwound->end)) {
            *index_ret = i;
            return NULL;
        }
    }
    *index_ret = (uint32_t)stacks->snapshot->stacks.count;
    AD_TRY(ad_map_put(&stacks->stack_at, hash, *index_ret));
    return add_stack(stacks, unwound, last);
}

/* At least the frame that the registers themselves name. */
static struct ad_error *unwind(struct ad_stacks *stacks, const struct ad_registers *registers, bool interrupted,
                               const struct ad_stack_bytes *bytes, struct ad_unwound_stack *stack,
                               uint32_t *index_ret)
{
    struct ad_unwound_frame first = {
        .pc = registers->value[AD_REG_PC], .row = AD_NONE, .interrupted = interrupted};
    AD_TRY(ad_unwind_in(stacks->unwinder, registers, interrupted, bytes, stack));
    if (!stack->count) {
        stack->frames = &first;
        stack->count = 1;
    }
    return keep_stack(stacks, stack, index_ret);
}

static const struct ad_stack_bytes unread = {0};

static bool has_registers(const struct ad_registers *registers)
{
    const uint32_t needed = 1u << AD_REG_PC | 1u << AD_REG_SP;
    return (registers->valid & needed) == needed;
}

/* ---- Threads, and the tasks that run on them ------------------------------------------------------ */

/* A running task's own frames are those of its thread, down to the entry trampoline. */
static void give_to_task(struct ad_stacks *stacks, const struct ad_thread_state *thread)
{
    struct ad_snapshot *snapshot = stacks->snapshot;
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

static struct ad_error *unwind_threads(struct ad_stacks *stacks)
{
    struct ad_thread_state *threads = stacks->snapshot->threads.items;
    for (size_t i = 0; i < stacks->snapshot->threads.count; i++) {
        struct ad_unwound_stack stack;
        if (!has_registers(&threads[i].thread.registers))
            continue;
        AD_TRY(unwind(stacks, &threads[i].thread.registers, true, &unread, &stack, &threads[i].stack));
        give_to_task(stacks, &threads[i]);
    }
    return NULL;
}

/* ---- Suspended tasks -------------------------------------------------------------------------------- */

static void count_end(struct ad_stacks *stacks, const struct ad_unwound_stack *stack)
{
    if (stack->end == AD_STACK_ENTRY || (unsigned)stack->end >= REASONS)
        return;
    if (!stacks->incomplete[stack->end]++)
        stacks->incomplete_at[stack->end] = stack->end_address;
}

static struct ad_error *unwind_task(struct ad_stacks *stacks, uint32_t index, const struct ad_registers *registers,
                                    const struct ad_stack_bytes *bytes)
{
    struct ad_task *task = ad_snapshot_task(stacks->snapshot, index);
    struct ad_unwound_stack stack;
    AD_TRY(unwind(stacks, registers, false, bytes, &stack, &task->stack));
    count_end(stacks, &stack);
    return NULL;
}

static struct ad_error *visit(void *context, uint32_t task, const struct ad_registers *registers,
                              uint64_t address, const uint8_t *bytes, size_t size)
{
    return unwind_task(context, task, registers, &(struct ad_stack_bytes){address, bytes, size});
}

struct ad_stack_visitor ad_stacks_visitor(struct ad_stacks *stacks)
{
    return (struct ad_stack_visitor){.visit = visit, .context = stacks};
}

static struct ad_error *unwind_tasks(struct ad_stacks *stacks)
{
    for (uint32_t i = 0; i < stacks->snapshot->tasks.count; i++) {
        const struct ad_task *task = ad_snapshot_task(stacks->snapshot, i);
        const struct ad_registers *registers = ad_snapshot_registers(stacks->snapshot, i);
        if (task->stack == AD_NONE && has_registers(registers))
            AD_TRY(unwind_task(stacks, i, registers, &unread));
    }
    return NULL;
}

/* ---- Recorded stacks -------------------------------------------------------------------------------- */

static struct ad_error *keep_trace(struct ad_stacks *stacks, struct ad_trace *trace)
{
    const struct ad_vector *addresses = &stacks->snapshot->addresses;
    if (!trace->count)
        return NULL;
    ad_auto_free struct ad_unwound_frame *frames = calloc(trace->count, sizeof(*frames));
    if (!frames)
        return &ad_error_nomem;
    for (uint32_t i = 0; i < trace->count; i++)
        frames[i] = (struct ad_unwound_frame){.pc = AD_ITEMS(uint64_t, addresses)[trace->first + i], .row = AD_NONE};
    struct ad_unwound_stack stack = {.frames = frames, .count = trace->count, .end = AD_STACK_ENTRY};
    return keep_stack(stacks, &stack, &trace->stack);
}

static struct ad_error *keep_traces(struct ad_stacks *stacks)
{
    struct ad_task_extra *extras = stacks->snapshot->extras.items;
    for (size_t i = 0; i < stacks->snapshot->extras.count; i++) {
        AD_TRY(keep_trace(stacks, &extras[i].spawn_trace));
        AD_TRY(keep_trace(stacks, &extras[i].error_trace));
    }
    return NULL;
}

static struct ad_error *tell_incomplete(const struct ad_stacks *stacks)
{
    for (unsigned i = 0; i < REASONS; i++)
        if (stacks->incomplete[i])
            AD_TRY(ad_snapshot_lose(stacks->snapshot, true, stacks->incomplete[i],
                                    "the stacks of %" PRIu64 " of %zu tasks end early: %s, the first at 0x%" PRIx64,
                                    stacks->incomplete[i], stacks->snapshot->tasks.count,
                                    ad_stack_end_text((enum ad_stack_end)i), stacks->incomplete_at[i]));
    return NULL;
}

void ad_stacks_destroy(struct ad_stacks *stacks)
{
    if (!stacks)
        return;
    ad_unwinder_destroy(stacks->unwinder);
    ad_locations_deinit(&stacks->locations);
    ad_vector_deinit(&stacks->row_location[0]);
    ad_vector_deinit(&stacks->row_location[1]);
    ad_map_deinit(&stacks->stack_at);
    ad_vector_deinit(&stacks->previous);
    ad_vector_deinit(&stacks->sequence);
    free(stacks);
}

struct ad_error *ad_stacks_create(struct ad_dump *dump, const struct ad_limits *limits,
                                  struct ad_stacks **stacks_ret)
{
    struct ad_stacks *stacks = malloc(sizeof(*stacks));
    if (!stacks)
        return &ad_error_nomem;
    *stacks = (struct ad_stacks){
        .snapshot = dump->snapshot,
        .locations = {.snapshot = dump->snapshot},
        .row_location = {AD_VECTOR(uint32_t), AD_VECTOR(uint32_t)},
        .previous = AD_VECTOR(uint32_t),
        .sequence = AD_VECTOR(uint32_t),
    };
    struct ad_error *error = ad_unwinder_create(dump->modules, limits, &stacks->unwinder);
    if (error)
        ad_stacks_destroy(stacks);
    else
        *stacks_ret = stacks;
    return error;
}

struct ad_error *ad_stacks_complete(struct ad_stacks *stacks)
{
    AD_TRY(unwind_tasks(stacks));
    AD_TRY(unwind_threads(stacks));
    AD_TRY(keep_traces(stacks));
    AD_TRY(ad_locations_add_starts(&stacks->locations));
    return tell_incomplete(stacks);
}

struct ad_error *ad_dump_stacks(struct ad_dump *dump, const struct ad_limits *limits)
{
    struct ad_stacks *stacks;
    AD_TRY(ad_stacks_create(dump, limits, &stacks));
    struct ad_error *error = ad_stacks_complete(stacks);
    ad_stacks_destroy(stacks);
    return error;
}
