/* SPDX-License-Identifier: MIT */
/**
 * @file snapshot_builder.h - snapshots made by hand, for tests of what reads them. Texts are not copied.
 *
 *     struct ad_snapshot *s = build_snapshot();
 *     uint32_t a = build_task(s, "a"), b = build_task(s, "b");
 *     build_wait(s, a, build_lock(s, "m", b));           a waits for mutex m, held by b
 *     build_stack(s, a, "lock", "lib.c", 3, HIDDEN, "serve", "main.c", 9, USER, NULL);
 *     ad_snapshot_destroy(s);
 */
#ifndef TESTS_SUPPORT_SNAPSHOT_BUILDER_H
#define TESTS_SUPPORT_SNAPSHOT_BUILDER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include "model/snapshot.h"

#define BUILD_SECOND UINT64_C(1000000000)
#define BUILD_NOW (UINT64_C(100000) * BUILD_SECOND) /**< the snapshot's `now` */

enum { USER, HIDDEN, INLINED };

static inline void *build_add(struct ad_vector *vector)
{
    void *item;
    if (ad_vector_add(vector, &item))
        abort();
    return item;
}

/** A core of "svc" with one runtime and one idle worker. */
static inline struct ad_snapshot *build_snapshot(void)
{
    struct ad_snapshot *snapshot;
    if (ad_snapshot_create(&snapshot))
        abort();
    snapshot->kind = AD_TARGET_CORE;
    snapshot->description = "core.1234";
    snapshot->pid = 1234;
    snapshot->command = "svc";
    snapshot->build_id_state = "build-id ok";
    snapshot->signal = 6;
    snapshot->now = BUILD_NOW;
    struct ad_runtime *runtime = build_add(&snapshot->runtimes);
    *runtime = (struct ad_runtime){
        .name = "lib", .version = "1", .found_by = "note", .tasks_declared = UINT64_MAX, .worker_count = 1};
    struct ad_worker *worker = build_add(&snapshot->workers);
    *worker = (struct ad_worker){.name = "",
                                 .state_name = "polling",
                                 .thread = AD_NONE,
                                 .current = AD_NONE,
                                 .state = ASYNC_DEBUG_WORKER_STATE_POLLING};
    return snapshot;
}

/** A task that waits for nothing known, ids from 1 on; returns its index. */
static inline uint32_t build_task(struct ad_snapshot *snapshot, const char *name)
{
    uint32_t index = (uint32_t)snapshot->tasks.count;
    struct ad_task *task = build_add(&snapshot->tasks);
    *task = (struct ad_task){.id = index + 1,
                             .native_id = index + 1,
                             .name = name,
                             .parent = AD_NONE,
                             .state = ASYNC_DEBUG_STATE_WAITING,
                             .state_name = "waiting",
                             .future = AD_NONE,
                             .stack = AD_NONE,
                             .ready_on = AD_NONE,
                             .ready_position = AD_NONE,
                             .start_location = AD_NONE,
                             .spawn_location = AD_NONE,
                             .extra = AD_NONE,
                             .suspended_at = BUILD_NOW - 60 * BUILD_SECOND};
    return index;
}

static inline struct ad_task *build_task_at(struct ad_snapshot *snapshot, uint32_t index)
{
    return &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
}

static inline struct ad_future *build_future_at(struct ad_snapshot *snapshot, uint32_t index)
{
    return &AD_ITEMS(struct ad_future, &snapshot->futures)[index];
}

/** A pending future without owner. */
static inline uint32_t build_future(struct ad_snapshot *snapshot, enum async_debug_kind_class kind,
                                    const char *kind_name, const char *name)
{
    uint32_t index = (uint32_t)snapshot->futures.count;
    struct ad_future *future = build_add(&snapshot->futures);
    *future = (struct ad_future){.address = 0x1000 + index,
                                 .kind = kind,
                                 .kind_name = kind_name,
                                 .name = name,
                                 .state = ASYNC_DEBUG_FUTURE_STATE_PENDING,
                                 .state_name = "pending",
                                 .fd = -1,
                                 .owner = AD_NONE,
                                 .worker = AD_NONE,
                                 .senders = UINT64_MAX,
                                 .receivers = UINT64_MAX,
                                 .declared_waiters = UINT64_MAX};
    return index;
}

