/* SPDX-License-Identifier: MIT */
/* The foreign runtime of LAYOUT.md, as CMake cuts it out of that page, read through the contract. */
#include "foreign_example.c"

#include <stdio.h>
#include <string.h>

#include "contract_reader.h"

static bool read_self(void *context, uint64_t address, void *buffer, size_t size)
{
    (void)context;
    memcpy(buffer, (const void *)(uintptr_t)address, size);
    return true;
}

static void note_name(struct reader *reader, uint64_t task, void *names)
{
    char name[32];
    reader_text(reader, ASYNC_DEBUG_TASK, task, ASYNC_DEBUG_TASK_NAME, name, sizeof(name));
    strcat(names, name);
}

int main(void)
{
    struct fiber second = {.number = 2, .title = "sixteen letters!", .parked = 1};
    struct fiber first = {.next = &second, .number = 1, .title = "one "};
    struct reader reader = {.read = read_self};
    char names[64] = "";
    scheduler.fibers = &first;
    scheduler.count = 2;
    publish();
    if (reader_load(&reader, (uint64_t)&async_debug_descriptor))
        reader_each_task(&reader, note_name, names);
    bool right = !reader.problem[0] && strcmp(names, "one sixteen letters!") == 0;
    if (!right)
        fprintf(stderr, "wrong: %s; names: %s\n", reader.problem, names);
    return !right;
}
