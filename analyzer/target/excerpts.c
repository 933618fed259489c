/* SPDX-License-Identifier: MIT */
#include "target/excerpts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One huge page. */
#define CHUNK_SIZE ((size_t)2 << 20)
#define PREPARED ((size_t)1 << 20) /* bytes, and entries of the index */
#define PREPARED_COUNT ((size_t)1 << 14)
#define GRAIN ((uint64_t)64)
#define NO_EXCERPT UINT32_MAX

void ad_excerpts_init(struct ad_excerpts *excerpts, uint64_t limit)
{
    *excerpts = (struct ad_excerpts){
        .items = AD_VECTOR(struct ad_excerpt),
        .chunks = AD_VECTOR(void *),
        .chunk_used = CHUNK_SIZE,
        .bytes_left = limit,
    };
}

void ad_excerpts_deinit(struct ad_excerpts *excerpts)
{
    for (size_t i = 0; i < excerpts->chunks.count; i++)
        free(AD_ITEMS(void *, &excerpts->chunks)[i]);
    ad_vector_deinit(&excerpts->chunks);
    ad_vector_deinit(&excerpts->items);
    ad_map_deinit(&excerpts->index);
}

struct ad_excerpt *ad_excerpts_get(const struct ad_excerpts *excerpts, uint32_t index)
{
    return &AD_ITEMS(struct ad_excerpt, &excerpts->items)[index];
}

static struct ad_excerpt *find(const struct ad_excerpts *excerpts, uint64_t address)
{
    uint32_t index = ad_map_get(&excerpts->index, address / AD_PAGE_SIZE, NO_EXCERPT);
    return index == NO_EXCERPT ? NULL : ad_excerpts_get(excerpts, index);
}

/* The excerpt when it has this byte, readable or not. */
static struct ad_excerpt *covering(const struct ad_excerpts *excerpts, uint64_t address)
{
    struct ad_excerpt *excerpt = find(excerpts, address);
    uint64_t offset = address % AD_PAGE_SIZE;
    return excerpt && excerpt->low <= offset && offset < excerpt->high ? excerpt : NULL;
}

bool ad_excerpts_know(const struct ad_excerpts *excerpts, uint64_t address)
{
    return covering(excerpts, address) != NULL;
}

uint8_t *ad_excerpts_at(const struct ad_excerpts *excerpts, struct ad_range range)
{
    const struct ad_excerpt *excerpt = covering(excerpts, range.start);
    uint64_t offset = range.start % AD_PAGE_SIZE;
    bool is = excerpt && excerpt->bytes && ad_range_size(range) <= excerpt->high - offset;
    return is ? excerpt->bytes + (offset - excerpt->low) : NULL;
}

size_t ad_excerpts_read(const struct ad_excerpts *excerpts, uint64_t address, void *buffer, size_t size)
{
    size_t got = 0;
    while (got < size) {
        const struct ad_excerpt *excerpt = covering(excerpts, address + got);
        if (!excerpt || !excerpt->bytes)
            break;
        size_t offset = (address + got) % AD_PAGE_SIZE, left = excerpt->high - offset;
        size_t count = left < size - got ? left : size - got;
        memcpy((char *)buffer + got, excerpt->bytes + (offset - excerpt->low), count);
        got += count;
    }
    return got;
}

void ad_excerpts_visit(const struct ad_excerpts *excerpts, struct ad_range range,
                       void (*visit)(void *context, struct ad_excerpt *excerpt), void *context)
{
    uint64_t last = ad_range_size(range) ? (range.end - 1) / AD_PAGE_SIZE : 0;
    for (uint64_t page = range.start / AD_PAGE_SIZE; ad_range_size(range) && page <= last; page++) {
        uint64_t start = page * AD_PAGE_SIZE;
        struct ad_excerpt *excerpt = find(excerpts, start);
        if (excerpt && start + excerpt->low < range.end && range.start < start + excerpt->high)
            visit(context, excerpt);
    }
}

/* ---- What is to be copied ------------------------------------------------------------------------- */

static int by_page(const void *a, const void *b)
{
    const struct ad_excerpt_ref *left = a, *right = b;
    return (left->page > right->page) - (left->page < right->page);
}

static void sort(struct ad_vector *refs)
{
    const struct ad_excerpt_ref *items = refs->items;
    for (size_t i = 1; i < refs->count; i++) {
        if (items[i - 1].page < items[i].page)
            continue;
        qsort(refs->items, refs->count, sizeof(*items), by_page);
        return;
    }
}

static struct ad_error *add_ref(const struct ad_excerpts *excerpts, uint32_t index, struct ad_vector *refs)
{
    struct ad_excerpt_ref ref = {ad_excerpts_get(excerpts, index)->page, index};
    return ad_vector_push(refs, &ref);
}

/* What is gathered while ranges are wanted. */
struct wants {
    unsigned with;
    uint64_t room;
    struct ad_vector *refs;
};

static struct ad_error *want_excerpt(struct ad_excerpts *excerpts, uint32_t index, struct wants *wants)
{
    struct ad_excerpt *excerpt = ad_excerpts_get(excerpts, index);
    if (excerpt->marks & AD_EXCERPT_WANTED)
        return NULL;
    excerpt->marks |= AD_EXCERPT_WANTED;
    return add_ref(excerpts, index, wants->refs);
}

