/* SPDX-License-Identifier: MIT */
/*
 * Arguments and locals of every frame, when they are asked for: what is in scope at each location is looked up
 * once; then each stack is unwound again, now with its registers, and its values become text.
 */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump/dump_internal.h"
#include "symbol/variables.h"
#include "values/format.h"

struct locals {
    struct ad_dump *dump;
    struct ad_snapshot *snapshot;
    const struct ad_limits *limits;
    struct ad_unwinder *unwinder;
    struct ad_variables found;
    uint32_t *code_at; /* by location: into found.codes; AD_NONE: its variables are not wanted */
    struct ad_vector frames; /* struct ad_expression_frame: of the stack at hand */
    struct ad_text text;
    struct ad_map text_at; /* hash -> into texts: most values are those of other tasks too */
    struct ad_vector texts; /* const char * */
    uint64_t left_out;
};

static const struct ad_location *location_at(const struct ad_snapshot *snapshot, uint32_t index)
{
    return &AD_ITEMS(struct ad_location, &snapshot->locations)[index];
}

/* ---- What is in scope where ------------------------------------------------------------------------- */

/* Locations that stacks are made of, and not those that only say where a task began. */
static struct ad_error *look_up(struct locals *locals)
{
    const struct ad_snapshot *snapshot = locals->snapshot;
    const uint32_t *frames = snapshot->frames.items;
    ad_auto_free uint64_t *addresses = calloc(snapshot->locations.count + 1, sizeof(*addresses));
    locals->code_at = malloc((snapshot->locations.count + 1) * sizeof(*locals->code_at));
    uint32_t count = 0;
    if (!addresses || !locals->code_at)
        return &ad_error_nomem;
    for (size_t i = 0; i < snapshot->locations.count; i++)
        locals->code_at[i] = AD_NONE;
    for (size_t i = 0; i < snapshot->frames.count; i++) {
        if (locals->code_at[frames[i]] != AD_NONE)
            continue;
        locals->code_at[frames[i]] = count;
        addresses[count++] = ad_location_address(location_at(snapshot, frames[i]));
    }
    return ad_variables_find(locals->dump->modules, addresses, count, locals->limits, &locals->found);
}

static struct ad_error *add_variables(struct locals *locals, const struct ad_code *code,
                                      const struct ad_code_scope *scope, struct ad_line_variables *place)
{
    struct ad_snapshot *snapshot = locals->snapshot;
    place->first = (uint32_t)snapshot->variables.count;
    place->count = scope->count;
    for (uint32_t i = 0; i < scope->count; i++) {
        const struct ad_code_variable *from = &scope->variables[i];
        struct ad_variable *to;
        AD_TRY(ad_vector_add(&snapshot->variables, (void **)&to));
        *to = (struct ad_variable){.argument = from->is_argument, .depth = from->depth};
        AD_TRY(ad_snapshot_text(snapshot, from->name, &to->name));
        AD_TRY(ad_snapshot_text(snapshot, ad_type_get(code->types, from->type)->name, &to->type));
    }
    return NULL;
}

/* The functions that a location's lines are of and those whose variables are known are the same ones. */
static struct ad_error *name_variables(struct locals *locals)
{
    struct ad_snapshot *snapshot = locals->snapshot;
    for (size_t i = 0; i < snapshot->lines.count; i++)
        AD_TRY(ad_vector_push(&snapshot->line_variables, &(struct ad_line_variables){0}));
    struct ad_line_variables *places = snapshot->line_variables.items;
    for (uint32_t i = 0; i < snapshot->locations.count; i++) {
        const struct ad_location *location = location_at(snapshot, i);
        if (locals->code_at[i] == AD_NONE)
            continue;
        const struct ad_code *code = &locals->found.codes[locals->code_at[i]];
        for (uint32_t k = 0; k < code->scope_count && code->scope_count == location->line_count; k++)
            AD_TRY(add_variables(locals, code, &code->scopes[k], &places[location->first_line + k]));
    }
    return NULL;
}

/* ---- Values ----------------------------------------------------------------------------------------- */

static size_t read_target(void *context, uint64_t address, void *buffer, size_t size)
{
    return ad_target_read_some(context, address, buffer, size);
}

