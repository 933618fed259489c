/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/cleanup.h"
#include "findings/graph.h"
#include "findings/waits.h"

/* While edges are made. */
struct rules {
    const struct ad_snapshot *snapshot;
    struct ad_waits *waits;
    uint8_t *handed;        /* by task: it has just been given what it waits for */
    uint32_t *first_member; /* by future: the first task of this group; NULL: no task belongs to a group */
    uint32_t *next_member;  /* by task */
};

static const struct ad_task *task_at(const struct rules *rules, uint32_t index)
{
    return &AD_ITEMS(struct ad_task, &rules->snapshot->tasks)[index];
}

/* A runtime that publishes no future states is taken at its tasks' word. */
static bool pending(const struct ad_future *future)
{
    return future->state == ASYNC_DEBUG_FUTURE_STATE_PENDING ||
           future->state == ASYNC_DEBUG_FUTURE_STATE_NONE;
}

/* Whether a wait for it can only end by what the tasks do that it names. */
static bool closed(const struct ad_future *future)
{
    return pending(future) && !future->deadline && !future->thread;
}

bool ad_future_is_owned(const struct ad_future *future)
{
    if (!closed(future))
        return false;
    return ad_future_is_lock(future) || future->kind == ASYNC_DEBUG_KIND_JOIN ||
           future->kind == ASYNC_DEBUG_KIND_PROMISE ||
           (future->kind == ASYNC_DEBUG_KIND_SEMAPHORE && future->holder_count);
}

/* ---- Edges of a future ---------------------------------------------------------------------------- */

/* A lock is handed over by naming its next owner and then waking it. Between the two that task seems to
   wait for itself; what it got before it was suspended is not such a lock. */
static bool just_handed_over(const struct rules *rules, uint32_t future, uint32_t owner, uint64_t since)
{
    const struct ad_task *task = task_at(rules, owner);
    if (task->future != future || task->runtime >= rules->snapshot->runtimes.count)
        return false;
    return AD_ITEMS(struct ad_runtime, &rules->snapshot->runtimes)[task->runtime].changing &&
           since >= task->suspended_at;
}

static struct ad_error *add_edge(struct rules *rules, uint32_t node)
{
    return ad_vector_push(&rules->waits->edges, &node);
}

/* An owner that is in the snapshot and has not ended; false: this one promises nothing. */
static struct ad_error *add_owner(struct rules *rules, uint32_t future, uint32_t owner, uint64_t since,
                                  bool *known_ret)
{
    *known_ret = owner < rules->waits->task_count && !ad_task_ended(task_at(rules, owner));
    if (!*known_ret)
        return NULL;
    rules->handed[owner] |= just_handed_over(rules, future, owner, since);
    return add_edge(rules, (uint32_t)rules->waits->future_count + owner);
}

/* The owner or all holders. `whole_ret`: they are all known, and all can still give it back. */
static struct ad_error *add_owners(struct rules *rules, uint32_t index, const struct ad_future *future,
                                   bool *whole_ret)
{
    const struct ad_holder *holders = rules->snapshot->holders.items;
    uint64_t end = (uint64_t)future->first_holder + future->holder_count;
    bool known;
    if (!future->holder_count)
        return add_owner(rules, index, future->owner, future->owned_since, whole_ret);
    *whole_ret = future->holders_whole && end <= rules->snapshot->holders.count;
    for (uint64_t i = future->first_holder; i < end && i < rules->snapshot->holders.count; i++) {
        AD_TRY(add_owner(rules, index, holders[i].task, holders[i].since, &known));
        *whole_ret = *whole_ret && known;
    }
    return NULL;
}

static struct ad_error *add_children(struct rules *rules, const struct ad_future *future, bool *whole_ret)
{
    const uint32_t *children = rules->snapshot->children.items;
    uint64_t end = (uint64_t)future->first_child + future->child_count;
    *whole_ret = future->children_whole && end <= rules->snapshot->children.count;
    for (uint64_t i = future->first_child; i < end && i < rules->snapshot->children.count; i++) {
        bool known = children[i] < rules->waits->future_count;
        *whole_ret = *whole_ret && known;
        if (known)
            AD_TRY(add_edge(rules, children[i]));
    }
    return NULL;
}

static struct ad_error *add_members(struct rules *rules, uint32_t group)
{
    bool known;
    uint32_t task = rules->first_member ? rules->first_member[group] : AD_NONE;
    for (; task != AD_NONE; task = rules->next_member[task])
        AD_TRY(add_owner(rules, AD_NONE, task, 0, &known));
    return NULL;
}

/* Of a semaphore with several permits any holder may give one back; but when a permit is with somebody who
   is not known, nothing can be said. */
