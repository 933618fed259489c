/* SPDX-License-Identifier: MIT */
#include "target/live.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/pool.h"
#include "target/live_internal.h"
#include "target/maps.h"
#include "target/registers.h"

#define NANOSECONDS UINT64_C(1000000000)

struct live {
    struct ad_target target; /* first, so that the two addresses are one */
    int proc_fd;             /* /proc/PID: stays this process's, whoever gets the number later */
    pid_t thread;            /* whose files in /proc tell of the memory: see ad_live_check */
    bool attached;
    struct ad_stop stop;
    struct ad_copier copier;
    struct ad_pool pool;
    struct ad_vector regions; /* struct ad_region */
    struct ad_vector threads; /* struct ad_thread */
    char *auxv;
    char description[32];
    char stop_note[64];
};

static uint64_t clock_now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

static size_t live_read(struct ad_target *target, uint64_t address, void *buffer, size_t size)
{
    struct live *live = (struct live *)target;
    struct ad_page_cache *pages = &live->copier.pages;
    if (!live->attached && live->stop.tracees.count)
        ad_stop_end(&live->stop);
    size_t got = ad_page_cache_read(pages, address, buffer, size);
    if (got || !live->attached || ad_page_cache_knows(pages, address))
        return got;
    struct ad_range range;
    if (!ad_range_init(&range, address, size))
        range.end = UINT64_MAX;
    ad_error_destroy(ad_copier_fetch(&live->copier, &range, 1));
    return ad_page_cache_read(pages, address, buffer, size);
}

static struct ad_error *live_prefetch(struct ad_target *target, const struct ad_range *ranges, size_t count)
{
    struct live *live = (struct live *)target;
    return live->attached ? ad_copier_fetch(&live->copier, ranges, count) : NULL;
}

static bool was_stopped(const struct ad_stop *stop)
{
    for (size_t i = 0; i < stop->tracees.count; i++)
        if (AD_ITEMS(struct ad_tracee, &stop->tracees)[i].was_stopped)
            return true;
    return false;
}

static struct ad_error *live_release(struct ad_target *target)
{
    struct live *live = (struct live *)target;
    if (!live->attached)
        return NULL;
    live->attached = false;
    bool before = was_stopped(&live->stop);
    ad_stop_end(&live->stop);
    double seconds = (double)(clock_now(CLOCK_MONOTONIC) - live->stop.started) / (double)NANOSECONDS;
    if (before)
        snprintf(live->stop_note, sizeof(live->stop_note), "was stopped already, and still is");
    else if (seconds < 1)
        snprintf(live->stop_note, sizeof(live->stop_note), "was stopped for %.1f ms", seconds * 1000);
    else
        snprintf(live->stop_note, sizeof(live->stop_note), "was stopped for %.1f s", seconds);
    target->stop_note = live->stop_note;
    return NULL;
}

static void live_destroy(struct ad_target *target)
{
    struct live *live = (struct live *)target;
    ad_stop_deinit(&live->stop);
    if (live->proc_fd >= 0)
        close(live->proc_fd);
    if (live->copier.mem_fd >= 0)
        close(live->copier.mem_fd);
    ad_page_cache_deinit(&live->copier.pages);
    ad_pool_deinit(&live->pool);
    ad_vector_deinit(&live->regions);
    ad_vector_deinit(&live->threads);
    free(live->auxv);
    free(live);
}

static const struct ad_target_ops live_ops = {
    .read = live_read, .prefetch = live_prefetch, .release = live_release, .destroy = live_destroy};

/* A thread's or process's short name, without the newline that ends it. */
static void read_comm(const struct live *live, const char *path, char name[16])
{
    ad_auto_free char *text = NULL;
    size_t size;
    struct ad_error *error = ad_read_file(live->proc_fd, path, live->target.limits->text, &text, &size);
    ad_error_destroy(error);
    if (error)
        return;
    size = size && text[size - 1] == '\n' ? size - 1 : size;
    memcpy(name, text, size < 15 ? size : 15);
}

