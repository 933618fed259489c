/* SPDX-License-Identifier: MIT */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FIRST_CHUNK ((size_t)4096)

static const char *kind_of_file(mode_t mode)
{
    if (S_ISDIR(mode))
        return "a directory";
    if (S_ISFIFO(mode))
        return "a FIFO";
    if (S_ISSOCK(mode))
        return "a socket";
    return "a device";
}

static struct ad_error *open_failed(int error, const char *path)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return ad_error_create(AD_ERROR_NOT_FOUND, "%s: no such file", path);
    case ELOOP:
        return ad_error_create(AD_ERROR_UNUSABLE, "%s is a symbolic link and is not followed", path);
    case ENXIO:
        return ad_error_create(AD_ERROR_UNUSABLE, "%s is a socket or a device without a driver", path);
    default:
        return ad_error_system(error, "cannot open %s", path);
    }
}

struct ad_error *ad_open_regular(const char *path, int flags, int *fd_ret, uint64_t *size_ret)
{
    ad_auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
    if (fd < 0)
        return open_failed(errno, path);
    struct stat status;
    if (fstat(fd, &status) < 0)
        return ad_error_system(errno, "cannot stat %s", path);
    if (!S_ISREG(status.st_mode))
        return ad_error_create(AD_ERROR_UNUSABLE, "%s is %s, not a regular file", path,
                               kind_of_file(status.st_mode));
    *size_ret = (uint64_t)status.st_size;
    *fd_ret = fd;
    fd = -1;
    return NULL;
}

size_t ad_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
    size_t got = 0;
    while (got < size && offset <= INT64_MAX - got) {
        ssize_t count = pread(fd, (char *)buffer + got, size - got, (off_t)(offset + got));
        if (count > 0)
            got += (size_t)count;
        else if (count == 0 || errno != EINTR)
            break;
    }
    return got;
}

/* Room for at least one more byte behind `used`, doubling. */
static bool grow(char **bytes, size_t *capacity, size_t used)
{
    if (used + 1 < *capacity)
        return true;
    size_t larger = *capacity ? *capacity * 2 : FIRST_CHUNK;
    char *moved = realloc(*bytes, larger);
    if (!moved)
        return false;
    *bytes = moved;
    *capacity = larger;
    return true;
}

struct ad_error *ad_read_file(int directory_fd, const char *path, uint64_t limit, char **bytes_ret,
                              size_t *size_ret)
{
    ad_auto_close int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return open_failed(errno, path);
    ad_auto_free char *bytes = NULL;
    size_t used = 0, capacity = 0;
    for (;;) {
        if (!grow(&bytes, &capacity, used))
            return &ad_error_nomem;
        ssize_t count = read(fd, bytes + used, capacity - used - 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return ad_error_system(errno, "cannot read %s", path);
        if (count == 0)
            break;
        used += (size_t)count;
        if (used > limit)
            return ad_error_create(AD_ERROR_LIMIT, "%s is longer than %llu bytes", path,
                                   (unsigned long long)limit);
    }
    bytes[used] = '\0';
    *bytes_ret = ad_take(bytes);
    *size_ret = used;
    return NULL;
}
