/* SPDX-License-Identifier: MIT */
#include "report/groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "findings/graph.h"
#include "report/stack.h"
#include "report/words.h"

/* A hash table of group numbers + 1, with open addressing; 0: free. Its size is a power of two and more
   than twice the number of groups, so every probe ends. */
struct index {
    uint32_t *slots;
    size_t size;
};

static const struct ad_future *future_of(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    bool waits = task->state == ASYNC_DEBUG_STATE_WAITING && task->future < snapshot->futures.count;
    return waits ? &AD_ITEMS(struct ad_future, &snapshot->futures)[task->future] : NULL;
}

/* ---- Which stacks look alike ---- */

static bool is_shown(const struct ad_snapshot *snapshot, const struct ad_location *location)
{
    struct ad_stack_line line;
    for (uint32_t i = 0; ad_location_line(snapshot, location, i, &line); i++)
        if (!line.hidden)
            return true;
    return false;
}

/* The next location, from `*frame` on, that a view shows; NULL at the end. */
static const struct ad_location *next_shown(const struct ad_snapshot *snapshot, const struct ad_stack *stack,
                                            uint32_t *frame)
{
    const struct ad_location *location;
    while ((location = ad_stack_location(snapshot, stack, (*frame)++)))
        if (is_shown(snapshot, location))
            return location;
    return NULL;
}

/* Where nothing is shown, nothing looks alike: views fall back on what is hidden. */
static bool look_alike(const struct ad_snapshot *snapshot, const struct ad_stack *a, const struct ad_stack *b)
{
    uint32_t frame_a = 0, frame_b = 0;
    const struct ad_location *location;
    bool shown = false;
    if (!a->end_text != !b->end_text || (a->end_text && strcmp(a->end_text, b->end_text)))
        return false;
    do {
        location = next_shown(snapshot, a, &frame_a);
        if (location != next_shown(snapshot, b, &frame_b))
            return false;
        shown = shown || location;
    } while (location);
    return shown;
}

static uint64_t hash_shown(const struct ad_snapshot *snapshot, const struct ad_stack *stack)
{
    uint64_t value = ad_map_hash(stack->end_text != NULL);
    uint32_t frame = 0;
    const struct ad_location *location;
    while ((location = next_shown(snapshot, stack, &frame)))
        value =
            ad_map_hash(value ^ (uint64_t)(location - AD_ITEMS(struct ad_location, &snapshot->locations)));
    return value;
}

/* For each stack the first that looks like it: the ways through the runtime differ, what is shown does not.
   The caller's to free. */
static struct ad_error *find_alikes(const struct ad_snapshot *snapshot, uint32_t **alike_ret)
{
    const struct ad_stack *stacks = snapshot->stacks.items;
    ad_cleanup(ad_map_deinit) struct ad_map first = {0}; /* hash -> the last distinct stack of that hash */
    ad_auto_free uint32_t *before = calloc(snapshot->stacks.count + 1, sizeof(*before));
    ad_auto_free uint32_t *alike = calloc(snapshot->stacks.count + 1, sizeof(*alike));
    if (!before || !alike)
        return &ad_error_nomem;
    for (uint32_t i = 0; i < snapshot->stacks.count; i++) {
        uint64_t hash = hash_shown(snapshot, &stacks[i]);
        uint32_t last = ad_map_get(&first, hash, AD_NONE), found = last;
        while (found != AD_NONE && !look_alike(snapshot, &stacks[found], &stacks[i]))
            found = before[found];
        alike[i] = found == AD_NONE ? i : found;
        if (found != AD_NONE)
            continue;
        before[i] = last;
        AD_TRY(ad_map_put(&first, hash, i));
    }
    *alike_ret = ad_take(alike);
    return NULL;
}

/* ---- Groups ---- */

/* What is on the stack of one that has not begun is the runtime's. */
static uint32_t start_of(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    bool gone = ad_task_ended(task) && task->stack >= snapshot->stacks.count;
    bool known = task->start_location < snapshot->locations.count;
    return ad_task_unbegun(snapshot, task) || (gone && known) ? task->start_location : AD_NONE;
}

static struct ad_group group_of(const struct ad_snapshot *snapshot, const uint32_t *alike,
                                const struct ad_task *task)
{
    const struct ad_future *future = future_of(snapshot, task);
    uint32_t start = start_of(snapshot, task);
    uint32_t stack = task->stack < snapshot->stacks.count ? alike[task->stack] : task->stack;
    return (struct ad_group){
        .state = ad_task_state_word(snapshot, task),
        .kind = future ? (uint32_t)future->kind : AD_NONE,
        .stack = start == AD_NONE ? stack : AD_NONE,
        .start = start,
        .oldest = UINT64_MAX,
        .future = future ? task->future : AD_NONE,
        .one_object = true,
    };
}

