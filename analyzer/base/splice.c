/* SPDX-License-Identifier: MIT */
#include "base/splice.h"

#include "base/cleanup.h"
#include "base/vector.h"

/* A sweep over the starts in order; `heap` holds the ranges begun, the greatest index on top. */
struct sweep {
    const struct ad_range *ranges;
    size_t *order;
    size_t *heap;
    size_t heap_size;
    struct ad_vector pieces;
};

static int by_start(const void *a, const void *b, void *context)
{
    const struct ad_range *ranges = context;
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    if (ranges[left].start != ranges[right].start)
        return ranges[left].start < ranges[right].start ? -1 : 1;
    return (left > right) - (left < right);
}

static void heap_push(struct sweep *sweep, size_t index)
{
    size_t at = sweep->heap_size++;
    for (; at > 0 && sweep->heap[(at - 1) / 2] < index; at = (at - 1) / 2)
        sweep->heap[at] = sweep->heap[(at - 1) / 2];
    sweep->heap[at] = index;
}

static void heap_pop(struct sweep *sweep)
{
    size_t last = sweep->heap[--sweep->heap_size], at = 0;
    for (size_t child; (child = 2 * at + 1) < sweep->heap_size; at = child) {
        if (child + 1 < sweep->heap_size && sweep->heap[child + 1] > sweep->heap[child])
            child++;
        if (sweep->heap[child] <= last)
            break;
        sweep->heap[at] = sweep->heap[child];
    }
    sweep->heap[at] = last;
}

/* Adds [start, end) of `index`, or lengthens the last piece when it goes on there. */
static struct ad_error *emit(struct sweep *sweep, uint64_t start, uint64_t end, size_t index)
{
    struct ad_piece piece = {{start, end}, index};
    size_t count = sweep->pieces.count;
    struct ad_piece *last = count ? &AD_ITEMS(struct ad_piece, &sweep->pieces)[count - 1] : NULL;
    if (last && last->index == index && last->range.end == start) {
        last->range.end = end;
        return NULL;
    }
    return ad_vector_push(&sweep->pieces, &piece);
}

static struct ad_error *run(struct sweep *sweep, size_t count)
{
    uint64_t position = 0;
    size_t next = 0;
    while (next < count || sweep->heap_size) {
        if (!sweep->heap_size)
            position = sweep->ranges[sweep->order[next]].start;
        for (; next < count && sweep->ranges[sweep->order[next]].start <= position; next++)
            heap_push(sweep, sweep->order[next]);
        while (sweep->heap_size && sweep->ranges[sweep->heap[0]].end <= position)
            heap_pop(sweep);
        if (!sweep->heap_size)
            continue;
        uint64_t end = sweep->ranges[sweep->heap[0]].end;
        if (next < count && sweep->ranges[sweep->order[next]].start < end)
            end = sweep->ranges[sweep->order[next]].start;
        AD_TRY(emit(sweep, position, end, sweep->heap[0]));
        position = end;
    }
    return NULL;
}

/* Whether no range begins before the one before it ends: as the kernel writes a core, so the common case. */
static bool is_plain(const struct ad_range *ranges, size_t count)
{
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].start == ranges[i].end)
            continue;
        if (ranges[i].start < end)
            return false;
        end = ranges[i].end;
    }
    return true;
}

static struct ad_error *emit_all(struct sweep *sweep, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sweep->ranges[i].start < sweep->ranges[i].end)
            AD_TRY(emit(sweep, sweep->ranges[i].start, sweep->ranges[i].end, i));
    return NULL;
}

/* Orders the starts and sweeps over them. */
static struct ad_error *sort_and_run(struct sweep *sweep, size_t count)
{
    ad_auto_free size_t *order = calloc(count + 1, sizeof(*order));
    ad_auto_free size_t *heap = calloc(count + 1, sizeof(*heap));
    if (!order || !heap)
        return &ad_error_nomem;
    sweep->order = order;
    sweep->heap = heap;
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    qsort_r(order, count, sizeof(*order), by_start, (void *)sweep->ranges);
    return run(sweep, count);
}

struct ad_error *ad_splice(const struct ad_range *ranges, size_t count, struct ad_piece **pieces_ret,
                           size_t *count_ret)
{
    struct sweep sweep = {.ranges = ranges, .pieces = AD_VECTOR(struct ad_piece)};
    struct ad_error *error = is_plain(ranges, count) ? emit_all(&sweep, count) : sort_and_run(&sweep, count);
    if (error) {
        ad_vector_deinit(&sweep.pieces);
        return error;
    }
    *pieces_ret = sweep.pieces.items;
    *count_ret = sweep.pieces.count;
    return NULL;
}

const struct ad_piece *ad_piece_find(const struct ad_piece *pieces, size_t count, uint64_t address)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pieces[middle].range.end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && ad_range_contains(pieces[low].range, address) ? &pieces[low] : NULL;
}
