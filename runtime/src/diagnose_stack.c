/* SPDX-License-Identifier: MIT */
#include "diagnose_stack.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sanitizer.h"
#include "stack.h"
#include "task.h"

#define PAGES 64 /* asked about at once */

/* Memory without an owner to valgrind and AddressSanitizer, who would call it an error to look. */
static bool may_look(void)
{
#ifdef ASYNC_VALGRIND
    return !RUNNING_ON_VALGRIND;
#else
    return true;
#endif
}

/* The lowest page at or above `low` that is in memory, or `end`. */
static char *next_resident(char *low, char *end)
{
    unsigned char resident[PAGES];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    while (low < end) {
        size_t pages = ((size_t)(end - low) + page - 1) / page, count = pages < PAGES ? pages : PAGES;
        if (mincore(low, count * page, resident) != 0)
            return end;
        for (size_t i = 0; i < count; i++, low += page) {
            if (resident[i] & 1)
                return low;
        }
    }
    return end;
}

void async_stack_clean(struct async_task *task)
{
    char *end = task->context; /* what is above is the task's already */
    if (!may_look())
        return;
    char *low = next_resident(task->stack_low, end);
    if (low < end)
        memset(low, 0, (size_t)(end - low));
    task->stack->clean = true;
}

/* The lowest word that is not zero. */
__attribute__((no_sanitize("address", "thread"))) static char *lowest_touched(char *low, char *end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    while ((low = next_resident(low, end)) < end) {
        for (char *stop = low + page; low < stop && low < end; low += sizeof(uint64_t)) {
            if (*(volatile uint64_t *)low)
                return low;
        }
    }
    return end;
}

void async_stack_measure(struct async_task *task)
{
    char *top = task->stack_low + task->stack_size;
    if (!task->stack->clean)
        return;
    char *touched = lowest_touched(task->stack_low, top - task->stack_used_max);
    if ((uint64_t)(top - touched) > task->stack_used_max)
        task->stack_used_max = (uint64_t)(top - touched);
}
