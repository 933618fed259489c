/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "target/live_internal.h"

#define IOVECS ((size_t)1024)       /* IOV_MAX of Linux */
#define SCRATCH ((size_t)1 << 20)   /* bytes copied at a time: they stay in the processor's cache */

/* What is done with the bytes of one excerpt; NULL: they cannot be read. */
typedef struct ad_error *take(struct ad_copier *copier, struct ad_excerpt *excerpt, const uint8_t *bytes);

static size_t size_of(const struct ad_excerpt *excerpt)
{
    return (size_t)excerpt->high - excerpt->low;
}

/* The ranges of the excerpts, those in a row as one; `count_io` is how many excerpts, on return how many fit. */
static size_t make_runs(struct ad_copier *copier, const struct ad_excerpt_ref *refs, size_t *count_io)
{
    struct iovec *runs = copier->runs;
    size_t used = 0, bytes = 0, i;
    uint64_t end = 0;
    for (i = 0; i < *count_io; i++) {
        struct ad_range range = ad_excerpt_range(ad_excerpts_get(&copier->excerpts, refs[i].index));
        size_t size = (size_t)ad_range_size(range);
        bool joins = used && range.start == end;
        if (bytes + size > SCRATCH || (!joins && used == IOVECS))
            break;
        if (joins)
            runs[used - 1].iov_len += size;
        else
            runs[used++] = (struct iovec){(void *)(uintptr_t)range.start, size};
        bytes += size;
        end = range.end;
    }
    *count_io = i;
    return used;
}

/* Each returns how many bytes it copied, from the first run on. */
static size_t copy_by_call(struct ad_copier *copier, size_t count)
{
    struct iovec local = {copier->scratch, SCRATCH};
    ssize_t got = process_vm_readv(copier->tid, &local, 1, copier->runs, count, 0);
    if (got < 0 && errno != EFAULT)
        copier->use_mem = true; /* forbidden here, or that thread has ended; the file is of the memory itself */
    return got < 0 ? 0 : (size_t)got;
}

static size_t copy_by_file(struct ad_copier *copier, size_t count)
{
    const struct iovec *runs = copier->runs;
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        size_t got = ad_pread(copier->mem_fd, copier->scratch + done, runs[i].iov_len, (uintptr_t)runs[i].iov_base);
        done += got;
        if (got < runs[i].iov_len)
            break;
    }
    return done;
}

static size_t copy_runs(struct ad_copier *copier, size_t count)
{
    size_t got = copier->use_mem ? 0 : copy_by_call(copier, count);
    return copier->use_mem && !got ? copy_by_file(copier, count) : got;
}

/* Copies what it can at once; how many excerpts were taken, those that cannot be read last. */
static struct ad_error *copy_some(struct ad_copier *copier, const struct ad_excerpt_ref *refs, size_t count,
                                  take *take_bytes, size_t *taken_ret)
{
    size_t run_count = make_runs(copier, refs, &count), done = 0, taken = 0;
    size_t got = copy_runs(copier, run_count);
    for (; taken < count; taken++) {
        struct ad_excerpt *excerpt = ad_excerpts_get(&copier->excerpts, refs[taken].index);
        size_t size = size_of(excerpt);
        if (size > got - done)
            break;
        AD_TRY(take_bytes(copier, excerpt, copier->scratch + done));
        done += size;
    }
    *taken_ret = taken;
    return NULL;
}

/* All at once as far as it goes; the excerpt where it ends is tried alone and then passed over. */
static struct ad_error *copy_all(struct ad_copier *copier, const struct ad_vector *list, take *take_bytes)
{
    const struct ad_excerpt_ref *refs = list->items;
    size_t done = 0, attempt = list->count, taken;
    while (done < list->count) {
        AD_TRY(copy_some(copier, refs + done, attempt, take_bytes, &taken));
        done += taken;
        if (!taken && attempt == 1)
            AD_TRY(take_bytes(copier, ad_excerpts_get(&copier->excerpts, refs[done++].index), NULL));
        attempt = taken || attempt == 1 ? list->count - done : 1;
    }
    return NULL;
}

struct ad_error *ad_copier_init(struct ad_copier *copier, uint64_t limit)
{
    *copier = (struct ad_copier){
        .mem_fd = -1, .scratch = malloc(SCRATCH), .runs = calloc(IOVECS, sizeof(*copier->runs))};
    ad_excerpts_init(&copier->excerpts, limit);
    if (!copier->scratch || !copier->runs)
        return &ad_error_nomem;
    memset(copier->scratch, 0, SCRATCH); /* no page of it shall have to be made while the process stands still */
    return NULL;
}

void ad_copier_deinit(struct ad_copier *copier)
{
    if (copier->mem_fd >= 0)
        close(copier->mem_fd);
    free(copier->scratch);
    free(copier->runs);
    ad_excerpts_deinit(&copier->excerpts);
}

/* ---- For the first time ----------------------------------------------------------------------------- */

static void mark_exact(const struct ad_copier *copier, struct ad_excerpt *excerpt)
{
    excerpt->marks &= (uint8_t) ~(AD_EXCERPT_EXACT | AD_EXCERPT_TORN);
    if (copier->standing)
        excerpt->marks |= AD_EXCERPT_EXACT;
}

