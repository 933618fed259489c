/* SPDX-License-Identifier: MIT */
/*
 * grove: tasks that all wait, on 2,000 distinct stacks of 9 physical frames; what the engine is measured with.
 * Arguments: how many tasks; a file for the account of what is needed of each task: three numbers of 64 bits,
 * its saved stack pointer, the end of its stack, its record's address. Says "ready BYTES" when all wait and the
 * account is written; BYTES are those of a task's record. Then it waits to be killed.
 */
#include "grove.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "async_debug.h"
#include "contest.h"

#define STACKS 2000
#define PROMISES 64

extern struct async_debug_descriptor async_debug_descriptor;

struct grove {
    unsigned long count;
    const char *account;
    struct async_promise *promises[PROMISES];
    struct async_task **tasks;
    struct grove_walk *walks;
};

static struct grove grove;
unsigned long grove_arrived;

/* What a field of a task's record says, by the contract. */
static uint64_t field(const struct async_task *task, enum async_debug_task_field field)
{
    const struct async_debug_field *where = &async_debug_descriptor.records[ASYNC_DEBUG_TASK].field[field];
    uint64_t value = 0;
    contest_require(where->size == sizeof(value), "finding a field");
    memcpy(&value, (const char *)task + where->offset, sizeof(value));
    return value;
}

static void plant(void)
{
    for (size_t i = 0; i < PROMISES; i++)
        contest_require(async_promise_create(&grove.promises[i], "season") == 0, "async_promise_create");
    for (unsigned long i = 0; i < grove.count; i++) {
        grove.walks[i] = (struct grove_walk){.stack = i % STACKS, .promise = grove.promises[i % PROMISES]};
        contest_require(async_spawn(&grove.tasks[i], "tree", grove_enter, &grove.walks[i]) == 0, "async_spawn");
    }
    while (grove_arrived < grove.count)
        async_yield();
}

static void write_account(void)
{
    FILE *file = fopen(grove.account, "w");
    contest_require(file != NULL, "opening the account");
    for (unsigned long i = 0; i < grove.count; i++) {
        const struct async_task *task = grove.tasks[i];
        uint64_t low = field(task, ASYNC_DEBUG_TASK_STACK_LOW), size = field(task, ASYNC_DEBUG_TASK_STACK_SIZE);
        uint64_t line[] = {field(task, ASYNC_DEBUG_TASK_CONTEXT), low + size, (uintptr_t)task};
        contest_require(fwrite(line, sizeof(line), 1, file) == 1, "writing the account");
    }
    contest_require(fclose(file) == 0, "writing the account");
}

static int start(void *unused)
{
    (void)unused;
    plant();
    write_account();
    printf("ready %" PRIu32 "\n", async_debug_descriptor.records[ASYNC_DEBUG_TASK].size);
    fflush(stdout);
    return async_sleep(UINT64_C(1000000000000));
}

int main(int argc, char **argv)
{
    grove.count = contest_argument(argc, argv, 1);
    grove.account = argc > 2 ? argv[2] : "/dev/null";
    grove.tasks = malloc(grove.count * sizeof(*grove.tasks));
    grove.walks = malloc(grove.count * sizeof(*grove.walks));
    contest_require(grove.tasks && grove.walks, "malloc");
    return async_run(start, NULL, NULL) != 0;
}
