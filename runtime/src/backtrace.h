/* SPDX-License-Identifier: MIT */
/**
 * @file backtrace.h - return addresses of the calling stack, and how they are told.
 */
#ifndef ASYNC_BACKTRACE_H
#define ASYNC_BACKTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASYNC_BACKTRACE_DEPTH 24 /**< what lies further out is left off */

struct async_backtrace {
    size_t depth;
    void *frames[ASYNC_BACKTRACE_DEPTH]; /**< return addresses, innermost first */
};

/** Learns the program's name and where the library is called. Once is enough; capturing does it. */
void async_backtrace_prepare(void);

/** The calling stack without the runtime's own frames at either end. */
void async_backtrace_capture(struct async_backtrace *backtrace_ret);

/** Where the library was called. */
struct async_place {
    const char *file;
    uint32_t line;
    const char *name; /**< of the function called */
};

/** By return address; false: not known. */
bool async_call_find(const void *return_address, struct async_place *place_ret);

/** Sorts what there is to be found. */
void async_calls_prepare(void);

/** A copy from malloc, or NULL when it is empty or memory is out. */
void **async_backtrace_keep(const struct async_backtrace *backtrace, uint32_t *depth_ret);

#endif
