/* SPDX-License-Identifier: MIT */
#include "counters.h"

#include "async_debug.h"
#include "change.h"
#include "clock.h"
#include "diagnose.h"
#include "process.h"
#include "worker.h"

#define TABLE 1024u    /* a power of two */
#define FUNCTIONS 768u /* of them in use, at most: looking up stays short */
#define CPU_READ 50000 /* ns; see counters.h */

static struct async_function_record functions[TABLE], others = {.magic = ASYNC_FUNCTION_MAGIC};
static uint32_t function_count;
static struct async_lock functions_lock;

/* ---- Start functions ----------------------------------------------------------------------------- */

/* Where it is, or is to be. */
static struct async_function_record *place_of(async_function start)
{
    uint64_t hash = (uintptr_t)start * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = (uint32_t)(hash >> 32);; i++) {
        struct async_function_record *record = &functions[i % TABLE];
        async_function there = __atomic_load_n(&record->start, __ATOMIC_ACQUIRE);
        if (there == start || !there)
            return record;
    }
}

/* The record is complete before the list leads to it, and on the list before it can be looked up. */
static void enter(struct async_function_record *record, async_function start)
{
    record->magic = ASYNC_FUNCTION_MAGIC;
    record->next = async_process.functions;
    async_publish(&async_process.functions, record);
    if (start)
        __atomic_store_n(&record->start, start, __ATOMIC_RELEASE);
    function_count++;
}

static struct async_function_record *make(async_function start)
{
    async_lock(&functions_lock);
    struct async_function_record *record = place_of(start);
    if (!record->start && function_count < FUNCTIONS)
        enter(record, start);
    else if (!record->start) {
        record = &others;
        if (function_count == FUNCTIONS)
            enter(record, NULL);
    }
    async_unlock(&functions_lock);
    return record;
}

struct async_function_record *async_function_find(async_function start)
{
    struct async_function_record *record = place_of(start);
    return record->start ? record : make(start);
}

static void add(uint64_t *counter, uint64_t amount)
{
    if (async_parallel)
        __atomic_fetch_add(counter, amount, __ATOMIC_RELAXED);
    else
        __atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

void async_function_finished(const struct async_task *task)
{
    struct async_function_record *record = task->function;
    add(&record->resumes, task->resumes);
    if (task->state == ASYNC_TASK_FAILED)
        add(&record->failed, 1);
    add(&record->finished, 1);
}

/* ---- Steps --------------------------------------------------------------------------------------- */

void async_step_turn(struct async_worker *worker)
{
    struct async_step *step = &worker->step;
    step->cpu = async_clock_read(CLOCK_THREAD_CPUTIME_ID);
    step->cpu_at = step->last = async_clock_real();
}

void async_step_begin(struct async_worker *worker)
{
    struct async_step *step = &worker->step;
    step->begun = step->last ? step->last : async_clock_real();
}

/* What lay between the last reading and this step were short steps. */
static uint64_t cpu_of(struct async_step *step, uint64_t now)
{
    uint64_t wall = step->wall;
    if (wall < CPU_READ || !step->cpu_at)
        return wall;
    uint64_t cpu = async_clock_read(CLOCK_THREAD_CPUTIME_ID);
    uint64_t since = cpu - step->cpu, before = step->begun - step->cpu_at;
    step->cpu = cpu;
    step->cpu_at = now;
    if (since < before)
        return 0;
    return since - before < wall ? since - before : wall;
}

static void note_longest(struct async_function_record *record, const struct async_task *task, uint64_t wall)
{
    if (wall <= __atomic_load_n(&record->longest_step, __ATOMIC_RELAXED))
        return;
    async_lock(&functions_lock);
    if (wall > record->longest_step) {
        __atomic_store_n(&record->longest_task, task->id, __ATOMIC_RELAXED);
        __atomic_store_n(&record->longest_step, wall, __ATOMIC_RELAXED);
    }
    async_unlock(&functions_lock);
}

static void count(struct async_task *task, uint64_t wall, uint64_t cpu)
{
    task->wall_time += wall;
    task->cpu_time += cpu;
    if (wall > task->longest_step)
        task->longest_step = wall;
    add(&task->function->wall_time, wall);
    add(&task->function->cpu_time, cpu);
    note_longest(task->function, task, wall);
}

void async_step_end(struct async_worker *worker, struct async_task *task)
{
    struct async_step *step = &worker->step;
    uint64_t now = async_clock_real();
    step->wall = step->begun ? now - step->begun : 0;
    step->cpu_used = cpu_of(step, now);
    if (step->begun && (async_modes() & ASYNC_DEBUG_MODE_TIMES))
        count(task, step->wall, step->cpu_used);
    step->last = now;
    step->begun = 0;
}
