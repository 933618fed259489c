/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "runtimes/layout_internal.h"
#include "runtimes/layout_walk.h"

#define PAGE ((uint64_t)4096)

/* A slab's address, and whose it is. */
struct slab {
    uint64_t address;
    uint32_t worker;
};

/* The task of the record, which may be known already; AD_NONE when it is none or there are too many. */
struct ad_error *ad_layout_add_task(struct ad_layout *layout, const struct ad_record *record, uint32_t worker,
                                    uint32_t *index_ret)
{
    *index_ret = AD_NONE;
    if (ad_layout_task_is_free(layout, record))
        return NULL;
    if (layout->snapshot->tasks.count >= layout->limits->tasks) {
        ad_layout_tally(layout, AD_TALLY_TASK_LIMIT, record->address);
        return NULL;
    }
    struct ad_task *task;
    struct ad_links *links;
    *index_ret = (uint32_t)layout->snapshot->tasks.count;
    AD_TRY(ad_map_put(&layout->task_at, record->address, *index_ret));
    AD_TRY(ad_vector_add(&layout->snapshot->tasks, (void **)&task));
    AD_TRY(ad_vector_add(&layout->links, (void **)&links));
    AD_TRY(ad_layout_task(layout, record, task, links));
    links->found_on = worker;
    return NULL;
}

/* ---- Road 2: the index of slabs ---------------------------------------------------------------- */

static struct ad_error *add_range(struct ad_vector *ranges, uint64_t start, uint64_t size)
{
    struct ad_range range;
    return ad_range_init(&range, start, size) ? ad_vector_push(ranges, &range) : NULL;
}

/* The addresses in one road's array of slabs. What of the array cannot be read is one loss. */
static struct ad_error *read_slab_array(struct ad_layout *layout, const struct ad_road *road,
                                        struct ad_map *known, struct ad_vector *slabs)
{
    uint64_t count = road->slab_count, at = road->slabs;
    if (count > layout->limits->slabs) {
        ad_layout_tally(layout, AD_TALLY_SLABS, at);
        count = layout->limits->slabs;
    }
    struct slab slab = {.worker = road->worker};
    for (; at && count; count--, at += sizeof(slab.address)) {
        if (ad_target_read_some(layout->target, at, &slab.address, sizeof(slab.address)) != sizeof(slab.address)) {
            ad_layout_tally(layout, AD_TALLY_SLABS, at);
            return NULL;
        }
        if (!slab.address || ad_map_has(known, slab.address))
            continue;
        AD_TRY(ad_map_put(known, slab.address, 0));
        AD_TRY(ad_vector_push(slabs, &slab));
    }
    return NULL;
}

static struct ad_error *prefetch_arrays(struct ad_layout *layout)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    const struct ad_road *roads = layout->roads.items;
    for (size_t i = 0; i < layout->roads.count; i++)
        if (roads[i].slabs && roads[i].slab_count <= layout->limits->slabs)
            AD_TRY(add_range(&ranges, roads[i].slabs, roads[i].slab_count * sizeof(uint64_t)));
    return ad_target_prefetch(layout->target, ranges.items, ranges.count);
}

static struct ad_error *find_slabs(struct ad_layout *layout, struct ad_map *known, struct ad_vector *slabs)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    const struct ad_road *roads = layout->roads.items;
    AD_TRY(prefetch_arrays(layout));
    for (size_t i = 0; i < layout->roads.count; i++)
        AD_TRY(read_slab_array(layout, &roads[i], known, slabs));
    const struct slab *items = slabs->items;
    for (size_t i = 0; i < slabs->count; i++)
        AD_TRY(add_range(&ranges, items[i].address, layout->descriptor.records[ASYNC_DEBUG_SLAB].size));
    return ad_target_prefetch(layout->target, ranges.items, ranges.count);
}

