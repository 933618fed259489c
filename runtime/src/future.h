/* SPDX-License-Identifier: MIT */
/**
 * @file future.h - what tasks wait for, and the queue of those who wait.
 *
 * Every wait of this runtime goes through async_future_await and ends with one wake. Futures live inside
 * the object they belong to (a mutex, a connection, a sleeper's stack); waiters live on the stack of the
 * waiting task, and a wake hands its result to the waiter. So a woken task needs nothing of the object, and
 * the object may be destroyed between the wake and the moment when the task runs.
 *
 *     future --waiters--> waiter --next--> waiter --next--> NULL
 *        ^                 | ^ task                           ^
 *        |                 v |                                 `-- last: where the next one is hooked in
 *        `---awaits------ task
 */
#ifndef ASYNC_FUTURE_H
#define ASYNC_FUTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct async_task;
struct async_future;

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
};

/** Named in descriptor.c. */
enum async_future_state {
    ASYNC_FUTURE_PENDING = 1, /**< whoever awaits it waits */
    ASYNC_FUTURE_RESOLVED,
    ASYNC_FUTURE_FAILED,
    ASYNC_FUTURE_OPEN,   /**< a channel's end or a stream's direction, in use */
    ASYNC_FUTURE_CLOSED, /**< the same, no more */
    ASYNC_FUTURE_FREE,   /**< a mutex that nobody holds */
    ASYNC_FUTURE_HELD,   /**< a mutex that somebody holds */
};

#define ASYNC_FUTURE_MAGIC 0x6173796e46555455u /* "asynFUTU" */
#define ASYNC_WAITER_MAGIC 0x6173796e57414954u /* "asynWAIT" */
#define ASYNC_DEAD_MAGIC 0x6173796e64656164u   /* "asyndead": a record that was destroyed */

/** One task's place in one queue. */
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
};

/** Fields that a kind has no use for stay zero (fd: -1). */
struct async_future {
    uint64_t magic;
    uint32_t kind;
    uint32_t state;
    struct async_waiter *waiters; /**< first come, first served */
    struct async_waiter **last;
    const char *name; /**< or NULL; belongs to the object */
    struct async_task *owner;
    uint64_t owned_since;
    void *object;
    uint64_t deadline;
    const char *peer; /**< or NULL; belongs to the object */
    uint64_t size;
    uint64_t capacity;
    uint64_t count;
    uint64_t created_at;
    uint32_t waiter_count;
    int32_t fd;
    int32_t error;
};

void async_future_init(struct async_future *future, enum async_future_kind kind,
                       enum async_future_state state, void *object);

/** Nobody may wait on it. */
void async_future_deinit(struct async_future *future);

/** Suspends the running task in the future's queue, until a waker gives the result. */
int64_t async_future_await(struct async_future *future, void *data);

/** Takes a waiter out of its queue, hands it the result and makes its task ready. */
void async_waiter_wake(struct async_waiter *waiter, int64_t result);

/** Wakes the first in the queue; false: nobody waits. */
bool async_future_wake(struct async_future *future, int64_t result);
void async_future_wake_all(struct async_future *future, int64_t result);

/** `size` zeroed bytes of an object with a copy of `name` (NULL: "") behind them; one free() releases both.
 */
void *async_object_create(size_t size, const char *name, const char **name_ret);

#endif
