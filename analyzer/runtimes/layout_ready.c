/* SPDX-License-Identifier: MIT */
#include "runtimes/layout_internal.h"
#include "runtimes/layout_walk.h"

/* A task is in one queue only: a second visit means that this list has joined another one. False then. */
static bool enter(struct ad_task *task, const struct ad_ready_list *list, uint64_t position)
{
    if (task->ready_on != AD_NONE)
        return false;
    task->ready_on = list->worker;
    task->ready_position = list->inbox || position >= AD_NONE ? AD_NONE : (uint32_t)position;
    /* Who made it ready may not be allowed to touch its state. */
    if (task->state == ASYNC_DEBUG_STATE_WAITING)
        task->state = ASYNC_DEBUG_STATE_READY;
    return true;
}

static void walk_list(struct ad_layout *layout, struct ad_ready_list *list, struct ad_walk *walk, uint64_t budget)
{
    const struct ad_links *links = layout->links.items;
    uint64_t next = 0;
    for (ad_walk_init(walk, list->first, list->head, budget); ad_walk_going(walk); ad_walk_next(walk, next)) {
        uint32_t task = ad_layout_task_at(layout, walk->at);
        if (task == AD_NONE) {
            ad_walk_end(walk, AD_WALK_FAULT);
            return;
        }
        if (!enter(ad_snapshot_task(layout->snapshot, task), list, walk->steps)) {
            ad_walk_end(walk, AD_WALK_CYCLE);
            return;
        }
        next = links[task - layout->first_task].ready_next;
    }
}

/* Lists and counts of all workers agree only while no thread changes any of them. */
static void reconcile(struct ad_layout *layout, const struct ad_ready_list *list, uint64_t walked)
{
    const struct ad_runtime *runtime = &AD_ITEMS(struct ad_runtime, &layout->snapshot->runtimes)[layout->runtime];
    if (!list->inbox && list->counted && !runtime->changing && walked != list->declared)
        ad_layout_tally(layout, AD_TALLY_READY_COUNTS,
                        ad_snapshot_worker(layout->snapshot, list->worker)->address);
}

void ad_layout_ready(struct ad_layout *layout)
{
    struct ad_ready_list *lists = layout->ready.items;
    uint64_t budget = layout->limits->list_steps;
    for (size_t i = 0; i < layout->ready.count; i++) {
        struct ad_worker *worker = ad_snapshot_worker(layout->snapshot, lists[i].worker);
        struct ad_walk walk;
        walk_list(layout, &lists[i], &walk, budget);
        budget -= walk.steps;
        if (lists[i].inbox)
            worker->inbox_count = walk.steps;
        else if (!lists[i].counted)
            worker->ready_count = walk.steps;
        if (ad_walk_whole(&walk))
            reconcile(layout, &lists[i], walk.steps);
        else
            ad_layout_tally(layout, AD_TALLY_READY, walk.at);
    }
}
