/* SPDX-License-Identifier: MIT */
/*
 * switch, Boost.Context: the same scheduling as libasyncrt's and nothing else. A run queue of contexts; a
 * loop on the program's own stack jumps to the first; yield puts itself at the queue's end and jumps back.
 * No clock, no counters, no I/O. Argument: the number of coroutines.
 */
#include <stddef.h>
#include <sys/mman.h>

#include "contest.h"

/* As boost/context/detail/fcontext.hpp declares them for C++. */
struct transfer {
    void *from;
    void *data;
};
struct transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *stack_top, size_t size, void (*function)(struct transfer));

/* As far apart as libasyncrt's stacks, so that caches see the same. */
#define STACK_SIZE ((size_t)64 << 10)
#define STRIDE (STACK_SIZE + 4096)

struct coroutine {
    void *context;
    struct coroutine *next;
};

static unsigned long coroutines;
static bool done;
static struct coroutine *ready, **ready_last = &ready, *current;
static void *scheduler;

static void queue(struct coroutine *coroutine)
{
    coroutine->next = NULL;
    *ready_last = coroutine;
    ready_last = &coroutine->next;
}

static void schedule(void)
{
    while (!done) {
        current = ready;
        ready = current->next;
        if (!ready)
            ready_last = &ready;
        current->context = jump_fcontext(current->context, NULL).from;
    }
}

/* As async_yield is, not to be merged with its caller. */
__attribute__((noinline)) static void yield(void)
{
    queue(current);
    scheduler = jump_fcontext(scheduler, NULL).from;
}

static void follow(struct transfer transfer)
{
    scheduler = transfer.from;
    for (;;)
        yield();
}

static void lead(struct transfer transfer)
{
    uint64_t count;
    scheduler = transfer.from;
    while (contest_next(&count)) {
        uint64_t begun = contest_clock();
        for (uint64_t i = 0; i < count; i += coroutines)
            yield();
        contest_answer(contest_clock() - begun);
    }
    done = true;
    yield();
}

int main(int argc, char **argv)
{
    static struct coroutine all[10000];
    coroutines = contest_argument(argc, argv, 1);
    contest_require(coroutines <= sizeof(all) / sizeof(all[0]), "making so many coroutines");
    char *stacks = mmap(NULL, coroutines * STRIDE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    contest_require(stacks != MAP_FAILED, "mmap");
    madvise(stacks, coroutines * STRIDE, MADV_NOHUGEPAGE);
    for (unsigned long i = 0; i < coroutines; i++) {
        all[i].context = make_fcontext(stacks + (i + 1) * STRIDE, STACK_SIZE, i ? follow : lead);
        queue(&all[i]);
    }
    schedule();
    return 0;
}
