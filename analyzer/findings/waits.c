/* SPDX-License-Identifier: MIT */
#include "findings/waits.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* While it is found out who can end. All by node. */
struct search {
    struct ad_waits *waits;
    size_t count;
    uint32_t *back_first; /* edges the other way round: who needs this node */
    uint32_t *back;
    uint8_t *stuck;
    uint8_t *core;  /* stuck by what its own part of the graph does */
    uint32_t *part; /* strongly connected part of the stuck nodes; AD_NONE: not stuck */
    uint32_t *knot; /* the same of the core, with one edge for each node that needs all; AD_NONE: not core */
    bool narrow;    /* only the edges of those count */
    uint32_t *missing; /* scratch: edges that are still needed */
    uint32_t *list;    /* scratch: nodes in some order */
    uint32_t *place;   /* scratch: where a walk is in a node's edges */
};

static const uint32_t *edges_of(const struct ad_waits *waits)
{
    return waits->edges.items;
}

/* ---- Who can end ---------------------------------------------------------------------------------- */

/* Edges out of a part do not count while that part is looked at alone. */
static bool counts(const struct search *search, uint32_t from, uint32_t to)
{
    return !search->part || search->part[from] == search->part[to];
}

/* Whether a node can end before any other has: it needs nothing; or, of a part looked at alone, something
   outside of it would do. Sets how many edges it needs, and the edge that would do. */
static bool ends_at_once(const struct search *search, uint32_t node)
{
    const struct ad_waits *waits = search->waits;
    uint32_t counted = 0, outside = AD_NONE;
    if (waits->need[node] == AD_NEED_NOTHING)
        return true;
    for (uint32_t i = waits->first[node]; i < waits->first[node + 1]; i++) {
        uint32_t to = edges_of(waits)[i];
        counted += counts(search, node, to);
        if (!counts(search, node, to) && search->stuck[to] && outside == AD_NONE)
            outside = to;
    }
    bool any = waits->need[node] == AD_NEED_ANY;
    search->missing[node] = any ? 1 : counted;
    waits->via[node] = outside;
    return any ? outside != AD_NONE : !counted;
}

/* Clears `blocked` of every node that can end, in the order in which they can. */
static void work_back(struct search *search, uint8_t *blocked)
{
    size_t done = 0, count = 0;
    for (uint32_t i = 0; i < search->count; i++) {
        if (!blocked[i] || !ends_at_once(search, i))
            continue;
        blocked[i] = 0;
        search->list[count++] = i;
    }
    while (done < count) {
        uint32_t node = search->list[done++];
        for (uint32_t i = search->back_first[node]; i < search->back_first[node + 1]; i++) {
            uint32_t user = search->back[i];
            if (!blocked[user] || !counts(search, user, node) || --search->missing[user])
                continue;
            blocked[user] = 0;
            search->waits->via[user] = node;
            search->list[count++] = user;
        }
    }
}

/* ---- Parts of what is stuck ------------------------------------------------------------------------- */

/* Whether an edge counts while parts are made. */
static bool leads(const struct search *search, uint32_t from, uint32_t to)
{
    if (!search->narrow)
        return search->stuck[from] && search->stuck[to];
    return search->core[from] && search->core[to] && search->part[from] == search->part[to] &&
           (search->waits->need[from] == AD_NEED_ANY || search->waits->via[from] == to);
}

/* Kosaraju's method: nodes in the order in which a depth-first walk leaves them ... */
static size_t order_by_leaving(struct search *search, uint32_t *order)
{
    const struct ad_waits *waits = search->waits;
    uint32_t *path = search->missing;
    size_t left = 0;
    memset(search->place, 0xff, search->count * sizeof(uint32_t));
    for (uint32_t root = 0; root < search->count; root++) {
        size_t depth = 0;
        if (!(search->narrow ? search->core : search->stuck)[root] || search->place[root] != AD_NONE)
            continue;
        path[depth++] = root;
        search->place[root] = waits->first[root];
        while (depth) {
            uint32_t node = path[depth - 1];
            if (search->place[node] == waits->first[node + 1]) {
                order[left++] = node;
                depth--;
                continue;
            }
            uint32_t to = edges_of(waits)[search->place[node]++];
            if (!leads(search, node, to) || search->place[to] != AD_NONE)
                continue;
            path[depth++] = to;
            search->place[to] = waits->first[to];
        }
    }
    return left;
}

