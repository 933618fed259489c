/* SPDX-License-Identifier: MIT */
/*
 * parked: tasks that all wait for one promise. Arguments: how many; of how many the stacks get a guard page
 * (0: the runtime's default; 1: of one). Prints, one line:
 *
 *     nanoseconds from the first spawn until all wait; growth of resident bytes; bytes of the pages on which
 *     the suspended frames lie; growth of the page tables, bytes
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "async.h"
#include "async_debug.h"
#include "contest.h"

#define PAGE 4096u

extern struct async_debug_descriptor async_debug_descriptor;

struct lot {
    unsigned long count;
    unsigned long arrived;
    struct async_promise *promise;
    struct async_task **tasks;
};

/* What a field of a task's record says, by the contract. */
static uint64_t field(const struct async_task *task, enum async_debug_task_field field)
{
    const struct async_debug_field *where = &async_debug_descriptor.records[ASYNC_DEBUG_TASK].field[field];
    uint64_t value = 0;
    contest_require(where->size == sizeof(value), "finding a field");
    memcpy(&value, (const char *)task + where->offset, sizeof(value));
    return value;
}

static uint64_t bytes_of_frame_pages(const struct async_task *task)
{
    uint64_t low = field(task, ASYNC_DEBUG_TASK_CONTEXT);
    uint64_t high = field(task, ASYNC_DEBUG_TASK_STACK_LOW) + field(task, ASYNC_DEBUG_TASK_STACK_SIZE) - 1;
    return (high / PAGE - low / PAGE + 1) * PAGE;
}

/* A line of /proc/self/status, in bytes. */
static uint64_t status(const char *name)
{
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    contest_require(file != NULL, "opening /proc/self/status");
    while (fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoull(line + strlen(name), NULL, 10);
    fclose(file);
    return kib * 1024;
}

static int park(void *argument)
{
    struct lot *lot = argument;
    lot->arrived++;
    return async_promise_await(lot->promise, NULL);
}

static void fill(struct lot *lot)
{
    for (unsigned long i = 0; i < lot->count; i++)
        contest_require(async_spawn(&lot->tasks[i], "parked", park, lot) == 0, "async_spawn");
    while (lot->arrived < lot->count)
        async_yield();
}

static void empty(struct lot *lot)
{
    async_promise_resolve(lot->promise, NULL);
    for (unsigned long i = 0; i < lot->count; i++)
        contest_require(async_join(lot->tasks[i], NULL) == 0, "async_join");
    async_promise_destroy(lot->promise);
}

static int start(void *argument)
{
    struct lot *lot = argument;
    uint64_t frames = 0;
    contest_require(async_promise_create(&lot->promise, "lot") == 0, "async_promise_create");
    uint64_t resident = status("VmRSS:"), tables = status("VmPTE:"), begun = contest_clock();
    fill(lot);
    uint64_t took = contest_clock() - begun;
    for (unsigned long i = 0; i < lot->count; i++)
        frames += bytes_of_frame_pages(lot->tasks[i]);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", took, status("VmRSS:") - resident, frames,
           status("VmPTE:") - tables);
    empty(lot);
    return 0;
}

int main(int argc, char **argv)
{
    struct lot lot = {.count = contest_argument(argc, argv, 1)};
    struct async_options options = {.guard_pages = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0};
    lot.tasks = malloc(lot.count * sizeof(*lot.tasks));
    contest_require(lot.tasks != NULL, "malloc");
    memset(lot.tasks, 0xff, lot.count * sizeof(*lot.tasks)); /* resident before it is measured */
    return async_run(start, &lot, &options) != 0;
}
