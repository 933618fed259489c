/* SPDX-License-Identifier: MIT */
/**
 * @file findings.h - why nothing moves, and who is to blame: what the wait-for graph proves.
 *
 *     task --awaits--> future --owner--> task --awaits--> ...      each task has at most one way out, so
 *                                                                  cycles and chains are found in one pass
 *
 * Linear in the snapshot's size and iterative. Each finding carries its evidence as indices into the
 * snapshot; sentences are made by report/.
 */
#ifndef AD_FINDINGS_FINDINGS_H
#define AD_FINDINGS_FINDINGS_H

#include "model/snapshot.h"

enum ad_finding_code {
    AD_FINDING_DEADLOCK,       /**< tasks in a cycle, each waiting for what the next one holds */
    AD_FINDING_BLOCKER,        /**< an object that many tasks wait for, directly or through others */
    AD_FINDING_BLOCKED_WORKER, /**< a task sits on its worker while others are ready */
};

enum ad_severity { AD_SEVERITY_NOTE, AD_SEVERITY_WARNING, AD_SEVERITY_ERROR };

struct ad_finding {
    enum ad_finding_code code;
    enum ad_severity severity;
    uint32_t *tasks;      /**< DEADLOCK: the cycle in waiting order, task i waits for task i + 1; BLOCKER: the
                               chain from the object's owner to the root that keeps it */
    size_t task_count;
    uint32_t future;      /**< BLOCKER: the object */
    uint64_t direct;      /**< tasks that wait for it (DEADLOCK: for a member of the cycle) directly */
    uint64_t total;       /**< directly or through others; members of a cycle are not counted */
};

enum ad_verdict { AD_VERDICT_HUNG, AD_VERDICT_SUSPECT, AD_VERDICT_IDLE, AD_VERDICT_BUSY, AD_VERDICT_EMPTY };

struct ad_findings {
    enum ad_verdict verdict;
    uint64_t deadlocks;
    uint64_t stuck;             /**< tasks that wait on a deadlock, its members not counted */
    struct ad_vector findings;  /* struct ad_finding, the worst first */
    struct ad_pool pool;
};

struct ad_error *ad_findings_compute(const struct ad_snapshot *snapshot, struct ad_findings *findings_ret)
    ad_must_check;
void ad_findings_deinit(struct ad_findings *findings);

#endif
