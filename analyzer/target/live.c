/* SPDX-License-Identifier: MIT */
#include "target/live.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>

#include "base/cleanup.h"
#include "target/live_internal.h"
#include "target/registers.h"

#define NANOSECONDS UINT64_C(1000000000)
#define MOST_URGENT (-20)

static struct ad_live *live_of(const struct ad_target *target)
{
    return (struct ad_live *)target;
}

static struct ad_excerpts *excerpts_of(const struct ad_target *target)
{
    return &live_of(target)->copier.excerpts;
}

static uint64_t clock_now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

/* ---- Reading ---------------------------------------------------------------------------------------- */

static size_t live_read(struct ad_target *target, uint64_t address, void *buffer, size_t size)
{
    struct ad_live *live = live_of(target);
    if (!live->attached && live->stop.tracees.count)
        ad_stop_end(&live->stop);
    size_t got = ad_excerpts_read(&live->copier.excerpts, address, buffer, size);
    if (got || live->sealed || ad_excerpts_know(&live->copier.excerpts, address))
        return got;
    struct ad_range range;
    if (!ad_range_init(&range, address, size))
        range.end = UINT64_MAX;
    ad_error_destroy(ad_copier_fetch(&live->copier, &range, 1, 0));
    return ad_excerpts_read(&live->copier.excerpts, address, buffer, size);
}

static struct ad_error *live_prefetch(struct ad_target *target, const struct ad_range *ranges, size_t count)
{
    struct ad_live *live = live_of(target);
    return live->sealed ? NULL : ad_copier_prefetch(&live->copier, ranges, count);
}

static void tell_stops(struct ad_live *live)
{
    double longest = (double)live->longest_stop / (double)NANOSECONDS;
    bool long_one = longest >= 1;
    const char *unit = long_one ? "s" : "ms";
    longest = long_one ? longest : longest * 1000;
    char *note = live->stop_note;
    size_t size = sizeof(live->stop_note);
    if (live->before)
        snprintf(note, size, "was stopped already, and still is");
    else if (live->stops > 1)
        snprintf(note, size, "was stopped %u times, for %.1f %s at most", live->stops, longest, unit);
    else if (live->stops)
        snprintf(note, size, "was stopped for %.1f %s", longest, unit);
    else
        snprintf(note, size, "was not stopped");
    live->target.stop_note = note;
}

static struct ad_error *live_release(struct ad_target *target)
{
    struct ad_live *live = live_of(target);
    if (live->sealed)
        return NULL;
    ad_live_resume(target);
    live->sealed = true;
    tell_stops(live);
    return NULL;
}

static void live_destroy(struct ad_target *target)
{
    struct ad_live *live = live_of(target);
    ad_stop_deinit(&live->stop);
    if (live->proc_fd >= 0)
        close(live->proc_fd);
    ad_copier_deinit(&live->copier);
    ad_pool_deinit(&live->pool);
    ad_vector_deinit(&live->hot);
    ad_vector_deinit(&live->regions);
    ad_vector_deinit(&live->threads);
    free(live->auxv);
    free(live);
}

static const struct ad_target_ops live_ops = {
    .read = live_read, .prefetch = live_prefetch, .release = live_release, .destroy = live_destroy};

/* ---- Copying again ---------------------------------------------------------------------------------- */

struct ad_error *ad_live_compare(struct ad_target *target, uint64_t *changed_ret)
{
    struct ad_live *live = live_of(target);
    ad_cleanup(ad_vector_deinit) struct ad_vector refs = AD_VECTOR(struct ad_excerpt_ref);
    AD_TRY(ad_excerpts_select(&live->copier.excerpts, 0, AD_EXCERPT_EXACT, &refs));
    return ad_copier_again(&live->copier, &refs, changed_ret);
}

static void heat(void *context, struct ad_excerpt *excerpt)
{
    (void)context;
    excerpt->marks |= AD_EXCERPT_HOT;
}

void ad_live_heat(struct ad_target *target, const struct ad_range *ranges, size_t count)
{
    const struct ad_excerpts *excerpts = excerpts_of(target);
    for (size_t i = 0; i < count; i++)
        ad_excerpts_visit(excerpts, ranges[i], heat, NULL);
    for (uint32_t i = 0; !count && i < excerpts->items.count; i++)
        heat(NULL, ad_excerpts_get(excerpts, i));
}

uint64_t ad_live_copied(const struct ad_target *target, size_t *pieces_ret)
{
    const struct ad_excerpts *excerpts = excerpts_of(target);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < excerpts->items.count; i++) {
        const struct ad_excerpt *excerpt = ad_excerpts_get(excerpts, i);
        bytes += excerpt->bytes ? (uint64_t)excerpt->high - excerpt->low : 0;
    }
    *pieces_ret = excerpts->items.count;
    return bytes;
}

