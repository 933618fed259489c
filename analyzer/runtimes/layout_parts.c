/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "runtimes/layout_internal.h"
#include "runtimes/layout_walk.h"

/* What one kind of list of WAITER records adds for each of them. */
typedef struct ad_error *add_part(struct ad_parts *parts);

struct ad_error *ad_parts_init(struct ad_parts *parts, struct ad_layout *layout)
{
    *parts = (struct ad_parts){.layout = layout,
                               .children = AD_VECTOR(uint64_t),
                               .first_child = layout->snapshot->children.count,
                               .budget = layout->limits->list_steps};
    return ad_record_init(&parts->waiter, layout, ASYNC_DEBUG_WAITER);
}

void ad_parts_deinit(struct ad_parts *parts)
{
    ad_record_deinit(&parts->waiter);
    ad_vector_deinit(&parts->children);
}

static struct ad_error *add_holder(struct ad_parts *parts)
{
    uint64_t address = ad_record_value(&parts->waiter, ASYNC_DEBUG_WAITER_TASK);
    struct ad_holder holder = {
        .task = ad_layout_task_at(parts->layout, address),
        .address = address,
        .since = ad_record_value(&parts->waiter, ASYNC_DEBUG_WAITER_SINCE),
    };
    return ad_vector_push(&parts->layout->snapshot->holders, &holder);
}

static struct ad_error *add_child(struct ad_parts *parts)
{
    uint64_t address = ad_record_value(&parts->waiter, ASYNC_DEBUG_WAITER_FUTURE);
    const uint32_t none = AD_NONE;
    AD_TRY(ad_vector_push(&parts->children, &address));
    return ad_vector_push(&parts->layout->snapshot->children, &none);
}

/* Walks WAITER records over their field `link`; those of another future than `future` (0: of any) lead
   astray. Returns how many of them are distinct in `count_ret`. */
static struct ad_error *walk(struct ad_parts *parts, uint64_t first, unsigned link, uint64_t future, add_part *add,
                             enum ad_tally_kind tally, size_t *count_ret, bool *whole_ret)
{
    struct ad_layout *layout = parts->layout;
    struct ad_record *waiter = &parts->waiter;
    struct ad_walk walk;
    uint64_t next = 0;
    layout->visited.count = 0;
    for (ad_walk_init(&walk, first, 0, parts->budget); ad_walk_going(&walk); ad_walk_next(&walk, next)) {
        if (!ad_record_fetch(waiter, layout, walk.at) ||
            (future && ad_record_value_or(waiter, ASYNC_DEBUG_WAITER_FUTURE, future) != future)) {
            ad_walk_end(&walk, AD_WALK_FAULT);
            break;
        }
        AD_TRY(ad_vector_push(&layout->visited, &walk.at));
        AD_TRY(add(parts));
        next = ad_record_link(waiter, link, waiter->shape, link);
    }
    parts->budget -= walk.steps;
    *count_ret = ad_walk_distinct(&walk, layout->visited.items, layout->visited.count);
    *whole_ret = ad_walk_whole(&walk);
    if (!*whole_ret)
        ad_layout_tally(layout, tally, walk.at);
    return NULL;
}

static struct ad_error *read_holders(struct ad_parts *parts, const struct ad_record *record,
                                     struct ad_future *future)
{
    struct ad_vector *holders = &parts->layout->snapshot->holders;
    size_t start = holders->count, count;
    future->first_holder = (uint32_t)start;
    if (!ad_record_value(record, ASYNC_DEBUG_FUTURE_HOLDERS))
        return NULL;
    uint64_t first = ad_record_link(record, ASYNC_DEBUG_FUTURE_HOLDERS, parts->waiter.shape,
                                    ASYNC_DEBUG_WAITER_NEXT);
    AD_TRY(walk(parts, first, ASYNC_DEBUG_WAITER_NEXT, record->address, add_holder, AD_TALLY_HOLDERS, &count,
                &future->holders_whole));
    holders->count = start + count;
    future->holder_count = (uint32_t)count;
    return NULL;
}

static struct ad_error *read_children(struct ad_parts *parts, const struct ad_record *record,
                                      struct ad_future *future)
{
    struct ad_vector *children = &parts->layout->snapshot->children;
    size_t start = children->count, count;
    future->first_child = (uint32_t)start;
    if (!ad_record_value(record, ASYNC_DEBUG_FUTURE_CHILDREN))
        return NULL;
    uint64_t first = ad_record_link(record, ASYNC_DEBUG_FUTURE_CHILDREN, parts->waiter.shape,
                                    ASYNC_DEBUG_WAITER_SIBLING);
    AD_TRY(walk(parts, first, ASYNC_DEBUG_WAITER_SIBLING, 0, add_child, AD_TALLY_CHILDREN, &count,
                &future->children_whole));
    children->count = start + count;
    parts->children.count = children->count - parts->first_child;
    future->child_count = (uint32_t)count;
    return NULL;
}

struct ad_error *ad_parts_read(struct ad_parts *parts, const struct ad_record *record, struct ad_future *future)
{
    if (!parts->waiter.shape->size)
        return NULL;
    AD_TRY(read_holders(parts, record, future));
    return read_children(parts, record, future);
}
