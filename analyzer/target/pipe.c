/* SPDX-License-Identifier: MIT */
#include "target/pipe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/pool.h"
#include "target/maps.h"
#include "target/page_cache.h"

#define HEADER_SIZE ((size_t)5)
#define RANGE_SIZE ((size_t)12)
#define GOT_SIZE ((size_t)4)
/* Pages of one message: its answer is 16 MiB, enough to hide the way there and back. */
#define BATCH_PAGES ((size_t)4096)

struct piped {
    struct ad_target target; /* first, so that the two addresses are one */
    struct ad_pipe *pipe;
    struct ad_page_cache pages;
    struct ad_pool pool;
    struct ad_vector regions; /* struct ad_region */
    char description[32];
};

static const struct ad_limits *limits_of(const struct ad_pipe *pipe)
{
    return pipe->limits ? pipe->limits : &ad_limits_default;
}

/* Reads until `size` bytes are here or the input ends; the number read. */
static struct ad_error *read_all(int fd, void *buffer, size_t size, size_t *got_ret)
{
    *got_ret = 0;
    while (*got_ret < size) {
        ssize_t count = read(fd, (char *)buffer + *got_ret, size - *got_ret);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return ad_error_system(errno, "cannot read from the debugger");
        if (count == 0)
            return NULL;
        *got_ret += (size_t)count;
    }
    return NULL;
}

static struct ad_error *write_all(int fd, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = write(fd, (const char *)bytes + done, size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return ad_error_system(errno, "cannot write to the debugger");
        done += (size_t)count;
    }
    return NULL;
}

static struct ad_error *receive(struct ad_pipe *pipe, uint8_t *type_ret, void **payload_ret, size_t *size_ret)
{
    uint8_t header[HEADER_SIZE];
    size_t got;
    *type_ret = 0;
    *payload_ret = NULL;
    *size_ret = 0;
    AD_TRY(read_all(pipe->in, header, sizeof(header), &got));
    if (!got)
        return NULL;
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, header, got);
    size_t size = ad_cursor_u32(&cursor);
    uint8_t type = ad_cursor_u8(&cursor);
    if (cursor.failed)
        return ad_error_create(AD_ERROR_FORMAT, "the debugger's message ends inside its header");
    if (size > limits_of(pipe)->frame_bytes)
        return ad_error_create(AD_ERROR_LIMIT, "the debugger sent a message of %zu bytes; at most %llu are read",
                               size, (unsigned long long)limits_of(pipe)->frame_bytes);
    ad_auto_free char *payload = malloc(size + 1);
    if (!payload)
        return &ad_error_nomem;
    AD_TRY(read_all(pipe->in, payload, size, &got));
    if (got < size)
        return ad_error_create(AD_ERROR_FORMAT, "the debugger's message ends after %zu of %zu bytes", got, size);
    payload[size] = '\0';
    *type_ret = type;
    *payload_ret = ad_take(payload);
    *size_ret = size;
    return NULL;
}

/* Passes `error` on; with it, or at the end of input (`ended`), the pipe is of no more use. */
static struct ad_error *mark(struct ad_pipe *pipe, struct ad_error *error, bool ended)
{
    pipe->broken |= error || ended;
    return error;
}

static struct ad_error *check(const struct ad_pipe *pipe)
{
    return pipe->broken ? ad_error_create(AD_ERROR_SYSTEM, "the pipe to the debugger is broken") : NULL;
}

struct ad_error *ad_pipe_receive(struct ad_pipe *pipe, uint8_t *type_ret, void **payload_ret, size_t *size_ret)
{
    AD_TRY(check(pipe));
    struct ad_error *error = receive(pipe, type_ret, payload_ret, size_ret);
    return mark(pipe, error, !*type_ret);
}

struct ad_error *ad_pipe_send(struct ad_pipe *pipe, uint8_t type, const void *payload, size_t size)
{
    AD_TRY(check(pipe));
    if (size > UINT32_MAX)
        return ad_error_create(AD_ERROR_LIMIT, "a message of %zu bytes is too long for the debugger", size);
    uint32_t length = (uint32_t)size;
    uint8_t header[HEADER_SIZE];
    memcpy(header, &length, sizeof(length));
    header[HEADER_SIZE - 1] = type;
    AD_TRY(mark(pipe, write_all(pipe->out, header, sizeof(header)), false));
    return mark(pipe, write_all(pipe->out, payload, size), false);
}

