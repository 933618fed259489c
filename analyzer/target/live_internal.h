/* SPDX-License-Identifier: MIT */
/**
 * @file live_internal.h - the parts of a live target:
 *
 *     live_check.c     may it be read at all, and if not, why not
 *     live_process.c   what /proc tells of it: names, mappings, threads
 *     live_stop.c      ptrace: stop every thread, let all go on; parses nothing
 *     live_copy.c      its memory, copied in excerpts, and compared with what it is later
 *     live.c           the target
 */
#ifndef AD_TARGET_LIVE_INTERNAL_H
#define AD_TARGET_LIVE_INTERNAL_H

#include <sys/uio.h>

#include "base/pool.h"
#include "base/vector.h"
#include "target/excerpts.h"
#include "target/live.h"

/* ---- live_stop.c ---------------------------------------------------------------------------------- */

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

/** Stops all threads. `stop` needs ad_stop_deinit in any case, which lets go what was stopped. */
struct ad_error *ad_stop_begin(struct ad_stop *stop, int proc_fd, const struct ad_limits *limits) ad_must_check;
/**
 * Lets all go on. A process that was stopped before stays so. Only a stopped thread can be let go: one that
 * still waits in the kernel is kept in `tracees`, and would stop when it returns from there; so this is to be
 * called again from time to time while any is left. Our own end frees it too.
 */
void ad_stop_end(struct ad_stop *stop);
void ad_stop_deinit(struct ad_stop *stop);

/* ---- live_copy.c ---------------------------------------------------------------------------------- */

struct ad_copier {
    pid_t tid;      /**< of a thread that still has the memory */
    int mem_fd;     /**< /proc/PID/mem; -1: none */
    bool use_mem;   /**< process_vm_readv does not work here */
    bool standing;  /**< the process stands still: what is copied now is exact */
    bool refreshing; /**< ad_live_refresh */
    uint8_t *scratch;
    struct iovec *runs; /**< what is copied to it by the call at hand */
    uint64_t changed; /**< by the copy at hand */
    struct ad_excerpts excerpts;
};

struct ad_error *ad_copier_init(struct ad_copier *copier, uint64_t limit) ad_must_check;
void ad_copier_deinit(struct ad_copier *copier);
/** Copies what of `ranges` is not here yet, or lacks one of the marks `with`; what cannot be read becomes known
 *  as such. */
struct ad_error *ad_copier_fetch(struct ad_copier *copier, const struct ad_range *ranges, size_t count,
                                 unsigned with) ad_must_check;
/** The same; what is here is copied again, unless it was while the process stands still. */
struct ad_error *ad_copier_prefetch(struct ad_copier *copier, const struct ad_range *ranges,
                                    size_t count) ad_must_check;
/** Copies these excerpts (struct ad_excerpt_ref) again and marks those that changed; how many they are. */
struct ad_error *ad_copier_again(struct ad_copier *copier, const struct ad_vector *refs,
                                 uint64_t *changed_ret) ad_must_check;

/** See ad_live_renew. */
void ad_copier_renew(struct ad_copier *copier, const struct ad_range *ranges, size_t count, bool *changed);

/* ---- live.c, as its parts see it ------------------------------------------------------------------- */

struct ad_live {
    struct ad_target target; /**< first, so that the two addresses are one */
    int proc_fd;             /**< /proc/PID: stays this process's, whoever gets the number later */
    pid_t thread;            /**< whose files in /proc tell of the memory: see ad_live_check */
    bool attached;           /**< it has been stopped, and not let go yet */
    bool sealed;             /**< what was not copied cannot be had any more */
    struct ad_stop stop;
    struct ad_copier copier;
    struct ad_vector hot;     /**< struct ad_excerpt_ref: those to copy in the stop */
    struct ad_pool pool;
    struct ad_vector regions; /**< struct ad_region */
    struct ad_vector threads; /**< struct ad_thread */
    uint64_t sizes[2];        /**< of the address space, when the regions were read */
    bool same_namespace;      /**< it numbers its threads as we do */
    bool before;              /**< it was stopped before we came */
    int urgency;              /**< our nice value, which is another one while it is stopped */
    unsigned stops;
    uint64_t longest_stop;    /**< ns */
    char *auxv;
    char description[32];
    char stop_note[80];
};

/* ---- live_check.c --------------------------------------------------------------------------------- */

/**
 * AD_ERROR_UNUSABLE when `pid` is no process that has memory, or (`stops`) is already traced; in words.
 * `thread_ret` is a thread whose files in /proc tell of the memory: not the first when that has ended.
 */
struct ad_error *ad_live_check(pid_t pid, int proc_fd, bool stops, const struct ad_limits *limits,
                               pid_t *thread_ret) ad_must_check;
/** AD_ERROR_UNUSABLE: a 32-bit program. */
struct ad_error *ad_live_narrow(pid_t pid) ad_must_check;
/** What is known of a process that the kernel keeps from us. */
struct ad_denial {
    long owner;       /**< user id; -1: not known */
    long us;          /**< our effective one */
    long yama;        /**< kernel.yama.ptrace_scope; 0 where there is none */
    bool may_trace;   /**< we have CAP_SYS_PTRACE */
    bool has_more;    /**< it has capabilities that we lack */
    bool filtered;    /**< we run under a seccomp filter */
    bool hidden;      /**< it is not to be dumped */
    bool other_users; /**< it is in another user namespace */
};
/** The words for it: AD_ERROR_PERMISSION. */
struct ad_error *ad_live_explain_denial(pid_t pid, const struct ad_denial *denial) ad_must_check;
/** Why the kernel did not permit it and what helps: AD_ERROR_PERMISSION. */
struct ad_error *ad_live_denied(pid_t pid, int proc_fd, const struct ad_limits *limits) ad_must_check;

/* ---- live_process.c ------------------------------------------------------------------------------- */

/** What takes long and hardly changes: names, auxv, mappings; opens its memory. */
struct ad_error *ad_live_read_process(struct ad_live *live) ad_must_check;
/** The mappings anew, when the sizes of the address space have changed. */
struct ad_error *ad_live_refresh_regions(struct ad_live *live) ad_must_check;
/** The sizes of the address space: they tell whether mappings changed, without reading 100,000 lines. */
struct ad_error *ad_live_read_sizes(const struct ad_live *live, uint64_t sizes[2]) ad_must_check;
/** Names of the threads and what the process itself calls them. */
void ad_live_name_threads(struct ad_live *live);
/** As far as the kernel tells of a thread that is not stopped: the system call it is in, pc and sp. */
void ad_live_read_place(const struct ad_live *live, struct ad_thread *thread);
/** Threads of a process that is not stopped: where those are that wait in the kernel. */
struct ad_error *ad_live_glance_threads(struct ad_live *live) ad_must_check;

#endif
