/* SPDX-License-Identifier: MIT */
#include "target/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/range.h"

#define PAGE ((size_t)4096) /* what a hole is made of: the block of nearly every file system */
#define BLOCK (64 * PAGE)
#define FIRST_FD 3 /* a closed standard output must not become this file */

static const char *folder(void)
{
    const char *chosen = getenv("TMPDIR");
    return chosen && *chosen ? chosen : access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp";
}

/* Where the file system knows no file without a name, one whose name is gone at once. */
static int open_named(const char *path)
{
    char name[PATH_MAX];
    if ((size_t)snprintf(name, sizeof(name), "%s/asyncdump-XXXXXX", path) >= sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

static int move_up(int fd)
{
    if (fd < 0 || fd >= FIRST_FD)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
    int error = errno;
    close(fd);
    errno = error;
    return moved;
}

struct ad_error *ad_spool_init(struct ad_spool *spool, const char *name, const struct ad_limits *limits)
{
    const char *path = folder();
    *spool = (struct ad_spool){.limits = limits, .name = name, .fd = -1, .block = malloc(BLOCK)};
    if (!spool->block)
        return &ad_error_nomem;
    int fd = open(path, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        fd = open_named(path);
    spool->fd = move_up(fd);
    if (spool->fd < 0)
        return ad_error_system(errno, "no room to unpack %s in %s (set TMPDIR to another folder)", name, path);
    return NULL;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return !bytes[0] && !memcmp(bytes, bytes + 1, size - 1);
}

static size_t page_at(const struct ad_spool *spool, size_t at)
{
    return spool->used - at < PAGE ? spool->used - at : PAGE;
}

/* How far pages reach from `at` on that are all holes, or all none. */
static size_t run_of(const struct ad_spool *spool, size_t at, bool zero)
{
    size_t end = at;
    while (end < spool->used && is_zero(spool->block + end, page_at(spool, end)) == zero)
        end += page_at(spool, end);
    return end - at;
}

static struct ad_error *write_at(struct ad_spool *spool, const uint8_t *bytes, size_t size, uint64_t offset)
{
    while (size) {
        ssize_t count = pwrite(spool->fd, bytes, size, (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return ad_error_system(errno, "cannot unpack %s in %s (set TMPDIR to a folder with more room)",
                                   spool->name, folder());
        bytes += count;
        size -= (size_t)count;
        offset += (uint64_t)count;
    }
    return NULL;
}

static struct ad_error *check_limits(const struct ad_spool *spool)
{
    const struct ad_limits *limits = spool->limits;
    bool larger = spool->size > limits->unpacked_bytes;
    if (!larger && spool->stored <= limits->unpacked_disk)
        return NULL;
    return ad_error_create(AD_ERROR_LIMIT, "%s unpacks to more than %llu bytes%s, the limit %s; if that is right, "
                           "unpack it yourself and give the file", spool->name,
                           (unsigned long long)(larger ? limits->unpacked_bytes : limits->unpacked_disk),
                           larger ? "" : " that are not zero", larger ? "unpacked_bytes" : "unpacked_disk");
}

static struct ad_error *flush(struct ad_spool *spool)
{
    uint64_t start = spool->size;
    bool zero = false;
    spool->size += spool->used;
    AD_TRY(check_limits(spool));
    for (size_t at = 0, run; at < spool->used; at += run, zero = !zero) {
        run = run_of(spool, at, zero);
        if (zero || !run)
            continue;
        spool->stored += run;
        AD_TRY(check_limits(spool));
        AD_TRY(write_at(spool, spool->block + at, run, start + at));
    }
    spool->used = 0;
    return NULL;
}

uint8_t *ad_spool_room(struct ad_spool *spool, size_t *size_ret)
{
    *size_ret = BLOCK - spool->used;
    return spool->block + spool->used;
}

struct ad_error *ad_spool_add(struct ad_spool *spool, size_t size)
{
    spool->used += size;
    return spool->used == BLOCK ? flush(spool) : NULL;
}

struct ad_error *ad_spool_finish(struct ad_spool *spool)
{
    AD_TRY(flush(spool));
    if (ftruncate(spool->fd, (off_t)spool->size) < 0)
        return ad_error_system(errno, "cannot unpack %s in %s", spool->name, folder());
    return NULL;
}

void ad_spool_deinit(struct ad_spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    free(spool->block);
}
