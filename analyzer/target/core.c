/* SPDX-License-Identifier: MIT */
#include "target/core.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "target/core_internal.h"

/* Records are small and lie together: windows of the file save nine system calls of ten. Stacks are
 * larger and lie apart: for them a window costs more than it saves. */
#define WINDOW_SIZE ((size_t)4096)
#define WINDOW_READ ((size_t)512)
#define WINDOW_COUNT ((size_t)64)
#define SAMPLES ((size_t)8) /* see core_expect */

struct ad_core_window {
    uint64_t number; /* offset / WINDOW_SIZE + 1; 0: empty */
    size_t size;
    uint8_t bytes[WINDOW_SIZE];
};

/* Part of one window: never more than up to its end. */
static size_t read_window(struct ad_core *core, uint64_t offset, void *buffer, size_t size)
{
    uint64_t number = offset / WINDOW_SIZE + 1;
    size_t skip = offset % WINDOW_SIZE;
    struct ad_core_window *window = &core->windows[number % WINDOW_COUNT];
    if (window->number != number) {
        window->number = number;
        window->size = ad_pread(core->file.fd, window->bytes, WINDOW_SIZE, offset - skip);
    }
    size_t left = window->size > skip ? window->size - skip : 0;
    size = size < left ? size : left;
    memcpy(buffer, window->bytes + skip, size);
    return size;
}

static const struct ad_core_extent *find_extent(struct ad_core *core, uint64_t address)
{
    const struct ad_core_extent *extents = core->extents.items;
    size_t low = 0, high = core->extents.count;
    if (!high)
        return NULL;
    if (ad_range_contains(extents[core->last_extent].range, address))
        return &extents[core->last_extent];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (extents[middle].range.end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == core->extents.count || !ad_range_contains(extents[low].range, address))
        return NULL;
    core->last_extent = low;
    return &extents[low];
}

static size_t core_read(struct ad_target *target, uint64_t address, void *buffer, size_t size)
{
    struct ad_core *core = (struct ad_core *)target;
    const struct ad_core_extent *extent = find_extent(core, address);
    uint64_t skip = extent ? address - extent->range.start : 0;
    if (!extent || skip >= extent->in_file)
        return 0;
    size = size < extent->in_file - skip ? size : (size_t)(extent->in_file - skip);
    if (size >= WINDOW_READ)
        return ad_pread(core->file.fd, buffer, size, extent->offset + skip);
    return read_window(core, extent->offset + skip, buffer, size);
}

/* The place in the file of the range's first bytes; false: it has none of them. */
static bool find_place(struct ad_core *core, struct ad_range range, uint64_t *offset_ret, uint64_t *size_ret)
{
    const struct ad_core_extent *extent = find_extent(core, range.start);
    uint64_t skip = extent ? range.start - extent->range.start : 0, size = ad_range_size(range);
    if (!extent || skip >= extent->in_file)
        return false;
    *offset_ret = extent->offset + skip;
    *size_ret = size < extent->in_file - skip ? size : extent->in_file - skip;
    return *offset_ret <= INT64_MAX && *size_ret <= INT64_MAX;
}

