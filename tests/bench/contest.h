/* SPDX-License-Identifier: MIT */
/**
 * @file contest.h - what a contestant says to contest.py.
 *
 * A contestant is a program that does one thing as often as it is told: it reads a count on a line of its
 * input, does the thing that many times, and answers with the nanoseconds that took. It ends with its input.
 *
 *     uint64_t count;
 *     while (contest_next(&count)) {
 *         uint64_t begun = contest_clock();
 *         ... `count` times the thing ...
 *         contest_answer(contest_clock() - begun);
 *     }
 *
 * So contestants can live side by side and take short turns, each warm since its last one.
 */
#ifndef CONTEST_H
#define CONTEST_H

#include <stdbool.h>
#include <stdint.h>

/** Waits for the next count, at least 1; false: there is none any more. */
bool contest_next(uint64_t *count_ret);

void contest_answer(uint64_t nanoseconds);

/** CLOCK_MONOTONIC in nanoseconds. */
uint64_t contest_clock(void);

/** A number that must stand at argv[index], at least 1; otherwise the program ends with status 2. */
unsigned long contest_argument(int argc, char **argv, int index);

/** Ends the program with status 1, saying what went wrong, unless `ok`. */
void contest_require(bool ok, const char *what);

#endif
