/* SPDX-License-Identifier: MIT */
#include "findings/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/range.h"

enum { CANCEL_REQUESTED = 1 }; /* ASYNC_DEBUG_TASK_CANCEL_STATE: on its way to the task */

bool ad_task_ended(const struct ad_task *task)
{
    return task->state == ASYNC_DEBUG_STATE_RETURNED || task->state == ASYNC_DEBUG_STATE_FAILED ||
           task->state == ASYNC_DEBUG_STATE_CANCELLED;
}

bool ad_future_is_lock(const struct ad_future *future)
{
    switch (future->kind) {
    case ASYNC_DEBUG_KIND_MUTEX:
    case ASYNC_DEBUG_KIND_RWLOCK_READ:
    case ASYNC_DEBUG_KIND_RWLOCK_WRITE:
        return true;
    case ASYNC_DEBUG_KIND_SEMAPHORE: /* with more permits the owner is only one of several */
        return future->capacity == 1;
    default:
        return false;
    }
}

static bool owner_ends_it(const struct ad_future *future)
{
    return ad_future_is_lock(future) || future->kind == ASYNC_DEBUG_KIND_JOIN ||
           future->kind == ASYNC_DEBUG_KIND_PROMISE;
}

/* A runtime that publishes no future states is taken at its tasks' word. */
static bool pending(const struct ad_future *future)
{
    return future->state == ASYNC_DEBUG_FUTURE_STATE_PENDING ||
           future->state == ASYNC_DEBUG_FUTURE_STATE_NONE;
}

/* The future through which `task` may depend on an owner, or AD_NONE. */
static uint32_t owned_future(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    if (task->state != ASYNC_DEBUG_STATE_WAITING || task->future >= snapshot->futures.count ||
        task->cancel_state == CANCEL_REQUESTED)
        return AD_NONE;
    const struct ad_future *future = &AD_ITEMS(struct ad_future, &snapshot->futures)[task->future];
    return pending(future) && owner_ends_it(future) && !future->deadline ? task->future : AD_NONE;
}

/* A lock is handed over by naming its next owner and then waking it. Between the two that task seems to
   wait for itself; what it got before it was suspended is not such a lock. */
static bool just_handed_over(const struct ad_snapshot *snapshot, const struct ad_task *task,
                             const struct ad_future *future)
{
    if (task->runtime >= snapshot->runtimes.count)
        return false;
    return AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[task->runtime].changing &&
           future->owned_since >= task->suspended_at;
}

/* The task whose next step ends the wait of `waiter`, or AD_NONE. */
static uint32_t living_owner(const struct ad_snapshot *snapshot, uint32_t waiter,
                             const struct ad_future *future)
{
    if (future->owner >= snapshot->tasks.count)
        return AD_NONE;
    const struct ad_task *owner = &AD_ITEMS(struct ad_task, &snapshot->tasks)[future->owner];
    if (ad_task_ended(owner) || (future->owner == waiter && just_handed_over(snapshot, owner, future)))
        return AD_NONE;
    return future->owner;
}

static void find_edges(const struct ad_snapshot *snapshot, struct ad_graph *graph)
{
    const struct ad_task *tasks = snapshot->tasks.items;
    const struct ad_future *futures = snapshot->futures.items;
    for (size_t i = 0; i < graph->task_count; i++) {
        uint32_t future = owned_future(snapshot, &tasks[i]);
        graph->next[i] = future == AD_NONE ? AD_NONE : living_owner(snapshot, (uint32_t)i, &futures[future]);
    }
}

/* Leaves first; what never becomes a leaf lies on a cycle. `order` gets the others; their number. */
static size_t order_trees(struct ad_graph *graph, uint32_t *waiters, uint32_t *order)
{
    size_t count = 0;
    for (size_t i = 0; i < graph->task_count; i++)
        if (graph->next[i] != AD_NONE)
            waiters[graph->next[i]]++;
    for (size_t i = 0; i < graph->task_count; i++)
        if (!waiters[i])
            order[count++] = (uint32_t)i;
    for (size_t done = 0; done < count; done++) {
        uint32_t task = order[done], next = graph->next[task];
        if (next == AD_NONE)
            continue;
        graph->behind[next] += graph->behind[task] + 1;
        if (!--waiters[next])
            order[count++] = next;
    }
    return count;
}

