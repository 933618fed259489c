/* SPDX-License-Identifier: MIT */
/**
 * @file told.h - collects the messages of debug mode, for tests of what is told and of what is not.
 */
#ifndef TOLD_H
#define TOLD_H

#include "test.h"

struct told {
    enum async_message_code code;
    bool note;
    uint32_t line;
    char file[64]; /**< without folders; "": none */
    uint64_t task;
    char task_name[32];
    char text[512];
    int error;
    uint64_t duration;
    size_t depth;
    void *stack[32];
    char printed[4096]; /**< as async_message_print prints it */
};

/** From now on, and forgets what was told before. */
void told_begin(void);

/** Messages of a kind; 0: of all kinds but notes. */
unsigned told_count(enum async_message_code code);

/** The newest of a kind; fails if there is none. */
const struct told *told_last(enum async_message_code code);

/** Runs a program with debug mode on or off, collecting from its beginning; fails unless it returns 0. */
void told_run(async_function program, bool debug);
void told_run_with(async_function program, const struct async_options *options, bool debug);

/**
 * What is told of a program that goes wrong, once; nothing of it with debug mode off, and nothing of one that
 * does it right.
 */
const struct told *told_once(enum async_message_code code, async_function wrong, async_function right);

/** Fails unless it names this file and the line. */
#define CHECK_PLACE(told, line_)                                                                             \
    do {                                                                                                     \
        CHECK(strcmp((told)->file, strrchr("/" __FILE__, '/') + 1) == 0);                                    \
        CHECK_EQUAL((told)->line, line_);                                                                    \
    } while (0)

#endif