/* The path below /proc/PID of a file that tells of the memory. */
struct path {
    char text[64];
};

static struct path memory_file(const struct live *live, const char *name)
{
    struct path path;
    snprintf(path.text, sizeof(path.text), "task/%d/%s", (int)live->thread, name);
    return path;
}

static struct ad_error *read_executable(struct live *live)
{
    static const char deleted[] = " (deleted)";
    char path[4096]; /* PATH_MAX of Linux */
    ssize_t length = readlinkat(live->proc_fd, memory_file(live, "exe").text, path, sizeof(path));
    if (length < 0)
        return errno == ENOENT ? NULL : ad_error_system(errno, "cannot read the name of its program");
    size_t used = (size_t)length, suffix = sizeof(deleted) - 1;
    if (used > suffix && memcmp(path + used - suffix, deleted, suffix) == 0)
        used -= suffix;
    live->target.executable = ad_pool_text(&live->pool, path, used);
    return live->target.executable ? NULL : &ad_error_nomem;
}

static struct ad_error *read_maps(struct live *live)
{
    ad_auto_free char *text = NULL;
    size_t size;
    AD_TRY(ad_read_file(live->proc_fd, memory_file(live, "maps").text, live->target.limits->live_bytes, &text,
                        &size));
    ad_vector_deinit(&live->regions);
    return ad_maps_parse(text, live->target.limits, &live->pool, &live->regions, &live->target.skipped);
}

/* Sizes of the address space: they tell whether mappings changed, without reading 100,000 lines. */
static struct ad_error *read_sizes(const struct live *live, uint64_t sizes[2])
{
    ad_auto_free char *text = NULL;
    size_t size;
    unsigned long long total = 0, data = 0;
    AD_TRY(ad_read_file(live->proc_fd, memory_file(live, "statm").text, live->target.limits->text, &text,
                        &size));
    (void)sscanf(text, "%llu %*u %*u %*u %*u %llu", &total, &data);
    sizes[0] = total;
    sizes[1] = data;
    return NULL;
}

static struct ad_error *add_thread(struct live *live, const struct ad_tracee *tracee)
{
    uint64_t block[64];
    struct iovec registers = {block, sizeof(block)};
    struct ad_thread *thread;
    char path[64];
    AD_TRY(ad_vector_add(&live->threads, (void **)&thread));
    thread->tid = tracee->tid;
    thread->system_call = UINT64_MAX;
    snprintf(path, sizeof(path), "task/%d/comm", (int)tracee->tid);
    read_comm(live, path, thread->name);
    if (tracee->state != AD_TRACEE_STOPPED ||
        ptrace(PTRACE_GETREGSET, tracee->tid, (void *)(uintptr_t)NT_PRSTATUS, &registers) < 0)
        return NULL;
#ifdef __x86_64__
    if (registers.iov_len != AD_REGISTERS_X86_64_SIZE)
        return ad_error_create(AD_ERROR_UNUSABLE, "process %d is a 32-bit program; only 64-bit ones are understood",
                               (int)live->target.pid);
    ad_registers_decode_x86_64(block, thread);
#endif
    return NULL;
}

/* All that still live; the first thread of the process first. */
static struct ad_error *add_threads(struct live *live)
{
    const struct ad_tracee *tracees = live->stop.tracees.items;
    for (size_t i = 0; i < live->stop.tracees.count; i++)
        if (tracees[i].state != AD_TRACEE_GONE)
            AD_TRY(add_thread(live, &tracees[i]));
    struct ad_thread *threads = live->threads.items;
    for (size_t i = 1; i < live->threads.count; i++) {
        if (threads[i].tid != live->target.pid)
            continue;
        struct ad_thread first = threads[i];
        memmove(threads + 1, threads, i * sizeof(*threads));
        threads[0] = first;
    }
    live->target.threads = threads;
    live->target.thread_count = live->threads.count;
    return NULL;
}

