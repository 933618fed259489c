/* SPDX-License-Identifier: MIT */
/**
 * @file mutex.h - what conditions need to know of a mutex.
 */
#ifndef ASYNC_MUTEX_H
#define ASYNC_MUTEX_H

#include <stdbool.h>

struct async_mutex;
struct async_task;

bool async_mutex_held(struct async_mutex *mutex, const struct async_task *task);

#endif
