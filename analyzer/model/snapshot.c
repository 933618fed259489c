/* SPDX-License-Identifier: MIT */
#include "model/snapshot.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOSS_MAX 1024 /* characters of one loss; a longer one is cut */

struct ad_error *ad_snapshot_create(struct ad_snapshot **snapshot_ret)
{
    struct ad_snapshot *snapshot = malloc(sizeof(*snapshot));
    if (!snapshot)
        return &ad_error_nomem;
    *snapshot = (struct ad_snapshot){
        .description = "",
        .runtimes = AD_VECTOR(struct ad_runtime),
        .tasks = AD_VECTOR(struct ad_task),
        .futures = AD_VECTOR(struct ad_future),
        .waiters = AD_VECTOR(uint32_t),
        .holders = AD_VECTOR(struct ad_holder),
        .children = AD_VECTOR(uint32_t),
        .extras = AD_VECTOR(struct ad_task_extra),
        .labels = AD_VECTOR(struct ad_label),
        .addresses = AD_VECTOR(uint64_t),
        .finished = AD_VECTOR(struct ad_finished),
        .handles = AD_VECTOR(struct ad_handle),
        .functions = AD_VECTOR(struct ad_function),
        .workers = AD_VECTOR(struct ad_worker),
        .threads = AD_VECTOR(struct ad_thread_state),
        .registers = AD_VECTOR(struct ad_registers),
        .stacks = AD_VECTOR(struct ad_stack),
        .frames = AD_VECTOR(uint32_t),
        .locations = AD_VECTOR(struct ad_location),
        .lines = AD_VECTOR(struct ad_line),
        .losses = AD_VECTOR(struct ad_loss),
        .variables = AD_VECTOR(struct ad_variable),
        .line_variables = AD_VECTOR(struct ad_line_variables),
        .values = AD_VECTOR(struct ad_value),
        .task_values = AD_VECTOR(uint32_t),
        .thread_values = AD_VECTOR(uint32_t),
    };
    *snapshot_ret = snapshot;
    return NULL;
}

void ad_snapshot_destroy(struct ad_snapshot *snapshot)
{
    if (!snapshot)
        return;
    struct ad_vector *const vectors[] = {
        &snapshot->runtimes, &snapshot->tasks,     &snapshot->futures,   &snapshot->waiters,
        &snapshot->holders,  &snapshot->children,  &snapshot->extras,    &snapshot->labels,
        &snapshot->finished, &snapshot->handles,   &snapshot->functions, &snapshot->addresses,
        &snapshot->workers,  &snapshot->threads,   &snapshot->stacks,    &snapshot->frames,
        &snapshot->lines,    &snapshot->locations, &snapshot->losses,    &snapshot->variables,
        &snapshot->values,   &snapshot->line_variables, &snapshot->task_values, &snapshot->thread_values,
        &snapshot->registers,
    };
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
        ad_vector_deinit(vectors[i]);
    ad_pool_deinit(&snapshot->pool);
    free(snapshot);
}

struct ad_error *ad_snapshot_text(struct ad_snapshot *snapshot, const char *text, const char **text_ret)
{
    *text_ret = text ? ad_pool_text(&snapshot->pool, text, strlen(text)) : NULL;
    return text && !*text_ret ? &ad_error_nomem : NULL;
}

static struct ad_error *describe_threads(struct ad_snapshot *snapshot, const struct ad_target *target)
{
    for (size_t i = 0; i < target->thread_count; i++) {
        struct ad_thread_state *state;
        AD_TRY(ad_vector_add(&snapshot->threads, (void **)&state));
        *state = (struct ad_thread_state){
            .thread = target->threads[i], .worker = AD_NONE, .stack = AD_NONE};
    }
    return NULL;
}

struct ad_error *ad_snapshot_describe(struct ad_snapshot *snapshot, const struct ad_target *target)
{
    char command[sizeof(target->command) + 1] = "";
    memcpy(command, target->command, sizeof(target->command));
    snapshot->kind = target->kind;
    snapshot->pid = target->pid;
    snapshot->signal = target->signal;
    snapshot->realtime = target->realtime;
    AD_TRY(ad_snapshot_text(snapshot, target->description ? target->description : "", &snapshot->description));
    AD_TRY(ad_snapshot_text(snapshot, command, &snapshot->command));
    AD_TRY(ad_snapshot_text(snapshot, target->executable, &snapshot->executable));
    if (target->damage)
        AD_TRY(ad_snapshot_lose(snapshot, true, 1, "%s", target->damage));
    if (target->truncated)
        AD_TRY(ad_snapshot_lose(snapshot, true, target->missing_bytes,
                                "%s is cut off: %llu bytes that its headers promise are not there",
                                target->description ? target->description : "the core",
                                (unsigned long long)target->missing_bytes));
    if (target->skipped)
        AD_TRY(ad_snapshot_lose(snapshot, true, target->skipped,
                                "%llu headers, notes or mappings of %s make no sense or pass a limit",
                                (unsigned long long)target->skipped,
                                target->description ? target->description : "the target"));
    return describe_threads(snapshot, target);
}