/* Adds { u64 address, u32 size } at `to`. */
static uint8_t *put_range(uint8_t *to, uint64_t address, uint32_t size)
{
    memcpy(to, &address, sizeof(address));
    memcpy(to + sizeof(address), &size, sizeof(size));
    return to + RANGE_SIZE;
}

/* Asks for pages; those in a row as one range, or each alone. */
static struct ad_error *ask(struct piped *piped, const uint64_t *addresses, size_t count, bool alone)
{
    ad_auto_free uint8_t *request = malloc(sizeof(uint32_t) + count * RANGE_SIZE);
    if (!request)
        return &ad_error_nomem;
    uint8_t *end = request + sizeof(uint32_t);
    uint32_t ranges = 0;
    for (size_t done = 0; done < count; ranges++) {
        size_t run = alone ? 1 : ad_page_run(addresses + done, count - done);
        end = put_range(end, addresses[done], (uint32_t)(run * AD_PAGE_SIZE));
        done += run;
    }
    memcpy(request, &ranges, sizeof(ranges));
    return ad_pipe_send(piped->pipe, 'R', request, (size_t)(end - request));
}

/* Copies `size` bytes from `address` on, whole pages but for the last, into the cache. */
static struct ad_error *keep(struct piped *piped, uint64_t address, const uint8_t *bytes, size_t size)
{
    for (size_t done = 0, room; done < size; done += AD_PAGE_SIZE) {
        size_t valid = size - done < AD_PAGE_SIZE ? size - done : AD_PAGE_SIZE;
        uint8_t *page = ad_page_cache_reserve(&piped->pages, 1, &room);
        if (!page)
            return ad_error_create(AD_ERROR_LIMIT, "no more memory of the debugged process may be copied");
        memcpy(page, bytes + done, valid);
        AD_TRY(ad_page_cache_add(&piped->pages, address + done, page, valid));
    }
    return NULL;
}

static struct ad_error *misfit(void)
{
    return ad_error_create(AD_ERROR_FORMAT, "the debugger's answer does not fit the question");
}

/* Takes the answer to ask(). A short range becomes `retry`, or known as unreadable when it was one page. */
static struct ad_error *take(struct piped *piped, struct ad_cursor *answer, const uint64_t *addresses,
                             size_t count, bool alone, struct ad_vector *retry)
{
    for (size_t done = 0, run; done < count; done += run) {
        run = alone ? 1 : ad_page_run(addresses + done, count - done);
        uint32_t got = ad_cursor_u32(answer);
        const uint8_t *bytes = ad_cursor_bytes(answer, got);
        if (!bytes || got > run * AD_PAGE_SIZE)
            return mark(piped->pipe, misfit(), true);
        size_t whole = got / AD_PAGE_SIZE;
        bool last = run == 1 && whole == 0;
        AD_TRY(keep(piped, addresses[done], bytes, last ? got : whole * AD_PAGE_SIZE));
        if (last && !got)
            AD_TRY(ad_page_cache_add(&piped->pages, addresses[done], NULL, 0));
        for (size_t i = whole; !last && i < run; i++)
            AD_TRY(ad_vector_push(retry, &addresses[done + i]));
    }
    return NULL;
}

static struct ad_error *ask_and_take(struct piped *piped, const uint64_t *addresses, size_t count, bool alone,
                                     struct ad_vector *retry)
{
    ad_auto_free void *payload = NULL;
    size_t size;
    uint8_t type;
    AD_TRY(ask(piped, addresses, count, alone));
    AD_TRY(ad_pipe_receive(piped->pipe, &type, &payload, &size));
    if (type != 'D')
        return mark(piped->pipe, ad_error_create(AD_ERROR_FORMAT, "the debugger did not answer with memory"), true);
    struct ad_cursor answer;
    ad_cursor_init(&answer, payload, size);
    return take(piped, &answer, addresses, count, alone, retry);
}

static size_t pages_of_batch(const struct piped *piped, size_t count)
{
    uint64_t fit = limits_of(piped->pipe)->frame_bytes / (AD_PAGE_SIZE + GOT_SIZE);
    size_t most = fit < BATCH_PAGES ? (size_t)fit : BATCH_PAGES;
    return count < most ? count : most;
}

