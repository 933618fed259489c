/* SPDX-License-Identifier: MIT */
#include "backtrace.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#include "async.h"

#define OWN_FRAMES 12 /* of the runtime, at most, before the first that is wanted */

static bool prepared;
static pthread_mutex_t preparing = PTHREAD_MUTEX_INITIALIZER;
static char program[512]; /* the main module has no name in the loader's list */

void async_backtrace_prepare(void)
{
    if (__atomic_load_n(&prepared, __ATOMIC_ACQUIRE))
        return;
    pthread_mutex_lock(&preparing);
    char path[sizeof(program)] = "";
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length > 0)
        memcpy(program, path, (size_t)length);
    async_calls_prepare();
    __atomic_store_n(&prepared, true, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&preparing);
}

/* The section of all the runtime's code, unless it was built in some other way. */
extern const char __start_async_text[] __attribute__((weak, visibility("hidden")));
extern const char __stop_async_text[] __attribute__((weak, visibility("hidden")));

static bool is_own(const void *return_address)
{
    const char *address = return_address;
    return address > __start_async_text && address <= __stop_async_text;
}

struct frames {
    size_t count;
    void *at[OWN_FRAMES + ASYNC_BACKTRACE_DEPTH];
};

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *argument)
{
    struct frames *frames = argument;
    uintptr_t address = _Unwind_GetIP(context);
    if (!address || frames->count == OWN_FRAMES + ASYNC_BACKTRACE_DEPTH)
        return _URC_END_OF_STACK;
    frames->at[frames->count++] = (void *)address;
    return _URC_NO_REASON;
}

/* Where the library was called, if that is known; for a build without the section. */
static size_t first_call(const struct frames *frames)
{
    struct async_place place;
    for (size_t i = 0; i < frames->count && i < OWN_FRAMES; i++) {
        if (async_call_find(frames->at[i], &place))
            return i;
    }
    return 0;
}

/* Not backtrace() of glibc, whose first call loads a library: too much for a task's stack. */
void async_backtrace_capture(struct async_backtrace *backtrace_ret)
{
    struct frames frames = {.count = 0};
    async_backtrace_prepare();
    _Unwind_Backtrace(add_frame, &frames);
    size_t first = 0, end = frames.count;
    while (first < end && is_own(frames.at[first]))
        first++;
    first = first ? first : first_call(&frames);
    while (end > first && is_own(frames.at[end - 1]))
        end--;
    size_t depth = end - first < ASYNC_BACKTRACE_DEPTH ? end - first : ASYNC_BACKTRACE_DEPTH;
    memcpy(backtrace_ret->frames, frames.at + first, depth * sizeof(*frames.at));
    backtrace_ret->depth = depth;
}

void **async_backtrace_keep(const struct async_backtrace *backtrace, uint32_t *depth_ret)
{
    size_t size = backtrace->depth * sizeof(*backtrace->frames);
    void **frames = size ? malloc(size) : NULL;
    *depth_ret = frames ? (uint32_t)backtrace->depth : 0;
    if (frames)
        memcpy(frames, backtrace->frames, size);
    return frames;
}

/* The module an address lies in. */
struct module {
    uintptr_t address;
    uintptr_t bias; /**< what was added to its own addresses when it was loaded */
    const char *name;
};

static int is_inside(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct module *module = argument;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD &&
            module->address - info->dlpi_addr - segment->p_vaddr < segment->p_memsz) {
            module->bias = info->dlpi_addr;
            module->name = info->dlpi_name && *info->dlpi_name ? info->dlpi_name : program;
            return 1;
        }
    }
    return 0;
}

/* Offsets are addresses as the module has them itself, as addr2line wants them. */
size_t async_address_describe(const void *return_address, char *text_ret, size_t size)
{
    const char *address = (const char *)return_address - 1;
    struct module module = {.address = (uintptr_t)address};
    Dl_info symbol;
    int length;
    async_backtrace_prepare();
    if (dl_iterate_phdr(is_inside, &module))
        length = snprintf(text_ret, size, "%s+0x%zx", module.name, (size_t)(module.address - module.bias));
    else
        length = snprintf(text_ret, size, "%p", (const void *)address);
    if (length >= 0 && (size_t)length < size && dladdr(address, &symbol) && symbol.dli_sname)
        length += snprintf(text_ret + length, size - (size_t)length, " (%s+0x%zx)", symbol.dli_sname,
                           (size_t)(address - (const char *)symbol.dli_saddr));
    return length < 0 ? 0 : (size_t)length < size ? (size_t)length : size ? size - 1 : 0;
}
