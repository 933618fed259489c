/* SPDX-License-Identifier: MIT */
/**
 * @file findings.h - why nothing moves, and who is to blame: what the wait-for graph proves.
 *
 *     task --awaits--> future --owner--> task --awaits--> ...      chains lead to who keeps them all, and
 *                                                                  cycles are deadlocks
 *
 * Linear in the snapshot's size (but for sorting the findings) and iterative. Each finding carries its
 * evidence as indices into the snapshot; sentences are made by report/.
 *
 * A wrong accusation is worse than silence: only what a named owner can end makes an edge (graph.h has the
 * rule), and only an edge between waiting tasks can be part of a deadlock.
 */
#ifndef AD_FINDINGS_FINDINGS_H
#define AD_FINDINGS_FINDINGS_H

#include "model/snapshot.h"

enum ad_finding_code {
    AD_FINDING_DEADLOCK,       /**< tasks in a cycle, each waiting for what the next one holds */
    AD_FINDING_BLOCKER,        /**< an object that tasks wait for, directly or through others */
    AD_FINDING_BLOCKED_WORKER, /**< a task sits on its worker while others are ready */
};

/** ERROR: proven harm. WARNING: looks wrong, or follows from an ERROR. NOTE: normal, good to know. */
enum ad_severity { AD_SEVERITY_NOTE, AD_SEVERITY_WARNING, AD_SEVERITY_ERROR };

enum { AD_CHAIN_MAX = 6 };

struct ad_finding {
    enum ad_finding_code code;
    enum ad_severity severity;
    uint32_t *tasks;   /**< DEADLOCK: the ring in waiting order, task i waits for task i + 1, lowest index
                            first, then the knot (graph.h); BLOCKER: the chain from the object's owner to the root that keeps it,
                            empty when its owner has ended or was not read; BLOCKED_WORKER: the task */
    size_t task_count; /**< a BLOCKER has at most AD_CHAIN_MAX: the first ones and, last, the root */
    size_t ring;       /**< DEADLOCK: how many of the tasks make the ring */
    uint64_t chain;    /**< BLOCKER: length of the whole chain */
    uint32_t future;   /**< BLOCKER: the object; else AD_NONE */
    uint32_t worker;   /**< BLOCKED_WORKER; else AD_NONE */
    uint32_t deadlock; /**< BLOCKER: number of the deadlock its root is a member of; DEADLOCK: its own,
                            from 0 on in the order of ad_findings.findings; else AD_NONE */
    uint64_t direct;   /**< tasks that wait for it (DEADLOCK: for a member of it; BLOCKED_WORKER: in the
                            worker's run queue and inbox) directly */
    uint64_t total;    /**< directly or through others; members of a deadlock are not counted */
};

enum ad_verdict {
    AD_VERDICT_HUNG,    /**< a deadlock */
    AD_VERDICT_SUSPECT, /**< a finding of severity WARNING, or tasks that wait only for each other */
    AD_VERDICT_IDLE,    /**< nothing runs, and something outside can wake it */
    AD_VERDICT_BUSY,    /**< something runs or is ready to */
    AD_VERDICT_EMPTY,   /**< no task */
};

/** Tasks by what they are doing. Together they are all tasks. */
struct ad_tally {
    uint64_t outside;  /**< waiting for something outside: network, files, signals, threads */
    uint64_t inside;   /**< waiting for what other tasks do, or for what is not known */
    uint64_t sleeping; /**< waiting for a timer */
    uint64_t ready;    /**< in a run queue, or spawned and not yet queued */
    uint64_t running;
    uint64_t ended; /**< ended, not yet released */
    uint64_t timed;  /**< of those inside, with a timeout around their wait */
    uint64_t system; /**< of all tasks, the runtime's own */
};

struct ad_findings {
    enum ad_verdict verdict;
    uint64_t deadlocks;
    uint64_t stuck; /**< tasks that wait on a deadlock, its members not counted */
    struct ad_tally tally;
    struct ad_vector findings; /* struct ad_finding, the worst first: by severity, code, total */
    struct ad_pool pool;
};

struct ad_error *ad_findings_compute(const struct ad_snapshot *snapshot,
                                     struct ad_findings *findings_ret) ad_must_check;
void ad_findings_deinit(struct ad_findings *findings);

/** Whether there is a finding of severity ERROR. */
bool ad_findings_failed(const struct ad_findings *findings);

#endif
