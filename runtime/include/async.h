/* SPDX-License-Identifier: MIT */
/**
 * @file async.h - libasyncrt: stackful tasks on a libuv loop, made to be looked at.
 *
 * Write straight-line code; every call here that waits suspends only the calling task. All calls but
 * async_run, _create and _destroy are made from a task. Errors are negative errno-style codes, as libuv's
 * (UV_ECANCELED, UV_EOF, ...; uv.h has them all); async_strerror names them. UV_EINVAL, from any call:
 * made outside a task, or an argument is missing. Whatever a debugger reads is described in async_debug.h
 * and costs a plain store.
 *
 * A task's stack is small (64 KiB) and ends at a guard page. A call in tail position may give up its
 * caller's frame: compile with -fno-optimize-sibling-calls to see every function in a stack.
 *
 *     static int hello(void *name) { async_sleep(10); printf("hello %s\n", (char *)name); return 0; }
 *     static int start(void *unused) {
 *         struct async_task *task;
 *         int error = async_spawn(&task, "hello", hello, "world");
 *         return error ? error : async_join(task, NULL);
 *     }
 *     int main(void) { return async_run(start, NULL, NULL) ? 1 : 0; }
 */
#ifndef ASYNC_H
#define ASYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct async_task;

/** A task's code: returns 0 or a positive result, or a negative error code, which join hands on. */
typedef int (*async_function)(void *argument);

/** A place in the source, in writable memory with its characters inside, so that every core has it. */
struct async_site {
    uint32_t line;
    char file[]; /**< as the compiler was given it; -ffile-prefix-map shortens it */
};

/** The calling place as a struct async_site of static life. */
#define ASYNC_SITE()                                                                                         \
    (__extension__({                                                                                         \
        static struct async_site async_site_ = {.line = __LINE__, .file = __FILE__};                         \
        (const struct async_site *)&async_site_;                                                             \
    }))

/* ---- The process ------------------------------------------------------------------------------ */

struct async_options {
    size_t stack_size;         /**< bytes for each task's stack; 0: 64 KiB. Committed as it is touched */
    uint32_t tick_interval_ms; /**< how often an idle loop refreshes its clocks; 0: 1000; -1u: never */
    uint32_t guard_pages;      /**< stacks with a guard page, at two mappings each; the others have a canary,
                                    checked at each wait. 0: 8192; -1u: none */
};

/** Runs `start` as the first task and returns its result when every task has ended. What was left open is
 *  closed then, and every handle to a task or connection is void. SIGPIPE is ignored meanwhile, unless the
 *  program handles it. UV_EALREADY: it is running already, in whatever thread; UV_ENOMEM, UV_EMFILE. */
int async_run(async_function start, void *argument, const struct async_options *options);

/** "name (CODE)" for a negative code of any call here; static life. */
const char *async_strerror(int code);

/* ---- Tasks -------------------------------------------------------------------------------------- */

/** Starts a task; it runs when the caller next waits. Names are copied (31 characters are kept).
 *  The handle stays valid until joined or detached; task_ret NULL: detached at once. UV_ENOMEM. */
#define async_spawn(task_ret, name, function, argument)                                                      \
    async_spawn_at(task_ret, name, function, argument, ASYNC_SITE())
int async_spawn_at(struct async_task **task_ret, const char *name, async_function function, void *argument,
                   const struct async_site *site);

/** Waits for a task's end and releases it. `result_ret` (may be NULL) gets what it returned.
 *  UV_EINVAL: own task, or joined already by another. */
int async_join(struct async_task *task, int *result_ret);

/** Gives the handle up: the task is released when it ends. UV_EINVAL: detached already, or being joined. */
int async_detach(struct async_task *task);

/** Lets the others run. */
int async_yield(void);

/** Never wakes early. UV_ENOMEM. */
int async_sleep(uint64_t milliseconds);

/** The running task; NULL outside one. */
struct async_task *async_self(void);
uint64_t async_task_id(const struct async_task *task);
const char *async_task_name(const struct async_task *task);

