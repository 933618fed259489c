/* SPDX-License-Identifier: MIT */
/**
 * @file tree.c - who waits for whom, or who spawned whom, as trees:
 *
 *     #6 "transfer a b"  waiting  mutex key b, held by #7 for 2s  (a cycle: it waits for #7 below)
 *       #7 "transfer b a"  waiting  mutex key a, held by #6 for 2s
 *         [x6 of] #8 "client"  waiting  mutex key b, held by #7 for 2s
 *
 * Each task has at most one above it, so these are trees but for cycles, which are cut at their first task.
 * Equal subtrees under one task are shown once, with their number. Without recursion; linear, but for sorting.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "findings/graph.h"
#include "report/describe.h"
#include "report/report.h"
#include "report/words.h"

enum { NAME_WIDTH = 40, DEEPEST = 40 };

struct tree {
    const struct ad_snapshot *snapshot;
    size_t count;
    uint32_t *up;      /* by task: the one above; AD_NONE: a root */
    uint32_t *cut;     /* by task: the one above it in a cycle that was cut there; else AD_NONE */
    bool *kept;        /* by task: it is shown */
    uint32_t *first;   /* by task, and one more: its children begin here in `children`; roots are those of `count` */
    uint32_t *children;
    uint32_t *order;   /* tasks, those above first */
    uint64_t *shape;   /* by task: equal for equal subtrees */
    void *memory;
};

/* ---- Making it ---- */

static struct ad_error *tree_init(struct tree *tree, const struct ad_snapshot *snapshot)
{
    size_t count = snapshot->tasks.count;
    *tree = (struct tree){.snapshot = snapshot, .count = count};
    uint64_t *memory = calloc(count + 3, 2 * sizeof(uint64_t) + 5 * sizeof(uint32_t));
    tree->memory = memory;
    if (!memory)
        return &ad_error_nomem;
    tree->shape = memory;
    tree->up = (uint32_t *)(memory + count + 3);
    tree->cut = tree->up + count + 3;
    tree->first = tree->cut + count + 3;
    tree->children = tree->first + count + 3;
    tree->order = tree->children + count + 3;
    tree->kept = (bool *)(tree->order + count + 3);
    for (size_t i = 0; i < count; i++)
        tree->cut[i] = AD_NONE;
    return NULL;
}

static struct ad_error *fill_up(struct tree *tree, bool spawned)
{
    const struct ad_task *tasks = tree->snapshot->tasks.items;
    struct ad_graph graph = {0};
    if (!spawned)
        AD_TRY(ad_graph_init(tree->snapshot, &graph));
    for (size_t i = 0; i < tree->count; i++) {
        uint32_t above = spawned ? tasks[i].parent : graph.next[i];
        tree->up[i] = above < tree->count ? above : AD_NONE;
    }
    if (!spawned)
        ad_graph_deinit(&graph);
    return NULL;
}

/* Each way up is followed until it ends or meets what was seen; `order` holds the walk that saw a task. */
static void cut_cycles(struct tree *tree)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        uint32_t at = i;
        while (at != AD_NONE && !tree->order[at]) {
            tree->order[at] = i + 1;
            at = tree->up[at];
        }
        if (at == AD_NONE || tree->order[at] != i + 1)
            continue;
        tree->cut[at] = tree->up[at];
        tree->up[at] = AD_NONE;
    }
}

/* What is above a selected task is shown too: it says where that belongs. */
static void keep(struct tree *tree, const struct ad_selection *selection)
{
    for (size_t i = 0; i < selection->count; i++)
        for (uint32_t at = selection->tasks[i]; at != AD_NONE && !tree->kept[at]; at = tree->up[at])
            tree->kept[at] = true;
}

static size_t parent_slot(const struct tree *tree, uint32_t task)
{
    return tree->up[task] == AD_NONE ? tree->count : tree->up[task];
}

/* Counting sort: the children of each task, then the roots. */
static void link_children(struct tree *tree)
{
    uint32_t *first = tree->first, sum = 0;
    for (uint32_t i = 0; i < tree->count; i++)
        if (tree->kept[i])
            first[parent_slot(tree, i)]++;
    for (size_t i = 0; i <= tree->count + 1; i++) {
        uint32_t number = first[i];
        first[i] = sum;
        sum += number;
    }
    for (uint32_t i = 0; i < tree->count; i++)
        if (tree->kept[i])
            tree->children[first[parent_slot(tree, i)]++] = i;
    for (size_t i = tree->count + 1; i > 0; i--) /* each has moved to where the next begins */
        first[i] = first[i - 1];
    first[0] = 0;
}

/* ---- Which subtrees are equal ---- */

