/* SPDX-License-Identifier: MIT */
/**
 * @file live.h - a running process as a target.
 *
 * PTRACE_SEIZE + PTRACE_INTERRUPT (never PTRACE_ATTACH: a tracer killed between attach and detach would
 * leave the process stopped), all threads, registers; then every read is a copy that is kept. After
 * ad_target_release the process runs on and only the copies can be read. A process that was already
 * stopped stays stopped; signals that arrive meanwhile are delivered afterwards. A thread in an
 * uninterruptible wait (vfork) is given up after limits->stop_milliseconds: it has no registers then.
 */
#ifndef AD_TARGET_LIVE_H
#define AD_TARGET_LIVE_H

#include "target/target.h"

/**
 * AD_ERROR_UNUSABLE: no such process, a zombie, a kernel thread, or traced by another;
 * AD_ERROR_PERMISSION with the way out (same user, yama, capabilities).
 */
struct ad_error *ad_live_open(pid_t pid, const struct ad_limits *limits,
                              struct ad_target **target_ret) ad_must_check;

#endif