/* A text that may have been kept for another value. */
static struct ad_error *keep_text(struct locals *locals, const char **text_ret)
{
    uint64_t hash = ad_map_hash(locals->text.size);
    for (size_t i = 0; i < locals->text.size; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t left = locals->text.size - i;
        memcpy(&word, locals->text.bytes + i, left < sizeof(word) ? left : sizeof(word));
        hash = ad_map_hash(hash ^ word);
    }
    uint32_t known = ad_map_get(&locals->text_at, hash, AD_NONE);
    if (known != AD_NONE && strcmp(AD_ITEMS(const char *, &locals->texts)[known], locals->text.bytes) == 0) {
        *text_ret = AD_ITEMS(const char *, &locals->texts)[known];
        return NULL;
    }
    AD_TRY(ad_snapshot_text(locals->snapshot, locals->text.bytes, text_ret));
    AD_TRY(ad_map_put(&locals->text_at, hash, (uint32_t)locals->texts.count));
    return ad_vector_push(&locals->texts, text_ret);
}

static struct ad_error *add_value(struct locals *locals, const struct ad_value_frame *frame,
                                  const struct ad_code_variable *variable)
{
    struct ad_value value = {0};
    if (frame->frame < frame->stack->count) {
        AD_TRY(ad_value_format(frame, variable, &locals->text, &value.state));
    } else {
        value.state = AD_VALUE_UNAVAILABLE;
        ad_text_clear(&locals->text);
        ad_text_put(&locals->text, "<not available: the frame was not found again>");
    }
    AD_TRY(keep_text(locals, &value.text));
    return ad_vector_push(&locals->snapshot->values, &value);
}

/* The values of one frame: of its inlined functions and of itself, in the order of its lines. */
static struct ad_error *add_frame(struct locals *locals, const struct ad_value_frame *frame, uint32_t location)
{
    const struct ad_code *code = &locals->found.codes[locals->code_at[location]];
    if (code->scope_count != location_at(locals->snapshot, location)->line_count)
        return NULL;
    for (uint32_t k = 0; k < code->scope_count; k++)
        for (uint32_t i = 0; i < code->scopes[k].count; i++)
            AD_TRY(add_value(locals, frame, &code->scopes[k].variables[i]));
    return NULL;
}

/* The frames of the stack as they were found before, with their registers. */
static struct ad_error *unwind_again(struct locals *locals, const struct ad_stack *stack,
                                     const struct ad_registers *registers, bool interrupted)
{
    const uint32_t *locations = AD_ITEMS(uint32_t, &locals->snapshot->frames) + stack->first;
    struct ad_unwound_stack unwound;
    locals->frames.count = 0;
    AD_TRY(ad_unwind(locals->unwinder, registers, interrupted, &unwound));
    for (uint32_t i = 0; i < stack->count && i < unwound.count; i++) {
        if (unwound.frames[i].pc != location_at(locals->snapshot, locations[i])->pc)
            return NULL;
        struct ad_expression_frame frame = {&locals->found.codes[locals->code_at[locations[i]]],
                                            unwound.registers[i], unwound.frames[i].cfa};
        AD_TRY(ad_vector_push(&locals->frames, &frame));
    }
    return NULL;
}

static uint64_t count_values(const struct locals *locals, const struct ad_stack *stack)
{
    const uint32_t *locations = AD_ITEMS(uint32_t, &locals->snapshot->frames) + stack->first;
    uint64_t count = 0;
    for (uint32_t i = 0; i < stack->count; i++) {
        const struct ad_location *location = location_at(locals->snapshot, locations[i]);
        for (uint32_t k = 0; k < location->line_count; k++)
            count += ad_snapshot_line_variables(locals->snapshot, location->first_line + k).count;
    }
    return count;
}

/* The values of a stack; `first_ret` AD_NONE: they are left out. */
static struct ad_error *add_stack(struct locals *locals, uint32_t index, const struct ad_registers *registers,
                                  bool interrupted, uint32_t *first_ret)
{
    const struct ad_stack *stack = &AD_ITEMS(struct ad_stack, &locals->snapshot->stacks)[index];
    struct ad_vector *values = &locals->snapshot->values;
    uint64_t count = count_values(locals, stack);
    *first_ret = AD_NONE;
    if (count > locals->limits->values - values->count) {
        locals->left_out++;
        return NULL;
    }
    AD_TRY(unwind_again(locals, stack, registers, interrupted));
    const struct ad_expression_stack frames = {.frames = locals->frames.items,
                                               .count = locals->frames.count,
                                               .read = read_target,
                                               .context = locals->dump->target,
                                               .limits = locals->limits};
    *first_ret = (uint32_t)values->count;
    for (uint32_t i = 0; i < stack->count; i++) {
        const struct ad_value_frame frame = {&frames, i, locals->dump->modules};
        AD_TRY(add_frame(locals, &frame, AD_ITEMS(uint32_t, &locals->snapshot->frames)[stack->first + i]));
    }
    return NULL;
}

