/* SPDX-License-Identifier: MIT */
/* switch, GNU Pth: N threads that do nothing but pth_yield. Argument: N. */
#include <pth.h>

#include "contest.h"

static void *follow(void *unused)
{
    (void)unused;
    for (;;)
        pth_yield(NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    uint64_t count;
    unsigned long threads = contest_argument(argc, argv, 1);
    contest_require(pth_init(), "pth_init");
    pth_attr_t attributes = pth_attr_new();
    pth_attr_set(attributes, PTH_ATTR_STACK_SIZE, 64u << 10);
    for (unsigned long i = 1; i < threads; i++)
        contest_require(pth_spawn(attributes, follow, NULL), "pth_spawn");
    while (contest_next(&count)) {
        uint64_t begun = contest_clock();
        for (uint64_t i = 0; i < count; i += threads)
            pth_yield(NULL);
        contest_answer(contest_clock() - begun);
    }
    return 0;
}
