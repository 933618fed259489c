/* SPDX-License-Identifier: MIT */
#include "findings/rules.h"

#include <stdlib.h>
#include <string.h>

/* A finding in the making, with the tasks that it has lasted for longest, in that order. */
struct group {
    struct ad_finding finding;
    uint32_t tasks[AD_CHAIN_MAX];
    uint64_t since[AD_CHAIN_MAX];
};

void ad_work_init(struct ad_work *work, const struct ad_snapshot *snapshot, const struct ad_graph *graph,
                  struct ad_findings *findings)
{
    *work = (struct ad_work){
        .snapshot = snapshot, .graph = graph, .findings = findings, .groups = AD_VECTOR(struct group)};
}

void ad_work_deinit(struct ad_work *work)
{
    ad_vector_deinit(&work->groups);
    ad_map_deinit(&work->group_of);
    free(work->orphans);
}

const struct ad_task *ad_work_task(const struct ad_work *work, uint32_t index)
{
    const struct ad_vector *tasks = &work->snapshot->tasks;
    return index < tasks->count ? &AD_ITEMS(struct ad_task, tasks)[index] : NULL;
}

const struct ad_future *ad_work_future(const struct ad_work *work, uint32_t index)
{
    const struct ad_vector *futures = &work->snapshot->futures;
    return index < futures->count ? &AD_ITEMS(struct ad_future, futures)[index] : NULL;
}

const struct ad_worker *ad_work_worker(const struct ad_work *work, uint32_t index)
{
    const struct ad_vector *workers = &work->snapshot->workers;
    return index < workers->count ? &AD_ITEMS(struct ad_worker, workers)[index] : NULL;
}

bool ad_task_settled(const struct ad_work *work, const struct ad_task *task)
{
    const struct ad_runtime *runtimes = work->snapshot->runtimes.items;
    return !task->torn && task->runtime < work->snapshot->runtimes.count && !runtimes[task->runtime].changing;
}

bool ad_lasts(const struct ad_work *work, uint64_t since, uint64_t ns)
{
    uint64_t now = work->snapshot->now;
    return since && now > since && now - since >= ns;
}

uint64_t ad_ready_on(const struct ad_worker *worker)
{
    return worker->ready_count < UINT64_MAX - worker->inbox_count ? worker->ready_count + worker->inbox_count
                                                                  : UINT64_MAX;
}

struct ad_finding ad_finding_of(enum ad_finding_code code, enum ad_severity severity,
                                enum ad_confidence confidence)
{
    return (struct ad_finding){.code = code,
                               .severity = severity,
                               .confidence = confidence,
                               .future = AD_NONE,
                               .worker = AD_NONE,
                               .deadlock = AD_NONE};
}

struct ad_error *ad_find_add(struct ad_work *work, struct ad_finding finding, struct ad_finding **finding_ret)
{
    struct ad_finding *added;
    finding.tasks = ad_pool_alloc(&work->findings->pool, finding.task_count * sizeof(uint32_t));
    if (!finding.tasks)
        return &ad_error_nomem;
    AD_TRY(ad_vector_add(&work->findings->findings, (void **)&added));
    *added = finding;
    *finding_ret = added;
    return NULL;
}

/* ---- Findings of many tasks ------------------------------------------------------------------------- */

static void keep_longest(struct group *group, uint32_t task, uint64_t since)
{
    struct ad_finding *finding = &group->finding;
    size_t place = finding->task_count;
    while (place && since < group->since[place - 1])
        place--;
    if (place == AD_CHAIN_MAX)
        return;
    if (finding->task_count < AD_CHAIN_MAX)
        finding->task_count++;
    size_t behind = finding->task_count - place - 1;
    memmove(&group->tasks[place + 1], &group->tasks[place], behind * sizeof(uint32_t));
    memmove(&group->since[place + 1], &group->since[place], behind * sizeof(uint64_t));
    group->tasks[place] = task;
    group->since[place] = since;
}

struct ad_error *ad_gather(struct ad_work *work, uint64_t key, const struct ad_finding *finding,
                           uint32_t task, uint64_t since)
{
    uint64_t whole = ad_map_hash(key) + (uint64_t)finding->code * AD_REASONS + (uint64_t)finding->reason;
    uint32_t index = ad_map_get(&work->group_of, whole, AD_NONE);
    if (index == AD_NONE) {
        struct group group = {.finding = *finding};
        index = (uint32_t)work->groups.count;
        AD_TRY(ad_map_put(&work->group_of, whole, index));
        AD_TRY(ad_vector_push(&work->groups, &group));
    }
    struct group *group = &AD_ITEMS(struct group, &work->groups)[index];
    group->finding.direct++;
    group->finding.total++;
    keep_longest(group, task, since);
    return NULL;
}

/* Those behind the ones that wait for an object directly. */
static void count_behind(const struct ad_work *work, struct ad_finding *finding)
{
    uint64_t all = finding->future == AD_NONE ? 0 : work->graph->total[finding->future];
    finding->total = all > finding->total ? all : finding->total;
}

struct ad_error *ad_gather_end(struct ad_work *work)
{
    struct group *groups = work->groups.items;
    for (size_t i = 0; i < work->groups.count; i++) {
        struct ad_finding *added;
        groups[i].finding.since =
            groups[i].finding.code == AD_FINDING_STACK_NEAR_END ? 0 : groups[i].since[0];
        count_behind(work, &groups[i].finding);
        AD_TRY(ad_find_add(work, groups[i].finding, &added));
        memcpy(added->tasks, groups[i].tasks, added->task_count * sizeof(uint32_t));
    }
    return NULL;
}
