/* SPDX-License-Identifier: MIT */
/* The counters as users get them: one function after the other, or a table. */
#include <stdlib.h>
#include <uv.h>

#include "counters.h"
#include "process.h"
#include "task.h"

static uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static struct async_counters copy(const struct async_function_record *record)
{
    return (struct async_counters){
        .start = record->start,
        .spawned = load(&record->spawned),
        .finished = load(&record->finished),
        .failed = load(&record->failed),
        .resumes = load(&record->resumes),
        .wall_time = load(&record->wall_time),
        .cpu_time = load(&record->cpu_time),
        .longest_step = load(&record->longest_step),
        .longest_task = load(&record->longest_task),
    };
}

bool async_counters_next(const void **position, struct async_counters *counters_ret)
{
    const struct async_function_record *record = *position;
    record = record ? record->next : __atomic_load_n(&async_process.functions, __ATOMIC_ACQUIRE);
    if (!record)
        return false;
    *position = record;
    *counters_ret = copy(record);
    return true;
}

int async_task_counters(const struct async_task *task, struct async_counters *counters_ret)
{
    if (!async_is_task(task) || !counters_ret)
        return UV_EINVAL;
    *counters_ret = (struct async_counters){
        .start = task->start,
        .resumes = load(&task->resumes),
        .wall_time = load(&task->wall_time),
        .cpu_time = load(&task->cpu_time),
        .longest_step = load(&task->longest_step),
        .longest_task = task->id,
    };
    return 0;
}

/* ---- The table ----------------------------------------------------------------------------------- */

static int hungriest_first(const void *a, const void *b)
{
    const struct async_counters *first = a, *second = b;
    if (first->wall_time != second->wall_time)
        return first->wall_time < second->wall_time ? 1 : -1;
    return first->spawned < second->spawned ? 1 : first->spawned > second->spawned ? -1 : 0;
}

static struct async_counters *collect(size_t *count_ret)
{
    struct async_counters *all = NULL, one;
    const void *position = NULL;
    size_t room = 0;
    *count_ret = 0;
    while (async_counters_next(&position, &one)) {
        if (*count_ret == room) {
            room = room ? 2 * room : 64;
            struct async_counters *larger = realloc(all, room * sizeof(*all));
            if (!larger)
                break;
            all = larger;
        }
        all[(*count_ret)++] = one;
    }
    return all;
}

static double ms(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1e6;
}

static void print_row(FILE *file, const struct async_counters *one)
{
    char text[256] = "(others)", longest[32] = "-";
    if (one->start)
        async_address_describe((const char *)(uintptr_t)one->start + 1, text, sizeof(text));
    if (one->longest_step)
        snprintf(longest, sizeof(longest), "#%llu", (unsigned long long)one->longest_task);
    fprintf(file, "%10llu %10llu %7llu %11llu %12.3f %12.3f %12.3f %9s  %s\n",
            (unsigned long long)one->spawned, (unsigned long long)one->finished,
            (unsigned long long)one->failed, (unsigned long long)one->resumes, ms(one->wall_time),
            ms(one->cpu_time), ms(one->longest_step), longest, text);
}

void async_counters_print(FILE *file)
{
    size_t count;
    struct async_counters *all = collect(&count);
    fprintf(file, "%10s %10s %7s %11s %12s %12s %12s %9s  %s\n", "spawned", "finished", "failed", "resumes",
            "wall ms", "cpu ms", "longest ms", "in task", "start function");
    if (count)
        qsort(all, count, sizeof(*all), hungriest_first);
    for (size_t i = 0; i < count; i++)
        print_row(file, &all[i]);
    free(all);
}
