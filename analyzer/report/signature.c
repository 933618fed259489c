/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "report/finding_words.h"
#include "report/stack.h"

/* FNV-1a: not secret, the same everywhere. */
#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_STEP UINT64_C(0x100000001b3)

static uint64_t mix_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * FNV_STEP;
    return hash;
}

/* With its NUL, so that two texts do not run into each other. */
static uint64_t mix_text(uint64_t hash, const char *text)
{
    return mix_bytes(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

static uint64_t mix_number(uint64_t hash, uint64_t number)
{
    return mix_bytes(hash, &number, sizeof(number));
}

/* ---- One task ---------------------------------------------------------------------------------------- */

/* The user's functions; where none is known, what is the same for each load of the same file. */
static uint64_t mix_stack(uint64_t hash, const struct ad_snapshot *snapshot, uint32_t stack)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    ad_stack_walk_init(&walk, snapshot, stack);
    while (ad_stack_walk_next(&walk, &line)) {
        if (line.hidden)
            continue;
        if (line.line && line.line->function)
            hash = mix_text(hash, line.line->function);
        else
            hash = mix_number(mix_text(hash, line.location->module),
                              line.location->module ? line.location->offset : 0);
    }
    return hash;
}

/* Of a task that has no stack any more, or none yet: where it began. */
static uint64_t mix_start(uint64_t hash, const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    struct ad_stack_line line;
    if (task->start_location >= snapshot->locations.count ||
        !ad_location_line(snapshot, &AD_ITEMS(struct ad_location, &snapshot->locations)[task->start_location],
                          0, &line) ||
        !line.line)
        return hash;
    return mix_text(hash, line.line->function);
}

static uint64_t mix_wait(uint64_t hash, const struct ad_snapshot *snapshot, uint32_t future)
{
    if (future >= snapshot->futures.count)
        return hash;
    return mix_text(hash, AD_ITEMS(struct ad_future, &snapshot->futures)[future].kind_name);
}

static uint64_t task_signature(const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    bool waits = task->state == ASYNC_DEBUG_STATE_WAITING;
    uint64_t hash = mix_wait(FNV_START, snapshot, waits ? task->future : AD_NONE);
    if (task->stack < snapshot->stacks.count)
        return mix_stack(hash, snapshot, task->stack);
    return mix_start(hash, snapshot, task);
}

/* ---- Sets: in whatever order, however often ---------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static uint64_t mix_set(uint64_t hash, struct ad_vector *numbers)
{
    uint64_t *items = numbers->items;
    if (numbers->count)
        qsort(items, numbers->count, sizeof(*items), compare);
    for (size_t i = 0; i < numbers->count; i++)
        if (!i || items[i] != items[i - 1])
            hash = mix_number(hash, items[i]);
    return hash;
}

/* Members of a deadlock are looked at once for each way of waiting: stacks are few, members may be many. */
static struct ad_error *mix_members(const struct ad_snapshot *snapshot, const struct ad_finding *finding,
                                    uint64_t *hash)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector set = AD_VECTOR(uint64_t);
    ad_cleanup(ad_map_deinit) struct ad_map seen = {0};
    for (size_t i = 0; i < finding->task_count; i++) {
        const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[finding->tasks[i]];
        uint64_t kind = task->future < snapshot->futures.count
                            ? AD_ITEMS(struct ad_future, &snapshot->futures)[task->future].kind
                            : 0;
        uint64_t key = kind << 32 | task->stack;
        if (task->stack != AD_NONE && ad_map_has(&seen, key))
            continue;
        AD_TRY(ad_map_put(&seen, key, 0));
        AD_TRY(ad_vector_push(&set, &(uint64_t){task_signature(snapshot, finding->tasks[i])}));
    }
    *hash = mix_set(*hash, &set);
    return NULL;
}

/* ---- Findings ---------------------------------------------------------------------------------------- */

struct ad_error *ad_finding_signature(const struct ad_snapshot *snapshot, const struct ad_finding *finding,
                                      uint64_t *signature_ret)
{
    uint64_t hash = mix_text(FNV_START, ad_finding_code_name(finding->code));
    hash = mix_text(hash, ad_finding_reason_name(finding->reason));
    hash = mix_wait(hash, snapshot, finding->future);
    struct ad_error *error = NULL;
    if (finding->code == AD_FINDING_DEADLOCK)
        error = mix_members(snapshot, finding, &hash);
    else if (finding->task_count)
        hash = mix_number(hash, task_signature(snapshot, finding->tasks[0]));
    if (finding->code == AD_FINDING_BLOCKER && finding->task_count > 1)
        hash = mix_number(hash, task_signature(snapshot, finding->tasks[finding->task_count - 1]));
    *signature_ret = hash;
    return error;
}

struct ad_error *ad_findings_signature(const struct ad_snapshot *snapshot, const struct ad_findings *findings,
                                       uint64_t *signature_ret)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector set = AD_VECTOR(uint64_t);
    const struct ad_finding *items = findings->findings.items;
    *signature_ret = 0;
    for (size_t i = 0; i < findings->findings.count && items[i].severity == items[0].severity; i++) {
        uint64_t signature;
        if (items[i].severity == AD_SEVERITY_NOTE ||
            (items[i].code == AD_FINDING_BLOCKER && items[i].deadlock != AD_NONE))
            continue;
        AD_TRY(ad_finding_signature(snapshot, &items[i], &signature));
        AD_TRY(ad_vector_push(&set, &signature));
    }
    if (set.count)
        *signature_ret = mix_set(FNV_START, &set);
    return NULL;
}