struct ad_error *ad_snapshot_lose(struct ad_snapshot *snapshot, bool partial, uint64_t count, const char *format,
                                  ...)
{
    char text[LOSS_MAX];
    struct ad_loss loss = {.count = count, .partial = partial};
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    AD_TRY(ad_snapshot_text(snapshot, text, &loss.what));
    return ad_vector_push(&snapshot->losses, &loss);
}

struct ad_task *ad_snapshot_task(const struct ad_snapshot *snapshot, uint32_t index)
{
    assert(index < snapshot->tasks.count);
    return &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
}

struct ad_future *ad_snapshot_future(const struct ad_snapshot *snapshot, uint32_t index)
{
    assert(index < snapshot->futures.count);
    return &AD_ITEMS(struct ad_future, &snapshot->futures)[index];
}

struct ad_worker *ad_snapshot_worker(const struct ad_snapshot *snapshot, uint32_t index)
{
    assert(index < snapshot->workers.count);
    return &AD_ITEMS(struct ad_worker, &snapshot->workers)[index];
}

const struct ad_registers *ad_snapshot_registers(const struct ad_snapshot *snapshot, uint32_t task)
{
    static const struct ad_registers none;
    return task < snapshot->registers.count ? &AD_ITEMS(struct ad_registers, &snapshot->registers)[task] : &none;
}

struct ad_error *ad_snapshot_keep_registers(struct ad_snapshot *snapshot, uint32_t task,
                                            const struct ad_registers *registers)
{
    static const struct ad_registers none;
    while (snapshot->registers.count <= task)
        AD_TRY(ad_vector_push(&snapshot->registers, &none));
    AD_ITEMS(struct ad_registers, &snapshot->registers)[task] = *registers;
    return NULL;
}

const struct ad_task_extra *ad_task_extra(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    static const struct ad_task_extra none = {
        .group = AD_NONE, .spawn_trace.stack = AD_NONE, .error_trace.stack = AD_NONE};
    return task->extra < snapshot->extras.count
               ? &AD_ITEMS(struct ad_task_extra, &snapshot->extras)[task->extra]
               : &none;
}

struct ad_line_variables ad_snapshot_line_variables(const struct ad_snapshot *snapshot, size_t index)
{
    struct ad_line_variables none = {0};
    return index < snapshot->line_variables.count
               ? AD_ITEMS(struct ad_line_variables, &snapshot->line_variables)[index]
               : none;
}

/* Tasks are in order of their ids, which are the runtime's own where those are small and unique. */
uint32_t ad_snapshot_find_native(const struct ad_snapshot *snapshot, uint32_t runtime, uint64_t id)
{
    if (!id || runtime >= snapshot->runtimes.count)
        return AD_NONE;
    const struct ad_runtime *owner = &AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[runtime];
    uint64_t low = owner->first_task, high = low + owner->tasks_read;
    high = high < snapshot->tasks.count ? high : snapshot->tasks.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (ad_snapshot_task(snapshot, (uint32_t)middle)->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < snapshot->tasks.count && ad_snapshot_task(snapshot, (uint32_t)low)->native_id == id &&
                 ad_snapshot_task(snapshot, (uint32_t)low)->runtime == runtime;
    return found ? (uint32_t)low : AD_NONE;
}

uint32_t ad_snapshot_find_id(const struct ad_snapshot *snapshot, uint32_t id)
{
    for (uint32_t i = 0; i < snapshot->tasks.count; i++)
        if (ad_snapshot_task(snapshot, i)->id == id)
            return i;
    return AD_NONE;
}

uint32_t ad_snapshot_find_name(const struct ad_snapshot *snapshot, const char *name)
{
    uint32_t found = AD_NONE;
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        if (strcmp(ad_snapshot_task(snapshot, i)->name, name) != 0)
            continue;
        if (found != AD_NONE)
            return AD_NONE;
        found = i;
    }
    return found;
}

int ad_snapshot_exit_status(const struct ad_snapshot *snapshot)
{
    const struct ad_loss *losses = snapshot->losses.items;
    for (size_t i = 0; i < snapshot->losses.count; i++)
        if (losses[i].partial)
            return 3;
    return 0;
}