/** Renames a task (printf style). */
void async_task_set_name(struct async_task *task, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- TCP ---------------------------------------------------------------------------------------- */

struct async_listener;
struct async_tcp;

/** Listens on a numeric IPv4 or IPv6 address; port 0 takes a free one (see async_listener_port). UV_EINVAL:
 *  not an address; otherwise the kernel's errors, such as UV_EADDRINUSE. */
int async_listen(struct async_listener **listener_ret, const char *host, uint16_t port, int backlog);
uint16_t async_listener_port(const struct async_listener *listener);
/** The next connection, first come first served. UV_EBADF: being closed. */
int async_accept(struct async_listener *listener, struct async_tcp **tcp_ret);
/** Tasks that wait in async_accept get UV_ECANCELED. UV_EALREADY: being closed by another. */
int async_listener_close(struct async_listener *listener);

/** To a numeric address; TCP_NODELAY is set. UV_EINVAL: not an address; otherwise the kernel's errors. */
int async_connect(struct async_tcp **tcp_ret, const char *host, uint16_t port);
/** Reads up to `size` bytes: their number, UV_EOF (from then on always), or an error. One reader at a time
 *  (UV_EBUSY). UV_EBADF: being closed. */
ssize_t async_read(struct async_tcp *tcp, void *buffer, size_t size);
/** Writes all of it. One writer at a time (UV_EBUSY). UV_EBADF: being closed. */
int async_write(struct async_tcp *tcp, const void *buffer, size_t size);
/** Closes; a waiting reader or writer gets UV_ECANCELED. Waits until libuv has let go, and then the
 *  connection is no more. UV_EALREADY: being closed by another. */
int async_close(struct async_tcp *tcp);
/** "127.0.0.1:4711"; lives as long as the connection. */
const char *async_tcp_peer(const struct async_tcp *tcp);

/* ---- Mutex: fair, first come first served -------------------------------------------------------- */

struct async_mutex;
int async_mutex_create(struct async_mutex **mutex_ret, const char *name);
/** Waits until it is free. A deadlock is no error here: it is to be seen, not hidden. */
int async_mutex_lock(struct async_mutex *mutex);
int async_mutex_try_lock(struct async_mutex *mutex); /**< UV_EBUSY */
int async_mutex_unlock(struct async_mutex *mutex);   /**< UV_EPERM: the caller does not hold it */
int async_mutex_destroy(struct async_mutex *mutex);  /**< UV_EBUSY: held or waited for */

/* ---- Channel: bounded queue of fixed-size items; capacity 0 hands over directly ------------------ */

struct async_channel;
int async_channel_create(struct async_channel **channel_ret, const char *name, size_t item_size,
                         size_t capacity);
int async_channel_send(struct async_channel *channel, const void *item);  /**< UV_EPIPE: closed */
int async_channel_receive(struct async_channel *channel, void *item_ret); /**< UV_EOF: closed and empty */
/** Ends all waits on it: senders' with UV_EPIPE (their items are not sent), receivers' with UV_EOF.
 *  UV_EALREADY. */
int async_channel_close(struct async_channel *channel);
int async_channel_destroy(struct async_channel *channel); /**< UV_EBUSY: somebody waits on it */

/* ---- Promise: one value that somebody will provide ------------------------------------------------ */

struct async_promise;
int async_promise_create(struct async_promise **promise_ret, const char *name);
/** Says which task is to resolve it, for whoever looks at a hang. UV_EALREADY: it is resolved. */
int async_promise_set_producer(struct async_promise *promise, struct async_task *producer);
int async_promise_resolve(struct async_promise *promise, void *value); /**< UV_EALREADY */
int async_promise_fail(struct async_promise *promise, int error);      /**< negative; UV_EALREADY */
/** 0 and the value, or the error it failed with. */
int async_promise_await(struct async_promise *promise, void **value_ret);
int async_promise_destroy(struct async_promise *promise); /**< UV_EBUSY: somebody waits for it */

#endif
