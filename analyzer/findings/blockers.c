/* SPDX-License-Identifier: MIT */
#include "findings/rules.h"

static bool has_owner(const struct ad_future *future)
{
    return future->owner != AD_NONE || future->owner_address || future->owner_id || future->holder_count;
}

/* Whether an object is worth naming by itself. To be joined by one task is the normal life of a task. */
static bool worth_naming(const struct ad_work *work, uint32_t index)
{
    const struct ad_future *future = ad_work_future(work, index);
    const struct ad_graph *graph = work->graph;
    if (!graph->direct[index] || !has_owner(future))
        return false;
    uint32_t owner = ad_graph_owner(graph, index);
    if (ad_future_is_lock(future) || (owner != AD_NONE && graph->cycle[graph->root[owner]] != AD_NONE))
        return true;
    return future->kind == ASYNC_DEBUG_KIND_JOIN ? graph->direct[index] > 1 : graph->total[index] > 1;
}

/* Whether the object that the owner waits for is the one to name. */
static bool is_superseded(const struct ad_work *work, uint32_t owner)
{
    if (owner == AD_NONE || work->graph->cycle[owner] != AD_NONE)
        return false;
    uint32_t through = work->graph->waits.through[owner];
    return through != AD_NONE && worth_naming(work, through);
}

static uint64_t first_waiting_since(const struct ad_work *work, const struct ad_future *future)
{
    if (!future->waiter_count || future->first_waiter >= work->snapshot->waiters.count)
        return 0;
    const struct ad_task *first =
        ad_work_task(work, AD_ITEMS(uint32_t, &work->snapshot->waiters)[future->first_waiter]);
    return first ? first->suspended_at : 0;
}

/* Every permit has been out for long, and so long somebody waits for one. */
static bool exhausted(const struct ad_work *work, const struct ad_future *future)
{
    const struct ad_holder *holders = work->snapshot->holders.items;
    uint64_t end = (uint64_t)future->first_holder + future->holder_count;
    if (future->kind != ASYNC_DEBUG_KIND_SEMAPHORE || future->count || end > work->snapshot->holders.count)
        return false;
    for (uint64_t i = future->first_holder; i < end; i++)
        if (!ad_lasts(work, holders[i].since, AD_LONG_NS))
            return false;
    return future->holder_count && ad_lasts(work, first_waiting_since(work, future), AD_LONG_NS);
}

/* Whether the task at the end of a chain will not go on by itself soon. */
static bool stays(const struct ad_work *work, const struct ad_task *root)
{
    const struct ad_worker *worker = ad_work_worker(work, root->worker);
    switch (root->state) {
    case ASYNC_DEBUG_STATE_RUNNING:
        return worker && ad_worker_blocked(work, worker);
    case ASYNC_DEBUG_STATE_READY:
        return ad_lasts(work, root->ready_since, AD_SOON_NS);
    default:
        return root->state == ASYNC_DEBUG_STATE_WAITING;
    }
}

static enum ad_severity blocker_severity(const struct ad_work *work, const struct ad_future *future,
                                         uint32_t owner)
{
    if (owner == AD_NONE)
        return AD_SEVERITY_WARNING; /* nobody is left to give it back */
    uint32_t root = work->graph->root[owner];
    if (work->graph->cycle[root] != AD_NONE || exhausted(work, future))
        return AD_SEVERITY_WARNING;
    bool kept = ad_future_is_lock(future) && ad_lasts(work, future->owned_since, AD_LONG_NS) &&
                stays(work, ad_work_task(work, root));
    return kept ? AD_SEVERITY_WARNING : AD_SEVERITY_NOTE;
}

static enum ad_confidence blocker_confidence(const struct ad_future *future)
{
    bool any = future->kind == ASYNC_DEBUG_KIND_SEMAPHORE || future->kind == ASYNC_DEBUG_KIND_PROMISE;
    return any ? AD_CONFIDENCE_LIKELY : AD_CONFIDENCE_CERTAIN;
}

static struct ad_error *add_blocker(struct ad_work *work, uint32_t index, uint32_t owner)
{
    const struct ad_graph *graph = work->graph;
    const struct ad_future *future = ad_work_future(work, index);
    uint64_t chain = owner == AD_NONE ? 0 : (uint64_t)graph->distance[owner] + 1;
    uint32_t cycle = owner == AD_NONE ? AD_NONE : graph->cycle[graph->root[owner]];
    struct ad_finding finding =
        ad_finding_of(AD_FINDING_BLOCKER, blocker_severity(work, future, owner), blocker_confidence(future));
    finding.task_count = chain < AD_CHAIN_MAX ? (size_t)chain : AD_CHAIN_MAX;
    finding.chain = chain;
    finding.future = index;
    finding.deadlock = cycle;
    finding.direct = graph->direct[index];
    finding.total = graph->total[index];
    finding.since = future->owned_since ? future->owned_since : first_waiting_since(work, future);
    struct ad_finding *added;
    AD_TRY(ad_find_add(work, finding, &added));
    for (size_t i = 0; i < added->task_count; i++, owner = graph->next[owner])
        added->tasks[i] = owner;
    if (chain > AD_CHAIN_MAX)
        added->tasks[AD_CHAIN_MAX - 1] = graph->root[added->tasks[0]];
    return NULL;
}

struct ad_error *ad_find_blockers(struct ad_work *work)
{
    for (uint32_t i = 0; i < work->graph->future_count; i++) {
        uint32_t owner = ad_graph_owner(work->graph, i);
        if (worth_naming(work, i) && !is_superseded(work, owner) && !ad_is_orphan(work, i))
            AD_TRY(add_blocker(work, i, owner));
    }
    return NULL;
}
