/* SPDX-License-Identifier: MIT */
/* A runtime of another make that says everything the contract can carry, by hand, and then sleeps: nothing of
   it runs, all is made up, but the addresses of code are its own functions'. The tests know the story. */
#include "async_debug.h"

#include <execinfo.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct site {
    unsigned line;
    char file[32], function[32];
};

struct label {
    struct label *next;
    const char *key, *value;
};

struct future;

struct link {
    struct job *job;
    struct future *future;
    struct link *next, *sibling;
    uint64_t since;
};

struct future {
    unsigned kind, state, permits, capacity;
    char name[16];
    struct job *owner;
    uint64_t owner_id, since;
    struct link *waiters, *holders, *children;
    int thread;
};

struct job {
    struct job *next, *ready_next;
    unsigned number, state, flags, cancel_state, failed_depth, spawn_depth;
    char title[16];
    struct worker *worker;
    struct future *awaits, *group;
    struct link link;
    struct label *labels;
    struct site *cancel_site, *error_site;
    void (*start)(void);
    void *spawn_pc, *failed_stack[16], *spawn_stack[16];
    uint64_t since, deadline, cancelled_at, canceller, cpu, longest;
    int error;
    const char *error_text;
};

struct worker {
    unsigned number, state, ready_count, changes;
    int thread;
    struct job *jobs, *ready, *inbox;
    uint64_t tick;
};

struct ended {
    uint64_t id, spawned_at, ended_at;
    unsigned state;
    int error;
    char title[16];
    void (*start)(void);
};

struct handle {
    struct handle *next;
    char kind[8];
    int fd;
    struct site *site;
    uint64_t job, since;
};

struct counter {
    struct counter *next;
    void (*start)(void);
    uint64_t spawned, ended, failed, resumes, cpu, longest, slowest;
};

struct process {
    struct worker **workers;
    unsigned count, alive;
    struct ended *history;
    uint64_t history_capacity, history_count, debug;
    struct handle *handles;
    struct counter *counters;
};

enum { WAITING = 1, READY, FAILED, DONE };
enum { MUTEX = 1, WRITE, POOL, EITHER, CREW, TIMER, EVENT };

