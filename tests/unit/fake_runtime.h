/* SPDX-License-Identifier: MIT */
/**
 * @file fake_runtime.h - a coroutine runtime that exists only as bytes, for tests of the contract's reader.
 *
 * Its records have their own shapes, unlike libasyncrt's, so that nothing but the descriptor can tell where
 * a field is. Everything lies in one arena at a made-up address; tests break it on purpose.
 */
#ifndef TEST_FAKE_RUNTIME_H
#define TEST_FAKE_RUNTIME_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "async_debug.h"
#include "target/fake.h"

#define FAKE_BASE UINT64_C(0x7f0000000000)
#define FAKE_SIZE ((size_t)4 << 20)
#define FAKE_SLOTS 2000
#define FAKE_TASK_MAGIC UINT64_C(0x11223344aabbccdd)
#define FAKE_FUTURE_MAGIC UINT64_C(0x5555666677778888)
#define FAKE_WAITER_MAGIC UINT64_C(0x9999aaaabbbbcccc)

enum { FAKE_FREE, FAKE_READY, FAKE_RUNNING, FAKE_WAITING, FAKE_ENDED };
enum { FAKE_MUTEX = 1, FAKE_JOIN, FAKE_TIMER };

struct fake_task {
    char name[24];
    uint8_t state;
    uint64_t magic, id, next, awaits, waiter, worker, parent, parent_id, join;
    uint64_t sp, stack_low, stack_size, spawned_at, site;
    int16_t error;
};

struct fake_future {
    uint16_t kind;
    uint64_t magic, name, owner, waiters, count;
};

struct fake_waiter {
    uint64_t next, task, future, magic;
};

struct fake_worker {
    uint64_t tasks, slabs, alive, current, last_tick;
    uint32_t slab_count, thread;
    uint32_t changes;
};

struct fake_process {
    uint64_t workers[2], worker_array, alive, tick;
    uint8_t worker_count;
};

struct fake_slab {
    uint64_t count;
    uint32_t slot_size;
    struct fake_task slots[FAKE_SLOTS];
};

struct fake_site {
    uint32_t line;
    char file[200];
};

struct fake_arena {
    struct async_debug_descriptor descriptor;
    struct fake_process process;
    struct fake_worker worker;
    struct fake_worker second; /* process.workers[1] is null until a test sets it */
    uint64_t slab_array[4];
    struct fake_slab slab;
    struct fake_future futures[64];
    struct fake_waiter waiters[FAKE_SLOTS];
    uint64_t contexts[FAKE_SLOTS][4]; /* rbx, rbp, return address, and what lies above */
    struct fake_site site;
    char text[256];
};

struct fake_runtime {
    struct fake_arena arena;
    size_t tasks;
    struct fake_task *last;
    struct ad_fake_memory memory;
    struct ad_target *target;
};

/** The made-up address of something in the arena. */
static inline uint64_t fake_address(const struct fake_runtime *runtime, const void *place)
{
    return FAKE_BASE + (uint64_t)((const char *)place - (const char *)&runtime->arena);
}

