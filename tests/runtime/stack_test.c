/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "sanitizer.h"
#include "task.h"
#include "test.h"

static char *seen;

static int note_stack(void *unused)
{
    (void)unused;
    seen = async_self()->stack_low;
    return 0;
}

TEST(stacks_are_reused)
{
    test_join(test_spawn("first", note_stack, NULL));
    char *first = seen;
    for (int i = 0; i < 100; i++) {
        test_join(test_spawn("next", note_stack, NULL));
        CHECK(seen == first);
    }
}

/* A fresh task on an old stack has the trampoline as its only frame, whatever lay there before. */
TEST(reused_stack_starts_fresh)
{
    struct async_task *old = test_spawn("old", note_stack, NULL);
    char *low = old->stack_low;
    void *context = old->context;
    CHECK_EQUAL(test_join(old), 0);
    struct async_task *fresh = test_spawn("fresh", note_stack, NULL);
    CHECK(fresh->stack_low == low && fresh->context == context);
    const struct async_context *saved = fresh->context;
#ifdef __x86_64__
    CHECK_EQUAL(saved->rbp, 0);
#else
    CHECK_EQUAL(saved->x29, 0);
#endif
    const uint64_t *above = (const uint64_t *)(saved + 1);
    CHECK_EQUAL(above[0] | above[1], 0); /* nothing that looks like a caller */
    CHECK((char *)(above + 2) == low + fresh->stack_size);
    CHECK_EQUAL(test_join(fresh), 0);
}

/* Deep enough to leave the stack, in steps too small to jump over a guard page. */
__attribute__((noinline)) static int dive(int depth, const volatile char *above)
{
    volatile char frame[512];
    memset((char *)frame, above[1] + 1, sizeof(frame)); /* each needs the one above: no loop in disguise */
    if (depth == 0) {
        async_yield();
        return frame[0];
    }
    return dive(depth - 1, frame) + frame[1];
}

static int dive_task(void *depth)
{
    return dive((int)(intptr_t)depth, "up") & 1;
}

static int start_dive(void *depth)
{
    return test_join(test_spawn("diver", dive_task, depth));
}

/* Runs the dive in a child, with its messages discarded; how the child ended. */
static int dive_in_child(int depth, const struct async_options *options)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* not the sanitizer's report: the plain death */
        signal(SIGABRT, SIG_DFL);
        CHECK(freopen("/dev/null", "w", stderr));
        _exit(async_run(start_dive, (void *)(intptr_t)depth, options) < 0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static void check_overflow(uint32_t guard_pages, int signal_number)
{
#ifdef ASYNC_SANITIZE_ADDRESS
    return; /* it reports the overflow itself, and its frames have other sizes */
#endif
    struct async_options options = {.guard_pages = guard_pages};
    int status = dive_in_child(130, &options);
    CHECK(WIFSIGNALED(status));
    CHECK_EQUAL(WTERMSIG(status), signal_number);
    CHECK_EQUAL(dive_in_child(90, &options), 0); /* what fits, fits */
}

PLAIN(guard_page_stops_an_overflow)
{
    check_overflow(0, SIGSEGV);
}

PLAIN(canary_shows_an_overflow)
{
    check_overflow(UINT32_MAX, SIGABRT);
}

PLAIN(larger_stacks)
{
    struct async_options options = {.stack_size = 1000 * 1000};
    CHECK_EQUAL(dive_in_child(1000, &options), 0);
}

static int spawn_one(void *unused)
{
    (void)unused;
    struct async_task *task;
    return async_spawn(&task, "no room", note_stack, NULL);
}

PLAIN(absurd_size_is_an_error)
{
    struct async_options options = {.stack_size = SIZE_MAX};
    CHECK_EQUAL(async_run(spawn_one, NULL, &options), UV_ENOMEM);
}

/* The budget bounds the mappings; the pool works on without guards. */
PLAIN(guards_have_a_budget)
{
    struct async_stacks stacks;
    struct async_stack *taken[200];
    int guarded = 0;
    async_stacks_init(&stacks, 16 * 1024, 50);
    for (int i = 0; i < 200; i++) {
        taken[i] = async_stack_take(&stacks);
        CHECK(taken[i]);
        memset(taken[i]->low, 0, taken[i]->size); /* all of it is ours */
        guarded += taken[i]->guarded;
    }
    CHECK_EQUAL(guarded, 50);
    for (int i = 0; i < 200; i++)
        async_stack_give(&stacks, taken[i]);
    async_stacks_deinit(&stacks);
}
