/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/uio.h>

#include "base/io.h"
#include "target/live_internal.h"

#define IOVECS ((size_t)1024) /* IOV_MAX of Linux */

/* Each returns how many of the pages, from the first on, it copied to `to`. */
static size_t copy_by_call(struct ad_copier *copier, const uint64_t *addresses, size_t count, uint8_t *to)
{
    struct iovec remote[IOVECS], local = {to, 0};
    size_t runs = 0;
    for (size_t done = 0; done < count && runs < IOVECS; runs++) {
        size_t run = ad_page_run(addresses + done, count - done);
        remote[runs] = (struct iovec){(void *)(uintptr_t)addresses[done], run * AD_PAGE_SIZE};
        local.iov_len += run * AD_PAGE_SIZE;
        done += run;
    }
    ssize_t got = process_vm_readv(copier->tid, &local, 1, remote, runs, 0);
    if (got < 0 && (errno == ENOSYS || errno == EPERM))
        copier->use_mem = true; /* a sandbox that forbids the call; /proc/PID/mem needs ptrace only */
    return got < 0 ? 0 : (size_t)got / AD_PAGE_SIZE;
}

static size_t copy_by_file(struct ad_copier *copier, const uint64_t *addresses, size_t count, uint8_t *to)
{
    size_t done = 0;
    while (done < count) {
        size_t run = ad_page_run(addresses + done, count - done);
        size_t got = ad_pread(copier->mem_fd, to + done * AD_PAGE_SIZE, run * AD_PAGE_SIZE, addresses[done]);
        done += got / AD_PAGE_SIZE;
        if (got < run * AD_PAGE_SIZE)
            break;
    }
    return done;
}

static size_t copy_some(struct ad_copier *copier, const uint64_t *addresses, size_t count, uint8_t *to)
{
    size_t got = copier->use_mem ? 0 : copy_by_call(copier, addresses, count, to);
    return copier->use_mem && !got ? copy_by_file(copier, addresses, count, to) : got;
}

/* Copies all at once as far as it goes; the page where it ends is tried alone and then passed over. */
static struct ad_error *copy_group(struct ad_copier *copier, const uint64_t *addresses, size_t count, uint8_t *to)
{
    size_t done = 0, attempt = count;
    while (done < count) {
        size_t got = copy_some(copier, addresses + done, attempt, to + done * AD_PAGE_SIZE);
        for (size_t i = 0; i < got; i++, done++)
            AD_TRY(ad_page_cache_add(&copier->pages, addresses[done], to + done * AD_PAGE_SIZE, AD_PAGE_SIZE));
        if (got < attempt && attempt > 1) {
            attempt = 1;
            continue;
        }
        if (!got && done < count)
            AD_TRY(ad_page_cache_add(&copier->pages, addresses[done++], NULL, 0));
        attempt = count - done;
    }
    return NULL;
}

static struct ad_error *copy_all(struct ad_copier *copier, const uint64_t *addresses, size_t count)
{
    for (size_t done = 0, got; done < count; done += got) {
        uint8_t *to = ad_page_cache_reserve(&copier->pages, count - done, &got);
        if (!to)
            return ad_error_create(AD_ERROR_LIMIT, "no more memory of the process may be copied");
        AD_TRY(copy_group(copier, addresses + done, got, to));
    }
    return NULL;
}

struct ad_error *ad_copier_fetch(struct ad_copier *copier, const struct ad_range *ranges, size_t count)
{
    struct ad_vector addresses = AD_VECTOR(uint64_t);
    struct ad_error *limit = ad_page_cache_missing(&copier->pages, ranges, count, &addresses);
    struct ad_error *error = copy_all(copier, addresses.items, addresses.count);
    ad_vector_deinit(&addresses);
    if (!error)
        return limit;
    ad_error_destroy(limit);
    return error;
}
