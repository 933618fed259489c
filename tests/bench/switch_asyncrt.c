/* SPDX-License-Identifier: MIT */
/* switch, libasyncrt: N tasks that do nothing but yield. Argument: N. */
#include "async.h"
#include "contest.h"

static unsigned long tasks;
static bool done;

static int follow(void *unused)
{
    (void)unused;
    while (!done)
        async_yield();
    return 0;
}

/* Each of its yields lets every task run once. */
static int lead(void *unused)
{
    uint64_t count;
    (void)unused;
    while (contest_next(&count)) {
        uint64_t begun = contest_clock();
        for (uint64_t i = 0; i < count; i += tasks)
            async_yield();
        contest_answer(contest_clock() - begun);
    }
    done = true;
    return 0;
}

static int start(void *unused)
{
    struct async_task *leader;
    (void)unused;
    contest_require(async_spawn(&leader, "leader", lead, NULL) == 0, "async_spawn");
    for (unsigned long i = 1; i < tasks; i++)
        contest_require(async_spawn(NULL, "follower", follow, NULL) == 0, "async_spawn");
    return async_join(leader, NULL);
}

int main(int argc, char **argv)
{
    tasks = contest_argument(argc, argv, 1);
    return async_run(start, NULL, NULL) != 0;
}