static void choose_memory(struct live *live)
{
    const struct ad_tracee *tracees = live->stop.tracees.items;
    for (size_t i = 0; i < live->stop.tracees.count && !live->copier.tid; i++)
        if (tracees[i].state == AD_TRACEE_STOPPED)
            live->copier.tid = tracees[i].tid;
}

/* What takes long and hardly changes is read while it still runs. */
static struct ad_error *prepare(struct live *live, uint64_t sizes[2])
{
    AD_TRY(read_executable(live));
    AD_TRY(ad_read_file(live->proc_fd, memory_file(live, "auxv").text, live->target.limits->notes_bytes,
                        &live->auxv, &live->target.auxv_size));
    live->target.auxv = live->auxv;
    read_comm(live, "comm", live->target.command);
    live->copier.mem_fd = openat(live->proc_fd, memory_file(live, "mem").text, O_RDONLY | O_CLOEXEC);
    AD_TRY(read_sizes(live, sizes));
    return read_maps(live);
}

static struct ad_error *stop_and_look(struct live *live, const uint64_t sizes[2])
{
    live->attached = true;
    AD_TRY(ad_stop_begin(&live->stop, live->target.pid, live->proc_fd, live->target.limits));
    live->target.realtime = clock_now(CLOCK_REALTIME);
    live->target.monotonic = clock_now(CLOCK_MONOTONIC);
    choose_memory(live);
    AD_TRY(add_threads(live));
    uint64_t stopped_sizes[2];
    AD_TRY(read_sizes(live, stopped_sizes));
    if (memcmp(sizes, stopped_sizes, sizeof(stopped_sizes)) != 0 || !live->regions.count)
        AD_TRY(read_maps(live));
    live->target.regions = live->regions.items;
    live->target.region_count = live->regions.count;
    return NULL;
}

static struct ad_error *open_process(struct live *live)
{
    pid_t pid = live->target.pid;
    char path[32];
    if (pid == getpid())
        return ad_error_create(AD_ERROR_UNUSABLE, "process %d is this command itself", (int)pid);
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    live->proc_fd = pid > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (live->proc_fd < 0)
        return ad_error_create(AD_ERROR_UNUSABLE, "there is no process %d", (int)pid);
    AD_TRY(ad_live_check(pid, live->proc_fd, live->target.limits, &live->thread));
    uint64_t sizes[2];
    struct ad_error *error = prepare(live, sizes);
    if (!error)
        error = stop_and_look(live, sizes);
    if (!error || error->kind == AD_ERROR_UNUSABLE)
        return error;
    if (error->kind != AD_ERROR_PERMISSION)
        return ad_error_wrap(error, "process %d", (int)pid);
    ad_error_destroy(error);
    return ad_live_denied(pid, live->proc_fd, live->target.limits);
}

struct ad_error *ad_live_open(pid_t pid, const struct ad_limits *limits, struct ad_target **target_ret)
{
    struct live *live = malloc(sizeof(*live));
    if (!live)
        return &ad_error_nomem;
    *live = (struct live){
        .target = {.ops = &live_ops, .kind = AD_TARGET_LIVE, .limits = limits, .pid = pid},
        .proc_fd = -1,
        .copier = {.mem_fd = -1},
        .regions = AD_VECTOR(struct ad_region),
        .threads = AD_VECTOR(struct ad_thread),
    };
#ifdef __x86_64__
    live->target.machine = EM_X86_64;
#elif defined(__aarch64__)
    live->target.machine = EM_AARCH64;
#endif
    ad_page_cache_init(&live->copier.pages, limits->live_bytes);
    snprintf(live->description, sizeof(live->description), "pid %d", (int)pid);
    live->target.description = live->description;
    struct ad_error *error = open_process(live);
    if (error) {
        live_destroy(&live->target);
        return error;
    }
    *target_ret = &live->target;
    return NULL;
}
