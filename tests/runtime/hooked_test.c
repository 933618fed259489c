/* SPDX-License-Identifier: MIT */
/* What a debugger finds that has switched debug mode on; see event_hook.py. */
#include "task.h"
#include "told.h"

void begin_here(void);
__attribute__((noinline, used)) void begin_here(void)
{
    __asm__ volatile("");
}

static int sleep_on(void *unused)
{
    (void)unused;
    return async_sleep(1000000);
}

static int fail(void *unused)
{
    (void)unused;
    return async_fail(UV_EIO, "as it should");
}

static int hog(void *unused)
{
    (void)unused;
    for (uint64_t end = async_now() + 3000000; async_now() < end;)
        ;
    return 0;
}

static int act(void *unused)
{
    (void)unused;
    begin_here();
    bool watched = async_debug_enabled();
    struct async_task *task = test_spawn("cancelled", sleep_on, NULL);
    CHECK(watched == (task->spawn_stack != NULL));
    test_settle();
    CHECK_EQUAL(async_cancel(task), 0);
    test_join(task);
    CHECK_EQUAL(test_join(test_spawn("failing", fail, NULL)), UV_EIO);
    test_join(test_spawn("hog", hog, NULL));
    CHECK_EQUAL(told_count(ASYNC_MESSAGE_SLOW_STEP) > 0, watched);
    return 0;
}

PLAIN(a_debugger_switches_it_on)
{
    told_begin();
    CHECK_EQUAL(async_run(act, NULL, NULL), 0);
}