/* While it stands still only the hot ones can have changed: all others need not be looked at. */
struct ad_error *ad_live_changed(const struct ad_target *target, struct ad_vector *ranges)
{
    const struct ad_live *live = live_of(target);
    const struct ad_excerpt_ref *refs = live->hot.items;
    for (size_t i = 0; i < live->hot.count; i++) {
        const struct ad_excerpt *excerpt = ad_excerpts_get(&live->copier.excerpts, refs[i].index);
        struct ad_range range = ad_excerpt_range(excerpt);
        if (excerpt->marks & AD_EXCERPT_CHANGED)
            AD_TRY(ad_vector_push(ranges, &range));
    }
    return NULL;
}

/* What the last stop copied is no longer of use for the next one. */
static struct ad_error *select_hot(struct ad_live *live)
{
    struct ad_excerpts *excerpts = &live->copier.excerpts;
    for (uint32_t i = 0; i < excerpts->items.count; i++) {
        struct ad_excerpt *excerpt = ad_excerpts_get(excerpts, i);
        if (excerpt->marks & AD_EXCERPT_EXACT)
            excerpt->marks |= AD_EXCERPT_HOT;
        excerpt->marks &= (uint8_t) ~(AD_EXCERPT_EXACT | AD_EXCERPT_TORN);
    }
    live->hot.count = 0;
    return ad_excerpts_select(excerpts, AD_EXCERPT_HOT, 0, &live->hot);
}

void ad_live_refresh(struct ad_target *target, bool on)
{
    live_of(target)->copier.refreshing = on;
}

void ad_live_renew(struct ad_target *target, const struct ad_range *ranges, size_t count, bool *changed)
{
    ad_copier_renew(&live_of(target)->copier, ranges, count, changed);
}

static void see_torn(void *context, struct ad_excerpt *excerpt)
{
    *(bool *)context |= excerpt->marks & AD_EXCERPT_TORN;
}

bool ad_live_torn(const struct ad_target *target, struct ad_range range)
{
    bool torn = false;
    ad_excerpts_visit(excerpts_of(target), range, see_torn, &torn);
    return torn;
}

struct ad_error *ad_live_ranges(const struct ad_target *target, struct ad_vector *ranges)
{
    const struct ad_excerpts *excerpts = excerpts_of(target);
    ad_cleanup(ad_vector_deinit) struct ad_vector refs = AD_VECTOR(struct ad_excerpt_ref);
    AD_TRY(ad_excerpts_select(excerpts, 0, 0, &refs));
    for (size_t i = 0; i < refs.count; i++) {
        struct ad_range range = ad_excerpt_range(ad_excerpts_get(excerpts, AD_ITEMS(struct ad_excerpt_ref, &refs)[i].index));
        struct ad_range *last = AD_ITEMS(struct ad_range, ranges) + ranges->count - 1;
        if (ranges->count && last->end == range.start)
            last->end = range.end;
        else
            AD_TRY(ad_vector_push(ranges, &range));
    }
    return NULL;
}

/* ---- Threads ---------------------------------------------------------------------------------------- */

static struct ad_error *add_thread(struct ad_live *live, const struct ad_tracee *tracee)
{
    uint64_t block[64];
    struct iovec registers = {block, sizeof(block)};
    struct ad_thread *thread;
    AD_TRY(ad_vector_add(&live->threads, (void **)&thread));
    thread->tid = tracee->tid;
    thread->system_call = UINT64_MAX;
    if (tracee->state != AD_TRACEE_STOPPED ||
        ptrace(PTRACE_GETREGSET, tracee->tid, (void *)(uintptr_t)NT_PRSTATUS, &registers) < 0) {
        ad_live_read_place(live, thread);
        return NULL;
    }
#ifdef __x86_64__
    if (registers.iov_len != AD_REGISTERS_X86_64_SIZE)
        return ad_live_narrow(live->target.pid);
    ad_registers_decode_x86_64(block, thread);
    void *copy = ad_pool_alloc(&live->pool, AD_REGISTERS_X86_64_SIZE);
    thread->block = copy ? memcpy(copy, block, AD_REGISTERS_X86_64_SIZE) : NULL;
#endif
    return NULL;
}

/* The first thread of the process first. */
static void publish_threads(struct ad_live *live)
{
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
}

/* All that still live. */
static struct ad_error *add_threads(struct ad_live *live)
{
    const struct ad_tracee *tracees = live->stop.tracees.items;
    live->threads.count = 0;
    for (size_t i = 0; i < live->stop.tracees.count; i++)
        if (tracees[i].state != AD_TRACEE_GONE)
            AD_TRY(add_thread(live, &tracees[i]));
    publish_threads(live);
    return NULL;
}

/* ---- The stop --------------------------------------------------------------------------------------- */

static void note_state(struct ad_live *live)
{
    const struct ad_tracee *tracees = live->stop.tracees.items;
    for (size_t i = 0; i < live->stop.tracees.count; i++)
        live->before |= tracees[i].was_stopped;
}

