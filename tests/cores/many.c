/* SPDX-License-Identifier: MIT */
/* So many parked tasks, each with a number of its own on its stack. Says "ready" when all stand. */
#include <async.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long standing;

__attribute__((noinline)) static int park(unsigned long number)
{
    volatile unsigned long mine = number;
    standing++;
    async_sleep(1000000000);
    return mine != number;
}

static int begin(void *number)
{
    return park((unsigned long)number);
}

static int start(void *count)
{
    for (unsigned long i = 0; i < (unsigned long)count; i++) {
        if (async_spawn(NULL, "parked", begin, (void *)i))
            return 1;
    }
    while (standing < (unsigned long)count)
        async_yield();
    puts("ready");
    fflush(stdout);
    return async_sleep(1000000000);
}

int main(int argc, char **argv)
{
    return argc == 2 ? async_run(start, (void *)strtoul(argv[1], NULL, 10), NULL) != 0 : 2;
}
