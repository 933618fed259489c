/* SPDX-License-Identifier: MIT */
/**
 * @file live.h - a running process as a target.
 *
 * Every read is a copy that is kept. Most of it is copied while the process runs, so that it stands still for
 * the rest only; whoever reads says in which order (dump/live_read.c does):
 *
 *     ad_live_watch     reads copy from the running process
 *     ad_live_compare   copies all again; what has changed is hot
 *     ad_live_stop      stops it: registers, and what is hot, copied again
 *                         ... reads now copy from the standing process, and what is asked for by
 *                             ad_target_prefetch is copied again ...
 *     ad_live_resume    lets it go on
 *     ad_live_compare   what was not copied in the stop, and is not as it was before, is torn: nobody knows
 *                       what it was in the stop. All else was so then, since it was so before and after
 *     ad_target_release reads see only the copies from now on
 *
 * PTRACE_SEIZE + PTRACE_INTERRUPT (never PTRACE_ATTACH: a tracer killed between attach and detach would leave
 * the process stopped). A process that was already stopped stays stopped; signals that arrive meanwhile are
 * delivered afterwards. A thread in an uninterruptible wait (vfork) is given up after limits->stop_milliseconds:
 * of it only the system call, its arguments, pc and sp are known then.
 */
#ifndef AD_TARGET_LIVE_H
#define AD_TARGET_LIVE_H

#include "base/vector.h"
#include "target/target.h"

/**
 * AD_ERROR_UNUSABLE: no such process, a zombie, a kernel thread, or (when it is to be stopped: `stops`) traced
 * by another; AD_ERROR_PERMISSION with the way out (same user, yama, capabilities).
 */
struct ad_error *ad_live_watch(pid_t pid, bool stops, const struct ad_limits *limits,
                               struct ad_target **target_ret) ad_must_check;
/** Watches it and stops it at once; ad_target_release lets it go on. */
struct ad_error *ad_live_open(pid_t pid, const struct ad_limits *limits,
                              struct ad_target **target_ret) ad_must_check;

/** Copies again what was not copied in a stop since the last call of ad_live_stop; how much of it changed. */
struct ad_error *ad_live_compare(struct ad_target *target, uint64_t *changed_ret) ad_must_check;
/** What of these ranges was copied is hot, whether it changes or not; an empty list: all of it is. */
void ad_live_heat(struct ad_target *target, const struct ad_range *ranges, size_t count);
/** Bytes and pieces that were copied. */
uint64_t ad_live_copied(const struct ad_target *target, size_t *pieces_ret);
/** The ranges (struct ad_range) that have ever been seen to change, sorted. */
struct ad_error *ad_live_changed(const struct ad_target *target, struct ad_vector *ranges) ad_must_check;

struct ad_error *ad_live_stop(struct ad_target *target) ad_must_check;
void ad_live_resume(struct ad_target *target);
/** Instead of a stop: tells the threads as far as that goes. */
struct ad_error *ad_live_glance(struct ad_target *target) ad_must_check;
/** While on, ad_target_prefetch copies again what is here already; exactly that, not the rest of its page. */
void ad_live_refresh(struct ad_target *target, bool on);
/** Copies exactly these bytes again; changed[i]: those of ranges[i] were not the same, or cannot be had. */
void ad_live_renew(struct ad_target *target, const struct ad_range *ranges, size_t count, bool *changed);

/** Whether any of it is torn. */
bool ad_live_torn(const struct ad_target *target, struct ad_range range);
/** Adds all ranges (struct ad_range) that were copied, sorted. */
struct ad_error *ad_live_ranges(const struct ad_target *target, struct ad_vector *ranges) ad_must_check;

#endif
