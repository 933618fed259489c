/* SPDX-License-Identifier: MIT */
/*
 * Three workers: of the first no task can run, on the second one is blocked in read(2) for good, and on the third one
 * computes. Prints "ready FD", the file descriptor that is read, before that.
 */
#include <stdio.h>
#include <unistd.h>

#include "async.h"
#include "async_sync.h"

static int ends[2];
static volatile unsigned long sum;

static int read_forever(void *unused)
{
    char bytes[5];
    (void)unused;
    return (int)read(ends[0], bytes, sizeof(bytes));
}

static __attribute__((noinline)) void compute(void)
{
    for (;;)
        sum++;
}

static int compute_forever(void *unused)
{
    (void)unused;
    compute();
    return (int)sum;
}

static int start(void *unused)
{
    struct async_promise *never;
    (void)unused;
    if (pipe(ends) != 0 || async_promise_create(&never, "never") != 0)
        return 1;
    async_spawn_on(NULL, 1, "reads", read_forever, NULL);
    async_spawn_on(NULL, 2, "computes", compute_forever, NULL);
    printf("ready %d\n", ends[0]);
    fflush(stdout);
    return async_promise_await(never, NULL);
}

int main(void)
{
    struct async_options options = {.workers = 3};
    return async_run(start, NULL, &options);
}
