/* SPDX-License-Identifier: MIT */
/**
 * @file log.h - the messages of debug mode, on their way to the user's function or to stderr.
 */
#ifndef ASYNC_LOG_H
#define ASYNC_LOG_H

#include "async.h"
#include "backtrace.h"

struct async_task;

/** A function of the user's and its data; see async_hook_set. */
struct async_hook {
    void (*function)(void);
    void *data;
    struct async_hook *older; /**< kept, since another thread may be calling it */
};

/** The next to read the slot finds both or neither; NULL: none. UV_ENOMEM. */
int async_hook_set(struct async_hook **slot, void (*function)(void), void *data);

/** NULL: none is set. */
static inline const struct async_hook *async_hook_get(struct async_hook *const *slot)
{
    const struct async_hook *hook = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    return hook && hook->function ? hook : NULL;
}

/** A message about a task (NULL: none), at the place where it was spawned. */
struct async_message async_message_about(enum async_message_code code, const struct async_task *task);

/** Another place; NULL: leaves it. */
void async_message_set_site(struct async_message *message, const struct async_site *site);

/** Hands the message out, with its text. What happens on this thread meanwhile is not told. */
void async_log(struct async_message *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