/* State words are literals of one table: equal words are equal pointers. */
static bool same(const struct ad_group *a, const struct ad_group *b)
{
    return a->state == b->state && a->kind == b->kind && a->stack == b->stack && a->start == b->start;
}

static size_t hash(const struct ad_group *group)
{
    uint64_t value = (uint64_t)(uintptr_t)group->state ^ (uint64_t)group->kind << 48 ^
                     (uint64_t)group->stack << 8 ^ (uint64_t)group->start << 16;
    value *= UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(value ^ value >> 32);
}

static uint32_t *find_slot(const struct index *index, const struct ad_vector *groups,
                           const struct ad_group *key)
{
    size_t place = hash(key) & (index->size - 1);
    while (index->slots[place] && !same(&AD_ITEMS(struct ad_group, groups)[index->slots[place] - 1], key))
        place = (place + 1) & (index->size - 1);
    return &index->slots[place];
}

static struct ad_error *grow(struct index *index, const struct ad_vector *groups)
{
    if (groups->count * 2 < index->size)
        return NULL;
    free(index->slots);
    index->size = index->size ? index->size * 2 : 256;
    index->slots = calloc(index->size, sizeof(*index->slots));
    if (!index->slots)
        return &ad_error_nomem;
    for (uint32_t i = 0; i < groups->count; i++)
        *find_slot(index, groups, &AD_ITEMS(struct ad_group, groups)[i]) = i + 1;
    return NULL;
}

static bool same_object(const struct ad_snapshot *snapshot, uint32_t left, uint32_t right)
{
    if (left == right)
        return true;
    const struct ad_future *futures = snapshot->futures.items;
    return left != AD_NONE && right != AD_NONE && futures[left].object &&
           futures[left].object == futures[right].object && futures[left].runtime == futures[right].runtime;
}

static void join(const struct ad_snapshot *snapshot, struct ad_group *group, uint32_t index)
{
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    const struct ad_future *future = future_of(snapshot, task);
    uint64_t age = ad_task_age(snapshot, task);
    if (age != UINT64_MAX && (group->oldest == UINT64_MAX || age > group->oldest))
        group->oldest = age;
    if (future && future->deadline && (!group->deadline || future->deadline < group->deadline))
        group->deadline = future->deadline;
    group->one_object =
        group->one_object && same_object(snapshot, group->future, future ? task->future : AD_NONE);
    if (group->count < AD_GROUP_SHOWN)
        group->shown[group->count] = index;
    group->count++;
}

static int compare(const void *left, const void *right)
{
    const struct ad_group *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    uint64_t age_a = a->oldest + 1, age_b = b->oldest + 1; /* not known becomes 0: last */
    if (age_a != age_b)
        return age_a > age_b ? -1 : 1;
    return a->shown[0] < b->shown[0] ? -1 : 1;
}

static struct ad_error *collect(const struct ad_snapshot *snapshot, const struct ad_selection *selection,
                                struct ad_vector *groups, struct index *index)
{
    ad_auto_free uint32_t *alike = NULL;
    AD_TRY(find_alikes(snapshot, &alike));
    for (size_t i = 0; i < selection->count; i++) {
        const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[selection->tasks[i]];
        AD_TRY(grow(index, groups));
        struct ad_group key = group_of(snapshot, alike, task);
        uint32_t *slot = find_slot(index, groups, &key);
        if (!*slot) {
            AD_TRY(ad_vector_push(groups, &key));
            *slot = (uint32_t)groups->count;
        }
        join(snapshot, &AD_ITEMS(struct ad_group, groups)[*slot - 1], selection->tasks[i]);
    }
    return NULL;
}

struct ad_error *ad_groups_compute(const struct ad_snapshot *snapshot,
                                   const struct ad_selection *selection, struct ad_vector *groups_ret)
{
    *groups_ret = AD_VECTOR(struct ad_group);
    struct index index = {0};
    struct ad_error *error = collect(snapshot, selection, groups_ret, &index);
    free(index.slots);
    if (error) {
        ad_vector_deinit(groups_ret);
        return error;
    }
    if (groups_ret->count)
        qsort(groups_ret->items, groups_ret->count, sizeof(struct ad_group), compare);
    return NULL;
}
