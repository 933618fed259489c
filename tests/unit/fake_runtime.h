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
#define FAKE_FUNCTION_MAGIC UINT64_C(0x0102030405060708)

enum { FAKE_FREE, FAKE_READY, FAKE_RUNNING, FAKE_WAITING, FAKE_ENDED };
enum { FAKE_MUTEX = 1, FAKE_JOIN, FAKE_TIMER, FAKE_SELECT, FAKE_GROUP, FAKE_RWLOCK, FAKE_SEMAPHORE };

struct fake_task {
    char name[24];
    uint8_t state;
    uint64_t magic, id, next, awaits, waiter, worker, parent, parent_id, join;
    uint64_t sp, stack_low, stack_size, spawned_at, site;
    uint64_t ready_next, deadline, group, labels, spawn_stack, error_stack, cancel_site, error_site, cpu;
    uint64_t cancel_by, cancel_at, start, spawn_pc;
    uint32_t spawn_depth, error_depth, flags;
    uint8_t cancel_state;
    int16_t error;
};

struct fake_future {
    uint16_t kind;
    uint64_t magic, name, owner, waiters, count, capacity, permits;
    uint64_t owner_id, holders, children, worker, site, created_at;
    int64_t error;
    int32_t thread;
};

struct fake_waiter {
    uint64_t next, task, future, magic, sibling, since;
};

struct fake_worker {
    uint64_t tasks, slabs, alive, current, last_tick;
    uint64_t ready, inbox;
    uint32_t slab_count, thread, ready_count;
    uint32_t changes, id;
};

struct fake_label {
    char key[8];
    uint64_t value, next;
};

struct fake_finished {
    uint64_t id, start, parent_id, spawned_at, finished_at, resumes, cpu;
    int32_t error;
    uint8_t state, flags;
    char name[16], error_text[32];
};

struct fake_handle {
    uint64_t next, task, opened_at, site;
    int32_t fd;
    char kind[8], name[24];
};

struct fake_function {
    uint64_t next, start, spawned, finished, failed, resumes, cpu, wall, longest, longest_task, magic;
};

struct fake_process {
    uint64_t workers[2], worker_array, alive, tick;
    uint64_t history, history_capacity, history_count, handles, functions;
    uint64_t spawned, ended, debug_flags, slow_step, started_at;
    uint32_t pid, changes;
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
    struct fake_label labels[100];
    uint64_t addresses[64];
    struct fake_finished finished[8];
    struct fake_handle handles[8];
    struct fake_function functions[8];
    struct fake_waiter links[64]; /* of holders and children */
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
    FAKE_SET(record, fake_task, TASK, READY_NEXT, ready_next, POINTER);
    FAKE_SET(record, fake_task, TASK, DEADLINE, deadline, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, GROUP, group, POINTER);
    FAKE_SET(record, fake_task, TASK, LABELS, labels, POINTER);
    FAKE_SET(record, fake_task, TASK, SPAWN_STACK, spawn_stack, POINTER);
    FAKE_SET(record, fake_task, TASK, SPAWN_DEPTH, spawn_depth, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, ERROR_STACK, error_stack, POINTER);
    FAKE_SET(record, fake_task, TASK, ERROR_DEPTH, error_depth, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, CANCEL_SITE, cancel_site, POINTER);
    FAKE_SET(record, fake_task, TASK, CANCEL_STATE, cancel_state, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, CANCEL_BY, cancel_by, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, CANCEL_AT, cancel_at, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, ERROR_SITE, error_site, POINTER);
    FAKE_SET(record, fake_task, TASK, CPU_TIME, cpu, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, FLAGS, flags, UNSIGNED);
    FAKE_SET(record, fake_task, TASK, START, start, POINTER);
    FAKE_SET(record, fake_task, TASK, SPAWN_PC, spawn_pc, POINTER);
}