/* ... and, the last one first, all that reach it the other way round are one part. */
static void number_parts(struct search *search, uint32_t *part)
{
    uint32_t *order = search->list, *queue = search->missing, number = 0;
    size_t left = order_by_leaving(search, order);
    memset(part, 0xff, search->count * sizeof(uint32_t));
    while (left--) {
        size_t count = 0;
        if (part[order[left]] != AD_NONE)
            continue;
        part[order[left]] = number;
        queue[count++] = order[left];
        while (count) {
            uint32_t node = queue[--count];
            for (uint32_t i = search->back_first[node]; i < search->back_first[node + 1]; i++) {
                uint32_t user = search->back[i];
                if (!leads(search, user, node) || part[user] != AD_NONE)
                    continue;
                part[user] = number;
                queue[count++] = user;
            }
        }
        number++;
    }
}

/* ---- The edge that explains a wait ------------------------------------------------------------------ */

/* Of a node at the core of a deadlock: an edge that stays there. */
static uint32_t core_edge(const struct search *search, uint32_t node)
{
    const struct ad_waits *waits = search->waits;
    for (uint32_t i = waits->first[node]; i < waits->first[node + 1]; i++) {
        uint32_t to = edges_of(waits)[i];
        if (search->core[to] && search->part[to] == search->part[node])
            return to;
    }
    return AD_NONE;
}

/* Of a node that can end: the first task, or future that waits for all of its own. */
static uint32_t plain_edge(const struct ad_waits *waits, uint32_t node)
{
    if (waits->need[node] != AD_NEED_ALL)
        return AD_NONE;
    for (uint32_t i = waits->first[node]; i < waits->first[node + 1]; i++) {
        uint32_t to = edges_of(waits)[i];
        if (to >= waits->future_count || waits->need[to] == AD_NEED_ALL)
            return to;
    }
    return AD_NONE;
}

/* Nodes that are stuck outside a core have got theirs when it was found out that the core would free them.
   Those of a core that need any of several get theirs below. */
static void choose_edges(struct search *search)
{
    for (uint32_t i = 0; i < search->count; i++) {
        if (search->core[i])
            search->waits->via[i] = core_edge(search, i);
        else if (!search->stuck[i])
            search->waits->via[i] = plain_edge(search->waits, i);
    }
}

/* Parts of the core that no edge leaves: each is a deadlock, and what else is in the core is behind them.
   `left`: by part, whether an edge does. */
static void find_left(const struct search *search, uint32_t *left)
{
    const struct ad_waits *waits = search->waits;
    memset(left, 0, search->count * sizeof(uint32_t));
    for (uint32_t node = 0; node < search->count; node++) {
        for (uint32_t i = waits->first[node]; i < waits->first[node + 1]; i++) {
            uint32_t to = edges_of(waits)[i];
            if (leads(search, node, to) && search->knot[node] != search->knot[to])
                left[search->knot[node]] = 1;
        }
    }
}

/* In each deadlock all ways lead to its lowest task, by the fewest steps: so it has one ring. */
static void lead_to_rings(struct search *search)
{
    uint32_t *left = search->missing, *seen = search->place, *queue = search->list;
    size_t done = 0, count = 0;
    find_left(search, left);
    memset(seen, 0, search->count * sizeof(uint32_t));
    for (size_t i = 0; i < search->count; i++) { /* tasks first, then futures made of each other only */
        uint32_t node = (uint32_t)((i + search->waits->future_count) % search->count);
        if (!search->core[node] || left[search->knot[node]])
            continue;
        left[search->knot[node]] = seen[node] = 1;
        queue[count++] = node;
        if (search->waits->need[node] == AD_NEED_ANY)
            search->waits->via[node] = core_edge(search, node);
    }
    while (done < count) {
        uint32_t node = queue[done++];
        for (uint32_t i = search->back_first[node]; i < search->back_first[node + 1]; i++) {
            uint32_t user = search->back[i];
            if (seen[user] || !leads(search, user, node))
                continue;
            seen[user] = 1;
            search->waits->via[user] = node;
            queue[count++] = user;
        }
    }
}

/* ---- From task to task ------------------------------------------------------------------------------ */

/* Follows futures to the task behind them; `task_of` and `last_of` (by future) have what is known already.
   Futures that are made of each other lead nowhere. */
static void follow(const struct ad_waits *waits, uint32_t future, uint32_t *task_of, uint32_t *last_of,
                   uint32_t *path)
{
    size_t depth = 0;
    uint32_t node = future, task = AD_NONE, last = AD_NONE;
    while (node < waits->future_count && last_of[node] == AD_NONE) {
        last_of[node] = node; /* met, for now */
        path[depth++] = node;
        node = waits->via[node];
    }
    if (node < waits->future_count) {
        task = task_of[node];
        last = last_of[node];
    } else {
        task = node == AD_NONE ? AD_NONE : node - (uint32_t)waits->future_count;
        last = depth ? path[depth - 1] : AD_NONE;
    }
    while (depth--) {
        task_of[path[depth]] = task;
        last_of[path[depth]] = last;
    }
}