static struct ad_error *keep(struct ad_copier *copier, struct ad_excerpt *excerpt, const uint8_t *bytes)
{
    mark_exact(copier, excerpt);
    return ad_excerpts_keep(&copier->excerpts, excerpt, bytes);
}

struct ad_error *ad_copier_fetch(struct ad_copier *copier, const struct ad_range *ranges, size_t count, unsigned with)
{
    struct ad_vector refs = AD_VECTOR(struct ad_excerpt_ref);
    struct ad_error *limit = ad_excerpts_want(&copier->excerpts, ranges, count, with, &refs);
    struct ad_error *error = copy_all(copier, &refs, keep);
    ad_vector_deinit(&refs);
    if (!error)
        return limit;
    ad_error_destroy(limit);
    return error;
}

/* ---- Again ------------------------------------------------------------------------------------------ */

/* What changed is hot from now on; and torn, unless this copy is made while the process stands still. */
static struct ad_error *compare(struct ad_copier *copier, struct ad_excerpt *excerpt, const uint8_t *bytes)
{
    bool same = bytes && memcmp(excerpt->bytes, bytes, size_of(excerpt)) == 0;
    mark_exact(copier, excerpt);
    if (same)
        return NULL;
    copier->changed++;
    excerpt->marks |= AD_EXCERPT_HOT | AD_EXCERPT_CHANGED | (copier->standing ? 0 : AD_EXCERPT_TORN);
    if (bytes)
        memcpy(excerpt->bytes, bytes, size_of(excerpt));
    else
        excerpt->bytes = NULL;
    return NULL;
}

struct ad_error *ad_copier_again(struct ad_copier *copier, const struct ad_vector *refs, uint64_t *changed_ret)
{
    copier->changed = 0;
    struct ad_error *error = copy_all(copier, refs, compare);
    *changed_ret = copier->changed;
    return error;
}

/* ---- Ranges, whatever else is in their excerpts ----------------------------------------------------- */

/* Puts the bytes where the copies of them are; whether those differed, or are not all there. */
static bool replace(struct ad_copier *copier, struct ad_range range, const uint8_t *bytes)
{
    bool differed = false;
    while (range.start < range.end) {
        struct ad_range part = range;
        uint64_t page_end = (range.start | (AD_PAGE_SIZE - 1)) + 1;
        part.end = page_end < range.end ? page_end : range.end;
        size_t size = (size_t)ad_range_size(part);
        uint8_t *copy = ad_excerpts_at(&copier->excerpts, part);
        differed |= !copy || memcmp(copy, bytes, size) != 0;
        if (copy)
            memcpy(copy, bytes, size);
        bytes += size;
        range.start = part.end;
    }
    return differed;
}

/* How many of the ranges fit into one call. */
static size_t make_range_runs(struct iovec *runs, const struct ad_range *ranges, size_t count)
{
    size_t bytes = 0, used = 0;
    for (; used < count && used < IOVECS; used++) {
        uint64_t size = ad_range_size(ranges[used]);
        if (size > SCRATCH - bytes)
            break;
        runs[used] = (struct iovec){(void *)(uintptr_t)ranges[used].start, (size_t)size};
        bytes += (size_t)size;
    }
    return used;
}

/* Ranges of a size that can be copied at once. */
static struct ad_error *split(const struct ad_range *ranges, size_t count, struct ad_vector *parts)
{
    for (size_t i = 0; i < count; i++) {
        for (struct ad_range part = ranges[i]; part.start < ranges[i].end; part.start = part.end) {
            bool last = ranges[i].end - part.start <= SCRATCH;
            part.end = last ? ranges[i].end : part.start + SCRATCH;
            AD_TRY(ad_vector_push(parts, &part));
        }
    }
    return NULL;
}

static struct ad_error *refresh(struct ad_copier *copier, const struct ad_range *ranges, size_t count)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector parts = AD_VECTOR(struct ad_range);
    AD_TRY(split(ranges, count, &parts));
    ad_auto_free bool *changed = calloc(parts.count + 1, sizeof(*changed));
    if (!changed)
        return &ad_error_nomem;
    ad_copier_renew(copier, parts.items, parts.count, changed);
    return NULL;
}

struct ad_error *ad_copier_prefetch(struct ad_copier *copier, const struct ad_range *ranges, size_t count)
{
    AD_TRY(ad_copier_fetch(copier, ranges, count, copier->standing ? AD_EXCERPT_EXACT : 0));
    return copier->refreshing ? refresh(copier, ranges, count) : NULL;
}

void ad_copier_renew(struct ad_copier *copier, const struct ad_range *ranges, size_t count, bool *changed)
{
    const struct iovec *runs = copier->runs;
    for (size_t done = 0; done < count;) {
        size_t used = make_range_runs(copier->runs, ranges + done, count - done), taken = 0, offset = 0;
        size_t got = used ? copy_runs(copier, used) : 0;
        for (; taken < used && runs[taken].iov_len <= got - offset; taken++) {
            changed[done + taken] = replace(copier, ranges[done + taken], copier->scratch + offset);
            offset += runs[taken].iov_len;
        }
        done += taken;
        if (taken < used || !used)
            changed[done++] = true; /* it is gone, or larger than anything can be */
    }
}
