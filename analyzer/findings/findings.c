/* SPDX-License-Identifier: MIT */
#include "findings/findings.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "findings/graph.h"

/* A lock held so long by a task that waits itself is worth a look. */
#define LONG_HOLD_NS UINT64_C(5000000000)
/* A loop that others wait for should turn at least so often. */
#define LONG_STEP_NS UINT64_C(1000000000)

/* What is at hand while findings are made. */
struct work {
    const struct ad_snapshot *snapshot;
    const struct ad_graph *graph;
    struct ad_findings *findings;
};

static const struct ad_task *task_at(const struct ad_snapshot *snapshot, uint32_t index)
{
    return &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
}

static const struct ad_future *future_at(const struct ad_snapshot *snapshot, uint32_t index)
{
    return &AD_ITEMS(struct ad_future, &snapshot->futures)[index];
}

static struct ad_error *add(struct work *work, struct ad_finding finding, struct ad_finding **finding_ret)
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

/* ---- Deadlocks ---- */

static struct ad_error *add_deadlock(struct work *work, uint32_t number)
{
    const struct ad_graph *graph = work->graph;
    const struct ad_cycle *cycle = &AD_ITEMS(struct ad_cycle, &graph->cycles)[number];
    uint32_t member = cycle->first;
    struct ad_finding finding = {.code = AD_FINDING_DEADLOCK,
                                 .severity = AD_SEVERITY_ERROR,
                                 .future = AD_NONE,
                                 .worker = AD_NONE,
                                 .deadlock = number};
    do {
        finding.ring++;
        finding.total += graph->behind[member];
        member = graph->next[member];
    } while (member != cycle->first);
    finding.task_count = finding.ring + cycle->knot_count;

    struct ad_finding *added;
    AD_TRY(add(work, finding, &added));
    for (size_t i = 0; i < added->ring; i++, member = graph->next[member])
        added->tasks[i] = member;
    for (size_t i = 0; i < cycle->knot_count; i++)
        added->tasks[added->ring + i] = AD_ITEMS(uint32_t, &graph->knots)[cycle->knot + i];
    work->findings->deadlocks++;
    work->findings->stuck += finding.total;
    return NULL;
}

/* Those who wait directly for a member, whatever of the member's they wait for. */
static void count_direct(struct work *work)
{
    const struct ad_graph *graph = work->graph;
    struct ad_finding *deadlocks = work->findings->findings.items;
    for (size_t i = 0; i < graph->task_count; i++) {
        uint32_t next = graph->next[i];
        if (next != AD_NONE && graph->cycle[i] == AD_NONE && graph->cycle[next] != AD_NONE)
            deadlocks[graph->cycle[next]].direct++;
    }
}

static struct ad_error *find_deadlocks(struct work *work)
{
    for (uint32_t i = 0; i < work->graph->cycles.count; i++)
        AD_TRY(add_deadlock(work, i));
    count_direct(work);
    return NULL;
}

/* ---- Blockers ---- */

static bool has_owner(const struct ad_future *future)
{
    return future->owner != AD_NONE || future->owner_address || future->owner_id || future->holder_count;
}

/* Whether an object is worth naming by itself. To be joined by one task is the normal life of a task. */
static bool worth_naming(const struct work *work, uint32_t index)
{
    const struct ad_future *future = future_at(work->snapshot, index);
    const struct ad_graph *graph = work->graph;
    if (!graph->direct[index] || !has_owner(future))
        return false;
    uint32_t owner = ad_graph_owner(graph, index);
    if (ad_future_is_lock(future) || (owner != AD_NONE && graph->cycle[graph->root[owner]] != AD_NONE))
        return true;
    return future->kind == ASYNC_DEBUG_KIND_JOIN ? graph->direct[index] > 1 : graph->total[index] > 1;
}

/* Whether the object that the owner waits for is the one to name. */
static bool is_superseded(const struct work *work, uint32_t owner)
{
    if (owner == AD_NONE || work->graph->cycle[owner] != AD_NONE)
        return false;
    uint32_t through = work->graph->waits.through[owner];
    return through != AD_NONE && worth_naming(work, through);
}

static bool held_for_long(const struct ad_snapshot *snapshot, const struct ad_future *future)
{
    return future->owned_since && snapshot->now > future->owned_since &&
           snapshot->now - future->owned_since >= LONG_HOLD_NS;
}

static enum ad_severity blocker_severity(const struct work *work, const struct ad_future *future,
                                         uint32_t owner)
{
    if (owner == AD_NONE)
        return AD_SEVERITY_WARNING; /* nobody is left to give it back */
    uint32_t root = work->graph->root[owner];
    if (work->graph->cycle[root] != AD_NONE)
        return AD_SEVERITY_WARNING;
    bool root_waits = task_at(work->snapshot, root)->state == ASYNC_DEBUG_STATE_WAITING;
    return ad_future_is_lock(future) && root_waits && held_for_long(work->snapshot, future)
               ? AD_SEVERITY_WARNING
               : AD_SEVERITY_NOTE;
}