static void link_tasks(const struct ad_snapshot *snapshot, struct search *search)
{
    struct ad_waits *waits = search->waits;
    const struct ad_future *futures = snapshot->futures.items;
    uint32_t *task_of = search->missing, *last_of = search->place;
    memset(task_of, 0xff, waits->future_count * sizeof(uint32_t));
    memset(last_of, 0xff, waits->future_count * sizeof(uint32_t));
    for (uint32_t i = 0; i < waits->task_count; i++) {
        uint32_t node = (uint32_t)waits->future_count + i;
        waits->next[i] = waits->through[i] = AD_NONE;
        if (waits->first[node] == waits->first[node + 1])
            continue;
        uint32_t future = edges_of(waits)[waits->first[node]];
        follow(waits, future, task_of, last_of, search->list);
        waits->next[i] = task_of[future];
        uint32_t last = task_of[future] == AD_NONE ? future : last_of[future];
        waits->through[i] = ad_future_is_owned(&futures[last]) ? last : AD_NONE;
    }
}

/* ---- All together ----------------------------------------------------------------------------------- */

static void turn_edges(struct search *search)
{
    const struct ad_waits *waits = search->waits;
    const uint32_t *edges = edges_of(waits);
    uint32_t *place = search->place;
    memset(search->back_first, 0, (search->count + 1) * sizeof(uint32_t));
    for (size_t i = 0; i < waits->edges.count; i++)
        search->back_first[edges[i] + 1]++;
    for (size_t i = 0; i < search->count; i++) {
        search->back_first[i + 1] += search->back_first[i];
        place[i] = search->back_first[i];
    }
    for (uint32_t node = 0; node < search->count; node++)
        for (uint32_t i = waits->first[node]; i < waits->first[node + 1]; i++)
            search->back[place[edges[i]]++] = node;
}

static void find_deadlocks(struct search *search, uint32_t *part)
{
    number_parts(search, part);
    search->part = part;
    memcpy(search->core, search->stuck, search->count);
    work_back(search, search->core);
    choose_edges(search);
    search->narrow = true;
    number_parts(search, search->knot);
    lead_to_rings(search);
}

static void solve(const struct ad_snapshot *snapshot, struct search *search, uint32_t *part)
{
    turn_edges(search);
    memset(search->stuck, 1, search->count);
    work_back(search, search->stuck);
    if (memchr(search->stuck, 1, search->count))
        find_deadlocks(search, part);
    else
        choose_edges(search);
    link_tasks(snapshot, search);
}

static struct ad_error *allocate(struct ad_waits *waits)
{
    size_t nodes = waits->future_count + waits->task_count;
    if (nodes >= AD_NONE)
        return &ad_error_nomem;
    uint32_t *memory = calloc(2 * nodes + 2 * waits->task_count + 1, sizeof(uint32_t));
    waits->need = calloc(nodes + 1, 1);
    waits->memory = memory;
    if (!memory || !waits->need)
        return &ad_error_nomem;
    waits->first = memory;
    waits->via = waits->first + nodes + 1;
    waits->next = waits->via + nodes;
    waits->through = waits->next + waits->task_count;
    return NULL;
}

static struct ad_error *search_waits(const struct ad_snapshot *snapshot, struct ad_waits *waits)
{
    size_t nodes = waits->future_count + waits->task_count, edges = waits->edges.count;
    ad_auto_free uint32_t *words = calloc(6 * nodes + 1 + edges, sizeof(uint32_t));
    ad_auto_free uint8_t *bytes = calloc(2 * nodes + 1, 1);
    if (!words || !bytes)
        return &ad_error_nomem;
    struct search search = {.waits = waits, .count = nodes, .stuck = bytes, .core = bytes + nodes};
    search.back_first = words;
    search.missing = words + nodes + 1;
    search.list = search.missing + nodes;
    search.place = search.list + nodes;
    search.knot = search.place + nodes;
    search.back = search.knot + nodes + nodes; /* between them the parts */
    solve(snapshot, &search, search.knot + nodes);
    return NULL;
}

struct ad_error *ad_waits_init(const struct ad_snapshot *snapshot, struct ad_waits *waits)
{
    *waits = (struct ad_waits){.future_count = snapshot->futures.count,
                               .task_count = snapshot->tasks.count,
                               .edges = AD_VECTOR(uint32_t)};
    struct ad_error *error = allocate(waits);
    if (!error)
        error = ad_waits_rules(snapshot, waits);
    if (!error)
        error = search_waits(snapshot, waits);
    if (error)
        ad_waits_deinit(waits);
    return error;
}

void ad_waits_deinit(struct ad_waits *waits)
{
    free(waits->need);
    free(waits->memory);
    ad_vector_deinit(&waits->edges);
    *waits = (struct ad_waits){.edges = AD_VECTOR(uint32_t)};
}
