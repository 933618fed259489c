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
    AD_FINDING_LOST_WAKEUP,    /**< what a task waits for has come, and nobody has told it */
    AD_FINDING_ORPHAN,         /**< who was to end a wait has ended first */
    AD_FINDING_STACK_OVERFLOW, /**< a task has left its stack */
    AD_FINDING_WORKER_BLOCKED, /**< a task sits on its worker while others are due */
    AD_FINDING_BLOCKER,        /**< an object that tasks wait for, directly or through others */
    AD_FINDING_POOL_BUSY,      /**< calls wait for a thread of the pool, and none gets free */
    AD_FINDING_CHANNEL_FULL,   /**< tasks wait to send, and nobody receives */
    AD_FINDING_STARVED,        /**< ready tasks wait long for their turn on a worker that turns */
    AD_FINDING_CANCEL_IGNORED, /**< asked to end long ago, and still there */
    AD_FINDING_UNSEEN_FAILURE, /**< failed, and nobody takes the error */
    AD_FINDING_NEVER_STARTED,  /**< made, but never put into a queue */
    AD_FINDING_STACK_NEAR_END, /**< a stack was nearly used up once */
    AD_FINDING_GROWTH,         /**< tasks of one spawn site come and do not go */
    AD_FINDING_CODES
};

/** What exactly a LOST_WAKEUP or ORPHAN is. */
enum ad_finding_reason {
    AD_REASON_NONE,
    AD_REASON_COMPLETED,     /**< the future has ended */
    AD_REASON_UNLISTED,      /**< the future does not have the task among its waiters */
    AD_REASON_AVAILABLE,     /**< there are items, slots or permits */
    AD_REASON_NOT_RUN,       /**< ready, and its worker idles */
    AD_REASON_OVERDUE,       /**< its timer was due, and the loop has turned since */
    AD_REASON_HELD_BY_ENDED, /**< a lock, or all permits: the holders have ended */
    AD_REASON_NO_PRODUCER,   /**< a promise, or a channel that nobody sends to */
    AD_REASON_NO_CONSUMER,   /**< a full channel that nobody receives from */
    AD_REASONS
};

/** ERROR: proven harm. WARNING: looks wrong, or follows from an ERROR. NOTE: normal, good to know. */
enum ad_severity { AD_SEVERITY_NOTE, AD_SEVERITY_WARNING, AD_SEVERITY_ERROR };

/** CERTAIN: it follows from what was read. LIKELY: unless the program does something unusual. POSSIBLE: a
 *  sign that deserves a look. */
enum ad_confidence { AD_CONFIDENCE_POSSIBLE, AD_CONFIDENCE_LIKELY, AD_CONFIDENCE_CERTAIN };

enum { AD_CHAIN_MAX = 6 };

struct ad_finding {
    enum ad_finding_code code;
    enum ad_finding_reason reason;
    enum ad_severity severity;
    enum ad_confidence confidence;
    uint32_t
        *tasks;        /**< DEADLOCK: the ring in waiting order, task i waits for task i + 1, lowest index
                            first, then the knot (graph.h); BLOCKER: the chain from the object's owner to the root
                          that keeps it,        empty when its owner has ended or was not read; WORKER_BLOCKED: the task
                          that does;        others: those concerned, the longest first, at most AD_CHAIN_MAX */
    size_t task_count; /**< a BLOCKER has at most AD_CHAIN_MAX: the first ones and, last, the root */
    size_t ring;       /**< DEADLOCK: how many of the tasks make the ring */
    uint64_t chain;    /**< BLOCKER: length of the whole chain */
    uint32_t future;   /**< the object; else AD_NONE */
    uint32_t worker;   /**< WORKER_BLOCKED, STARVED, and a LOST_WAKEUP that is NOT_RUN; else AD_NONE */
    uint32_t deadlock; /**< BLOCKER: number of the deadlock its root is a member of; DEADLOCK: its own,
                            from 0 on in the order of ad_findings.findings; else AD_NONE */
    uint64_t direct;   /**< tasks that wait for it (DEADLOCK: for a member of it; WORKER_BLOCKED: in the
                            worker's run queue and inbox) directly; others: tasks concerned */
    uint64_t total;    /**< directly or through others; members of a deadlock are not counted */
    uint64_t since;    /**< since when it lasts, the longest of them; 0: not known */
};

enum ad_verdict {
    AD_VERDICT_HUNG,    /**< a finding of severity ERROR */
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
    uint64_t ended;  /**< ended, not yet released */
    uint64_t timed;  /**< of those inside, with a timeout around their wait */
    uint64_t system; /**< of all tasks, the runtime's own */
    uint64_t oldest; /**< since when the one of those outside waits that has waited longest; 0: not known */
};

struct ad_findings {
    enum ad_verdict verdict;
    uint64_t deadlocks;
    uint64_t stuck; /**< tasks that wait on a deadlock, its members not counted */
    struct ad_tally tally;
    struct ad_vector
        findings; /* struct ad_finding, the worst first: by severity, code, total; deadlocks lead */
    struct ad_pool pool;
};

struct ad_error *ad_findings_compute(const struct ad_snapshot *snapshot,
                                     struct ad_findings *findings_ret) ad_must_check;
void ad_findings_deinit(struct ad_findings *findings);

/** Whether there is a finding of severity ERROR. */
bool ad_findings_failed(const struct ad_findings *findings);

/** "DEADLOCK": the stable name of a code. */
const char *ad_finding_code_name(enum ad_finding_code code);
/** "completed"; NULL for AD_REASON_NONE. */
const char *ad_finding_reason_name(enum ad_finding_reason reason);

#endif