static struct ad_error *number_cycles(struct ad_graph *graph, const uint32_t *waiters)
{
    for (uint32_t i = 0; i < graph->task_count; i++) {
        if (!waiters[i] || graph->cycle[i] != AD_NONE)
            continue;
        uint32_t number = (uint32_t)graph->cycles.count;
        AD_TRY(ad_vector_push(&graph->cycles, &i));
        for (uint32_t member = i; graph->cycle[member] == AD_NONE; member = graph->next[member]) {
            graph->cycle[member] = number;
            graph->root[member] = member;
        }
    }
    return NULL;
}

static void find_roots(struct ad_graph *graph, const uint32_t *order, size_t count)
{
    while (count--) {
        uint32_t task = order[count], next = graph->next[task];
        graph->root[task] = next == AD_NONE ? task : graph->root[next];
        graph->distance[task] = next == AD_NONE ? 0 : graph->distance[next] + 1;
    }
}

static void count_waiters(const struct ad_snapshot *snapshot, struct ad_graph *graph)
{
    const struct ad_task *tasks = snapshot->tasks.items;
    for (size_t i = 0; i < graph->task_count; i++) {
        uint32_t future = graph->cycle[i] == AD_NONE ? owned_future(snapshot, &tasks[i]) : AD_NONE;
        if (future == AD_NONE)
            continue;
        graph->direct[future]++;
        graph->total[future] += graph->behind[i] + 1;
    }
}

/* One block for all arrays: five by task here, two by future, and two that only building needs. */
static struct ad_error *allocate(struct ad_graph *graph, uint32_t **waiters_ret, uint32_t **order_ret)
{
    size_t tasks = graph->task_count, futures = graph->future_count, words, bytes;
    if (!ad_mul(tasks, (size_t)7, &words) || !ad_add(words, futures, &words) ||
        !ad_add(words, futures, &words) || !ad_mul(words, sizeof(uint32_t), &bytes))
        return &ad_error_nomem;
    uint32_t *memory = calloc(1, bytes ? bytes : 1);
    if (!memory)
        return &ad_error_nomem;
    graph->memory = memory;
    graph->next = memory;
    graph->behind = graph->next + tasks;
    graph->root = graph->behind + tasks;
    graph->distance = graph->root + tasks;
    graph->cycle = graph->distance + tasks;
    graph->direct = graph->cycle + tasks;
    graph->total = graph->direct + futures;
    *waiters_ret = graph->total + futures;
    *order_ret = *waiters_ret + tasks;
    memset(graph->cycle, 0xff, tasks * sizeof(uint32_t)); /* AD_NONE */
    return NULL;
}

struct ad_error *ad_graph_init(const struct ad_snapshot *snapshot, struct ad_graph *graph)
{
    *graph = (struct ad_graph){.task_count = snapshot->tasks.count,
                               .future_count = snapshot->futures.count,
                               .cycles = AD_VECTOR(uint32_t)};
    uint32_t *waiters, *order;
    AD_TRY(allocate(graph, &waiters, &order));
    find_edges(snapshot, graph);
    size_t ordered = order_trees(graph, waiters, order);
    struct ad_error *error = number_cycles(graph, waiters);
    if (error) {
        ad_graph_deinit(graph);
        return error;
    }
    find_roots(graph, order, ordered);
    count_waiters(snapshot, graph);
    return NULL;
}

void ad_graph_deinit(struct ad_graph *graph)
{
    free(graph->memory);
    ad_vector_deinit(&graph->cycles);
    *graph = (struct ad_graph){.cycles = AD_VECTOR(uint32_t)};
}
