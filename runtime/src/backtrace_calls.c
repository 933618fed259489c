/* SPDX-License-Identifier: MIT */
/* Looking up the entries that async_calls.h leaves for each call. */
#include <stdlib.h>

#include "async_calls.h"
#include "backtrace.h"

/* From a return address to the label behind the call: a few instructions that store the result. */
#define REACH 64

/* The linker makes these for a section of such a name. None: no file was compiled with entries. */
extern const struct async_call __start_async_calls[] __attribute__((weak, visibility("hidden")));
extern const struct async_call __stop_async_calls[] __attribute__((weak, visibility("hidden")));

static const struct async_call **sorted; /* by label */
static size_t sorted_count;

static uintptr_t label_of(const struct async_call *call)
{
    return (uintptr_t)&call->label + (uintptr_t)(intptr_t)call->label;
}

static int by_label(const void *a, const void *b)
{
    uintptr_t first = label_of(*(const struct async_call *const *)a);
    uintptr_t second = label_of(*(const struct async_call *const *)b);
    return first < second ? -1 : first > second;
}

void async_calls_prepare(void)
{
    const struct async_call *begin = __start_async_calls, *end = __stop_async_calls;
    size_t count = begin ? (size_t)(end - begin) : 0;
    if (sorted || !count || !(sorted = malloc(count * sizeof(const struct async_call *))))
        return;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &begin[i];
    qsort(sorted, count, sizeof(*sorted), by_label);
    __atomic_store_n(&sorted_count, count, __ATOMIC_RELEASE);
}

/* The first label at or behind the address. */
static size_t search(uintptr_t address, size_t count)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (label_of(sorted[middle]) < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool async_call_find(const void *return_address, struct async_place *place_ret)
{
    uintptr_t address = (uintptr_t)return_address;
    size_t count = __atomic_load_n(&sorted_count, __ATOMIC_ACQUIRE);
    size_t at = search(address, count);
    if (at == count || label_of(sorted[at]) - address > REACH)
        return false;
    const struct async_call *call = sorted[at];
    *place_ret = (struct async_place){
        .file = (const char *)&call->file + call->file,
        .line = call->line,
        .name = (const char *)&call->name + call->name,
    };
    return true;
}