static uint64_t own_shape(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    bool waits = task->state == ASYNC_DEBUG_STATE_WAITING && task->future < snapshot->futures.count;
    uint64_t value = ad_map_hash(task->stack);
    value = ad_map_hash(value ^ task->start_location);
    value = ad_map_hash(value ^ (uint64_t)task->state);
    return ad_map_hash(value ^ (waits ? AD_ITEMS(struct ad_future, &snapshot->futures)[task->future].kind + 1u : 0));
}

static void find_shapes(struct tree *tree)
{
    const struct ad_task *tasks = tree->snapshot->tasks.items;
    size_t known = 0, roots = tree->first[tree->count], end = tree->first[tree->count + 1];
    for (size_t i = roots; i < end; i++)
        tree->order[known++] = tree->children[i];
    for (size_t i = 0; i < known; i++)
        for (uint32_t child = tree->first[tree->order[i]]; child < tree->first[tree->order[i] + 1]; child++)
            tree->order[known++] = tree->children[child];
    while (known--) { /* those below first: a sum of theirs is there already */
        uint32_t task = tree->order[known];
        tree->shape[task] = ad_map_hash(tree->shape[task] + own_shape(tree->snapshot, &tasks[task]));
        if (tree->cut[task] != AD_NONE)
            tree->shape[task] = ad_map_hash(tree->shape[task] ^ task);
        if (tree->up[task] != AD_NONE)
            tree->shape[tree->up[task]] += tree->shape[task];
    }
}

/* ---- Printing ---- */

struct item {
    uint64_t shape;
    uint32_t task;
    uint32_t depth;
    uint64_t count;
};

static int by_shape(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    if (a->shape != b->shape)
        return a->shape < b->shape ? -1 : 1;
    return a->task < b->task ? -1 : 1;
}

static int last_first(const void *left, const void *right)
{
    return ((const struct item *)left)->task > ((const struct item *)right)->task ? -1 : 1;
}

/* Puts the children of a task on the stack, the first on top, equal ones as one. */
static struct ad_error *push_children(const struct tree *tree, size_t task, uint32_t depth,
                                      struct ad_vector *stack)
{
    size_t base = stack->count, used = base;
    for (uint32_t i = tree->first[task]; i < tree->first[task + 1]; i++) {
        uint32_t child = tree->children[i];
        struct item item = {tree->shape[child], child, depth, 1};
        AD_TRY(ad_vector_push(stack, &item));
    }
    struct item *items = stack->items;
    if (stack->count == base)
        return NULL;
    qsort(items + base, stack->count - base, sizeof(*items), by_shape);
    for (size_t i = base + 1; i < stack->count; i++) {
        if (items[i].shape == items[used].shape)
            items[used].count++;
        else
            items[++used] = items[i];
    }
    stack->count = used + 1;
    qsort(items + base, stack->count - base, sizeof(*items), last_first);
    return NULL;
}

static void print_item(FILE *out, const struct tree *tree, const struct item *item)
{
    const struct ad_snapshot *snapshot = tree->snapshot;
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[item->task];
    fprintf(out, "%*s", (int)(2 * (item->depth < DEEPEST ? item->depth : DEEPEST)), "");
    if (item->depth > DEEPEST)
        fprintf(out, "(depth %" PRIu32 ") ", item->depth);
    if (item->count > 1)
        fprintf(out, "[x%" PRIu64 " of] ", item->count);
    ad_print_task(out, task, NAME_WIDTH);
    fprintf(out, "  %s  ", ad_task_state_word(snapshot, task));
    ad_describe_wait(out, snapshot, item->task);
    uint32_t above = tree->cut[item->task];
    if (above != AD_NONE)
        fprintf(out, "  (a cycle: above it is #%" PRIu32 " again)",
                AD_ITEMS(struct ad_task, &snapshot->tasks)[above].id);
    fputc('\n', out);
}

static struct ad_error *print_tree(FILE *out, const struct tree *tree)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector stack = AD_VECTOR(struct item);
    AD_TRY(push_children(tree, tree->count, 0, &stack));
    while (stack.count && !ferror(out)) {
        struct item item = AD_ITEMS(struct item, &stack)[--stack.count];
        print_item(out, tree, &item);
        AD_TRY(push_children(tree, item.task, item.depth + 1, &stack));
    }
    return NULL;
}

struct ad_error *ad_report_tree(FILE *out, const struct ad_snapshot *snapshot, const struct ad_findings *findings,
                                const struct ad_report_options *options)
{
    struct tree tree;
    (void)findings;
    struct ad_error *error = tree_init(&tree, snapshot);
    if (!error)
        error = fill_up(&tree, options->spawned);
    if (!error) {
        cut_cycles(&tree);
        keep(&tree, options->selection);
        link_children(&tree);
        find_shapes(&tree);
        error = print_tree(out, &tree);
    }
    free(tree.memory);
    if (!error)
        ad_selection_print_rest(out, options->selection, "\n");
    return error;
}
