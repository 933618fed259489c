/* SPDX-License-Identifier: MIT */
/*
 * spawn, libasyncrt: tasks that return at once, joined. Argument: how many are spawned before the first of
 * them is joined.
 */
#include "async.h"
#include "contest.h"

static unsigned long batch;
static struct async_task *tasks[10000];

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

static int lead(void *unused)
{
    uint64_t count;
    (void)unused;
    while (contest_next(&count)) {
        uint64_t begun = contest_clock();
        for (uint64_t i = 0; i < count; i += batch) {
            for (unsigned long j = 0; j < batch; j++)
                contest_require(async_spawn(&tasks[j], "task", nothing, NULL) == 0, "async_spawn");
            for (unsigned long j = 0; j < batch; j++)
                contest_require(async_join(tasks[j], NULL) == 0, "async_join");
        }
        contest_answer(contest_clock() - begun);
    }
    return 0;
}

int main(int argc, char **argv)
{
    batch = contest_argument(argc, argv, 1);
    contest_require(batch <= sizeof(tasks) / sizeof(tasks[0]), "making so many tasks");
    return async_run(lead, NULL, NULL) != 0;
}
