/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "async.h"
#include "diagnose.h"
#include "work.h"

/** An operation on a path, for a thread of the pool. */
struct operation {
    struct async_work work;
    const char *path;
    const char *new_path;
    mode_t mode;
    struct stat *stat;
    char **names;
};

/* ---- On a thread of the pool ------------------------------------------------------------------- */

static int64_t call_stat(struct async_work *work)
{
    struct operation *operation = (struct operation *)work;
    return async_work_result(stat(operation->path, operation->stat));
}

static int64_t call_rename(struct async_work *work)
{
    struct operation *operation = (struct operation *)work;
    return async_work_result(rename(operation->path, operation->new_path));
}

static int64_t call_unlink(struct async_work *work)
{
    return async_work_result(unlink(((struct operation *)work)->path));
}

static int64_t call_mkdir(struct async_work *work)
{
    struct operation *operation = (struct operation *)work;
    return async_work_result(mkdir(operation->path, operation->mode));
}

static int64_t call_rmdir(struct async_work *work)
{
    return async_work_result(rmdir(((struct operation *)work)->path));
}

static int is_wanted(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* One piece of memory: the pointers, NULL, and the characters behind them. */
static char **join_names(struct dirent **entries, size_t count)
{
    size_t size = (count + 1) * sizeof(char *);
    for (size_t i = 0; i < count; i++)
        size += strlen(entries[i]->d_name) + 1;
    char **names = malloc(size);
    if (!names)
        return NULL;
    char *end = (char *)(names + count + 1);
    for (size_t i = 0; i < count; i++) {
        names[i] = end;
        end = stpcpy(end, entries[i]->d_name) + 1;
    }
    names[count] = NULL;
    return names;
}

static int64_t call_list(struct async_work *work)
{
    struct operation *operation = (struct operation *)work;
    struct dirent **entries;
    int count = scandir(operation->path, &entries, is_wanted, by_name);
    if (count < 0)
        return async_work_result(count);
    operation->names = join_names(entries, (size_t)count);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return operation->names ? count : UV_ENOMEM;
}

/* ---- For users ----------------------------------------------------------------------------------- */

static int operate(struct operation *operation, int64_t (*call)(struct async_work *work),
                   const struct async_site *site)
{
    if (!async_self() || !operation->path)
        return async_refused(UV_EINVAL);
    async_work_init(&operation->work, ASYNC_FUTURE_FILE, call, site);
    operation->work.future.name = operation->path;
    return (int)async_work_await(&operation->work);
}

int async_stat_at(const char *path, struct stat *stat_ret, const struct async_site *site)
{
    struct operation operation = {.path = path, .stat = stat_ret};
    return stat_ret ? operate(&operation, call_stat, site) : async_refused(UV_EINVAL);
}

int async_rename_at(const char *path, const char *new_path, const struct async_site *site)
{
    struct operation operation = {.path = path, .new_path = new_path};
    return new_path ? operate(&operation, call_rename, site) : async_refused(UV_EINVAL);
}

int async_unlink_at(const char *path, const struct async_site *site)
{
    struct operation operation = {.path = path};
    return operate(&operation, call_unlink, site);
}

int async_mkdir_at(const char *path, mode_t mode, const struct async_site *site)
{
    struct operation operation = {.path = path, .mode = mode};
    return operate(&operation, call_mkdir, site);
}

int async_rmdir_at(const char *path, const struct async_site *site)
{
    struct operation operation = {.path = path};
    return operate(&operation, call_rmdir, site);
}

int async_list_directory_at(const char *path, char ***names_ret, const struct async_site *site)
{
    struct operation operation = {.path = path};
    int count = names_ret ? operate(&operation, call_list, site) : async_refused(UV_EINVAL);
    if (count >= 0)
        *names_ret = operation.names;
    return count;
}
