/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cancel.h"
#include "diagnose.h"
#include "handle.h"
#include "work.h"
#include "worker.h"

struct async_file {
    struct async_handle handle;
    uint32_t operations;      /**< that use the descriptor now */
    struct async_future idle; /**< where a close waits until there are none */
    char path[];
};

/** One operation, for a thread of the pool. */
struct operation {
    struct async_work work;
    int fd;
    int flags;
    mode_t mode;
    off_t offset;
    char *buffer;
    size_t size;
    const char *path;
    struct stat *stat;
};

static int64_t repeat(struct operation *operation, ssize_t (*call)(struct operation *operation))
{
    ssize_t result;
    do
        result = call(operation);
    while (result < 0 && errno == EINTR);
    return async_work_result(result);
}

/* ---- On a thread of the pool ------------------------------------------------------------------- */

static ssize_t open_once(struct operation *operation)
{
    return open(operation->path, operation->flags | O_CLOEXEC, operation->mode);
}

static ssize_t read_once(struct operation *operation)
{
    if (operation->offset == ASYNC_FILE_NEXT)
        return read(operation->fd, operation->buffer, operation->size);
    return pread(operation->fd, operation->buffer, operation->size, operation->offset);
}

static ssize_t write_once(struct operation *operation)
{
    if (operation->offset == ASYNC_FILE_NEXT)
        return write(operation->fd, operation->buffer, operation->size);
    return pwrite(operation->fd, operation->buffer, operation->size, operation->offset);
}

static ssize_t truncate_once(struct operation *operation)
{
    return ftruncate(operation->fd, operation->offset);
}

static int64_t call_open(struct async_work *work)
{
    return repeat((struct operation *)work, open_once);
}

static int64_t call_read(struct async_work *work)
{
    return repeat((struct operation *)work, read_once);
}

static int64_t call_write(struct async_work *work)
{
    struct operation *operation = (struct operation *)work;
    while (operation->size) {
        int64_t count = repeat(operation, write_once);
        if (count <= 0)
            return count ? count : UV_EIO;
        operation->buffer += count;
        operation->size -= (size_t)count;
        if (operation->offset != ASYNC_FILE_NEXT)
            operation->offset += count;
    }
    return 0;
}

static int64_t call_truncate(struct async_work *work)
{
    return repeat((struct operation *)work, truncate_once);
}

static int64_t call_sync(struct async_work *work)
{
    return async_work_result(fsync(((struct operation *)work)->fd));
}

static int64_t call_stat(struct async_work *work)
{
    struct operation *operation = (struct operation *)work;
    return async_work_result(fstat(operation->fd, operation->stat));
}

/* The descriptor is gone even when this fails. */
static int64_t call_close(struct async_work *work)
{
    return async_work_result(close(((struct operation *)work)->fd));
}

/* ---- Open -------------------------------------------------------------------------------------- */

static void prepare(struct operation *operation, int64_t (*call)(struct async_work *work), const char *path,
                    const struct async_site *site)
{
    async_work_init(&operation->work, ASYNC_FUTURE_FILE, call, site);
    operation->work.future.name = path;
    operation->work.future.fd = operation->fd;
    operation->work.future.size = operation->size;
}

static void on_release(struct async_handle *handle)
{
    if (handle->fd >= 0)
        close(handle->fd);
}

static void keep(struct async_file *file, int fd, const char *path, const struct async_site *site)
{
    strcpy(file->path, path);
    async_handle_open(&file->handle, NULL, "file", file->path, site);
    async_handle_set_fd(&file->handle, fd);
    file->handle.release = on_release;
    async_future_init(&file->idle, ASYNC_FUTURE_CLOSE, ASYNC_FUTURE_PENDING, file);
    file->idle.fd = fd;
    file->idle.name = file->path;
    file->idle.site = site;
    file->idle.worker = file->handle.worker;
}

int async_file_open_at(struct async_file **file_ret, const char *path, int flags, mode_t mode,
                       const struct async_site *site)
{
    if (!async_self() || !file_ret || !path)
        return async_refused(UV_EINVAL);
    struct async_file *file = calloc(1, sizeof(*file) + strlen(path) + 1);
    if (!file)
        return UV_ENOMEM;
    struct operation operation = {.fd = -1, .path = path, .flags = flags, .mode = mode};
    prepare(&operation, call_open, path, site);
    int fd = (int)async_work_await(&operation.work);
    if (fd < 0) {
        free(file);
        return fd;
    }
    keep(file, fd, path, site);
    *file_ret = file;
    return 0;
}

/* ---- Use --------------------------------------------------------------------------------------- */

static int64_t operate(struct async_file *file, struct operation *operation,
                       int64_t (*call)(struct async_work *work))
{
    int unusable = async_handle_check(file);
    if (unusable)
        return unusable;
    operation->fd = file->handle.fd;
    prepare(operation, call, file->path, file->handle.site);
    operation->work.future.object = file;
    async_handle_hold(&file->handle);
    file->operations++;
    int64_t result = async_work_await(&operation->work);
    if (--file->operations == 0)
        async_future_wake(&file->idle, 0);
    async_handle_unhold(&file->handle);
    return result;
}

ssize_t async_file_read(struct async_file *file, void *buffer, size_t size, off_t offset)
{
    struct operation operation = {.buffer = buffer, .size = size, .offset = offset};
    if ((!buffer && size) || offset < ASYNC_FILE_NEXT)
        return async_refused(UV_EINVAL);
    return operate(file, &operation, call_read);
}

int async_file_write(struct async_file *file, const void *buffer, size_t size, off_t offset)
{
    struct operation operation = {.buffer = (char *)buffer, .size = size, .offset = offset};
    if ((!buffer && size) || offset < ASYNC_FILE_NEXT)
        return async_refused(UV_EINVAL);
    return (int)operate(file, &operation, call_write);
}

int async_file_sync(struct async_file *file)
{
    struct operation operation = {0};
    return (int)operate(file, &operation, call_sync);
}

int async_file_stat(struct async_file *file, struct stat *stat_ret)
{
    struct operation operation = {.stat = stat_ret};
    return stat_ret ? (int)operate(file, &operation, call_stat) : async_refused(UV_EINVAL);
}

int async_file_truncate(struct async_file *file, off_t size)
{
    struct operation operation = {.offset = size};
    return (int)operate(file, &operation, call_truncate);
}

/* ---- Close ------------------------------------------------------------------------------------- */

int async_file_close(struct async_file *file)
{
    int unusable = async_handle_check_close(file);
    if (unusable)
        return unusable;
    struct async_task *task = async_self();
    struct operation operation = {.fd = file->handle.fd};
    file->handle.closing = true; /* no operation begins any more */
    async_shield_enter(task);
    if (file->operations)
        async_future_await(&file->idle, NULL);
    prepare(&operation, call_close, file->path, file->handle.site);
    int error = (int)async_work_await(&operation.work);
    async_handle_set_fd(&file->handle, -1);
    async_handle_close(&file->handle);
    async_shield_leave(task);
    return error;
}