static struct ad_error *add_blocker(struct work *work, uint32_t index, uint32_t owner)
{
    const struct ad_graph *graph = work->graph;
    const struct ad_future *future = future_at(work->snapshot, index);
    uint64_t chain = owner == AD_NONE ? 0 : (uint64_t)graph->distance[owner] + 1;
    uint32_t cycle = owner == AD_NONE ? AD_NONE : graph->cycle[graph->root[owner]];
    struct ad_finding finding = {
        .code = AD_FINDING_BLOCKER,
        .severity = blocker_severity(work, future, owner),
        .task_count = chain < AD_CHAIN_MAX ? (size_t)chain : AD_CHAIN_MAX,
        .chain = chain,
        .future = index,
        .worker = AD_NONE,
        .deadlock = cycle,
        .direct = graph->direct[index],
        .total = graph->total[index],
    };
    struct ad_finding *added;
    AD_TRY(add(work, finding, &added));
    for (size_t i = 0; i < added->task_count; i++, owner = graph->next[owner])
        added->tasks[i] = owner;
    if (chain > AD_CHAIN_MAX)
        added->tasks[AD_CHAIN_MAX - 1] = graph->root[added->tasks[0]];
    return NULL;
}

static struct ad_error *find_blockers(struct work *work)
{
    for (uint32_t i = 0; i < work->graph->future_count; i++) {
        uint32_t owner = ad_graph_owner(work->graph, i);
        if (worth_naming(work, i) && !is_superseded(work, owner))
            AD_TRY(add_blocker(work, i, owner));
    }
    return NULL;
}

/* ---- Workers ---- */

/* Tasks that wait for their turn on a worker. */
static uint64_t ready_on(const struct ad_worker *worker)
{
    return worker->ready_count < UINT64_MAX - worker->inbox_count ? worker->ready_count + worker->inbox_count
                                                                  : UINT64_MAX;
}

static bool sits_on(const struct ad_snapshot *snapshot, const struct ad_worker *worker)
{
    return worker->state == ASYNC_DEBUG_WORKER_STATE_TASK && worker->current < snapshot->tasks.count &&
           task_at(snapshot, worker->current)->state == ASYNC_DEBUG_STATE_RUNNING && ready_on(worker) &&
           worker->last_tick && snapshot->now > worker->last_tick &&
           snapshot->now - worker->last_tick > LONG_STEP_NS;
}

static struct ad_error *find_blocked_workers(struct work *work)
{
    const struct ad_worker *workers = work->snapshot->workers.items;
    for (uint32_t i = 0; i < work->snapshot->workers.count; i++) {
        if (!sits_on(work->snapshot, &workers[i]))
            continue;
        struct ad_finding *added;
        struct ad_finding finding = {.code = AD_FINDING_BLOCKED_WORKER,
                                     .severity = AD_SEVERITY_WARNING,
                                     .task_count = 1,
                                     .future = AD_NONE,
                                     .worker = i,
                                     .deadlock = AD_NONE,
                                     .direct = ready_on(&workers[i]),
                                     .total = ready_on(&workers[i])};
        AD_TRY(add(work, finding, &added));
        added->tasks[0] = workers[i].current;
    }
    return NULL;
}

/* ---- Order and verdict ---- */

static bool is_outside(const struct ad_future *future)
{
    switch (future->kind) {
    case ASYNC_DEBUG_KIND_READ:
    case ASYNC_DEBUG_KIND_WRITE:
    case ASYNC_DEBUG_KIND_ACCEPT:
    case ASYNC_DEBUG_KIND_CONNECT:
    case ASYNC_DEBUG_KIND_POLL:
    case ASYNC_DEBUG_KIND_CLOSE:
    case ASYNC_DEBUG_KIND_WORK:
    case ASYNC_DEBUG_KIND_DNS:
    case ASYNC_DEBUG_KIND_FILE:
    case ASYNC_DEBUG_KIND_SIGNAL:
    case ASYNC_DEBUG_KIND_PROCESS:
        return true;
    default:
        return future->thread != 0;
    }
}

/* Whether something outside is among what a future is made of; a timer is. */
static bool has_outside_child(const struct ad_snapshot *snapshot, const struct ad_future *future)
{
    const uint32_t *children = snapshot->children.items;
    uint64_t end = (uint64_t)future->first_child + future->child_count;
    for (uint64_t i = future->first_child; i < end && i < snapshot->children.count; i++) {
        if (children[i] >= snapshot->futures.count)
            continue;
        const struct ad_future *child = future_at(snapshot, children[i]);
        if (is_outside(child) || child->kind == ASYNC_DEBUG_KIND_TIMER)
            return true;
    }
    return false;
}

/* Futures that something outside ends: found once for each, however many tasks wait for it. */
static uint8_t *find_outside(const struct ad_snapshot *snapshot)
{
    uint8_t *outside = calloc(snapshot->futures.count + 1, 1);
    for (uint32_t i = 0; outside && i < snapshot->futures.count; i++)
        outside[i] = is_outside(future_at(snapshot, i)) || has_outside_child(snapshot, future_at(snapshot, i));
    return outside;
}

