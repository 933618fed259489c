/* SPDX-License-Identifier: MIT */
/**
 * @file async_sync.h - what tasks wait for among themselves: included by async.h. All of it may be used
 * across workers, and lives until _destroy.
 */
#ifndef ASYNC_SYNC_H
#define ASYNC_SYNC_H

#include "async_tasks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Mutex: fair, first come first served -------------------------------------------------------- */

struct async_mutex;
#define async_mutex_create(mutex_ret, name) async_mutex_create_at(mutex_ret, name, ASYNC_SITE())
int async_mutex_create_at(struct async_mutex **mutex_ret, const char *name, const struct async_site *site);
/** Waits until it is free. A deadlock is no error here: it is to be seen, not hidden. */
int async_mutex_lock(struct async_mutex *mutex);
int async_mutex_try_lock(struct async_mutex *mutex); /**< UV_EBUSY */
int async_mutex_unlock(struct async_mutex *mutex);   /**< UV_EPERM: the caller does not hold it */
/** UV_EBUSY: it is waited for, or held by a task that lives. */
int async_mutex_destroy(struct async_mutex *mutex);

/* ---- Read-write lock: fair between readers and writers too ------------------------------------------- */

struct async_rwlock;
#define async_rwlock_create(rwlock_ret, name) async_rwlock_create_at(rwlock_ret, name, ASYNC_SITE())
int async_rwlock_create_at(struct async_rwlock **rwlock_ret, const char *name, const struct async_site *site);
/** Many may hold it to read. Who comes after a waiting writer waits behind it: do not lock again inside. */
int async_rwlock_read_lock(struct async_rwlock *rwlock); /**< UV_ENOMEM */
int async_rwlock_write_lock(struct async_rwlock *rwlock);
int async_rwlock_try_read_lock(struct async_rwlock *rwlock);  /**< UV_EBUSY; UV_ENOMEM */
int async_rwlock_try_write_lock(struct async_rwlock *rwlock); /**< UV_EBUSY */
int async_rwlock_unlock(struct async_rwlock *rwlock);         /**< UV_EPERM: the caller does not hold it */
int async_rwlock_destroy(struct async_rwlock *rwlock);        /**< UV_EBUSY, as for a mutex */

/* ---- Semaphore: permits, first come first served ------------------------------------------------------ */

struct async_semaphore;
/** `permits`: how many there are, all free at first. UV_EINVAL: 0. */
#define async_semaphore_create(semaphore_ret, name, permits)                                                 \
    async_semaphore_create_at(semaphore_ret, name, permits, ASYNC_SITE())
int async_semaphore_create_at(struct async_semaphore **semaphore_ret, const char *name, uint64_t permits,
                              const struct async_site *site);
/** Waits until so many are free, and takes them all at once. UV_EINVAL: none, or more than there are;
 *  UV_ENOMEM. Who wants few waits behind who came before and wants many. */
int async_semaphore_acquire(struct async_semaphore *semaphore, uint64_t permits);
int async_semaphore_try_acquire(struct async_semaphore *semaphore, uint64_t permits); /**< UV_EBUSY */
/** Anybody may: what the caller holds is given back first, then what others have held longest. UV_EPERM: so
 *  many are not taken. */
int async_semaphore_release(struct async_semaphore *semaphore, uint64_t permits);
int async_semaphore_destroy(struct async_semaphore *semaphore); /**< UV_EBUSY, as for a mutex */

/* ---- Condition: to wait, under a mutex, until something may have changed ------------------------------ */

struct async_condition;
#define async_condition_create(condition_ret, name)                                                          \
    async_condition_create_at(condition_ret, name, ASYNC_SITE())
int async_condition_create_at(struct async_condition **condition_ret, const char *name,
                              const struct async_site *site);
/** Lets go of the mutex, waits, and holds it again on return, also when interrupted. No signal given under
 *  the mutex is missed. UV_EPERM: the caller does not hold the mutex. */
int async_condition_wait(struct async_condition *condition, struct async_mutex *mutex);
int async_condition_signal(struct async_condition *condition);    /**< wakes who has waited longest */
int async_condition_broadcast(struct async_condition *condition); /**< wakes all */
int async_condition_destroy(struct async_condition *condition);   /**< UV_EBUSY: somebody waits */

/* ---- Event: a flag to wait for ------------------------------------------------------------------------ */

struct async_event;
#define async_event_create(event_ret, name) async_event_create_at(event_ret, name, ASYNC_SITE())
int async_event_create_at(struct async_event **event_ret, const char *name, const struct async_site *site);
/** Ends all waits; later ones end at once, until it is cleared. */
int async_event_set(struct async_event *event);
int async_event_clear(struct async_event *event);
bool async_event_is_set(struct async_event *event);
int async_event_wait(struct async_event *event);
int async_event_destroy(struct async_event *event); /**< UV_EBUSY: somebody waits */

