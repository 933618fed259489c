/* SPDX-License-Identifier: MIT */
#include "target/page_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One huge page: copying while a process stands still should not wait for 512 page faults. */
#define CHUNK_PAGES ((size_t)512)
#define CHUNK_SIZE (CHUNK_PAGES * AD_PAGE_SIZE)
#define NO_PAGE UINT32_MAX

struct ad_cached_page {
    const uint8_t *bytes;
    size_t valid;
};

void ad_page_cache_init(struct ad_page_cache *cache, uint64_t limit)
{
    *cache = (struct ad_page_cache){
        .pages = AD_VECTOR(struct ad_cached_page),
        .chunks = AD_VECTOR(void *),
        .chunk_used = CHUNK_PAGES,
        .bytes_left = limit,
    };
}

void ad_page_cache_deinit(struct ad_page_cache *cache)
{
    for (size_t i = 0; i < cache->chunks.count; i++)
        free(AD_ITEMS(void *, &cache->chunks)[i]);
    ad_vector_deinit(&cache->chunks);
    ad_vector_deinit(&cache->pages);
    ad_map_deinit(&cache->index);
}

static const struct ad_cached_page *find(const struct ad_page_cache *cache, uint64_t address)
{
    uint32_t index = ad_map_get(&cache->index, address / AD_PAGE_SIZE, NO_PAGE);
    return index == NO_PAGE ? NULL : &AD_ITEMS(struct ad_cached_page, &cache->pages)[index];
}

bool ad_page_cache_knows(const struct ad_page_cache *cache, uint64_t address)
{
    return find(cache, address) != NULL;
}

size_t ad_page_cache_read(const struct ad_page_cache *cache, uint64_t address, void *buffer, size_t size)
{
    size_t got = 0;
    while (got < size) {
        const struct ad_cached_page *page = find(cache, address + got);
        size_t skip = (address + got) % AD_PAGE_SIZE;
        if (!page || page->valid <= skip)
            break;
        size_t count = page->valid - skip < size - got ? page->valid - skip : size - got;
        memcpy((char *)buffer + got, page->bytes + skip, count);
        got += count;
    }
    return got;
}

static struct ad_error *add_missing(const struct ad_page_cache *cache, struct ad_range range,
                                    struct ad_vector *addresses)
{
    uint64_t last = ad_range_size(range) ? (range.end - 1) / AD_PAGE_SIZE : 0;
    for (uint64_t page = range.start / AD_PAGE_SIZE; ad_range_size(range) && page <= last; page++) {
        uint64_t address = page * AD_PAGE_SIZE;
        if (ad_page_cache_knows(cache, address))
            continue;
        if (addresses->count >= cache->bytes_left / AD_PAGE_SIZE + CHUNK_PAGES)
            return ad_error_create(AD_ERROR_LIMIT, "more memory was asked for than may be copied");
        AD_TRY(ad_vector_push(addresses, &address));
    }
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

struct ad_error *ad_page_cache_missing(const struct ad_page_cache *cache, const struct ad_range *ranges,
                                       size_t count, struct ad_vector *addresses)
{
    struct ad_error *error = NULL;
    for (size_t i = 0; !error && i < count; i++)
        error = add_missing(cache, ranges[i], addresses);
    if (!addresses->count)
        return error;
    uint64_t *items = addresses->items;
    qsort(items, addresses->count, sizeof(*items), by_address);
    size_t kept = 1;
    for (size_t i = 1; i < addresses->count; i++)
        if (items[i] != items[kept - 1])
            items[kept++] = items[i];
    addresses->count = kept;
    return error;
}

static bool add_chunk(struct ad_page_cache *cache)
{
    if (cache->bytes_left < CHUNK_SIZE)
        return false;
    void *chunk = aligned_alloc(CHUNK_SIZE, CHUNK_SIZE);
    struct ad_error *error = chunk ? ad_vector_push(&cache->chunks, &chunk) : &ad_error_nomem;
    ad_error_destroy(error);
    if (error) {
        free(chunk);
        return false;
    }
    (void)madvise(chunk, CHUNK_SIZE, MADV_HUGEPAGE);
    cache->bytes_left -= CHUNK_SIZE;
    cache->chunk_used = 0;
    return true;
}

uint8_t *ad_page_cache_reserve(struct ad_page_cache *cache, size_t want, size_t *got_ret)
{
    if (cache->chunk_used == CHUNK_PAGES && !add_chunk(cache))
        return NULL;
    size_t left = CHUNK_PAGES - cache->chunk_used;
    *got_ret = want < left ? want : left;
    uint8_t *chunk = AD_ITEMS(uint8_t *, &cache->chunks)[cache->chunks.count - 1];
    uint8_t *pages = chunk + cache->chunk_used * AD_PAGE_SIZE;
    cache->chunk_used += *got_ret;
    return pages;
}

struct ad_error *ad_page_cache_add(struct ad_page_cache *cache, uint64_t address, uint8_t *bytes, size_t valid)
{
    struct ad_cached_page page = {bytes, valid};
    AD_TRY(ad_map_put(&cache->index, address / AD_PAGE_SIZE, (uint32_t)cache->pages.count));
    return ad_vector_push(&cache->pages, &page);
}

size_t ad_page_run(const uint64_t *addresses, size_t count)
{
    size_t run = 1;
    while (run < count && addresses[run] == addresses[run - 1] + AD_PAGE_SIZE)
        run++;
    return run;
}
