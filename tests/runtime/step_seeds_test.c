/* SPDX-License-Identifier: MIT */
/*
 * Readable at every instruction, whatever the program does: those that seeds compose (program.h), with
 * cancellations, timeouts, shields, groups, gathers, selects, ends and faults in all orders.
 */
#include "program.h"
#include "stepper.h"
#include "test.h"

static void run_programs(void)
{
    for (uint64_t seed = 1;; seed++)
        program_run(seed, seed % 2 ? 0 : 32);
}

PLAIN(seeded_programs_are_readable)
{
    if (!step_possible())
        return;
    unsigned long enough = test_is_nightly() ? 1000000 : 50000;
    struct tally tally = step_and_look(run_programs, enough);
    CHECK(tally.looks >= enough && tally.quiet * 4 > tally.looks);
    CHECK(tally.busiest > 5);
}
