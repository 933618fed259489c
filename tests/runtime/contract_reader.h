/* SPDX-License-Identifier: MIT */
/**
 * @file contract_reader.h - a reader of the contract that knows async_debug.h alone, over any memory. It
 * trusts nothing and says what is wrong, for tests that look at the runtime from inside and from outside.
 */
#ifndef CONTRACT_READER_H
#define CONTRACT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "async_debug.h"

struct reader {
    bool (*read)(void *context, uint64_t address, void *buffer, size_t size);
    void *context;
    struct async_debug_descriptor descriptor;
    uint64_t sp;       /**< the thread's stack pointer, for census.on_stack; 0: not wanted */
    char problem[256]; /**< the first thing found wrong; empty: nothing */
};

/** What a walk over everything found. */
struct census {
    bool changing; /**< a `changes` counter was odd: numbers need not agree */
    unsigned listed;
    unsigned indexed;
    unsigned queued;
    unsigned by_state[ASYNC_DEBUG_STATE_CANCELLED + 1];
    unsigned on_stack;      /**< tasks on whose stack the thread is */
    bool running_elsewhere; /**< a task runs, but the thread is not on its stack */
    uint64_t alive;
};

/** Notes a problem unless one is noted; returns false. */
bool reader_problem(struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Loads and checks the descriptor. */
bool reader_load(struct reader *reader, uint64_t descriptor);

/** A reader of this very process; ends the test when it cannot be. */
struct reader reader_load_self(void);

/** A number or address from a record; 0 when absent or unreadable (the latter is noted). */
uint64_t reader_get(struct reader *reader, enum async_debug_record_kind kind, uint64_t record,
                    unsigned field);

/** A text; at most size - 1 characters. */
void reader_text(struct reader *reader, enum async_debug_record_kind kind, uint64_t record, unsigned field,
                 char *text_ret, size_t size);

/** A register of a suspended context, by DWARF's number for the machine; false: not told, or unreadable. */
bool reader_register(struct reader *reader, uint64_t context, unsigned number, uint64_t *value_ret);

/** Walks both roads, the run queue and every wait, and checks that they agree; false: see `problem`. */
bool reader_census(struct reader *reader, struct census *census_ret);

/** Calls back for every task on road 1, the process's and every worker's. */
void reader_each_task(struct reader *reader, void (*callback)(struct reader *, uint64_t task, void *data),
                      void *data);

#endif