/* Slots that overlap, or that would be none of ours, are refused. */
static bool describe_slots(const struct ad_layout *layout, const struct ad_record *slab, struct ad_slots *slots)
{
    uint64_t least = layout->descriptor.records[ASYNC_DEBUG_TASK].size;
    *slots = (struct ad_slots){
        .first = ad_record_value(slab, ASYNC_DEBUG_SLAB_SLOTS),
        .count = ad_record_value(slab, ASYNC_DEBUG_SLAB_SLOT_COUNT),
        .size = ad_record_value_or(slab, ASYNC_DEBUG_SLAB_SLOT_SIZE, least),
    };
    uint64_t bytes, end;
    return slots->first && slots->size >= least && ad_mul(slots->count, slots->size, &bytes) &&
           ad_add(slots->first, bytes, &end);
}

static struct ad_error *read_slabs(struct ad_layout *layout, const struct ad_vector *slabs,
                                   struct ad_vector *slots)
{
    ad_auto_record struct ad_record slab = {0};
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    const struct slab *items = slabs->items;
    AD_TRY(ad_record_init(&slab, layout, ASYNC_DEBUG_SLAB));
    for (size_t i = 0; i < slabs->count; i++) {
        struct ad_slots run;
        if (!ad_record_fetch(&slab, layout, items[i].address) || !describe_slots(layout, &slab, &run)) {
            ad_layout_tally(layout, AD_TALLY_SLABS, items[i].address);
            continue;
        }
        run.worker = items[i].worker;
        AD_TRY(ad_vector_push(slots, &run));
        AD_TRY(add_range(&ranges, run.first, run.count * run.size));
    }
    return ad_target_prefetch(layout->target, ranges.items, ranges.count);
}

/* After a slot that cannot be read: the first one beyond that page. */
static uint64_t skip_page(const struct ad_slots *slots, uint64_t slot, uint64_t fault)
{
    uint64_t page_end = (fault | (PAGE - 1)) - slots->first;
    uint64_t next = page_end / slots->size + 1;
    return next > slot ? next : slot + 1;
}

/* The record of a slot, of those up to `end` that are read together. Where not all can be read, alone. */
static bool fetch_slot(struct ad_layout *layout, struct ad_record *record, uint64_t address, uint64_t end)
{
    struct ad_block *block = &layout->block;
    size_t size = record->shape->size;
    if (!block->bytes)
        block->bytes = malloc(AD_BLOCK_BYTES);
    if (!block->bytes || size > AD_BLOCK_BYTES)
        return ad_record_fetch(record, layout, address);
    if (!ad_range_holds((struct ad_range){block->start, block->start + block->size}, address, size)) {
        uint64_t left = end - address;
        block->start = address;
        block->size = ad_target_read_some(layout->target, address, block->bytes,
                                          left < AD_BLOCK_BYTES ? (size_t)left : AD_BLOCK_BYTES);
    }
    if (!ad_range_holds((struct ad_range){block->start, block->start + block->size}, address, size))
        return ad_record_fetch(record, layout, address);
    return ad_record_take(record, layout, address, block->bytes + (address - block->start));
}

struct ad_error *ad_layout_take_slots(struct ad_layout *layout, const struct ad_slots *slots, uint64_t from,
                                      uint64_t to, struct ad_record *record, uint64_t *budget)
{
    uint64_t end = slots->first + to * slots->size; /* no more than all of them, which was checked */
    layout->block.size = 0;                         /* what is read of a live process gets old */
    for (uint64_t i = from; i < to && *budget;) {
        uint64_t address = slots->first + i * slots->size;
        bool live = fetch_slot(layout, record, address, end);
        uint64_t next = i + 1;
        if (record->got < record->shape->size) {
            ad_layout_tally(layout, AD_TALLY_SLOTS, address);
            next = skip_page(slots, i, address + record->got);
        }
        *budget -= next - i < *budget ? next - i : *budget;
        i = next;
        if (!live || ad_map_has(&layout->task_at, address))
            continue;
        uint32_t index;
        AD_TRY(ad_layout_add_task(layout, record, slots->worker, &index));
        if (index != AD_NONE)
            ad_snapshot_task(layout->snapshot, index)->by_index = true;
    }
    return NULL;
}

