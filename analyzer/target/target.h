/* SPDX-License-Identifier: MIT */
/**
 * @file target.h - the seam: a stopped process, whatever it is made of.
 *
 * One primitive, "read up to n bytes at this address", plus regions, threads and registers. Behind it a
 * core file, a copy of a live process, a debugger at the other end of a pipe, or a fake for tests and
 * fuzzers. Nothing here parses ELF beyond the core's own headers, and nothing above knows which it is.
 *
 * A target belongs to one thread at a time (reads fill caches); a live one to the thread that opened it
 * until it is released, because the kernel's ptrace does.
 */
#ifndef AD_TARGET_TARGET_H
#define AD_TARGET_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/range.h"

/** Registers by DWARF number (System V x86-64 psABI, figure 3.36): 0 rax 1 rdx 2 rcx 3 rbx 4 rsi
 *  5 rdi 6 rbp 7 rsp 8..15 r8..r15 16 return address (rip). */
enum { AD_REG_RBX = 3, AD_REG_RBP = 6, AD_REG_SP = 7, AD_REG_PC = 16, AD_REG_COUNT = 17 };

struct ad_registers {
    uint64_t value[AD_REG_COUNT];
    uint32_t valid; /**< bit n: value[n] is known */
};

static inline void ad_registers_set(struct ad_registers *registers, unsigned number, uint64_t value)
{
    registers->value[number] = value;
    registers->valid |= 1u << number;
}

enum ad_target_kind { AD_TARGET_CORE, AD_TARGET_LIVE, AD_TARGET_PIPE, AD_TARGET_FAKE };

enum { AD_REGION_READ = 1, AD_REGION_WRITE = 2, AD_REGION_EXECUTE = 4 };

/** A mapping of the target, sorted by address, not overlapping. */
struct ad_region {
    struct ad_range range;
    uint64_t file_offset;  /**< of `path` at range.start */
    const char *path;      /**< as the target named it, or "[vdso]"; NULL: anonymous or not known */
    uint32_t protection;   /**< AD_REGION_*; 0: not known */
    bool in_dump;          /**< all its bytes are in the core (always true for a live target) */
};

struct ad_thread {
    pid_t tid;
    pid_t own_tid;         /**< what the process calls it, in its own PID namespace; 0: the same */
    struct ad_registers registers;
    char name[16];         /**< empty: not known */
    uint64_t system_call;  /**< orig_rax; UINT64_MAX: not in a system call */
    const void *block;     /**< its registers as the kernel gave them (registers.h); NULL: not known */
    bool crashed;          /**< the thread that made the kernel write the core */
};

struct ad_target;

struct ad_target_ops {
    /** Reads at most `size` bytes from `address` on; returns how many, 0 when none can be read. */
    size_t (*read)(struct ad_target *target, uint64_t address, void *buffer, size_t size);
    /** A hint that these ranges will be read: a pipe asks for all in one message, a live target copies
     *  them while the process is stopped. May be NULL. */
    struct ad_error *(*prefetch)(struct ad_target *target, const struct ad_range *ranges, size_t count);
    /** A hint that these ranges will be read soon: a file on a disk is read ahead. Costs little when they are in
     *  memory. May be NULL. */
    void (*expect)(struct ad_target *target, const struct ad_range *ranges, size_t count);
    /** Lets a live process go on; later reads see only what was read before. May be NULL. */
    struct ad_error *(*release)(struct ad_target *target);
    void (*destroy)(struct ad_target *target);
};

/** What every kind of target tells; filled by its constructor, plain data afterwards. */
struct ad_target {
    const struct ad_target_ops *ops;
    enum ad_target_kind kind;
    const struct ad_limits *limits;
    const char *description;   /**< "core.1234", "pid 1234": the word for it in messages */
    uint16_t machine;          /**< ELF e_machine (EM_X86_64, EM_AARCH64); 0: not known */
    pid_t pid;
    char command[16];          /**< short name, as in /proc/PID/comm; empty: not known */
    const char *executable;    /**< path of the program as the target saw it; NULL: not known */
    int signal;                /**< that ended a core; 0: none */
    uint64_t realtime;         /**< ns since 1970 when it was stopped or dumped; 0: not known */
    uint64_t monotonic;        /**< its CLOCK_MONOTONIC then, ns; 0: not known (most cores) */
    const struct ad_region *regions;
    size_t region_count;
    const struct ad_thread *threads; /**< the crashing thread first */
    size_t thread_count;
    const void *auxv;          /**< as in /proc/PID/auxv; may be NULL */
    size_t auxv_size;
    bool truncated;            /**< a core that ends before its headers say */
    uint64_t missing_bytes;    /**< how much of it is not there */
    uint64_t skipped;          /**< headers, notes and mappings that make no sense or pass a limit */
    const char *stop_note;     /**< for the user: "was stopped for 3.1 ms"; NULL: nothing to say */
    const char *damage;        /**< a core in a stream that breaks off or is corrupt: where and how; NULL: none */
    /** Asked for what the target itself does not have: the modules' proven files, for text and constants
     *  that a core leaves out. Installed by ad_modules_create; NULL before. */
    size_t (*backing)(void *context, uint64_t address, void *buffer, size_t size);
    void *backing_context;
};

/** Reads up to `size` bytes, from the backing where the target has none; the number read. */
size_t ad_target_read_some(struct ad_target *target, uint64_t address, void *buffer, size_t size);
/** Reads exactly `size` bytes or is an AD_ERROR_FAULT. */
struct ad_error *ad_target_read(struct ad_target *target, uint64_t address, void *buffer, size_t size,
                                const char *what) ad_must_check;
/** Reads a NUL-terminated text of at most `size` - 1 bytes; a longer one is cut. */
struct ad_error *ad_target_read_text(struct ad_target *target, uint64_t address, char *buffer, size_t size,
                                     const char *what) ad_must_check;
struct ad_error *ad_target_prefetch(struct ad_target *target, const struct ad_range *ranges,
                                    size_t count) ad_must_check;
void ad_target_expect(struct ad_target *target, const struct ad_range *ranges, size_t count);
struct ad_error *ad_target_release(struct ad_target *target) ad_must_check;
/** The region that holds `address`, or NULL. */
const struct ad_region *ad_target_region(const struct ad_target *target, uint64_t address);
/** Value of an auxiliary vector entry (AT_*), false when absent. */
bool ad_target_auxv(const struct ad_target *target, uint64_t type, uint64_t *value_ret);
/** Takes NULL. Releases the process first if that was not done. */
void ad_target_destroy(struct ad_target *target);

#endif