/* ---- Channel: bounded queue of fixed-size items; capacity 0 hands over directly ------------------ */

struct async_channel;
#define async_channel_create(channel_ret, name, item_size, capacity)                                         \
    async_channel_create_at(channel_ret, name, item_size, capacity, ASYNC_SITE())
int async_channel_create_at(struct async_channel **channel_ret, const char *name, size_t item_size,
                            size_t capacity, const struct async_site *site);
int async_channel_send(struct async_channel *channel, const void *item);     /**< UV_EPIPE: closed */
int async_channel_receive(struct async_channel *channel, void *item_ret);    /**< UV_EOF: closed and empty */
int async_channel_try_send(struct async_channel *channel, const void *item); /**< UV_EAGAIN: full; UV_EPIPE */
int async_channel_try_receive(struct async_channel *channel, void *item_ret); /**< UV_EAGAIN: empty; UV_EOF */
/** Ends all waits on it: senders' with UV_EPIPE (their items are not sent), receivers' with UV_EOF.
 *  UV_EALREADY. */
int async_channel_close(struct async_channel *channel);
/** Who wants to can say how many ends are in use. When the last sender or the last receiver has gone, the
 *  channel is closed; and whoever looks at a hang sees how many there are. UV_EPIPE: to open one, it is
 *  closed already; UV_EPERM: to close one, none is open. */
int async_channel_open_sender(struct async_channel *channel);
int async_channel_close_sender(struct async_channel *channel);
int async_channel_open_receiver(struct async_channel *channel);
int async_channel_close_receiver(struct async_channel *channel);
int async_channel_destroy(struct async_channel *channel); /**< UV_EBUSY: somebody waits on it */

/* ---- Promise: one value that somebody will provide ------------------------------------------------ */

struct async_promise;
#define async_promise_create(promise_ret, name) async_promise_create_at(promise_ret, name, ASYNC_SITE())
int async_promise_create_at(struct async_promise **promise_ret, const char *name,
                            const struct async_site *site);
/** Says which task is to resolve it, for whoever looks at a hang. UV_EALREADY: it is resolved. */
int async_promise_set_producer(struct async_promise *promise, struct async_task *producer);
/** From any thread of the process. UV_EALREADY; UV_ESRCH: async_run is not running. */
int async_promise_resolve(struct async_promise *promise, void *value);
int async_promise_fail(struct async_promise *promise, int error); /**< negative */
/** 0 and the value, or the error it failed with. */
int async_promise_await(struct async_promise *promise, void **value_ret);
int async_promise_destroy(struct async_promise *promise); /**< UV_EBUSY: somebody waits for it */

/* ---- Select: the first of several --------------------------------------------------------------------- */

enum async_select_kind {
    ASYNC_SELECT_SEND,
    ASYNC_SELECT_RECEIVE,
    ASYNC_SELECT_PROMISE,
    ASYNC_SELECT_EVENT,
    ASYNC_SELECT_END,
};

/** Something that may come to pass. */
struct async_case {
    enum async_select_kind kind;
    union {
        void *object; /**< NULL: this case never comes to pass */
        struct async_channel *channel;
        struct async_promise *promise;
        struct async_event *event;
        struct async_task *task;
    };
    void *data; /**< where the item is, or where item or value go */
};

/* clang-format off */
/** Initializers of a struct async_case; arguments as in the call that waits for this alone. */
#define ASYNC_CASE_SEND(channel_, item) \
    {.kind = ASYNC_SELECT_SEND, .channel = (channel_), .data = (void *)(item)}
#define ASYNC_CASE_RECEIVE(channel_, item_ret) \
    {.kind = ASYNC_SELECT_RECEIVE, .channel = (channel_), .data = (item_ret)}
#define ASYNC_CASE_PROMISE(promise_, value_ret) \
    {.kind = ASYNC_SELECT_PROMISE, .promise = (promise_), .data = (value_ret)}
#define ASYNC_CASE_EVENT(event_) {.kind = ASYNC_SELECT_EVENT, .event = (event_)}
/** The task has ended; it is not joined. */
#define ASYNC_CASE_END(task_) {.kind = ASYNC_SELECT_END, .task = (task_)}
/* clang-format on */

/**
 * Waits until one of the cases can be had, and does that one, no other; where several can, any of them.
 * Which one is it: `index_ret` (may be NULL). Returns what the call for this alone would (0, UV_EOF, a
 * promise's error, ...). When the wait is interrupted the index is `count`. UV_ENOMEM. UV_EINVAL: no case, or
 * none that can ever be; an item without a place; a task that cannot be joined.
 * Of what is waited for only what it returns with may be destroyed before it has returned.
 */
int async_select(const struct async_case *cases, size_t count, size_t *index_ret);
/** Does not wait. UV_EAGAIN, with `count` as the index: none can be had now. */
int async_try_select(const struct async_case *cases, size_t count, size_t *index_ret);

#ifdef __cplusplus
}
#endif

#endif
