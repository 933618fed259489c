/* SPDX-License-Identifier: MIT */
#include "contest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

bool contest_next(uint64_t *count_ret)
{
    return scanf("%" SCNu64, count_ret) == 1 && *count_ret > 0;
}

void contest_answer(uint64_t nanoseconds)
{
    printf("%" PRIu64 "\n", nanoseconds);
    fflush(stdout);
}

uint64_t contest_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

unsigned long contest_argument(int argc, char **argv, int index)
{
    unsigned long number = index < argc ? strtoul(argv[index], NULL, 10) : 0;
    if (number)
        return number;
    fprintf(stderr, "%s: argument %d is to be a number of at least 1\n", argv[0], index);
    exit(2);
}

void contest_require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "contestant: %s failed\n", what);
    exit(EXIT_FAILURE);
}
