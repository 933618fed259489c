/* SPDX-License-Identifier: MIT */
/**
 * @file future.h - what tasks wait for, and the queue of those who wait.
 *
 * Every wait of this runtime goes through async_future_await and ends in one of two ways: a waker claims
 * it and hands it a result, or it is interrupted (cancel.h). Futures live inside the object they belong to
 * (a mutex, a connection, a sleeper's stack); waiters live on the stack of the waiting task. A woken task
 * needs nothing of the object, which may be destroyed between the wake and the moment when the task runs.
 *
 *     future --waiters--> waiter --next--> waiter --next--> NULL
 *        ^                 | ^ task                           ^
 *        |                 v |                                 `-- last: where the next one is hooked in
 *        `---awaits------ task
 *
 * A task that waits for several futures waits for one of its own, kind SELECT or ALL, on its stack; the
 * several have it in their queues by waiters of their own, which are that future's children:
 *
 *     task --awaits--> SELECT --waiters--> waiter (the whole)
 *                        `----children--> waiter (in future 1) --sibling--> waiter (in future 2) ...
 *
 * Threads: a future's queue, state and owner are guarded by *lock. A wait ends once: whoever wins the claim
 * on the task ends it (async_future_claim), on whatever worker. The task is then made ready by its own worker.
 */
#ifndef ASYNC_FUTURE_H
#define ASYNC_FUTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lock.h"

struct async_task;
struct async_future;
struct async_site;

/** Named in descriptor.c. */
enum async_future_kind {
    ASYNC_FUTURE_TIMER = 1,
    ASYNC_FUTURE_READ,
    ASYNC_FUTURE_WRITE,
    ASYNC_FUTURE_ACCEPT,
    ASYNC_FUTURE_CONNECT,
    ASYNC_FUTURE_CLOSE,
    ASYNC_FUTURE_MUTEX,
    ASYNC_FUTURE_CHANNEL_SEND,
    ASYNC_FUTURE_CHANNEL_RECEIVE,
    ASYNC_FUTURE_JOIN,
    ASYNC_FUTURE_PROMISE,
    ASYNC_FUTURE_GROUP,
    ASYNC_FUTURE_ALL,
    ASYNC_FUTURE_SELECT,
    ASYNC_FUTURE_RWLOCK_READ,
    ASYNC_FUTURE_RWLOCK_WRITE,
    ASYNC_FUTURE_SEMAPHORE,
    ASYNC_FUTURE_CONDITION,
    ASYNC_FUTURE_EVENT,
    ASYNC_FUTURE_WORK,
    ASYNC_FUTURE_DNS,
    ASYNC_FUTURE_FILE,
    ASYNC_FUTURE_SIGNAL,
    ASYNC_FUTURE_PROCESS,
    ASYNC_FUTURE_RECEIVE, /**< a datagram */
    ASYNC_FUTURE_SEND,    /**< a datagram */
};

/** Named in descriptor.c. */
enum async_future_state {
    ASYNC_FUTURE_PENDING = 1, /**< whoever awaits it waits */
    ASYNC_FUTURE_RESOLVED,
    ASYNC_FUTURE_FAILED,
    ASYNC_FUTURE_OPEN,   /**< a channel's end or a stream's direction, in use */
    ASYNC_FUTURE_CLOSED, /**< the same, no more */
    ASYNC_FUTURE_FREE,   /**< a lock that nobody holds */
    ASYNC_FUTURE_HELD,   /**< a lock that somebody holds */
    ASYNC_FUTURE_CANCELLED,
    ASYNC_FUTURE_QUEUED,  /**< until a thread of the pool has time */
    ASYNC_FUTURE_RUNNING, /**< on a thread of the pool */
};

#define ASYNC_ENDS_UNKNOWN (-1)

#define ASYNC_FUTURE_MAGIC 0x6173796e46555455u /* "asynFUTU" */
#define ASYNC_WAITER_MAGIC 0x6173796e57414954u /* "asynWAIT" */
#define ASYNC_DEAD_MAGIC 0x6173796e64656164u   /* "asyndead": a record that was destroyed */

/** One task's place in one queue. Not in a queue: link is NULL. */
struct async_waiter {
    uint64_t magic;
    struct async_task *task;
    struct async_future *future;
    struct async_waiter *next;
    struct async_waiter **link; /**< the pointer that points here */
    struct async_waiter *sibling;
    uint64_t since;
    void *data;     /**< what the waiting call and its waker agreed on, such as where an item goes */
    int64_t result; /**< given by the waker */

    struct async_waiter *whole; /**< of a child: the waiter that its task really waits by */
    /** Called instead of ending the wait, by async_future_wake_all only; the future's lock is held. */
    void (*notify)(struct async_waiter *waiter, int64_t result);
    /** It has left the queue with empty hands, so that those behind it may be next; the lock is held. */
    void (*left)(struct async_waiter *waiter);
    bool leaving; /**< found to be over by a waker, which took it out: counted in the future's `leaving` */
};