/** A mutex, held for a minute. */
static inline uint32_t build_lock(struct ad_snapshot *snapshot, const char *name, uint32_t owner)
{
    uint32_t index = build_future(snapshot, ASYNC_DEBUG_KIND_MUTEX, "mutex", name);
    struct ad_future *future = build_future_at(snapshot, index);
    future->owner = owner;
    future->owner_address = 0x9000 + owner;
    future->owned_since = BUILD_NOW - 60 * BUILD_SECOND;
    return index;
}

/** Adds a task to those that hold `future`; all of one future in one go. */
static inline void build_holder(struct ad_snapshot *snapshot, uint32_t index, uint32_t task)
{
    struct ad_future *future = build_future_at(snapshot, index);
    if (!future->holder_count++)
        future->first_holder = (uint32_t)snapshot->holders.count;
    future->holders_whole = true;
    struct ad_holder *holder = build_add(&snapshot->holders);
    *holder = (struct ad_holder){task, 0x9000 + task, BUILD_NOW - 60 * BUILD_SECOND};
}

/** Adds to what `future` is made of; all of one future in one go. */
static inline void build_child(struct ad_snapshot *snapshot, uint32_t index, uint32_t child)
{
    struct ad_future *future = build_future_at(snapshot, index);
    if (!future->child_count++)
        future->first_child = (uint32_t)snapshot->children.count;
    future->children_whole = true;
    *(uint32_t *)build_add(&snapshot->children) = child;
}

/** What only some tasks have, for one task; valid until the next is built. */
static inline struct ad_task_extra *build_extra(struct ad_snapshot *snapshot, uint32_t task)
{
    build_task_at(snapshot, task)->extra = (uint32_t)snapshot->extras.count;
    struct ad_task_extra *extra = build_add(&snapshot->extras);
    *extra = (struct ad_task_extra){
        .group = AD_NONE, .spawn_trace.stack = AD_NONE, .error_trace.stack = AD_NONE};
    return extra;
}

static inline void build_wait(struct ad_snapshot *snapshot, uint32_t task, uint32_t future)
{
    build_task_at(snapshot, task)->future = future;
}

static inline void build_state(struct ad_snapshot *snapshot, uint32_t task,
                               enum async_debug_state_class state)
{
    build_task_at(snapshot, task)->state = state;
    build_task_at(snapshot, task)->future = AD_NONE;
}

static inline void build_line(struct ad_snapshot *snapshot, const char *function, const char *file,
                              uint32_t line, int how)
{
    struct ad_line *added = build_add(&snapshot->lines);
    *added = (struct ad_line){function, file, line, how == INLINED, how == HIDDEN};
}

/** Gives the task a new stack: function, file, line, USER or HIDDEN or INLINED, ..., NULL; innermost first.
 *  An INLINED line belongs to the frame of the line behind it. Returns the stack. */
static inline uint32_t build_stack(struct ad_snapshot *snapshot, uint32_t task, ...)
{
    uint32_t index = (uint32_t)snapshot->stacks.count, first_line = (uint32_t)snapshot->lines.count;
    struct ad_stack *stack = build_add(&snapshot->stacks);
    *stack = (struct ad_stack){.first = (uint32_t)snapshot->frames.count};
    va_list arguments;
    va_start(arguments, task);
    for (const char *function; (function = va_arg(arguments, const char *));) {
        const char *file = va_arg(arguments, const char *);
        unsigned line = va_arg(arguments, unsigned);
        int how = va_arg(arguments, int);
        build_line(snapshot, function, file, line, how);
        if (how == INLINED)
            continue;
        uint32_t *frame = build_add(&snapshot->frames);
        *frame = (uint32_t)snapshot->locations.count;
        struct ad_location *location = build_add(&snapshot->locations);
        *location = (struct ad_location){.pc = 0x400000 + *frame * UINT64_C(16),
                                         .first_line = first_line,
                                         .line_count = (uint32_t)snapshot->lines.count - first_line};
        first_line = (uint32_t)snapshot->lines.count;
        stack->count++;
    }
    va_end(arguments);
    build_task_at(snapshot, task)->stack = index;
    return index;
}

#endif
