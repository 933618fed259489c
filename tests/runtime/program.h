/* SPDX-License-Identifier: MIT */
/**
 * @file program.h - small programs of all primitives, composed by a seed, that check themselves. Whatever
 * fails, these hold: one holder of a lock, every item received as often as it was sent, a join's result is
 * what the task returned and not before it returned, an interruption only when one was asked for, nobody
 * waits for what is there, and whatever was made can be destroyed.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "async.h"
#include "faults.h"
#include "future.h"

enum { LOCKS = 2, CHANNELS = 2, PROMISES = 2, ACTORS = 24, ITEMS = 256, CHILDREN = 3, SCOPES = 4 };

struct world;

/** A task of the program, and what is known of it. */
struct actor {
    struct world *world;
    struct async_task *task; /**< until it is joined; NULL: detached, a group's, or joined */
    uint64_t random;
    unsigned depth;
    int result; /**< what it is going to return, if nothing ends it before */
    bool started;
    bool ended;
    bool in_group;
    unsigned asked; /**< cancellations that were asked for */
    unsigned told;  /**< and those that a wait has told */
    unsigned shields;
    unsigned scopes; /**< time limits around it */
    struct {
        uint64_t deadline;
        unsigned shields;
    } scope[SCOPES];
    struct actor *children[CHILDREN];
};

enum item_state {
    ITEM_UNUSED,
    ITEM_OFFERED, /**< its send has not returned */
    ITEM_SENT,
    ITEM_KEPT, /**< its send has failed: nobody may receive it */
};

struct world {
    uint64_t random;
    struct async_task *main;
    bool stopping;
    struct async_mutex *mutexes[LOCKS];
    const struct actor *holders[LOCKS];
    struct async_condition *condition; /**< under the first mutex */
    struct async_rwlock *rwlock;
    unsigned readers, writers;
    struct async_semaphore *semaphore;
    unsigned permits, permits_taken;
    struct async_channel *channels[CHANNELS];
    struct async_promise *promises[PROMISES];
    bool settled[PROMISES];
    struct async_event *event;
    unsigned items, actors;
    struct {
        enum item_state state;
        bool received;
    } item[ITEMS];
    struct actor actor[ACTORS];
};

/** Runs the program of a seed in async_run of its own; ends the test with the seed when something is wrong.
 *  `faults`: one call in so many fails, 0: none. */
void program_run(uint64_t seed, unsigned faults);

/** The same with two streams, which carry what is written to them. */
void program_run_streams(uint64_t seed, unsigned faults);

/** For checks: the seed that runs. */
extern uint64_t program_seed;

/* ---- For the operations (program_steps.c) -------------------------------------------------------- */

#define HOLDS(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            program_fail(__FILE__, __LINE__, #condition);                                                    \
    } while (0)

__attribute__((noreturn)) void program_fail(const char *file, int line, const char *condition);

/** Runs `start` with a new world, and sees that nothing is left. It returns 4711, its faults are held. */
void program_run_in_world(async_function start, uint64_t seed, unsigned faults);

/** The code of a call that waits is one that the actor may get now; returns it. */
int program_check_wait(struct actor *actor, int code);
/** The same of a call that needs memory, too. */
int program_check_memory(struct actor *actor, int code);

/** How many tasks wait for one of this kind; of locks and the like there is one of each kind but mutexes. */
unsigned program_count_waiting(enum async_future_kind kind);

/** Everybody who waits does so for what is not there, and no interruption is due. */
void program_check_waits(void);

/** A task's function; argument: its actor. */
int program_act(void *actor);
/** NULL: there are too many. */
struct actor *program_add_actor(struct world *world, unsigned depth);
/** Does some steps; the code that ended them, or 0. */
int program_steps(struct actor *actor);
/** Waits for all children. */
void program_join_children(struct actor *actor);

static inline unsigned draw(struct actor *actor, unsigned bound)
{
    return random_below(&actor->random, bound);
}

#endif