/** Fields that a kind has no use for stay zero (fd: -1). */
struct async_future {
    uint64_t magic;
    uint32_t kind;
    uint32_t state;
    struct async_waiter *waiters; /**< first come, first served */
    struct async_waiter **last;
    struct async_lock *lock;      /**< its own, or that of the object it shares one with */
    struct async_waiter *holders; /**< who holds a share of it, chained by next */
    struct async_waiter *children;
    const char *name; /**< or NULL; belongs to the object */
    struct async_task *owner;
    uint64_t owner_id;
    uint64_t owned_since;
    void *object;
    const struct async_site *site; /**< where it was created, or NULL */
    uint64_t deadline;
    const char *peer; /**< or NULL; belongs to the object */
    uint64_t size;
    uint64_t capacity;
    uint64_t count;
    uint64_t created_at;
    struct async_worker *worker; /**< whose loop completes it, or NULL */
    struct async_lock own_lock;
    uint32_t waiter_count;
    int32_t senders;    /**< open ends of a channel; ASYNC_ENDS_UNKNOWN: nobody has said so */
    int32_t receivers;  /**< likewise */
    int32_t thread;     /**< kernel id of the OS thread that is to complete it, or 0 */
    int32_t fd;
    int32_t error;
    uint32_t leaving; /**< waiters out of the queue whose tasks have yet to take the lock once more */
};

void async_future_init(struct async_future *future, enum async_future_kind kind,
                       enum async_future_state state, void *object);

/** The same where all is zero already, at a known time. */
static inline void async_future_fill(struct async_future *future, enum async_future_kind kind,
                                     enum async_future_state state, void *object, uint64_t now)
{
    future->magic = ASYNC_FUTURE_MAGIC;
    future->kind = kind;
    future->state = state;
    future->last = &future->waiters;
    future->lock = &future->own_lock;
    future->object = object;
    future->created_at = now;
    future->senders = ASYNC_ENDS_UNKNOWN;
    future->receivers = ASYNC_ENDS_UNKNOWN;
    future->fd = -1;
}

/** Nobody may wait on it. */
void async_future_deinit(struct async_future *future);

/**
 * Suspends the running task in the future's queue. The caller holds the future's lock, which is given back.
 * Returns what the waker gave, or UV_ECANCELED or UV_ETIMEDOUT when the wait was interrupted: the task is
 * out of the queue then, and nothing was handed to it.
 */
int64_t async_future_await(struct async_future *future, void *data);

/** The same, and nothing interrupts it: for what must not be left behind half done. */
int64_t async_future_await_shielded(struct async_future *future, void *data);

/** Somebody waits, or has yet to leave: it must not be destroyed. The lock is held. */
static inline bool async_future_busy(const struct async_future *future)
{
    return future->waiters || future->leaving;
}

/**
 * A wait in two steps, for those who must do something in between (give other locks back, unlock a mutex).
 * From the first step on the wait may be claimed. Of the waiter, which lies on the caller's stack, `data` and
 * `left` may be set before. The future's lock is held, and stays so. Whether the task is to be interrupted
 * (async_interrupt_take) must have been asked before.
 */
void async_wait_begin(struct async_waiter *waiter, struct async_future *future);

/** No lock is held. Returns what async_future_await would. */
int64_t async_wait_end(struct async_waiter *waiter);

/** Joins a queue without waiting, for a child of a SELECT or ALL. The future's lock is held. */
void async_waiter_enter(struct async_waiter *waiter, struct async_future *future);

/** Leaves it, if it is still there. The future's lock is not held. Not for one that a waker has claimed: its
 *  future may be gone. */
void async_waiter_leave(struct async_waiter *waiter);

/** Takes a waiter out of the queue; true: and wins its wait, as async_future_claim does. `changes` is odd. */
bool async_waiter_claim(struct async_waiter *waiter);

/**
 * Takes the first whose wait is not over out of the queue and wins its wait; NULL: nobody waits. The
 * future's lock is held. What is to be handed over may be handed over now; async_waiter_wake must follow.
 */
struct async_waiter *async_future_claim(struct async_future *future);

/** Hands a claimed waiter its result; its task becomes ready. */
void async_waiter_wake(struct async_waiter *waiter, int64_t result);

/** Claims and wakes the first in the queue; false: nobody waits. The future's lock is held. */
bool async_future_wake(struct async_future *future, int64_t result);
void async_future_wake_all(struct async_future *future, int64_t result);

/** The same at a known time. */
void async_future_wake_all_at(struct async_future *future, int64_t result, uint64_t now);

/** The owner changes; NULL: none. A task that ends while it owns something stays on record, so that whoever
 *  looks at those who wait finds its name, not a reused slot. The future's lock is held. */
void async_future_set_owner(struct async_future *future, struct async_task *task);

/** Whether a task that has not ended owns it. The future's lock is held. */
bool async_future_owned(const struct async_future *future);

/** Before destruction, perhaps after the last worker's end: nobody owns it any more. */
void async_future_disown(struct async_future *future);

/** `size` zeroed bytes of an object with a copy of `name` (NULL: "") behind them; one free() releases both.
 */
void *async_object_create(size_t size, const char *name, const char **name_ret);

#endif