struct ad_error *ad_layout_find_slots(struct ad_layout *layout, struct ad_map *known, struct ad_vector *slots)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector slabs = AD_VECTOR(struct slab);
    AD_TRY(find_slabs(layout, known, &slabs));
    return read_slabs(layout, &slabs, slots);
}

static struct ad_error *take_index(struct ad_layout *layout, struct ad_record *record)
{
    ad_cleanup(ad_map_deinit) struct ad_map known = {0};
    ad_cleanup(ad_vector_deinit) struct ad_vector slots = AD_VECTOR(struct ad_slots);
    AD_TRY(ad_layout_find_slots(layout, &known, &slots));
    uint64_t budget = layout->limits->tasks;
    for (size_t i = 0; i < slots.count; i++) {
        const struct ad_slots *run = &AD_ITEMS(struct ad_slots, &slots)[i];
        AD_TRY(ad_layout_take_slots(layout, run, 0, run->count, record, &budget));
    }
    if (!budget)
        ad_layout_tally(layout, AD_TALLY_TASK_LIMIT, 0);
    return NULL;
}

/* ---- Road 1: the lists --------------------------------------------------------------------------- */

static void note_break(struct ad_layout *layout, const struct ad_walk *walk)
{
    char text[AD_WALK_TEXT];
    if (ad_walk_whole(walk) || *layout->list_text)
        return;
    snprintf(layout->list_text, sizeof(layout->list_text), "%s", ad_walk_text(walk, text));
}

/* The task at the walk's place, read unless the index led to it before; ends the walk when it is none. */
static struct ad_error *visit(struct ad_layout *layout, struct ad_walk *walk, struct ad_record *record,
                              uint32_t worker, uint64_t *next_ret)
{
    uint32_t index = ad_map_get(&layout->task_at, walk->at, AD_NONE);
    *next_ret = 0;
    if (index == AD_NONE) {
        if (!ad_record_fetch(record, layout, walk->at)) {
            ad_walk_end(walk, AD_WALK_FAULT);
            return NULL;
        }
        *next_ret = ad_record_link(record, ASYNC_DEBUG_TASK_NEXT, record->shape, ASYNC_DEBUG_TASK_NEXT);
        AD_TRY(ad_layout_add_task(layout, record, worker, &index));
        if (index == AD_NONE)
            return NULL;
    }
    struct ad_task *task = ad_snapshot_task(layout->snapshot, index);
    *next_ret = AD_ITEMS(struct ad_links, &layout->links)[index - layout->first_task].next;
    if (task->by_list) /* also when it is another worker's list that was joined */
        ad_walk_end(walk, AD_WALK_CYCLE);
    task->by_list = true;
    return NULL;
}

static struct ad_error *take_list(struct ad_layout *layout, const struct ad_road *road, struct ad_record *record,
                                  uint64_t *budget)
{
    struct ad_walk walk;
    uint64_t next = 0;
    for (ad_walk_init(&walk, road->first, road->head, *budget); ad_walk_going(&walk);
         ad_walk_next(&walk, next))
        AD_TRY(visit(layout, &walk, record, road->worker, &next));
    *budget -= walk.steps;
    note_break(layout, &walk);
    return NULL;
}

struct ad_error *ad_layout_tasks(struct ad_layout *layout)
{
    ad_auto_record struct ad_record record = {0};
    AD_TRY(ad_record_init(&record, layout, ASYNC_DEBUG_TASK));
    if (layout->has_index)
        AD_TRY(take_index(layout, &record));
    const struct ad_road *roads = layout->roads.items;
    uint64_t budget = layout->limits->list_steps;
    for (size_t i = 0; layout->has_list && i < layout->roads.count; i++)
        AD_TRY(take_list(layout, &roads[i], &record, &budget));
    return NULL;
}