static struct ad_error *stop_and_copy(struct ad_live *live)
{
    uint64_t changed;
    live->attached = true;
    AD_TRY(ad_stop_begin(&live->stop, live->proc_fd, live->target.limits));
    live->copier.standing = true;
    live->target.realtime = clock_now(CLOCK_REALTIME);
    live->target.monotonic = clock_now(CLOCK_MONOTONIC);
    note_state(live);
    AD_TRY(add_threads(live));
    return ad_copier_again(&live->copier, &live->hot, &changed);
}

/* In words, with the way out. */
static struct ad_error *explain(const struct ad_live *live, struct ad_error *error)
{
    if (!error || error->kind == AD_ERROR_UNUSABLE)
        return error;
    if (error->kind != AD_ERROR_PERMISSION)
        return ad_error_wrap(error, "process %d", (int)live->target.pid);
    ad_error_destroy(error);
    return ad_live_denied(live->target.pid, live->proc_fd, live->target.limits);
}

struct ad_error *ad_live_stop(struct ad_target *target)
{
    struct ad_live *live = live_of(target);
    AD_TRY(select_hot(live));
    AD_TRY(ad_live_refresh_regions(live));
    AD_TRY(ad_excerpts_prepare(&live->copier.excerpts));
    /* While it stands still nobody is to come between; without the right to it, so be it. */
    live->urgency = getpriority(PRIO_PROCESS, 0);
    (void)setpriority(PRIO_PROCESS, 0, MOST_URGENT); /* until it is let go */
    struct ad_error *error = stop_and_copy(live);
    if (error)
        ad_live_resume(target);
    return explain(live, error);
}

void ad_live_resume(struct ad_target *target)
{
    struct ad_live *live = live_of(target);
    if (!live->attached)
        return;
    live->attached = live->copier.standing = false;
    ad_stop_end(&live->stop);
    (void)setpriority(PRIO_PROCESS, 0, live->urgency);
    uint64_t took = clock_now(CLOCK_MONOTONIC) - live->stop.started;
    live->longest_stop = took > live->longest_stop ? took : live->longest_stop;
    live->stops++;
    ad_live_name_threads(live);
}

struct ad_error *ad_live_glance(struct ad_target *target)
{
    struct ad_live *live = live_of(target);
    AD_TRY(ad_live_refresh_regions(live));
    target->realtime = clock_now(CLOCK_REALTIME);
    target->monotonic = clock_now(CLOCK_MONOTONIC);
    AD_TRY(ad_live_glance_threads(live));
    ad_live_name_threads(live);
    publish_threads(live);
    return NULL;
}

/* ---- Opening ---------------------------------------------------------------------------------------- */

static struct ad_error *open_process(struct ad_live *live, bool stops)
{
    pid_t pid = live->target.pid;
    char path[32];
    if (pid == getpid())
        return ad_error_create(AD_ERROR_UNUSABLE, "process %d is this command itself", (int)pid);
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    live->proc_fd = pid > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (live->proc_fd < 0)
        return ad_error_create(AD_ERROR_UNUSABLE, "there is no process %d", (int)pid);
    AD_TRY(ad_live_check(pid, live->proc_fd, stops, live->target.limits, &live->thread));
    return ad_live_read_process(live);
}

static struct ad_error *create(pid_t pid, const struct ad_limits *limits, struct ad_live **live_ret)
{
    struct ad_live *live = malloc(sizeof(*live));
    if (!live)
        return &ad_error_nomem;
    *live = (struct ad_live){
        .target = {.ops = &live_ops, .kind = AD_TARGET_LIVE, .limits = limits, .pid = pid},
        .proc_fd = -1,
        .stop = {.pid = pid, .tracees = AD_VECTOR(struct ad_tracee)},
        .hot = AD_VECTOR(struct ad_excerpt_ref),
        .regions = AD_VECTOR(struct ad_region),
        .threads = AD_VECTOR(struct ad_thread),
    };
#ifdef __x86_64__
    live->target.machine = EM_X86_64;
#elif defined(__aarch64__)
    live->target.machine = EM_AARCH64;
#endif
    snprintf(live->description, sizeof(live->description), "pid %d", (int)pid);
    live->target.description = live->description;
    *live_ret = live;
    return ad_copier_init(&live->copier, limits->live_bytes);
}

static struct ad_error *open_live(pid_t pid, bool stops, bool stop_now, const struct ad_limits *limits,
                                  struct ad_target **target_ret)
{
    struct ad_live *live = NULL;
    struct ad_error *error = create(pid, limits, &live);
    if (!error)
        error = explain(live, open_process(live, stops));
    if (!error && stop_now)
        error = ad_live_stop(&live->target);
    if (!error && stop_now)
        ad_live_name_threads(live);
    if (!error)
        *target_ret = &live->target;
    else if (live)
        live_destroy(&live->target);
    return error;
}

struct ad_error *ad_live_watch(pid_t pid, bool stops, const struct ad_limits *limits,
                               struct ad_target **target_ret)
{
    return open_live(pid, stops, false, limits, target_ret);
}

struct ad_error *ad_live_open(pid_t pid, const struct ad_limits *limits, struct ad_target **target_ret)
{
    return open_live(pid, true, true, limits, target_ret);
}