#define FAKE_SET(record, type, kind, number, member, encoding) \
    (record)->field[ASYNC_DEBUG_##kind##_##number] =           \
        (struct async_debug_field)ASYNC_DEBUG_FIELD(struct type, member, encoding)

static inline void fake_describe_task(struct async_debug_record *record)
{
    *record = (struct async_debug_record){sizeof(struct fake_task), ASYNC_DEBUG_TASK_FIELD_COUNT, FAKE_TASK_MAGIC,
                                          {{0}}};
    FAKE_SET(record, fake_task, TASK, ID, id, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, NAME, name, TEXT);
    FAKE_SET(record, fake_task, TASK, STATE, state, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, NEXT, next, POINTER);
    FAKE_SET(record, fake_task, TASK, AWAITS, awaits, POINTER);
    FAKE_SET(record, fake_task, TASK, WAITERS, waiter, POINTER);
    FAKE_SET(record, fake_task, TASK, WORKER, worker, POINTER);
    FAKE_SET(record, fake_task, TASK, PARENT, parent, POINTER);
    FAKE_SET(record, fake_task, TASK, PARENT_ID, parent_id, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, JOIN, join, POINTER);
    FAKE_SET(record, fake_task, TASK, CONTEXT, sp, POINTER);
    FAKE_SET(record, fake_task, TASK, STACK_LOW, stack_low, POINTER);
    FAKE_SET(record, fake_task, TASK, STACK_SIZE, stack_size, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, SPAWNED_AT, spawned_at, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, SPAWN_SITE, site, POINTER);
    FAKE_SET(record, fake_task, TASK, ERROR, error, SIGNED);
    FAKE_SET(record, fake_task, TASK, MAGIC, magic, UNSIGNED);
}

static inline void fake_describe_rest(struct async_debug_record *records)
{
    struct async_debug_record *process = &records[ASYNC_DEBUG_PROCESS], *worker = &records[ASYNC_DEBUG_WORKER];
    struct async_debug_record *slab = &records[ASYNC_DEBUG_SLAB], *site = &records[ASYNC_DEBUG_SITE];
    process->size = sizeof(struct fake_process);
    process->field_count = ASYNC_DEBUG_PROCESS_FIELD_COUNT;
    FAKE_SET(process, fake_process, PROCESS, WORKERS, worker_array, POINTER);
    FAKE_SET(process, fake_process, PROCESS, WORKER_COUNT, worker_count, UNSIGNED);
    FAKE_SET(process, fake_process, PROCESS, TASKS_ALIVE, alive, UNSIGNED);
    FAKE_SET(process, fake_process, PROCESS, TICK_INTERVAL, tick, UNSIGNED);
    worker->size = sizeof(struct fake_worker);
    worker->field_count = ASYNC_DEBUG_WORKER_FIELD_COUNT;
    FAKE_SET(worker, fake_worker, WORKER, TASKS, tasks, POINTER);
    FAKE_SET(worker, fake_worker, WORKER, SLABS, slabs, POINTER);
    FAKE_SET(worker, fake_worker, WORKER, SLAB_COUNT, slab_count, UNSIGNED);
    FAKE_SET(worker, fake_worker, WORKER, CURRENT, current, POINTER);
    FAKE_SET(worker, fake_worker, WORKER, THREAD, thread, UNSIGNED);
    FAKE_SET(worker, fake_worker, WORKER, CHANGES, changes, UNSIGNED);
    FAKE_SET(worker, fake_worker, WORKER, LAST_TICK, last_tick, UNSIGNED);
    slab->size = offsetof(struct fake_slab, slots) + 8;
    slab->field_count = ASYNC_DEBUG_SLAB_FIELD_COUNT;
    FAKE_SET(slab, fake_slab, SLAB, SLOT_COUNT, count, UNSIGNED);
    FAKE_SET(slab, fake_slab, SLAB, SLOT_SIZE, slot_size, UNSIGNED);
    slab->field[ASYNC_DEBUG_SLAB_SLOTS] = (struct async_debug_field){
        offsetof(struct fake_slab, slots), 8, ASYNC_DEBUG_EMBEDDED, 0};
    site->size = sizeof(struct fake_site);
    site->field_count = ASYNC_DEBUG_SITE_FIELD_COUNT;
    FAKE_SET(site, fake_site, SITE, LINE, line, UNSIGNED);
    FAKE_SET(site, fake_site, SITE, FILE, file, TEXT);
}

static inline void fake_describe_waits(struct async_debug_record *records)
{
    struct async_debug_record *future = &records[ASYNC_DEBUG_FUTURE], *waiter = &records[ASYNC_DEBUG_WAITER];
    future->size = sizeof(struct fake_future);
    future->field_count = ASYNC_DEBUG_FUTURE_FIELD_COUNT;
    future->magic = FAKE_FUTURE_MAGIC;
    FAKE_SET(future, fake_future, FUTURE, KIND, kind, UNSIGNED);
    FAKE_SET(future, fake_future, FUTURE, NAME, name, TEXT_POINTER);
    FAKE_SET(future, fake_future, FUTURE, OWNER, owner, POINTER);
    FAKE_SET(future, fake_future, FUTURE, WAITERS, waiters, POINTER);
    FAKE_SET(future, fake_future, FUTURE, WAITER_COUNT, count, UNSIGNED);
    FAKE_SET(future, fake_future, FUTURE, MAGIC, magic, UNSIGNED);
    waiter->size = sizeof(struct fake_waiter);
    waiter->field_count = ASYNC_DEBUG_WAITER_FIELD_COUNT;
    waiter->magic = FAKE_WAITER_MAGIC;
    FAKE_SET(waiter, fake_waiter, WAITER, TASK, task, POINTER);
    FAKE_SET(waiter, fake_waiter, WAITER, FUTURE, future, POINTER);
    FAKE_SET(waiter, fake_waiter, WAITER, NEXT, next, POINTER);
    FAKE_SET(waiter, fake_waiter, WAITER, MAGIC, magic, UNSIGNED);
}

static inline void fake_describe_names(struct async_debug_descriptor *descriptor)
{
    descriptor->task_states[FAKE_FREE] = (struct async_debug_name){"free", ASYNC_DEBUG_STATE_NONE, 0};
    descriptor->task_states[FAKE_READY] = (struct async_debug_name){"runnable", ASYNC_DEBUG_STATE_READY, 0};
    descriptor->task_states[FAKE_RUNNING] = (struct async_debug_name){"running", ASYNC_DEBUG_STATE_RUNNING, 0};
    descriptor->task_states[FAKE_WAITING] = (struct async_debug_name){"parked", ASYNC_DEBUG_STATE_WAITING, 0};
    descriptor->task_states[FAKE_ENDED] = (struct async_debug_name){"ended", ASYNC_DEBUG_STATE_RETURNED, 0};
    descriptor->future_kinds[FAKE_MUTEX] = (struct async_debug_name){"lock", ASYNC_DEBUG_KIND_MUTEX, 0};
    descriptor->future_kinds[FAKE_JOIN] = (struct async_debug_name){"join", ASYNC_DEBUG_KIND_JOIN, 0};
    descriptor->future_kinds[FAKE_TIMER] = (struct async_debug_name){"sleep", ASYNC_DEBUG_KIND_TIMER, 0};
}

static inline void fake_describe(struct async_debug_descriptor *descriptor)
{
    memcpy(descriptor->magic, ASYNC_DEBUG_MAGIC, sizeof(descriptor->magic));
    descriptor->abi = ASYNC_DEBUG_ABI;
    descriptor->size = sizeof(*descriptor);
    descriptor->self = FAKE_BASE + offsetof(struct fake_arena, descriptor);
    descriptor->machine = 62;
    descriptor->word_size = 8;
    descriptor->byte_order = 1;
    strcpy(descriptor->runtime, "faketasks");
    strcpy(descriptor->runtime_version, "7");
    descriptor->process = FAKE_BASE + offsetof(struct fake_arena, process);
    descriptor->register_count = 4;
    descriptor->registers[0] = (struct async_debug_register){3, ASYNC_DEBUG_REGISTER_AT, 0, 0};
    descriptor->registers[1] = (struct async_debug_register){6, ASYNC_DEBUG_REGISTER_AT, 0, 8};
    descriptor->registers[2] = (struct async_debug_register){16, ASYNC_DEBUG_REGISTER_AT, 0, 16};
    descriptor->registers[3] = (struct async_debug_register){7, ASYNC_DEBUG_REGISTER_IS, 0, 24};
    fake_describe_names(descriptor);
    fake_describe_task(&descriptor->records[ASYNC_DEBUG_TASK]);
    fake_describe_rest(descriptor->records);
    fake_describe_waits(descriptor->records);
}

/** An empty runtime with one worker; fill it before fake_runtime_target. */
static inline struct fake_runtime *fake_runtime_create(void)
{
    struct fake_runtime *runtime = calloc(1, sizeof(*runtime));
    assert(runtime);
    struct fake_arena *arena = &runtime->arena;
    fake_describe(&arena->descriptor);
    arena->process.workers[0] = fake_address(runtime, &arena->worker);
    arena->process.worker_array = fake_address(runtime, arena->process.workers);
    arena->process.worker_count = 2; /* the second entry is null */
    arena->worker.slabs = fake_address(runtime, arena->slab_array);
    arena->worker.slab_count = 1;
    arena->worker.thread = 4711;
    arena->worker.last_tick = 1000000;
    arena->slab_array[0] = fake_address(runtime, &arena->slab);
    arena->slab.count = FAKE_SLOTS;
    arena->slab.slot_size = sizeof(struct fake_task);
    arena->site.line = 42;
    strcpy(arena->site.file, "app/main.c");
    return runtime;
}

/** Ids count from 1; task i lies in slot i - 1 and is behind task i - 1 in the list. */
static inline struct fake_task *fake_task_add(struct fake_runtime *runtime, const char *name, uint8_t state)
{
    struct fake_arena *arena = &runtime->arena;
    assert(runtime->tasks < FAKE_SLOTS);
    struct fake_task *task = &arena->slab.slots[runtime->tasks];
    uint64_t *context = arena->contexts[runtime->tasks];
    assert(strlen(name) < sizeof(task->name));
    strcpy(task->name, name);
    task->state = state;
    task->magic = FAKE_TASK_MAGIC;
    task->id = ++runtime->tasks;
    task->worker = fake_address(runtime, &arena->worker);
    task->sp = task->stack_low = fake_address(runtime, context);
    task->stack_size = sizeof(arena->contexts[0]);
    task->site = fake_address(runtime, &arena->site);
    context[0] = 0xb0 + task->id;
    context[1] = 0xbb;
    context[2] = 0x401000;
    if (runtime->last)
        runtime->last->next = fake_address(runtime, task);
    else
        arena->worker.tasks = fake_address(runtime, task);
    runtime->last = task;
    arena->process.alive++;
    return task;
}

/** Queues a waiting task behind the others. */
static inline void fake_await(struct fake_runtime *runtime, struct fake_task *task, struct fake_future *future)
{
    struct fake_waiter *waiter = &runtime->arena.waiters[task - runtime->arena.slab.slots];
    uint64_t *link = &future->waiters;
    while (*link)
        link = &((struct fake_waiter *)((char *)&runtime->arena + (*link - FAKE_BASE)))->next;
    *link = fake_address(runtime, waiter);
    *waiter = (struct fake_waiter){
        0, fake_address(runtime, task), fake_address(runtime, future), FAKE_WAITER_MAGIC};
    task->awaits = fake_address(runtime, future);
    task->waiter = fake_address(runtime, waiter);
    future->count++;
}

static inline struct fake_future *fake_future_set(struct fake_runtime *runtime, size_t index, uint16_t kind,
                                                  const struct fake_task *owner)
{
    struct fake_future *future = &runtime->arena.futures[index];
    *future = (struct fake_future){.kind = kind, .magic = FAKE_FUTURE_MAGIC};
    future->owner = owner ? fake_address(runtime, owner) : 0;
    return future;
}

static inline struct ad_target *fake_runtime_target(struct fake_runtime *runtime)
{
    runtime->memory = (struct ad_fake_memory){FAKE_BASE, &runtime->arena, sizeof(runtime->arena)};
    struct ad_error *error = ad_fake_create(&runtime->memory, 1, &ad_limits_default, &runtime->target);
    assert(!error);
    return runtime->target;
}

static inline void fake_runtime_destroy(struct fake_runtime *runtime)
{
    ad_target_destroy(runtime->target);
    free(runtime);
}

#endif