static inline void fake_describe_books(struct async_debug_record *records)
{
    struct async_debug_record *label = &records[ASYNC_DEBUG_LABEL], *finished = &records[ASYNC_DEBUG_FINISHED];
    struct async_debug_record *handle = &records[ASYNC_DEBUG_HANDLE];
    struct async_debug_record *function = &records[ASYNC_DEBUG_FUNCTION];
    *label = (struct async_debug_record){sizeof(struct fake_label), ASYNC_DEBUG_LABEL_FIELD_COUNT, 0, {{0}}};
    FAKE_SET(label, fake_label, LABEL, KEY, key, TEXT);
    FAKE_SET(label, fake_label, LABEL, VALUE, value, TEXT_POINTER);
    FAKE_SET(label, fake_label, LABEL, NEXT, next, POINTER);
    *finished =
        (struct async_debug_record){sizeof(struct fake_finished), ASYNC_DEBUG_FINISHED_FIELD_COUNT, 0, {{0}}};
    FAKE_SET(finished, fake_finished, FINISHED, ID, id, UNSIGNED);
    FAKE_SET(finished, fake_finished, FINISHED, NAME, name, TEXT);
    FAKE_SET(finished, fake_finished, FINISHED, STATE, state, UNSIGNED);
    FAKE_SET(finished, fake_finished, FINISHED, START, start, POINTER);
    FAKE_SET(finished, fake_finished, FINISHED, PARENT_ID, parent_id, UNSIGNED);
    FAKE_SET(finished, fake_finished, FINISHED, SPAWNED_AT, spawned_at, UNSIGNED);
    FAKE_SET(finished, fake_finished, FINISHED, FINISHED_AT, finished_at, UNSIGNED);
    FAKE_SET(finished, fake_finished, FINISHED, ERROR, error, SIGNED);
    FAKE_SET(finished, fake_finished, FINISHED, ERROR_TEXT, error_text, TEXT);
    FAKE_SET(finished, fake_finished, FINISHED, RESUMES, resumes, UNSIGNED);
    FAKE_SET(finished, fake_finished, FINISHED, CPU_TIME, cpu, UNSIGNED);
    FAKE_SET(finished, fake_finished, FINISHED, FLAGS, flags, UNSIGNED);
    *handle = (struct async_debug_record){sizeof(struct fake_handle), ASYNC_DEBUG_HANDLE_FIELD_COUNT, 0, {{0}}};
    FAKE_SET(handle, fake_handle, HANDLE, NEXT, next, POINTER);
    FAKE_SET(handle, fake_handle, HANDLE, KIND, kind, TEXT);
    FAKE_SET(handle, fake_handle, HANDLE, NAME, name, TEXT);
    FAKE_SET(handle, fake_handle, HANDLE, FD, fd, SIGNED);
    FAKE_SET(handle, fake_handle, HANDLE, SITE, site, POINTER);
    FAKE_SET(handle, fake_handle, HANDLE, TASK, task, UNSIGNED);
    FAKE_SET(handle, fake_handle, HANDLE, OPENED_AT, opened_at, UNSIGNED);
    *function = (struct async_debug_record){
        sizeof(struct fake_function), ASYNC_DEBUG_FUNCTION_FIELD_COUNT, FAKE_FUNCTION_MAGIC, {{0}}};
    FAKE_SET(function, fake_function, FUNCTION, NEXT, next, POINTER);
    FAKE_SET(function, fake_function, FUNCTION, START, start, POINTER);
    FAKE_SET(function, fake_function, FUNCTION, SPAWNED, spawned, UNSIGNED);
    FAKE_SET(function, fake_function, FUNCTION, FINISHED, finished, UNSIGNED);
    FAKE_SET(function, fake_function, FUNCTION, FAILED, failed, UNSIGNED);
    FAKE_SET(function, fake_function, FUNCTION, RESUMES, resumes, UNSIGNED);
    FAKE_SET(function, fake_function, FUNCTION, CPU_TIME, cpu, UNSIGNED);
    FAKE_SET(function, fake_function, FUNCTION, WALL_TIME, wall, UNSIGNED);
    FAKE_SET(function, fake_function, FUNCTION, LONGEST_STEP, longest, UNSIGNED);
    FAKE_SET(function, fake_function, FUNCTION, LONGEST_TASK, longest_task, UNSIGNED);
    FAKE_SET(function, fake_function, FUNCTION, MAGIC, magic, UNSIGNED);
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
    FAKE_SET(process, fake_process, PROCESS, CHANGES, changes, UNSIGNED);
    FAKE_SET(process, fake_process, PROCESS, HISTORY, history, POINTER);
    FAKE_SET(process, fake_process, PROCESS, HISTORY_CAPACITY, history_capacity, UNSIGNED);
    FAKE_SET(process, fake_process, PROCESS, HISTORY_COUNT, history_count, UNSIGNED);
    FAKE_SET(process, fake_process, PROCESS, HANDLES, handles, POINTER);
    FAKE_SET(process, fake_process, PROCESS, FUNCTIONS, functions, POINTER);
    FAKE_SET(process, fake_process, PROCESS, TASKS_SPAWNED, spawned, UNSIGNED);
    FAKE_SET(process, fake_process, PROCESS, TASKS_FINISHED, ended, UNSIGNED);
    FAKE_SET(process, fake_process, PROCESS, DEBUG_FLAGS, debug_flags, UNSIGNED);
    FAKE_SET(process, fake_process, PROCESS, SLOW_STEP, slow_step, UNSIGNED);
    FAKE_SET(process, fake_process, PROCESS, STARTED_AT, started_at, UNSIGNED);
    FAKE_SET(process, fake_process, PROCESS, PID, pid, UNSIGNED);
    worker->size = sizeof(struct fake_worker);
    worker->field_count = ASYNC_DEBUG_WORKER_FIELD_COUNT;
    FAKE_SET(worker, fake_worker, WORKER, TASKS, tasks, POINTER);
    FAKE_SET(worker, fake_worker, WORKER, SLABS, slabs, POINTER);
    FAKE_SET(worker, fake_worker, WORKER, SLAB_COUNT, slab_count, UNSIGNED);
    FAKE_SET(worker, fake_worker, WORKER, CURRENT, current, POINTER);
    FAKE_SET(worker, fake_worker, WORKER, THREAD, thread, UNSIGNED);
    FAKE_SET(worker, fake_worker, WORKER, CHANGES, changes, UNSIGNED);
    FAKE_SET(worker, fake_worker, WORKER, LAST_TICK, last_tick, UNSIGNED);
    FAKE_SET(worker, fake_worker, WORKER, ID, id, UNSIGNED);
    FAKE_SET(worker, fake_worker, WORKER, READY, ready, POINTER);
    FAKE_SET(worker, fake_worker, WORKER, READY_COUNT, ready_count, UNSIGNED);
    FAKE_SET(worker, fake_worker, WORKER, INBOX, inbox, POINTER);
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
    FAKE_SET(future, fake_future, FUTURE, CAPACITY, capacity, UNSIGNED);
    FAKE_SET(future, fake_future, FUTURE, COUNT, permits, UNSIGNED);
    FAKE_SET(future, fake_future, FUTURE, OWNER_ID, owner_id, UNSIGNED);
    FAKE_SET(future, fake_future, FUTURE, HOLDERS, holders, POINTER);
    FAKE_SET(future, fake_future, FUTURE, CHILDREN, children, POINTER);
    FAKE_SET(future, fake_future, FUTURE, WORKER, worker, POINTER);
    FAKE_SET(future, fake_future, FUTURE, THREAD, thread, UNSIGNED);
    FAKE_SET(future, fake_future, FUTURE, SITE, site, POINTER);
    FAKE_SET(future, fake_future, FUTURE, CREATED_AT, created_at, UNSIGNED);
    FAKE_SET(future, fake_future, FUTURE, ERROR, error, SIGNED);
    waiter->size = sizeof(struct fake_waiter);
    waiter->field_count = ASYNC_DEBUG_WAITER_FIELD_COUNT;
    waiter->magic = FAKE_WAITER_MAGIC;
    FAKE_SET(waiter, fake_waiter, WAITER, TASK, task, POINTER);
    FAKE_SET(waiter, fake_waiter, WAITER, FUTURE, future, POINTER);
    FAKE_SET(waiter, fake_waiter, WAITER, NEXT, next, POINTER);
    FAKE_SET(waiter, fake_waiter, WAITER, MAGIC, magic, UNSIGNED);
    FAKE_SET(waiter, fake_waiter, WAITER, SIBLING, sibling, POINTER);
    FAKE_SET(waiter, fake_waiter, WAITER, SINCE, since, UNSIGNED);
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
    descriptor->future_kinds[FAKE_SELECT] = (struct async_debug_name){"either", ASYNC_DEBUG_KIND_SELECT, 0};
    descriptor->future_kinds[FAKE_GROUP] = (struct async_debug_name){"crew", ASYNC_DEBUG_KIND_GROUP, 0};
    descriptor->future_kinds[FAKE_RWLOCK] = (struct async_debug_name){"write", ASYNC_DEBUG_KIND_RWLOCK_WRITE, 0};
    descriptor->future_kinds[FAKE_SEMAPHORE] = (struct async_debug_name){"permit", ASYNC_DEBUG_KIND_SEMAPHORE, 0};
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
    fake_describe_books(descriptor->records);
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
        .task = fake_address(runtime, task), .future = fake_address(runtime, future), .magic = FAKE_WAITER_MAGIC};
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

/** Link `index` of the arena, first of a list that goes on with `next` (NULL: its last): a holder of `future`,
 *  chained by NEXT; or, with `task` NULL, a child, chained by SIBLING. Returns its address. */
static inline uint64_t fake_link(struct fake_runtime *runtime, size_t index, const struct fake_task *task,
                                 const struct fake_future *future, const struct fake_waiter *next)
{
    struct fake_waiter *link = &runtime->arena.links[index];
    uint64_t behind = next ? fake_address(runtime, next) : 0;
    *link = (struct fake_waiter){.task = task ? fake_address(runtime, task) : 0,
                                 .future = fake_address(runtime, future),
                                 .next = task ? behind : 0,
                                 .sibling = task ? 0 : behind,
                                 .magic = FAKE_WAITER_MAGIC};
    return fake_address(runtime, link);
}

/** Gives it a second worker, whose lists are empty. */
static inline void fake_second_worker(struct fake_runtime *runtime)
{
    runtime->arena.process.workers[1] = fake_address(runtime, &runtime->arena.second);
    runtime->arena.second = (struct fake_worker){.thread = 4712, .last_tick = 1000000, .id = 1};
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
