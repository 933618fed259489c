/* SPDX-License-Identifier: MIT */
#include "base/limits.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* name, default, meaning: the one table of bounds. */
#define LIMITS(X)                                                                        \
    X(tasks, UINT64_C(16) << 20, "tasks read from one target")                           \
    X(futures, UINT64_C(16) << 20, "futures read from one target")                       \
    X(workers, 4096, "workers of one runtime")                                           \
    X(record_bytes, 64 * KIB, "bytes of one record of a runtime")                        \
    X(slabs, UINT64_C(1) << 20, "task slabs of one worker or process")                   \
    X(runtimes, 16, "runtimes in one target")                                            \
    X(list_steps, UINT64_C(16) << 20, "steps of one list walk")                          \
    X(frames, 1024, "physical frames of one stack")                                      \
    X(stack_bytes, 8 * MIB, "bytes read of one stack")                                   \
    X(thread_bytes, 64 * KIB, "bytes copied of the stack of an OS thread")               \
    X(text, 256, "bytes of a name or label")                                             \
    X(labels, 64, "labels of one task")                                                  \
    X(history, 65536, "finished tasks kept by one runtime")                              \
    X(handles, UINT64_C(1) << 20, "open handles of one runtime")                         \
    X(functions, 65536, "start functions counted by one runtime")                        \
    X(modules, 4096, "ELF files mapped in a target")                                     \
    X(regions, UINT64_C(4) << 20, "mappings or program headers of a target")             \
    X(threads, 65536, "OS threads of a target")                                          \
    X(notes_bytes, 256 * MIB, "bytes of notes in a core or module")                      \
    X(section_bytes, 4 * GIB, "bytes of one ELF section, uncompressed")                  \
    X(elf_sections, 65536, "sections of one ELF file")                                   \
    X(cfi_bytes, 64 * KIB, "bytes of one function's unwind information")                 \
    X(unwind_rows, UINT64_C(1) << 20, "code addresses whose unwind rules are kept at a time")\
    X(inline_depth, 64, "inlined calls at one code address")                             \
    X(variables, 4096, "arguments and locals of one function")                           \
    X(types, 65536, "types of the variables of one compilation unit")                    \
    X(members, 65536, "members of one structure or enumeration")                         \
    X(expression_bytes, 16 * KIB, "bytes of one location expression")                    \
    X(expression_stack, 64, "numbers on the stack of a location expression")             \
    X(entry_values, 16, "callers asked, one by the other, for one value at entry")       \
    X(values, UINT64_C(16) << 20, "arguments and locals shown of all tasks")             \
    X(value_bytes, 16 * KIB, "bytes of one argument or local, and of its text")          \
    X(value_elements, 200, "elements shown of an array or text")                         \
    X(value_depth, 20, "structures and arrays shown inside each other")                  \
    X(value_memory, 256 * MIB, "bytes copied of a live process for texts behind pointers") \
    X(split_files, 512, ".dwo files of one module")                                     \
    X(symbol_seconds, 60, "CPU seconds for the symbols of one module")                   \
    X(symbol_bytes, 8 * GIB, "address space of the symbol reader")                       \
    X(name_bytes, 16 * KIB, "bytes of one function's name, mangled or not")              \
    X(name_seconds, 5,  "seconds to demangle the names of functions")                    \
    X(name_memory, 512 * MIB, "bytes of memory for that")                                \
    X(small_debug_bytes, 256 * MIB, "bytes of .gnu_debugdata, uncompressed")             \
    X(fetch_seconds, 600, "seconds to fetch one file from debuginfod")                   \
    X(fetch_stall_seconds, 20, "seconds without 100 KiB of it, unless DEBUGINFOD_TIMEOUT") \
    X(fetch_bytes, 8 * GIB, "bytes of it")                                               \
    X(unpacked_bytes, 256 * GIB, "bytes of a core from a compressed file or a pipe")     \
    X(unpacked_disk, 32 * GIB, "of them, bytes that are kept in TMPDIR: those not zero") \
    X(unpack_memory, 256 * MIB, "bytes of memory to unpack a compressed core")           \
    X(live_bytes, 4 * GIB, "bytes copied from a live process or a debugger")             \
    X(frame_bytes, 256 * MIB, "bytes of one message of the pipe to a debugger")          \
    X(stop_milliseconds, 2000, "wait for the threads of a live process to stop")

const struct ad_limits ad_limits_default = {
#define X(name, value, meaning) .name = value,
    LIMITS(X)
#undef X
};

void ad_limits_visit(const struct ad_limits *limits,
                     void (*visit)(const char *name, uint64_t value, const char *meaning, void *context),
                     void *context)
{
#define X(name, value, meaning) visit(#name, limits->name, meaning, context);
    LIMITS(X)
#undef X
}