/* Whether the range is in memory, or nobody can tell: a read that would have to wait for a disk is refused. */
static bool at_hand(struct ad_core *core, struct ad_range range)
{
    char byte;
    struct iovec bytes = {&byte, sizeof(byte)};
    uint64_t offset, size;
    return !find_place(core, range, &offset, &size) ||
           preadv2(core->file.fd, &bytes, 1, (off_t)offset, RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

/* A few of the ranges tell whether it is worth a system call for each. */
static void core_expect(struct ad_target *target, const struct ad_range *ranges, size_t count)
{
    struct ad_core *core = (struct ad_core *)target;
    size_t step = count / SAMPLES + 1, i = 0;
    uint64_t offset, size;
    while (i < count && at_hand(core, ranges[i]))
        i += step;
    if (i >= count)
        return;
    for (i = 0; i < count; i++)
        if (find_place(core, ranges[i], &offset, &size))
            (void)posix_fadvise(core->file.fd, (off_t)offset, (off_t)size, POSIX_FADV_WILLNEED);
}

static void core_destroy(struct ad_target *target)
{
    struct ad_core *core = (struct ad_core *)target;
    ad_core_file_deinit(&core->file);
    ad_pool_deinit(&core->pool);
    ad_vector_deinit(&core->segments);
    ad_vector_deinit(&core->threads);
    ad_vector_deinit(&core->mappings);
    ad_vector_deinit(&core->extents);
    ad_vector_deinit(&core->regions);
    free(core->auxv);
    free(core->windows);
    free(core);
}

static const struct ad_target_ops core_ops = {.read = core_read, .expect = core_expect, .destroy = core_destroy};

/* The file that holds the program headers of the main program, else the name it was started by. */
static struct ad_error *find_executable(struct ad_core *core)
{
    uint64_t address;
    const struct ad_region *region = NULL;
    if (ad_target_auxv(&core->target, AT_PHDR, &address))
        region = ad_target_region(&core->target, address);
    if (region && region->path) {
        core->target.executable = region->path;
        return NULL;
    }
    char name[4096]; /* PATH_MAX of Linux */
    if (!ad_target_auxv(&core->target, AT_EXECFN, &address))
        return NULL;
    struct ad_error *error = ad_target_read_text(&core->target, address, name, sizeof(name), "file name");
    if (error) {
        ad_error_destroy(error);
        return NULL;
    }
    core->target.executable = ad_pool_text(&core->pool, name, strlen(name));
    return core->target.executable ? NULL : &ad_error_nomem;
}

/* Its name as a user says it, and what is known of it before a byte of it is understood. */
static struct ad_error *describe(struct ad_core *core, const struct ad_core_source *source)
{
    const char *path = source->path ? source->path : source->name, *slash = strrchr(path, '/');
    const char *name = source->path && slash ? slash + 1 : path, *note = source->note;
    core->path = ad_pool_text(&core->pool, path, strlen(path));
    core->target.description = ad_pool_text(&core->pool, name, strlen(name));
    core->target.stop_note = note ? ad_pool_text(&core->pool, note, strlen(note)) : NULL;
    core->target.realtime = core->file.realtime;
    core->target.damage = core->file.damage;
    return core->path && core->target.description && !note == !core->target.stop_note ? NULL : &ad_error_nomem;
}

static struct ad_error *fill(struct ad_core *core, const struct ad_core_source *source)
{
    core->windows = calloc(WINDOW_COUNT, sizeof(*core->windows));
    if (!core->windows)
        return &ad_error_nomem;
    AD_TRY(ad_core_file_open(source, core->target.limits, &core->file));
    AD_TRY(describe(core, source));
    AD_TRY(ad_core_read_headers(core));
    AD_TRY(ad_core_read_notes(core));
    AD_TRY(ad_core_build_regions(core));
    ad_vector_deinit(&core->segments);
    return find_executable(core);
}

struct ad_error *ad_core_open(const char *path, const struct ad_limits *limits, struct ad_target **target_ret)
{
    return ad_core_open_source(&(struct ad_core_source){.path = path}, limits, target_ret);
}

struct ad_error *ad_core_open_source(const struct ad_core_source *source, const struct ad_limits *limits,
                                     struct ad_target **target_ret)
{
    struct ad_core *core = malloc(sizeof(*core));
    if (!core)
        return &ad_error_nomem;
    *core = (struct ad_core){
        .target = {.ops = &core_ops, .kind = AD_TARGET_CORE, .limits = limits},
        .file = {.fd = -1},
        .segments = AD_VECTOR(Elf64_Phdr),
        .threads = AD_VECTOR(struct ad_thread),
        .mappings = AD_VECTOR(struct ad_core_mapping),
        .extents = AD_VECTOR(struct ad_core_extent),
        .regions = AD_VECTOR(struct ad_region),
    };
    struct ad_error *error = fill(core, source);
    if (error) {
        core_destroy(&core->target);
        return error;
    }
    *target_ret = &core->target;
    return NULL;
}
