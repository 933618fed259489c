/* SPDX-License-Identifier: MIT */
/*
 * switch, State Threads: N threads that do nothing but let the next one run. Arguments: N, and "cond" or
 * "sleep".
 *
 * The library has no yield. What comes closest is a ring of conditions, each thread signalling the next one
 * and waiting: that goes through the run queue and nowhere else. What its users write is st_usleep(0), which
 * goes through the timer heap and the I/O poll.
 */
#include <st.h>
#include <string.h>

#include "contest.h"

static unsigned long threads;
static bool sleeping;
static st_cond_t ring[10000];

static void yield(unsigned long self)
{
    if (sleeping) {
        st_usleep(0);
        return;
    }
    st_cond_signal(ring[(self + 1) % threads]);
    st_cond_wait(ring[self]);
}

static void *follow(void *self)
{
    if (!sleeping)
        st_cond_wait(ring[(unsigned long)self]);
    for (;;)
        yield((unsigned long)self);
    return NULL;
}

int main(int argc, char **argv)
{
    uint64_t count;
    threads = contest_argument(argc, argv, 1);
    sleeping = argc > 2 && strcmp(argv[2], "sleep") == 0;
    contest_require(threads <= sizeof(ring) / sizeof(ring[0]), "making so many threads");
    st_set_eventsys(ST_EVENTSYS_ALT); /* epoll, its best */
    contest_require(st_init() == 0, "st_init");
    for (unsigned long i = 0; i < threads; i++)
        ring[i] = st_cond_new();
    for (unsigned long i = 1; i < threads; i++)
        contest_require(st_thread_create(follow, (void *)i, 0, 64 << 10), "st_thread_create");
    st_usleep(0); /* all reach their first wait */
    while (contest_next(&count)) {
        uint64_t begun = contest_clock();
        for (uint64_t i = 0; i < count; i += threads)
            yield(0);
        contest_answer(contest_clock() - begun);
    }
    return 0;
}
