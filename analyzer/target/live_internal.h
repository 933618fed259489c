/* SPDX-License-Identifier: MIT */
/**
 * @file live_internal.h - the parts of a live target:
 *
 *     live_check.c   may it be stopped at all, and if not, why not
 *     live_stop.c    ptrace: stop every thread, let all go on; parses nothing
 *     live_copy.c    its memory, copied into a page cache
 *     live.c         the target
 */
#ifndef AD_TARGET_LIVE_INTERNAL_H
#define AD_TARGET_LIVE_INTERNAL_H

#include "base/vector.h"
#include "target/page_cache.h"
#include "target/target.h"

enum ad_tracee_state {
    AD_TRACEE_RUNNING, /**< asked to stop, but has not; a thread in an uninterruptible wait */
    AD_TRACEE_STOPPED,
    AD_TRACEE_GONE, /**< ended meanwhile */
};

struct ad_tracee {
    pid_t tid;
    enum ad_tracee_state state;
    int signal;         /**< it stopped to be given this signal, and gets it on release; 0: none */
    bool was_stopped;   /**< the whole process was stopped (SIGSTOP) before we came */
};

struct ad_stop {
    pid_t pid;
    struct ad_vector tracees; /**< struct ad_tracee, by tid */
    uint64_t started;         /**< CLOCK_MONOTONIC, ns, before the first thread was touched */
};

/**
 * AD_ERROR_UNUSABLE when `pid` is no process that has memory, or is already traced; in words.
 * `thread_ret` is a thread whose files in /proc tell of the memory: not the first when that has ended.
 */
struct ad_error *ad_live_check(pid_t pid, int proc_fd, const struct ad_limits *limits,
                               pid_t *thread_ret) ad_must_check;
/** Why the kernel did not permit it and what helps: AD_ERROR_PERMISSION. */
struct ad_error *ad_live_denied(pid_t pid, int proc_fd, const struct ad_limits *limits) ad_must_check;

/** Stops all threads. `stop` needs ad_stop_deinit in any case, which lets go what was stopped. */
struct ad_error *ad_stop_begin(struct ad_stop *stop, pid_t pid, int proc_fd,
                               const struct ad_limits *limits) ad_must_check;
/**
 * Lets all go on. A process that was stopped before stays so. Only a stopped thread can be let go: one that
 * still waits in the kernel is kept in `tracees`, and would stop when it returns from there; so this is to be
 * called again from time to time while any is left. Our own end frees it too.
 */
void ad_stop_end(struct ad_stop *stop);
void ad_stop_deinit(struct ad_stop *stop);

struct ad_copier {
    pid_t tid;                 /**< of a thread that still has the memory */
    int mem_fd;                /**< /proc/PID/mem; -1: none */
    bool use_mem;              /**< process_vm_readv does not work here */
    struct ad_page_cache pages;
};

/** Copies the pages of `ranges` that are not here yet; what cannot be read becomes known as such. */
struct ad_error *ad_copier_fetch(struct ad_copier *copier, const struct ad_range *ranges,
                                 size_t count) ad_must_check;

#endif