/* A debugger may give a range only as a whole: what failed is asked for again page by page. */
static struct ad_error *fetch_pages(struct piped *piped, const uint64_t *addresses, size_t count)
{
    struct ad_vector retry = AD_VECTOR(uint64_t);
    struct ad_error *error = NULL;
    for (size_t done = 0, batch; !error && done < count; done += batch) {
        batch = pages_of_batch(piped, count - done);
        if (!batch) {
            error = ad_error_create(AD_ERROR_LIMIT, "the limit frame_bytes has no room for a page of memory");
            break;
        }
        retry.count = 0;
        error = ask_and_take(piped, addresses + done, batch, false, &retry);
        if (!error && retry.count)
            error = ask_and_take(piped, retry.items, retry.count, true, NULL);
    }
    ad_vector_deinit(&retry);
    return error;
}

static struct ad_error *pipe_prefetch(struct ad_target *target, const struct ad_range *ranges, size_t count)
{
    struct piped *piped = (struct piped *)target;
    struct ad_vector addresses = AD_VECTOR(uint64_t);
    struct ad_error *limit = ad_page_cache_missing(&piped->pages, ranges, count, &addresses);
    struct ad_error *error = fetch_pages(piped, addresses.items, addresses.count);
    ad_vector_deinit(&addresses);
    if (!error)
        return limit;
    ad_error_destroy(limit);
    return error;
}

static size_t pipe_read(struct ad_target *target, uint64_t address, void *buffer, size_t size)
{
    struct piped *piped = (struct piped *)target;
    size_t got = ad_page_cache_read(&piped->pages, address, buffer, size);
    if (got || ad_page_cache_knows(&piped->pages, address))
        return got;
    struct ad_range range;
    if (!ad_range_init(&range, address, size))
        range.end = UINT64_MAX;
    ad_error_destroy(pipe_prefetch(target, &range, 1));
    return ad_page_cache_read(&piped->pages, address, buffer, size);
}

static void pipe_destroy(struct ad_target *target)
{
    struct piped *piped = (struct piped *)target;
    ad_page_cache_deinit(&piped->pages);
    ad_pool_deinit(&piped->pool);
    ad_vector_deinit(&piped->regions);
    free(piped);
}

static const struct ad_target_ops pipe_ops = {
    .read = pipe_read, .prefetch = pipe_prefetch, .destroy = pipe_destroy};

/* A copy in the pool; NULL for nothing, and when there is no memory (`failed` is set then). */
static const void *copy(struct piped *piped, const void *bytes, size_t size, bool *failed)
{
    void *to = bytes && size ? ad_pool_alloc(&piped->pool, size) : NULL;
    *failed |= bytes && size && !to;
    return to ? memcpy(to, bytes, size) : NULL;
}

static struct ad_error *copy_process(struct piped *piped, const struct ad_pipe_process *process)
{
    struct ad_target *target = &piped->target;
    bool failed = false;
    const char *name = process->command ? process->command : "";
    memcpy(target->command, name, strnlen(name, sizeof(target->command) - 1));
    target->executable =
        copy(piped, process->executable, process->executable ? strlen(process->executable) + 1 : 0, &failed);
    target->threads = copy(piped, process->threads, process->thread_count * sizeof(struct ad_thread), &failed);
    target->thread_count = target->threads ? process->thread_count : 0;
    target->auxv = copy(piped, process->auxv, process->auxv_size, &failed);
    target->auxv_size = target->auxv ? process->auxv_size : 0;
    if (failed)
        return &ad_error_nomem;
    if (process->maps)
        AD_TRY(ad_maps_parse(process->maps, target->limits, &piped->pool, &piped->regions, &target->skipped));
    target->regions = piped->regions.items;
    target->region_count = piped->regions.count;
    return NULL;
}

struct ad_error *ad_pipe_open(struct ad_pipe *pipe, const struct ad_pipe_process *process,
                              const struct ad_limits *limits, struct ad_target **target_ret)
{
    struct piped *piped = malloc(sizeof(*piped));
    if (!piped)
        return &ad_error_nomem;
    *piped = (struct piped){
        .target = {.ops = &pipe_ops, .kind = AD_TARGET_PIPE, .limits = limits, .pid = process->pid},
        .pipe = pipe,
        .regions = AD_VECTOR(struct ad_region),
    };
    ad_page_cache_init(&piped->pages, limits->live_bytes);
    snprintf(piped->description, sizeof(piped->description), "pid %d", (int)process->pid);
    piped->target.description = piped->description;
    struct ad_error *error = copy_process(piped, process);
    if (error) {
        pipe_destroy(&piped->target);
        return error;
    }
    *target_ret = &piped->target;
    return NULL;
}
