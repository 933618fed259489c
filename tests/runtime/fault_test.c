/* SPDX-License-Identifier: MIT */
/*
 * Programs of all primitives, composed by seeds, on schedules of the same seeds, while memory and the kernel
 * fail now and then. FAULT_SEEDS=FIRST,COUNT runs others than usual, such as the one that a failure has told.
 */
#include <signal.h>
#include <unistd.h>

#include "program.h"
#include "test.h"

/* Faults in one of so many calls. Half of the seeds go without. */
static const unsigned rates[] = {0, 0, 0, 0, 128, 32, 16, 8};

static uint64_t seed_seen;

/* The same seed for so long: it hangs. */
static void on_alarm(int number)
{
    (void)number;
    if (program_seed == seed_seen)
        program_fail(__FILE__, __LINE__, "a program ends in time");
    seed_seen = program_seed;
    alarm(20);
}

static void run_seeds(void (*run)(uint64_t, unsigned), uint64_t first, uint64_t count)
{
    const char *wanted = getenv("FAULT_SEEDS");
    unsigned long long a, b;
    if (wanted && sscanf(wanted, "%llu,%llu", &a, &b) == 2)
        first = a, count = b;
    faults_install();
    signal(SIGALRM, on_alarm);
    alarm(20);
    for (uint64_t i = 0; i < 200; i++)
        run(1000000000 + i, 0); /* what is made once for all is made */
    for (uint64_t seed = first; seed < first + count; seed++)
        run(seed, rates[seed % 8]);
    alarm(0);
}

static uint64_t many(uint64_t usual)
{
#if defined(ASYNC_SANITIZE_THREAD)
    return usual / 100;
#elif defined(ASYNC_SANITIZE_ADDRESS)
    return usual / 4;
#else
    return test_under_valgrind() ? usual / 500 : test_is_nightly() ? 10 * usual : usual;
#endif
}

#define SEEDS 25000

PLAIN(seeds_1)
{
    run_seeds(program_run, 1, many(SEEDS));
}

PLAIN(seeds_2)
{
    run_seeds(program_run, 100000000, many(SEEDS));
}

PLAIN(seeds_3)
{
    run_seeds(program_run, 200000000, many(SEEDS));
}

PLAIN(seeds_4)
{
    run_seeds(program_run, 300000000, many(SEEDS));
}

PLAIN(stream_seeds)
{
    run_seeds(program_run_streams, 1, many(SEEDS) * 4 / 5);
}