#define FIELD(kind, type, number, member, encoding)                                                          \
    .field[ASYNC_DEBUG_##kind##_##number] = ASYNC_DEBUG_FIELD(struct type, member, encoding)
#define RECORD(kind, type)                                                                                   \
    .records[ASYNC_DEBUG_##kind] = {.size = sizeof(struct type),                                             \
                                    .field_count = ASYNC_DEBUG_##kind##_FIELD_COUNT,

struct async_debug_descriptor
    async_debug_descriptor = {.magic = ASYNC_DEBUG_MAGIC,
                              .abi = ASYNC_DEBUG_ABI,
                              .size = sizeof(struct async_debug_descriptor),
                              .machine = 62,
                              .word_size = 8,
                              .byte_order = 1,
                              .runtime = "adopter",
                              .runtime_version = "1",
                              .task_states = {[WAITING] = {"parked", ASYNC_DEBUG_STATE_WAITING, 0},
                                              [READY] = {"due", ASYNC_DEBUG_STATE_READY, 0},
                                              [FAILED] = {"broken", ASYNC_DEBUG_STATE_FAILED, 0},
                                              [DONE] = {"done", ASYNC_DEBUG_STATE_RETURNED, 0}},
                              .worker_states = {[1] = {"polls", ASYNC_DEBUG_WORKER_STATE_POLLING, 0}},
                              .future_kinds = {[MUTEX] = {"mutex", ASYNC_DEBUG_KIND_MUTEX, 0},
                                               [WRITE] = {"write", ASYNC_DEBUG_KIND_RWLOCK_WRITE, 0},
                                               [POOL] = {"pool", ASYNC_DEBUG_KIND_SEMAPHORE, 0},
                                               [EITHER] = {"either", ASYNC_DEBUG_KIND_SELECT, 0},
                                               [CREW] = {"crew", ASYNC_DEBUG_KIND_GROUP, 0},
                                               [TIMER] = {"timer", ASYNC_DEBUG_KIND_TIMER, 0},
                                               [EVENT] = {"event", ASYNC_DEBUG_KIND_EVENT, 0}},
                              RECORD(PROCESS, process) FIELD(PROCESS, process, WORKERS, workers, POINTER),
                              FIELD(PROCESS, process, WORKER_COUNT, count, UNSIGNED),
                              FIELD(PROCESS, process, TASKS_ALIVE, alive, UNSIGNED),
                              FIELD(PROCESS, process, HISTORY, history, POINTER),
                              FIELD(PROCESS, process, HISTORY_CAPACITY, history_capacity, UNSIGNED),
                              FIELD(PROCESS, process, HISTORY_COUNT, history_count, UNSIGNED),
                              FIELD(PROCESS, process, HANDLES, handles, POINTER),
                              FIELD(PROCESS, process, FUNCTIONS, counters, POINTER),
                              FIELD(PROCESS, process, DEBUG_FLAGS, debug, UNSIGNED)},
    RECORD(WORKER, worker) FIELD(WORKER, worker, ID, number, UNSIGNED),
    FIELD(WORKER, worker, STATE, state, UNSIGNED), FIELD(WORKER, worker, TASKS, jobs, POINTER),
    FIELD(WORKER, worker, READY, ready, POINTER), FIELD(WORKER, worker, READY_COUNT, ready_count, UNSIGNED),
    FIELD(WORKER, worker, INBOX, inbox, POINTER), FIELD(WORKER, worker, CHANGES, changes, UNSIGNED),
    FIELD(WORKER, worker, THREAD, thread, UNSIGNED), FIELD(WORKER, worker, LAST_TICK, tick, UNSIGNED)
}
, RECORD(TASK, job) FIELD(TASK, job, ID, number, UNSIGNED), FIELD(TASK, job, NAME, title, TEXT),
    FIELD(TASK, job, STATE, state, UNSIGNED), FIELD(TASK, job, NEXT, next, POINTER),
    FIELD(TASK, job, READY_NEXT, ready_next, POINTER), FIELD(TASK, job, WORKER, worker, POINTER),
    FIELD(TASK, job, AWAITS, awaits, POINTER), FIELD(TASK, job, GROUP, group, POINTER),
    FIELD(TASK, job, LABELS, labels, POINTER), FIELD(TASK, job, FLAGS, flags, UNSIGNED),
    FIELD(TASK, job, SUSPENDED_AT, since, UNSIGNED), FIELD(TASK, job, DEADLINE, deadline, UNSIGNED),
    FIELD(TASK, job, CANCEL_STATE, cancel_state, UNSIGNED), FIELD(TASK, job, CANCEL_BY, canceller, UNSIGNED),
    FIELD(TASK, job, CANCEL_AT, cancelled_at, UNSIGNED), FIELD(TASK, job, CANCEL_SITE, cancel_site, POINTER),
    FIELD(TASK, job, ERROR, error, SIGNED), FIELD(TASK, job, ERROR_TEXT, error_text, TEXT_POINTER),
    FIELD(TASK, job, ERROR_SITE, error_site, POINTER), FIELD(TASK, job, ERROR_STACK, failed_stack, EMBEDDED),
    FIELD(TASK, job, ERROR_DEPTH, failed_depth, UNSIGNED),
    FIELD(TASK, job, SPAWN_STACK, spawn_stack, EMBEDDED),
    FIELD(TASK, job, SPAWN_DEPTH, spawn_depth, UNSIGNED), FIELD(TASK, job, START, start, POINTER),
    FIELD(TASK, job, SPAWN_PC, spawn_pc, POINTER), FIELD(TASK, job, CPU_TIME, cpu, UNSIGNED),
    FIELD(TASK, job, LONGEST_STEP, longest, UNSIGNED)
}
, RECORD(FUTURE, future) FIELD(FUTURE, future, KIND, kind, UNSIGNED), FIELD(FUTURE, future, NAME, name, TEXT),
    FIELD(FUTURE, future, OWNER, owner, POINTER), FIELD(FUTURE, future, OWNER_ID, owner_id, UNSIGNED),
    FIELD(FUTURE, future, OWNED_SINCE, since, UNSIGNED), FIELD(FUTURE, future, WAITERS, waiters, POINTER),
    FIELD(FUTURE, future, HOLDERS, holders, POINTER), FIELD(FUTURE, future, CHILDREN, children, POINTER),
    FIELD(FUTURE, future, CAPACITY, capacity, UNSIGNED), FIELD(FUTURE, future, COUNT, permits, UNSIGNED)
}
, RECORD(WAITER, link) FIELD(WAITER, link, TASK, job, POINTER), FIELD(WAITER, link, FUTURE, future, POINTER),
    FIELD(WAITER, link, NEXT, next, POINTER), FIELD(WAITER, link, SIBLING, sibling, POINTER),
    FIELD(WAITER, link, SINCE, since, UNSIGNED)
}
, RECORD(SITE, site) FIELD(SITE, site, LINE, line, UNSIGNED), FIELD(SITE, site, FILE, file, TEXT),
    FIELD(SITE, site, FUNCTION, function, TEXT)
}
, RECORD(LABEL, label) FIELD(LABEL, label, KEY, key, TEXT_POINTER),
    FIELD(LABEL, label, VALUE, value, TEXT_POINTER), FIELD(LABEL, label, NEXT, next, POINTER)
}
, RECORD(FINISHED, ended) FIELD(FINISHED, ended, ID, id, UNSIGNED), FIELD(FINISHED, ended, NAME, title, TEXT),
    FIELD(FINISHED, ended, STATE, state, UNSIGNED), FIELD(FINISHED, ended, ERROR, error, SIGNED),
    FIELD(FINISHED, ended, START, start, POINTER), FIELD(FINISHED, ended, SPAWNED_AT, spawned_at, UNSIGNED),
    FIELD(FINISHED, ended, FINISHED_AT, ended_at, UNSIGNED)
}
, RECORD(HANDLE, handle) FIELD(HANDLE, handle, NEXT, next, POINTER), FIELD(HANDLE, handle, KIND, kind, TEXT),
    FIELD(HANDLE, handle, FD, fd, SIGNED), FIELD(HANDLE, handle, SITE, site, POINTER),
    FIELD(HANDLE, handle, TASK, job, UNSIGNED), FIELD(HANDLE, handle, OPENED_AT, since, UNSIGNED)
}
, RECORD(FUNCTION, counter) FIELD(FUNCTION, counter, NEXT, next, POINTER),
    FIELD(FUNCTION, counter, START, start, POINTER), FIELD(FUNCTION, counter, SPAWNED, spawned, UNSIGNED),
    FIELD(FUNCTION, counter, FINISHED, ended, UNSIGNED), FIELD(FUNCTION, counter, FAILED, failed, UNSIGNED),
    FIELD(FUNCTION, counter, RESUMES, resumes, UNSIGNED), FIELD(FUNCTION, counter, CPU_TIME, cpu, UNSIGNED),
    FIELD(FUNCTION, counter, LONGEST_STEP, longest, UNSIGNED),
    FIELD(FUNCTION, counter, LONGEST_TASK, slowest, UNSIGNED)
}
,
}
;
ASYNC_DEBUG_NOTE(async_debug_descriptor);