static void count_waiting(const struct ad_snapshot *snapshot, const struct ad_task *task, const uint8_t *outside,
                          struct ad_tally *tally)
{
    bool known = task->future < snapshot->futures.count;
    enum async_debug_kind_class kind =
        known ? future_at(snapshot, task->future)->kind : ASYNC_DEBUG_KIND_OTHER;
    if (kind == ASYNC_DEBUG_KIND_TIMER) {
        tally->sleeping++;
    } else if (kind == ASYNC_DEBUG_KIND_YIELD) {
        tally->ready++;
    } else if (known && outside[task->future]) {
        tally->outside++;
    } else {
        tally->inside++;
        tally->timed += task->deadline != 0;
    }
}

static struct ad_error *count_tasks(const struct ad_snapshot *snapshot, struct ad_tally *tally)
{
    ad_auto_free uint8_t *outside = find_outside(snapshot);
    if (!outside)
        return &ad_error_nomem;
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        const struct ad_task *task = task_at(snapshot, i);
        tally->system += (task->flags & ASYNC_DEBUG_TASK_SYSTEM) != 0;
        if (ad_task_ended(task))
            tally->ended++;
        else if (task->state == ASYNC_DEBUG_STATE_RUNNING)
            tally->running++;
        else if (task->state == ASYNC_DEBUG_STATE_WAITING)
            count_waiting(snapshot, task, outside, tally);
        else
            tally->ready++;
    }
    return NULL;
}

static int compare(const void *left, const void *right)
{
    const struct ad_finding *a = left, *b = right;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    if (a->code != b->code)
        return a->code < b->code ? -1 : 1;
    if (a->total != b->total)
        return a->total > b->total ? -1 : 1;
    if (a->code == AD_FINDING_DEADLOCK)
        return a->tasks[0] < b->tasks[0] ? -1 : 1;
    return a->future != b->future ? (a->future < b->future ? -1 : 1) : (a->worker < b->worker ? -1 : 1);
}

/* Deadlocks come first; blockers refer to them by their place. */
static struct ad_error *sort_findings(struct ad_findings *findings)
{
    struct ad_finding *items = findings->findings.items;
    size_t count = findings->findings.count;
    if (!count)
        return NULL;
    qsort(items, count, sizeof(*items), compare);
    ad_auto_free uint32_t *place = calloc(findings->deadlocks + 1, sizeof(*place));
    if (!place)
        return &ad_error_nomem;
    for (uint32_t i = 0; i < findings->deadlocks; i++)
        place[items[i].deadlock] = i;
    for (size_t i = 0; i < count; i++)
        if (items[i].deadlock != AD_NONE)
            items[i].deadlock = place[items[i].deadlock];
    return NULL;
}

static enum ad_verdict verdict_of(const struct ad_findings *findings)
{
    const struct ad_tally *tally = &findings->tally;
    const struct ad_finding *worst = findings->findings.count ? findings->findings.items : NULL;
    if (findings->deadlocks)
        return AD_VERDICT_HUNG;
    if (worst && worst->severity >= AD_SEVERITY_WARNING)
        return AD_VERDICT_SUSPECT;
    if (tally->running || tally->ready)
        return AD_VERDICT_BUSY;
    if (tally->outside || tally->sleeping || tally->timed)
        return AD_VERDICT_IDLE;
    return tally->inside ? AD_VERDICT_SUSPECT : AD_VERDICT_EMPTY;
}

static struct ad_error *find_all(struct work *work)
{
    AD_TRY(find_deadlocks(work));
    AD_TRY(find_blockers(work));
    AD_TRY(find_blocked_workers(work));
    AD_TRY(sort_findings(work->findings));
    AD_TRY(count_tasks(work->snapshot, &work->findings->tally));
    work->findings->verdict = verdict_of(work->findings);
    return NULL;
}

struct ad_error *ad_findings_compute(const struct ad_snapshot *snapshot, struct ad_findings *findings_ret)
{
    *findings_ret = (struct ad_findings){.findings = AD_VECTOR(struct ad_finding)};
    struct ad_graph graph;
    AD_TRY(ad_graph_init(snapshot, &graph));
    struct work work = {snapshot, &graph, findings_ret};
    struct ad_error *error = find_all(&work);
    ad_graph_deinit(&graph);
    if (error)
        ad_findings_deinit(findings_ret);
    return error;
}

void ad_findings_deinit(struct ad_findings *findings)
{
    ad_vector_deinit(&findings->findings);
    ad_pool_deinit(&findings->pool);
}

bool ad_findings_failed(const struct ad_findings *findings)
{
    const struct ad_finding *worst = findings->findings.items; /* sorted: the first is the worst */
    return findings->findings.count && worst->severity == AD_SEVERITY_ERROR;
}
