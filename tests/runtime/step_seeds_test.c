/* SPDX-License-Identifier: MIT */
/*
 * Readable at every instruction, whatever the program does: those that seeds compose (program.h), with
 * cancellations, timeouts, shields, groups, gathers, selects, ends and faults in all orders.
 */
#include "engine_judge.h"
#include "program.h"
#include "stepper.h"
#include "test.h"

static void run_programs(void)
{
    for (uint64_t seed = 1;; seed++)
        program_run(seed, seed % 2 ? 0 : 32);
}

/* `judge`: beside the contract's reader; NULL: none. */
static void step_programs(const char *(*judge)(const struct step *step))
{
    if (!step_possible())
        return;
    step_judge = judge;
    unsigned long enough = test_is_nightly() ? 1000000 : 50000;
    struct tally tally = step_and_look(run_programs, enough);
    CHECK(tally.looks >= enough && tally.quiet * 4 > tally.looks);
    CHECK(tally.busiest > 5);
}

PLAIN(seeded_programs_are_readable)
{
    step_programs(NULL);
}

PLAIN(and_for_the_engine)
{
#ifdef WITH_ENGINE
    step_programs(engine_judge);
#else
    exit(TEST_SKIPPED); /* it was not built */
#endif
}