/* ---- The story ---- */

static struct worker one, two, *workers[2] = {&one, &two};
static struct process process = {.workers = workers, .count = 2};
static struct job jobs[32], *last;
static struct future futures[16];
static struct link links[32];
static struct site stop_site = {4, "app/stop.c", "stop_all"}, store_site = {40, "app/store.c", ""};
static struct label user = {NULL, "user", "bob"}, request = {&user, "request", "17"};
static struct ended ended[4];
static struct handle handles[2];
static struct counter counters[2];
static uint64_t now;

#define SECOND UINT64_C(1000000000)

void serve_request(void) /* a start function: only its address counts */
{
    puts("never called");
}

void refresh_cache(void)
{
    puts("never called either");
}

static struct job *spawn(const char *title, unsigned state)
{
    struct job *job = &jobs[process.alive++];
    *job = (struct job){.number = process.alive, .state = state, .worker = &one, .start = serve_request};
    strcpy(job->title, title);
    job->since = now - 60 * SECOND;
    *(last ? &last->next : &one.jobs) = job;
    last = job;
    return job;
}

static struct future *make(unsigned kind, const char *name, struct job *owner)
{
    static unsigned count;
    struct future *future = &futures[count++];
    *future = (struct future){.kind = kind, .owner = owner, .since = now - 60 * SECOND};
    strcpy(future->name, name);
    return future;
}

static void await(struct job *job, struct future *future)
{
    job->awaits = future;
    job->link = (struct link){.job = job, .future = future, .next = future->waiters};
    future->waiters = &job->link;
}