/* The excerpt of a page, made when there is none; `low` and `high` of it are wanted. */
static struct ad_error *want_of_page(struct ad_excerpts *excerpts, uint64_t page, uint16_t low, uint16_t high,
                                     struct wants *wants)
{
    uint32_t index = ad_map_get(&excerpts->index, page / AD_PAGE_SIZE, NO_EXCERPT);
    if (index == NO_EXCERPT) {
        struct ad_excerpt fresh = {.page = page, .low = low, .high = low};
        index = (uint32_t)excerpts->items.count;
        AD_TRY(ad_map_put(&excerpts->index, page / AD_PAGE_SIZE, index));
        AD_TRY(ad_vector_push(&excerpts->items, &fresh));
    }
    struct ad_excerpt *excerpt = ad_excerpts_get(excerpts, index);
    if (excerpt->low <= low && high <= excerpt->high) {
        bool stale = excerpt->bytes && (excerpt->marks & wants->with) != wants->with;
        return stale ? want_excerpt(excerpts, index, wants) : NULL;
    }
    uint16_t new_low = low < excerpt->low ? low : excerpt->low;
    uint16_t new_high = high > excerpt->high ? high : excerpt->high;
    uint64_t needed = (uint64_t)new_high - new_low;
    if (needed > wants->room)
        return ad_error_create(AD_ERROR_LIMIT, "more memory was asked for than may be copied");
    wants->room -= needed;
    excerpt->low = new_low;
    excerpt->high = new_high;
    excerpt->bytes = NULL;
    return want_excerpt(excerpts, index, wants);
}

static struct ad_error *want_range(struct ad_excerpts *excerpts, struct ad_range range, struct wants *wants)
{
    uint64_t last = ad_range_size(range) ? (range.end - 1) / AD_PAGE_SIZE : 0;
    for (uint64_t page = range.start / AD_PAGE_SIZE; ad_range_size(range) && page <= last; page++) {
        uint64_t start = page * AD_PAGE_SIZE;
        uint64_t low = range.start > start ? (range.start - start) / GRAIN * GRAIN : 0;
        uint64_t high = AD_PAGE_SIZE;
        if (range.end - start < AD_PAGE_SIZE)
            high = (range.end - start + GRAIN - 1) / GRAIN * GRAIN;
        AD_TRY(want_of_page(excerpts, start, (uint16_t)low, (uint16_t)high, wants));
    }
    return NULL;
}

struct ad_error *ad_excerpts_want(struct ad_excerpts *excerpts, const struct ad_range *ranges, size_t count,
                                  unsigned with, struct ad_vector *refs)
{
    struct ad_error *error = NULL;
    struct wants wants = {.with = with, .room = excerpts->bytes_left + CHUNK_SIZE, .refs = refs};
    for (size_t i = 0; !error && i < count; i++)
        error = want_range(excerpts, ranges[i], &wants);
    sort(refs);
    return error;
}

struct ad_error *ad_excerpts_select(const struct ad_excerpts *excerpts, unsigned with, unsigned without,
                                    struct ad_vector *refs)
{
    for (uint32_t i = 0; i < excerpts->items.count; i++) {
        const struct ad_excerpt *excerpt = ad_excerpts_get(excerpts, i);
        if (excerpt->bytes && (excerpt->marks & with) == with && !(excerpt->marks & without))
            AD_TRY(add_ref(excerpts, i, refs));
    }
    sort(refs);
    return NULL;
}

/* ---- Where the bytes are --------------------------------------------------------------------------- */

static struct ad_error *add_chunk(struct ad_excerpts *excerpts)
{
    if (excerpts->bytes_left < CHUNK_SIZE)
        return ad_error_create(AD_ERROR_LIMIT, "no more memory of the process may be copied");
    void *chunk = aligned_alloc(CHUNK_SIZE, CHUNK_SIZE);
    struct ad_error *error = chunk ? ad_vector_push(&excerpts->chunks, &chunk) : &ad_error_nomem;
    if (error) {
        free(chunk);
        return error;
    }
    (void)madvise(chunk, CHUNK_SIZE, MADV_HUGEPAGE);
    excerpts->bytes_left -= CHUNK_SIZE;
    excerpts->chunk_used = 0;
    return NULL;
}

static uint8_t *chunk_end(const struct ad_excerpts *excerpts)
{
    return AD_ITEMS(uint8_t *, &excerpts->chunks)[excerpts->chunks.count - 1] + excerpts->chunk_used;
}

struct ad_error *ad_excerpts_keep(struct ad_excerpts *excerpts, struct ad_excerpt *excerpt, const uint8_t *bytes)
{
    size_t size = (size_t)excerpt->high - excerpt->low;
    excerpt->marks &= (uint8_t)~AD_EXCERPT_WANTED;
    if (!bytes) { /* all of a page can be read or nothing */
        excerpt->low = 0;
        excerpt->high = AD_PAGE_SIZE;
        excerpt->bytes = NULL;
        return NULL;
    }
    if (excerpt->bytes) {
        memcpy(excerpt->bytes, bytes, size);
        return NULL;
    }
    if (CHUNK_SIZE - excerpts->chunk_used < size)
        AD_TRY(add_chunk(excerpts));
    excerpt->bytes = memcpy(chunk_end(excerpts), bytes, size);
    excerpts->chunk_used += size;
    return NULL;
}

struct ad_error *ad_excerpts_prepare(struct ad_excerpts *excerpts)
{
    if (CHUNK_SIZE - excerpts->chunk_used < PREPARED)
        AD_TRY(add_chunk(excerpts));
    memset(chunk_end(excerpts), 0, CHUNK_SIZE - excerpts->chunk_used);
    return ad_map_reserve(&excerpts->index, PREPARED_COUNT);
}
