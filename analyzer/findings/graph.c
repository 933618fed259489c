/* SPDX-License-Identifier: MIT */
#include "findings/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

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

/* Leaves first; what never becomes a leaf lies on a ring, and keeps its count in `waiters`. `order` gets the
   others; their number. */
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
        uint32_t next = graph->next[order[done]];
        if (next != AD_NONE && !--waiters[next])
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
        AD_TRY(ad_vector_push(&graph->cycles, &(struct ad_cycle){.first = i}));
        for (uint32_t member = i; graph->cycle[member] == AD_NONE; member = graph->next[member]) {
            graph->cycle[member] = number;
            graph->root[member] = member;
        }
    }
    return NULL;
}

/* ---- Knots ---------------------------------------------------------------------------------------- */

/* While the ways out of cycles are followed. */
struct knots {
    struct ad_graph *graph;
    uint8_t *seen;  /* by node */
    uint32_t *list; /* nodes whose ways are still to be followed */
    size_t count;
};

static void see(struct knots *knots, uint32_t node)
{
    if (node == AD_NONE || knots->seen[node])
        return;
    knots->seen[node] = 1;
    knots->list[knots->count++] = node;
}

/* All ways of a node that needs any of them, and of another the one that explains its wait. */
static void see_ways(struct knots *knots, uint32_t node)
{
    const struct ad_waits *waits = &knots->graph->waits;
    if (waits->need[node] != AD_NEED_ANY) {
        see(knots, waits->via[node]);
        return;
    }
    for (uint32_t i = waits->first[node]; i < waits->first[node + 1]; i++)
        see(knots, AD_ITEMS(uint32_t, &waits->edges)[i]);
}

static struct ad_error *follow_ways(struct knots *knots, uint32_t number, struct ad_cycle *cycle)
{
    struct ad_graph *graph = knots->graph;
    cycle->knot = (uint32_t)graph->knots.count;
    see(knots, (uint32_t)graph->future_count + cycle->first);
    while (knots->count) {
        uint32_t node = knots->list[--knots->count], task = node - (uint32_t)graph->future_count;
        see_ways(knots, node);
        if (node < graph->future_count || graph->cycle[task] != AD_NONE)
            continue;
        graph->cycle[task] = number;
        AD_TRY(ad_vector_push(&graph->knots, &task));
        cycle->knot_count++;
    }
    return NULL;
}

static struct ad_error *find_knots(struct ad_graph *graph)
{
    size_t nodes = graph->future_count + graph->task_count;
    if (!graph->cycles.count)
        return NULL;
    ad_auto_free uint8_t *seen = calloc(nodes, 1);
    ad_auto_free uint32_t *list = calloc(nodes, sizeof(*list));
    if (!seen || !list)
        return &ad_error_nomem;
    struct knots knots = {graph, seen, list, 0};
    for (uint32_t i = 0; i < graph->cycles.count; i++)
        AD_TRY(follow_ways(&knots, i, &AD_ITEMS(struct ad_cycle, &graph->cycles)[i]));
    return NULL;
}

/* ---- Counts --------------------------------------------------------------------------------------- */

static void count_behind(struct ad_graph *graph, const uint32_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t task = order[i], next = graph->next[task];
        if (next != AD_NONE)
            graph->behind[next] += graph->behind[task] + (graph->cycle[task] == AD_NONE);
    }
}

static void find_roots(struct ad_graph *graph, const uint32_t *order, size_t count)
{
    while (count--) {
        uint32_t task = order[count], next = graph->next[task];
        graph->root[task] = next == AD_NONE ? task : graph->root[next];
        graph->distance[task] = next == AD_NONE ? 0 : graph->distance[next] + 1;
    }
}

static void count_waiters(struct ad_graph *graph)
{
    for (size_t i = 0; i < graph->task_count; i++) {
        uint32_t future = graph->cycle[i] == AD_NONE ? graph->waits.through[i] : AD_NONE;
        if (future == AD_NONE)
            continue;
        graph->direct[future]++;
        graph->total[future] += graph->behind[i] + 1;
    }
}

uint32_t ad_graph_owner(const struct ad_graph *graph, uint32_t future)
{
    const struct ad_waits *waits = &graph->waits;
    uint32_t node = waits->via[future];
    if (node < graph->future_count || node == AD_NONE)
        node = waits->first[future] < waits->first[future + 1]
                   ? AD_ITEMS(uint32_t, &waits->edges)[waits->first[future]]
                   : AD_NONE;
    return node < graph->future_count || node == AD_NONE ? AD_NONE : node - (uint32_t)graph->future_count;
}

/* ---- All together ----------------------------------------------------------------------------------- */

/* One block for all arrays: four by task here, two by future, and two that only building needs. */
static struct ad_error *allocate(struct ad_graph *graph, uint32_t **waiters_ret, uint32_t **order_ret)
{
    size_t tasks = graph->task_count, futures = graph->future_count;
    uint32_t *memory = calloc(6 * tasks + 2 * futures + 1, sizeof(uint32_t));
    if (!memory)
        return &ad_error_nomem;
    graph->memory = memory;
    graph->next = graph->waits.next;
    graph->behind = memory;
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

static struct ad_error *fill(const struct ad_snapshot *snapshot, struct ad_graph *graph)
{
    uint32_t *waiters, *order;
    AD_TRY(ad_waits_init(snapshot, &graph->waits));
    AD_TRY(allocate(graph, &waiters, &order));
    size_t ordered = order_trees(graph, waiters, order);
    AD_TRY(number_cycles(graph, waiters));
    AD_TRY(find_knots(graph));
    count_behind(graph, order, ordered);
    find_roots(graph, order, ordered);
    count_waiters(graph);
    return NULL;
}

struct ad_error *ad_graph_init(const struct ad_snapshot *snapshot, struct ad_graph *graph)
{
    *graph = (struct ad_graph){.task_count = snapshot->tasks.count,
                               .future_count = snapshot->futures.count,
                               .cycles = AD_VECTOR(struct ad_cycle),
                               .knots = AD_VECTOR(uint32_t)};
    struct ad_error *error = fill(snapshot, graph);
    if (error)
        ad_graph_deinit(graph);
    return error;
}

void ad_graph_deinit(struct ad_graph *graph)
{
    ad_waits_deinit(&graph->waits);
    free(graph->memory);
    ad_vector_deinit(&graph->cycles);
    ad_vector_deinit(&graph->knots);
    *graph = (struct ad_graph){.cycles = AD_VECTOR(struct ad_cycle), .knots = AD_VECTOR(uint32_t)};
}
