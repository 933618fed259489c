/* SPDX-License-Identifier: MIT */
/** @file fake_parts.h - the parts of a made-up runtime that not every runtime has, whole; tests break them. */
#ifndef TEST_FAKE_PARTS_H
#define TEST_FAKE_PARTS_H

#include "fake_reading.h"

static inline struct fake_task *slot(struct fake_runtime *runtime, size_t index)
{
    return &runtime->arena.slab.slots[index];
}

static inline uint64_t slot_address(struct fake_runtime *runtime, size_t index)
{
    return fake_address(runtime, slot(runtime, index));
}

/* Labels 0 ... count - 1, "k0" = "v", ..., for the first task. */
static inline void add_labels(struct fake_runtime *runtime, size_t count)
{
    struct fake_arena *arena = &runtime->arena;
    strcpy(arena->text, "v");
    for (size_t i = 0; i < count; i++) {
        struct fake_label *label = &arena->labels[i];
        snprintf(label->key, sizeof(label->key), "k%u", (unsigned)(i % 1000));
        label->value = fake_address(runtime, arena->text);
        label->next = i + 1 < count ? fake_address(runtime, label + 1) : 0;
    }
    slot(runtime, 0)->labels = fake_address(runtime, arena->labels);
}

static inline void add_trace(struct fake_runtime *runtime, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++)
        runtime->arena.addresses[i] = 0x401000 + i;
    slot(runtime, 0)->spawn_stack = fake_address(runtime, runtime->arena.addresses);
    slot(runtime, 0)->spawn_depth = depth;
}

/* A select of a timer, a lock, and a select of the same two: nobody but it waits for them. */
static inline struct fake_runtime *with_children(void)
{
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_waiter *links = runtime->arena.links;
    fake_task_add(runtime, "t", FAKE_WAITING);
    struct fake_future *select = fake_future_set(runtime, 0, FAKE_SELECT, NULL);
    struct fake_future *timer = fake_future_set(runtime, 1, FAKE_TIMER, NULL);
    struct fake_future *lock = fake_future_set(runtime, 2, FAKE_MUTEX, slot(runtime, 0));
    struct fake_future *inner = fake_future_set(runtime, 3, FAKE_SELECT, NULL);
    fake_link(runtime, 2, NULL, inner, NULL);
    fake_link(runtime, 1, NULL, lock, &links[2]);
    select->children = fake_link(runtime, 0, NULL, timer, &links[1]);
    fake_link(runtime, 4, NULL, lock, NULL);
    inner->children = fake_link(runtime, 3, NULL, timer, &links[4]);
    fake_await(runtime, slot(runtime, 0), select);
    return runtime;
}

static inline void add_history(struct fake_runtime *runtime, uint64_t capacity, uint64_t count)
{
    struct fake_arena *arena = &runtime->arena;
    arena->process.history = fake_address(runtime, arena->finished);
    arena->process.history_capacity = capacity;
    arena->process.history_count = count;
    for (uint64_t i = 0; i < count; i++)
        arena->finished[i % 8] =
            (struct fake_finished){.id = 100 + i, .state = FAKE_ENDED, .name = "done", .error = -32, .finished_at = i};
}

static inline void add_books(struct fake_runtime *runtime, size_t count)
{
    struct fake_arena *arena = &runtime->arena;
    for (size_t i = 0; i < count; i++) {
        bool last = i + 1 == count;
        arena->handles[i] = (struct fake_handle){.fd = 10 + (int)i, .task = 3, .opened_at = 99, .kind = "tcp"};
        arena->handles[i].next = last ? 0 : fake_address(runtime, &arena->handles[i + 1]);
        arena->handles[i].site = fake_address(runtime, &arena->site);
        strcpy(arena->handles[i].name, "client");
        arena->functions[i] = (struct fake_function){.start = 0x401000 + i, .spawned = 50, .finished = 40,
                                                     .failed = 2, .resumes = 900, .cpu = 5, .wall = 6,
                                                     .longest = 4, .longest_task = 17,
                                                     .magic = FAKE_FUNCTION_MAGIC};
        arena->functions[i].next = last ? 0 : fake_address(runtime, &arena->functions[i + 1]);
    }
    arena->process.handles = fake_address(runtime, arena->handles);
    arena->process.functions = fake_address(runtime, arena->functions);
}

#endif