/* A holder of a future, or with no job a part of one. */
static void link_to(struct link **list, struct job *job, struct future *future)
{
    static unsigned count;
    struct link *link = &links[count++];
    *link = (struct link){.job = job, .future = future, .since = now - 60 * SECOND};
    *(job ? &link->next : &link->sibling) = *list;
    *list = link;
}

/* Jobs 1 to 3: the writer waits for two readers, and one of them for the writer. */
static void tell_of_a_deadlock(void)
{
    struct job *writer = spawn("writer", WAITING), *stuck = spawn("stuck reader", WAITING);
    struct job *free = spawn("free reader", WAITING);
    struct future *cache = make(WRITE, "cache", NULL);
    link_to(&cache->holders, free, cache);
    link_to(&cache->holders, stuck, cache);
    await(writer, cache);
    await(stuck, make(MUTEX, "index", writer));
    await(free, make(TIMER, "", NULL));
}

/* Jobs 4 to 6: the same with a timeout, which will end it; and a select with a way out. */
static void tell_of_no_deadlock(void)
{
    struct job *timed = spawn("timed", WAITING), *other = spawn("other", WAITING),
               *select = spawn("select", WAITING);
    struct future *a = make(MUTEX, "a", timed), *b = make(MUTEX, "b", other),
                  *either = make(EITHER, "", NULL);
    await(timed, b);
    await(other, a);
    timed->deadline = now + 3600 * SECOND;
    link_to(&either->children, NULL, make(EVENT, "stop", NULL));
    link_to(&either->children, NULL, b);
    await(select, either);
}

/* Jobs 7 to 11: one in a queue behind another, one in the second worker's inbox, one failed, a system task.
 */
static void tell_of_the_rest(void)
{
    struct job *first = spawn("first", READY), *second = spawn("second", READY),
               *woken = spawn("woken", WAITING);
    struct job *failed = spawn("failed", FAILED), *system = spawn("housekeeping", WAITING);
    one.ready = first;
    first->ready_next = second;
    one.ready_count = 2;
    two.inbox = woken;
    woken->worker = &two;
    await(woken, make(EVENT, "woken", NULL));
    failed->error = -2;
    failed->error_text = "no such key";
    failed->error_site = &store_site;
    failed->failed_depth = (unsigned)backtrace(failed->failed_stack, 16);
    failed->labels = &request;
    failed->cancel_state = ASYNC_DEBUG_CANCEL_DELIVERED;
    failed->canceller = 1;
    failed->cancelled_at = now - 5 * SECOND;
    failed->cancel_site = &stop_site;
    failed->cpu = SECOND / 4;
    failed->longest = SECOND / 10;
    failed->flags = ASYNC_DEBUG_TASK_DETACHED;
    failed->spawn_pc = (char *)refresh_cache + 1;
    failed->group = make(CREW, "requests", NULL);
    system->flags = ASYNC_DEBUG_TASK_SYSTEM;
    await(system, make(TIMER, "", NULL));
}

static void tell_of_the_past(void)
{
    for (uint64_t i = 0; i < 6; i++)
        ended[i % 4] = (struct ended){100 + i,
                                      now - (20 - i) * SECOND,
                                      now - (10 - i) * SECOND,
                                      i == 5 ? FAILED : DONE,
                                      i == 5 ? -110 : 0,
                                      "past",
                                      refresh_cache};
    process.history = ended;
    process.history_capacity = 4;
    process.history_count = 6;
    handles[0] = (struct handle){&handles[1], "tcp", 9, &stop_site, 2, now - 7 * SECOND};
    handles[1] = (struct handle){NULL, "timer", -1, NULL, 0, now};
    process.handles = handles;
    counters[0] = (struct counter){&counters[1], serve_request, 50, 40, 2, 900, 5 * SECOND, SECOND, 17};
    counters[1] = (struct counter){NULL, refresh_cache, 6, 6, 1, 12, 0, 0, 0};
    process.counters = counters;
    process.debug = ASYNC_DEBUG_MODE_ON;
}

int main(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    now = (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
    one = (struct worker){.state = 1, .thread = getpid(), .tick = now};
    two = (struct worker){.number = 1, .state = 1, .tick = now};
    tell_of_a_deadlock();
    tell_of_no_deadlock();
    tell_of_the_rest();
    tell_of_the_past();
    async_debug_descriptor.process = (uint64_t)&process;
    async_debug_descriptor.self = (uint64_t)&async_debug_descriptor;
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
