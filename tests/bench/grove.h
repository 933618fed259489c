/* SPDX-License-Identifier: MIT */
/** @file grove.h - between grove.c and the functions that grove.py makes. */
#ifndef GROVE_H
#define GROVE_H

#include <stdint.h>

#include "async.h"

/** A task's way: into which functions it goes and what it waits for at the end. */
struct grove_walk {
    uint64_t stack;
    struct async_promise *promise;
};

/** How many tasks have come to the end of their ways. */
extern unsigned long grove_arrived;

/** What a task does: it goes through all levels and waits. Its argument is its walk. */
int grove_enter(void *walk);

static inline __attribute__((always_inline)) int grove_wait(const struct grove_walk *walk)
{
    grove_arrived++;
    return async_promise_await(walk->promise, NULL);
}

#endif