/* ---- Threads and tasks -------------------------------------------------------------------------------- */

static struct ad_error *add_threads(struct locals *locals)
{
    const struct ad_snapshot *snapshot = locals->snapshot;
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        const struct ad_thread_state *thread = &AD_ITEMS(struct ad_thread_state, &snapshot->threads)[i];
        uint32_t first = AD_NONE;
        if (thread->stack < snapshot->stacks.count)
            AD_TRY(add_stack(locals, thread->stack, &thread->thread.registers, true, &first));
        AD_TRY(ad_vector_push(&locals->snapshot->thread_values, &first));
    }
    return NULL;
}

/* The thread whose stack is the task's own, because it runs there; NULL: it does not. */
static const uint32_t *running_on(const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_task *task = ad_snapshot_task(snapshot, index);
    if (task->worker >= snapshot->workers.count || task->state != ASYNC_DEBUG_STATE_RUNNING)
        return NULL;
    const struct ad_worker *worker = ad_snapshot_worker(snapshot, task->worker);
    if (worker->current != index || worker->thread >= snapshot->threads.count)
        return NULL;
    bool same = AD_ITEMS(struct ad_thread_state, &snapshot->threads)[worker->thread].stack == task->stack;
    return same ? &AD_ITEMS(uint32_t, &snapshot->thread_values)[worker->thread] : NULL;
}

static struct ad_error *add_tasks(struct locals *locals)
{
    const struct ad_snapshot *snapshot = locals->snapshot;
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        const struct ad_task *task = ad_snapshot_task(snapshot, i);
        const uint32_t *thread = running_on(snapshot, i);
        uint32_t first = thread ? *thread : AD_NONE;
        if (!thread && task->stack < snapshot->stacks.count)
            AD_TRY(add_stack(locals, task->stack, ad_snapshot_registers(snapshot, i), false, &first));
        AD_TRY(ad_vector_push(&locals->snapshot->task_values, &first));
    }
    return NULL;
}

static struct ad_error *tell_losses(struct locals *locals)
{
    for (size_t i = 0; i < locals->found.loss_count; i++)
        AD_TRY(ad_snapshot_lose(locals->snapshot, true, 1, "%s: %s; arguments and locals are lost",
                                locals->found.losses[i].module->path, locals->found.losses[i].reason));
    if (locals->left_out)
        AD_TRY(ad_snapshot_lose(locals->snapshot, true, locals->left_out,
                                "the arguments and locals of %" PRIu64 " stacks are left out: more than %" PRIu64
                                " values",
                                locals->left_out, locals->limits->values));
    return NULL;
}

static void locals_deinit(struct locals *locals)
{
    ad_unwinder_destroy(locals->unwinder);
    ad_variables_deinit(&locals->found);
    free(locals->code_at);
    ad_vector_deinit(&locals->frames);
    ad_text_deinit(&locals->text);
    ad_map_deinit(&locals->text_at);
    ad_vector_deinit(&locals->texts);
}

struct ad_error *ad_dump_locals(struct ad_dump *dump, const struct ad_limits *limits)
{
    ad_cleanup(locals_deinit) struct locals locals = {
        .dump = dump,
        .snapshot = dump->snapshot,
        .limits = limits,
        .frames = AD_VECTOR(struct ad_expression_frame),
        .texts = AD_VECTOR(const char *),
    };
    if (dump->has_locals)
        return NULL;
    dump->has_locals = true;
    AD_TRY(ad_text_init(&locals.text, limits->value_bytes));
    AD_TRY(ad_unwinder_create(dump->modules, limits, &locals.unwinder));
    ad_unwinder_keep_registers(locals.unwinder);
    AD_TRY(look_up(&locals));
    AD_TRY(name_variables(&locals));
    AD_TRY(add_threads(&locals));
    AD_TRY(add_tasks(&locals));
    return tell_losses(&locals);
}
