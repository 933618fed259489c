/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "sanitizer.h"
#include "switch.h"
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

static void nowhere(void *unused)
{
    (void)unused;
}

/* A fresh task on an old stack has the trampoline as its only frame, whatever lay there before. */
PLAIN(reused_stack_starts_fresh)
{
    struct async_stacks stacks;
    async_stacks_init(&stacks, 0, 0);
    CHECK(async_stack_promise(&stacks));
    struct async_stack *stack = async_stack_take(&stacks);
    memset(stack->low, 0xa5, stack->size);
    struct async_float_modes modes;
    async_float_modes(&modes);
    const struct async_context *saved = async_context_create(stack->low, stack->size, nowhere, NULL, &modes);
#ifdef __x86_64__
    CHECK_EQUAL(saved->rbp, 0);
#else
    CHECK_EQUAL(saved->x29, 0);
#endif
    const uint64_t *above = (const uint64_t *)(saved + 1);
    CHECK_EQUAL(above[0] | above[1], 0); /* nothing that looks like a caller */
    CHECK((char *)(above + 2) == stack->low + stack->size);
    async_stack_give(&stacks, stack);
    async_stacks_deinit(&stacks);
}

static int note_other_stack(void *unused)
{
    const char *before = seen;
    note_stack(unused);
    return before && before != seen;
}

/* A stack is taken when a task begins: of many that come and go in turn each has the same. */
TEST(tasks_in_turn_share_one_stack)
{
    struct async_task *tasks[300];
    seen = NULL;
    for (int i = 0; i < 300; i++) {
        tasks[i] = test_spawn("one of many", note_other_stack, NULL);
        CHECK(!tasks[i]->stack);
    }
    for (int i = 0; i < 300; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    CHECK(seen);
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

static uint32_t dive_worker;

static int start_dive(void *depth)
{
    struct async_task *task;
    CHECK_EQUAL(async_spawn_on(&task, dive_worker, "diver", dive_task, depth), 0);
    return test_join(task);
}

static char told[4096]; /* by the last child, on stderr */

/* Runs the dive in a child; how it ended. */
static int dive_in_child(int depth, const struct async_options *options)
{
    int status, fds[2];
    size_t size = 0;
    CHECK_EQUAL(pipe(fds), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQUAL(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
        _exit(async_run(start_dive, (void *)(intptr_t)depth, options) < 0);
    }
    close(fds[1]);
    for (ssize_t got; (got = read(fds[0], told + size, sizeof(told) - 1 - size)) > 0;)
        size += (size_t)got;
    told[size] = '\0';
    close(fds[0]);
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static void check_overflow(const struct async_options *options, int signal_number, bool named)
{
#if defined(ASYNC_SANITIZE_ADDRESS) || defined(ASYNC_SANITIZE_THREAD)
    return; /* they report the overflow themselves, and their frames have other sizes */
#endif
    if (test_under_valgrind())
        return; /* likewise */
    signal(SIGABRT, SIG_DFL);
    int status = dive_in_child(130, options);
    fputs(told, stderr);
    CHECK(WIFSIGNALED(status));
    CHECK_EQUAL(WTERMSIG(status), signal_number);
    CHECK_EQUAL(strstr(told, "\"diver\" has overflowed its stack of 65") != NULL, named);
    CHECK_EQUAL(dive_in_child(90, options), 0); /* what fits, fits */
    CHECK_EQUAL(strlen(told), 0);
}

PLAIN(guard_page_stops_an_overflow)
{
    check_overflow(&(struct async_options){0}, SIGSEGV, true);
}

PLAIN(so_on_every_worker)
{
    dive_worker = 2;
    check_overflow(&(struct async_options){.workers = 3}, SIGSEGV, true);
}

PLAIN(canary_shows_an_overflow)
{
    check_overflow(&(struct async_options){.guard_pages = UINT32_MAX}, SIGABRT, true);
}

PLAIN(signals_can_be_left_alone)
{
    check_overflow(&(struct async_options){.leave_signals = true}, SIGSEGV, false);
}

/* ---- A program's own handler -------------------------------------------------------------------------- */

static void own_handler(int number)
{
    (void)number;
}

static int look_at_handlers(void *handler_ret)
{
    struct sigaction segv, pipe;
    stack_t stack;
    CHECK(sigaction(SIGSEGV, NULL, &segv) == 0 && sigaction(SIGPIPE, NULL, &pipe) == 0);
    CHECK_EQUAL(sigaltstack(NULL, &stack), 0);
    CHECK(handler_ret || (segv.sa_flags & SA_ONSTACK && !(stack.ss_flags & SS_DISABLE)));
    CHECK_EQUAL(pipe.sa_handler == SIG_IGN, true);
    if (handler_ret)
        *(void (**)(int))handler_ret = segv.sa_handler;
    return 0;
}

PLAIN(handlers_of_the_program_stay)
{
    struct sigaction after;
    stack_t stack;
    void (*inside)(int) = NULL;
    CHECK(sigaltstack(NULL, &stack) == 0);
    bool had_stack = !(stack.ss_flags & SS_DISABLE);
    CHECK(signal(SIGSEGV, own_handler) != SIG_ERR);
    CHECK_EQUAL(async_run(look_at_handlers, &inside, NULL), 0);
    CHECK(inside == own_handler);
    CHECK(signal(SIGSEGV, SIG_DFL) == own_handler);
    if (!had_stack) /* a sanitizer's */
        CHECK_EQUAL(async_run(look_at_handlers, NULL, NULL), 0);
    CHECK(sigaction(SIGSEGV, NULL, &after) == 0 && after.sa_handler == SIG_DFL);
    CHECK(sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_DISABLE) == had_stack);
}

static int send_itself_the_signal(void *unused)
{
    (void)unused;
    return raise(SIGSEGV);
}

/* Not the null pointer: a sanitizer would see that before the processor does. */
static int read_what_is_forbidden(void *unused)
{
    (void)unused;
    volatile int *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    return *page;
}

static void check_other_fault(async_function start)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* not a sanitizer's report: the plain death */
        async_run(start, NULL, NULL);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

PLAIN(other_faults_kill_as_ever)
{
    check_other_fault(send_itself_the_signal);
    check_other_fault(read_what_is_forbidden);
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
        CHECK(async_stack_promise(&stacks));
        taken[i] = async_stack_take(&stacks);
        memset(taken[i]->low, 0, taken[i]->size); /* all of it is ours */
        guarded += taken[i]->guarded;
    }
    CHECK_EQUAL(guarded, 50);
    for (int i = 0; i < 200; i++)
        async_stack_give(&stacks, taken[i]);
    async_stacks_deinit(&stacks);
}
