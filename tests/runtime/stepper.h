/* SPDX-License-Identifier: MIT */
/**
 * @file stepper.h - runs a program in a child one instruction at a time. After each that lies in the runtime the
 * whole registry is read from outside, through the contract alone, and must make sense.
 */
#ifndef STEPPER_H
#define STEPPER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally {
    unsigned long steps;
    unsigned long looks;
    unsigned long quiet;   /**< of them, with even `changes`: everything must agree */
    unsigned long busiest; /**< tasks at most */
};

/** A stopped child, for another judge. */
struct step {
    bool (*read)(void *memory, uint64_t address, void *buffer, size_t size);
    void *memory;
    uint64_t descriptor;
    uint64_t pc, sp;
    bool changing;  /**< a `changes` counter is odd */
    unsigned tasks; /**< as they were counted */
};

/** Asked after each look, unless NULL. Returns what makes no sense, or NULL. */
extern const char *(*step_judge)(const struct step *step);

/** False under checkers whose instructions would be stepped instead. */
bool step_possible(void);

/** Until it returns or there were `enough` looks. Ends the test when something makes no sense; skips it where
 *  tracing is not permitted. */
struct tally step_and_look(void (*program)(void), unsigned long enough);

#endif
