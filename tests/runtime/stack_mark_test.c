/* SPDX-License-Identifier: MIT */
/* How deep a stack was ever used, in debug mode, also between two switches. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sanitizer.h"
#include "task.h"
#include "test.h"

enum { DEEP = 20000, PAGE = 4096 };

/* Uses that much of the stack, and gives it back. */
__attribute__((noinline)) static void dig(size_t depth)
{
    volatile char hole[512];
    memset((char *)hole, 0x55, sizeof(hole));
    if (depth > sizeof(hole))
        dig(depth - sizeof(hole));
    __asm__ volatile("" : : "r"(hole) : "memory");
}

static int dig_and_sleep(void *depth)
{
    dig((size_t)(intptr_t)depth);
    return async_sleep(1000000);
}

static uint64_t mark_of(async_function function, size_t depth)
{
    struct async_task *task = test_spawn("digger", function, (void *)(intptr_t)depth);
    test_settle();
    uint64_t mark = task->stack_used_max;
    async_cancel(task);
    test_join(task);
    return mark;
}

static bool may_look(void)
{
#if defined(ASYNC_VALGRIND)
    return !RUNNING_ON_VALGRIND;
#else
    return true;
#endif
}

TEST(mark_is_what_was_touched)
{
    if (!may_look())
        exit(TEST_SKIPPED);
    CHECK(mark_of(dig_and_sleep, DEEP) < DEEP / 2); /* without debug mode: at the switch */
    async_debug_enable(true);
    uint64_t shallow = mark_of(dig_and_sleep, 0), deep = mark_of(dig_and_sleep, DEEP);
    CHECK(deep >= DEEP && deep < DEEP * 2 + shallow);
    CHECK(shallow < DEEP / 2); /* though another has used the same stack before */
    CHECK(mark_of(dig_and_sleep, 0) < DEEP / 2);
    async_debug_enable(false);
}

static uint64_t last_mark;

static int dig_in_last_step(void *depth)
{
    async_yield();
    async_yield();
    dig((size_t)(intptr_t)depth);
    return 0;
}

TEST(mark_at_the_end)
{
    if (!may_look())
        exit(TEST_SKIPPED);
    async_debug_enable(true);
    struct async_task *task = test_spawn("digger", dig_in_last_step, (void *)(intptr_t)DEEP);
    test_settle();
    last_mark = task->stack_used_max;
    test_join(task);
    CHECK(last_mark >= DEEP);
    async_debug_enable(false);
}

/* Pages of a stack that are in memory. */
static unsigned resident(const struct async_task *task)
{
    unsigned char pages[256];
    unsigned found = 0;
    size_t count = (task->stack_size + PAGE - 1) / PAGE;
    CHECK(count <= sizeof(pages));
    CHECK(mincore(task->stack_low, task->stack_size, pages) == 0);
    for (size_t i = 0; i < count; i++)
        found += pages[i] & 1;
    return found;
}

TEST(looking_commits_no_page)
{
#if defined(ASYNC_SANITIZE_ADDRESS) || defined(ASYNC_SANITIZE_THREAD)
    exit(TEST_SKIPPED); /* stacks are used by their own code too */
#endif
    if (sysconf(_SC_PAGESIZE) != PAGE)
        exit(TEST_SKIPPED);
    struct async_task *plain = test_spawn("plain", dig_and_sleep, NULL);
    test_settle();
    async_debug_enable(true);
    struct async_task *watched = test_spawn("watched", dig_and_sleep, NULL);
    test_settle();
    CHECK(resident(plain) >= 1 && resident(watched) <= resident(plain) + 1);
    CHECK(resident(watched) < watched->stack_size / PAGE / 2);
    async_debug_enable(false);
    async_cancel(plain);
    async_cancel(watched);
    test_join(plain);
    test_join(watched);
}