static enum ad_need semaphore_need(const struct ad_future *future, bool whole)
{
    uint64_t taken = future->capacity - future->count;
    if (future->capacity <= 1)
        return future->capacity ? AD_NEED_ALL : AD_NEED_NOTHING;
    bool accounted =
        whole && future->holder_count && future->count < future->capacity && future->holder_count >= taken;
    return accounted ? AD_NEED_ANY : AD_NEED_NOTHING;
}

/* What a wait for it needs, its edges added; edges of one that needs nothing are only hints. */
static struct ad_error *add_future(struct rules *rules, uint32_t index, enum ad_need *need_ret)
{
    const struct ad_future *future = &AD_ITEMS(struct ad_future, &rules->snapshot->futures)[index];
    bool whole = false;
    *need_ret = AD_NEED_NOTHING;
    if (!closed(future))
        return NULL;
    switch (future->kind) {
    case ASYNC_DEBUG_KIND_SEMAPHORE:
        AD_TRY(add_owners(rules, index, future, &whole));
        *need_ret = semaphore_need(future, whole);
        return NULL;
    case ASYNC_DEBUG_KIND_SELECT:
        AD_TRY(add_children(rules, future, &whole));
        *need_ret = whole ? AD_NEED_ANY : AD_NEED_NOTHING;
        return NULL;
    case ASYNC_DEBUG_KIND_GROUP:
    case ASYNC_DEBUG_KIND_ALL:
        *need_ret = AD_NEED_ALL;
        return future->child_count ? add_children(rules, future, &whole) : add_members(rules, index);
    default:
        if (!ad_future_is_owned(future))
            return NULL;
        *need_ret = AD_NEED_ALL;
        return add_owners(rules, index, future, &whole);
    }
}

/* ---- Tasks ---------------------------------------------------------------------------------------- */

/* A timeout or a cancellation on its way ends any wait, but not inside a shield. */
static bool may_be_interrupted(const struct ad_task *task)
{
    return !(task->flags & ASYNC_DEBUG_TASK_SHIELDED) &&
           (task->deadline || task->cancel_state == ASYNC_DEBUG_CANCEL_REQUESTED);
}

static struct ad_error *add_task(struct rules *rules, uint32_t index, enum ad_need *need_ret)
{
    const struct ad_task *task = task_at(rules, index);
    bool bound = task->state == ASYNC_DEBUG_STATE_WAITING && task->future < rules->waits->future_count &&
                 !may_be_interrupted(task) && !rules->handed[index];
    *need_ret = bound ? AD_NEED_ALL : AD_NEED_NOTHING;
    return bound ? add_edge(rules, task->future) : NULL;
}

/* Chains the tasks of each group, for groups that do not list their children. */
static struct ad_error *index_members(struct rules *rules)
{
    const struct ad_snapshot *snapshot = rules->snapshot;
    size_t futures = rules->waits->future_count;
    if (!snapshot->extras.count)
        return NULL;
    rules->first_member = malloc((futures + 1) * sizeof(uint32_t));
    rules->next_member = malloc((snapshot->tasks.count + 1) * sizeof(uint32_t));
    if (!rules->first_member || !rules->next_member)
        return &ad_error_nomem;
    for (size_t i = 0; i < futures; i++)
        rules->first_member[i] = AD_NONE;
    for (uint32_t i = (uint32_t)snapshot->tasks.count; i-- > 0;) {
        uint32_t group = ad_task_extra(snapshot, task_at(rules, i))->group;
        if (group >= futures)
            continue;
        rules->next_member[i] = rules->first_member[group];
        rules->first_member[group] = i;
    }
    return NULL;
}

/* A node whose every edge fell away needs nothing that is known of. */
static void end_node(struct rules *rules, size_t node, enum ad_need need)
{
    struct ad_waits *waits = rules->waits;
    waits->first[node + 1] = (uint32_t)waits->edges.count;
    bool empty = waits->first[node] == waits->first[node + 1];
    waits->need[node] = (uint8_t)(empty ? AD_NEED_NOTHING : need);
}

static struct ad_error *fill(struct rules *rules)
{
    size_t futures = rules->waits->future_count, tasks = rules->waits->task_count;
    enum ad_need need;
    rules->handed = calloc(tasks + 1, 1);
    if (!rules->handed)
        return &ad_error_nomem;
    AD_TRY(index_members(rules));
    for (size_t i = 0; i < futures; i++) {
        AD_TRY(add_future(rules, (uint32_t)i, &need));
        end_node(rules, i, need);
    }
    for (size_t i = 0; i < tasks; i++) {
        AD_TRY(add_task(rules, (uint32_t)i, &need));
        end_node(rules, futures + i, need);
    }
    return NULL;
}

static void rules_deinit(struct rules *rules)
{
    free(rules->handed);
    free(rules->first_member);
    free(rules->next_member);
}

struct ad_error *ad_waits_rules(const struct ad_snapshot *snapshot, struct ad_waits *waits)
{
    ad_cleanup(rules_deinit) struct rules rules = {.snapshot = snapshot, .waits = waits};
    return fill(&rules);
}
