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
        .workers = AD_VECTOR(struct ad_worker),
        .threads = AD_VECTOR(struct ad_thread_state),
        .stacks = AD_VECTOR(struct ad_stack),
        .frames = AD_VECTOR(uint32_t),
        .locations = AD_VECTOR(struct ad_location),
        .lines = AD_VECTOR(struct ad_line),
        .losses = AD_VECTOR(struct ad_loss),
    };
    *snapshot_ret = snapshot;
    return NULL;
}

void ad_snapshot_destroy(struct ad_snapshot *snapshot)
{
    if (!snapshot)
        return;
    ad_vector_deinit(&snapshot->runtimes);
    ad_vector_deinit(&snapshot->tasks);
    ad_vector_deinit(&snapshot->futures);
    ad_vector_deinit(&snapshot->waiters);
    ad_vector_deinit(&snapshot->workers);
    ad_vector_deinit(&snapshot->threads);
    ad_vector_deinit(&snapshot->stacks);
    ad_vector_deinit(&snapshot->frames);
    ad_vector_deinit(&snapshot->locations);
    ad_vector_deinit(&snapshot->lines);
    ad_vector_deinit(&snapshot->losses);
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
