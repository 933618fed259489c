/* SPDX-License-Identifier: MIT */
/**
 * @file rules.h - the rules that make findings, one function each, and what they share. Each is linear in the
 * snapshot and iterative. Nothing is said of a runtime that was stopped while it changed, nor of a task that
 * was read while it did: there, what disagrees proves nothing.
 */
#ifndef AD_FINDINGS_RULES_H
#define AD_FINDINGS_RULES_H

#include "base/map.h"
#include "findings/findings.h"
#include "findings/graph.h"

/* A loop that others wait for should turn at least so often, and what is due should have happened. */
#define AD_SOON_NS UINT64_C(1000000000)
/* What nobody should wait for so long. */
#define AD_LONG_NS UINT64_C(5000000000)

/** What is at hand while findings are made. */
struct ad_work {
    const struct ad_snapshot *snapshot;
    const struct ad_graph *graph;
    struct ad_findings *findings;
    struct ad_vector groups; /* struct ad_finding in the making: see ad_gather */
    struct ad_map group_of;  /* key -> group */
    uint8_t *orphans;        /* by future: enum ad_finding_reason; once ad_find_orphans has run */
};

void ad_work_init(struct ad_work *work, const struct ad_snapshot *snapshot, const struct ad_graph *graph,
                  struct ad_findings *findings);
void ad_work_deinit(struct ad_work *work);

struct ad_error *ad_find_deadlocks(struct ad_work *work) ad_must_check;
struct ad_error *ad_find_blockers(struct ad_work *work) ad_must_check;
struct ad_error *ad_find_workers(struct ad_work *work) ad_must_check;
struct ad_error *ad_find_lost_wakeups(struct ad_work *work) ad_must_check;
struct ad_error *ad_find_orphans(struct ad_work *work) ad_must_check;
struct ad_error *ad_find_lives(struct ad_work *work) ad_must_check;
struct ad_error *ad_find_limits(struct ad_work *work) ad_must_check;
struct ad_error *ad_find_growth(struct ad_work *work) ad_must_check;

struct ad_error *ad_count_tasks(const struct ad_snapshot *snapshot, struct ad_tally *tally) ad_must_check;

/** A finding of this code, with nothing in it yet. */
struct ad_finding ad_finding_of(enum ad_finding_code code, enum ad_severity severity,
                                enum ad_confidence confidence);

/** Adds it, with room for task_count tasks. */
struct ad_error *ad_find_add(struct ad_work *work, struct ad_finding finding,
                             struct ad_finding **finding_ret) ad_must_check;

/** Adds a task to the finding of this `key`, which is begun as `finding` is with its first task. Keys of
 *  different codes do not meet. `since`: since when it lasts, for STACK_NEAR_END bytes that were left; the
 *  lowest are kept. */
struct ad_error *ad_gather(struct ad_work *work, uint64_t key, const struct ad_finding *finding,
                           uint32_t task, uint64_t since) ad_must_check;
/** Adds all that were gathered. */
struct ad_error *ad_gather_end(struct ad_work *work) ad_must_check;

/* Small questions. Indices must be below the count; AD_NONE and beyond give NULL where a pointer comes back.
 */
const struct ad_task *ad_work_task(const struct ad_work *work, uint32_t index);
const struct ad_future *ad_work_future(const struct ad_work *work, uint32_t index);
const struct ad_worker *ad_work_worker(const struct ad_work *work, uint32_t index);
/** Whether its runtime was read while nothing in it changed, and it itself too. */
bool ad_task_settled(const struct ad_work *work, const struct ad_task *task);
/** Whether `since` is known and lies `ns` or more before the snapshot's time. */
bool ad_lasts(const struct ad_work *work, uint64_t since, uint64_t ns);
/** Tasks in a worker's run queue and inbox. */
uint64_t ad_ready_on(const struct ad_worker *worker);
/** Whether a task keeps this worker from what is due on it. */
bool ad_worker_blocked(const struct ad_work *work, const struct ad_worker *worker);
/** Whether the owner of a future is known to have ended. */
bool ad_owner_ended(const struct ad_work *work, const struct ad_future *future);
/** Whether whoever was to end waits for this future has ended first. */
bool ad_is_orphan(const struct ad_work *work, uint32_t future);

#endif
