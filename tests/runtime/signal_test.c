/* SPDX-License-Identifier: MIT */
#include <signal.h>

#include "handle.h"
#include "io_test.h"

static struct async_signal *catch (int number)
{
    struct async_signal *signal;
    CHECK_EQUAL(async_signal_open(&signal, number), 0);
    return signal;
}

static int wait_for(void *signal)
{
    return async_signal_wait(signal);
}

static int close_it(void *signal)
{
    return async_signal_close(signal);
}

/* ---- Signals come ----------------------------------------------------------------------------------------
 */

TEST(wakes)
{
    struct async_signal *signal = catch (SIGUSR1);
    struct async_task *task = test_spawn("task", wait_for, signal);
    test_until_waits(task, ASYNC_FUTURE_SIGNAL);
    CHECK_EQUAL(async_signal_wait(signal), UV_EBUSY);
    CHECK_EQUAL(kill(getpid(), SIGUSR1), 0);
    CHECK_EQUAL(test_join(task), 1);
    CHECK_EQUAL(async_signal_close(signal), 0);
}

/* Those that come while nobody waits are counted. */
TEST(counts)
{
    struct async_signal *signal = catch (SIGUSR1);
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(raise(SIGUSR1), 0); /* delivered before it returns */
    async_sleep(1);
    CHECK_EQUAL(async_signal_wait(signal), 5);
    struct test_wait wait = {wait_for, signal};
    CHECK_EQUAL(test_wait_briefly(&wait), UV_ETIMEDOUT);
    CHECK_EQUAL(async_signal_close(signal), 0);
}

TEST(several_for_one_signal)
{
    struct async_signal *first = catch (SIGUSR1), *second = catch (SIGUSR1), *other = catch (SIGUSR2);
    CHECK_EQUAL(raise(SIGUSR1), 0);
    CHECK_EQUAL(async_signal_wait(first), 1);
    CHECK_EQUAL(async_signal_close(first), 0);
    CHECK_EQUAL(raise(SIGUSR1), 0);
    async_sleep(1);
    CHECK_EQUAL(async_signal_wait(second), 2);
    CHECK_EQUAL(raise(SIGUSR2), 0);
    CHECK_EQUAL(async_signal_wait(other), 1);
    CHECK_EQUAL(async_signal_close(second), 0);
    CHECK_EQUAL(async_signal_close(other), 0);
    struct sigaction action;
    CHECK_EQUAL(sigaction(SIGUSR1, NULL, &action), 0);
    CHECK(action.sa_handler == SIG_DFL); /* the last one gives it back */
}

/* ---- Waits that end early
 * ---------------------------------------------------------------------------------- */

TEST(signal_wait_ends_early)
{
    struct async_signal *signal = catch (SIGUSR1);
    test_interrupt(ASYNC_FUTURE_SIGNAL, wait_for, signal);
    CHECK_EQUAL(raise(SIGUSR1), 0);
    CHECK_EQUAL(async_signal_wait(signal), 1);
    test_close_meanwhile(ASYNC_FUTURE_SIGNAL, wait_for, close_it, signal, UV_ECANCELED);
}

TEST(signal_errors)
{
    struct async_signal *signal = NULL;
    CHECK_EQUAL(async_signal_open(&signal, SIGKILL), UV_EINVAL);
    CHECK_EQUAL(async_signal_open(&signal, 0), UV_EINVAL);
    CHECK_EQUAL(async_signal_open(&signal, 4711), UV_EINVAL);
    CHECK_EQUAL(async_signal_open(NULL, SIGUSR1), UV_EINVAL);
    CHECK_EQUAL(async_signal_wait(NULL), UV_EINVAL);
    CHECK_EQUAL(async_signal_close(NULL), UV_EINVAL);
    CHECK(!signal);
}

PLAIN(signal_outside_a_task)
{
    struct async_signal *signal;
    CHECK_EQUAL(async_signal_open(&signal, SIGUSR1), UV_EINVAL);
}

/* ---- What a debugger sees
 * ---------------------------------------------------------------------------------- */

TEST(signal_tells_the_truth)
{
    uint32_t line = __LINE__ + 2;
    struct async_signal *term, *real_time = catch (SIGRTMIN + 1);
    CHECK_EQUAL(async_signal_open(&term, SIGTERM), 0);
    const struct async_handle *handle = (const struct async_handle *)term;
    CHECK(strcmp(handle->kind, "signal") == 0 && strcmp(handle->name, "SIGTERM") == 0);
    CHECK(test_is_site(handle->site, __FILE__, line));
    struct async_task *task = test_spawn("task", wait_for, term);
    const struct async_future *future = test_until_waits(task, ASYNC_FUTURE_SIGNAL);
    CHECK(strcmp(future->name, "SIGTERM") == 0);
    CHECK(future->site == handle->site && future->worker == async_self()->worker);
    char name[32];
    snprintf(name, sizeof(name), "signal %d", SIGRTMIN + 1);
    CHECK(strcmp(((const struct async_handle *)real_time)->name, name) == 0);
    CHECK_EQUAL(raise(SIGTERM), 0);
    CHECK_EQUAL(test_join(task), 1);
    CHECK_EQUAL(async_signal_close(term), 0);
    CHECK_EQUAL(async_signal_close(real_time), 0);
}

/* ---- Several workers
 * ----------------------------------------------------------------------------------------- */

static struct async_signal *of_first;
static int ready;

static int wait_there(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_signal_wait(of_first), UV_EXDEV);
    CHECK_EQUAL(async_signal_close(of_first), UV_EXDEV);
    struct async_signal *signal = catch (SIGUSR1);
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    int count = async_signal_wait(signal);
    CHECK_EQUAL(async_signal_close(signal), 0);
    return count;
}

static int on_three_workers(void *unused)
{
    (void)unused;
    struct async_task *tasks[2];
    of_first = catch (SIGUSR1);
    for (uint32_t i = 0; i < 2; i++)
        CHECK_EQUAL(async_spawn_on(&tasks[i], i + 1, "task", wait_there, NULL), 0);
    while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < 2)
        async_sleep(1);
    CHECK_EQUAL(kill(getpid(), SIGUSR1), 0);
    CHECK_EQUAL(async_signal_wait(of_first), 1);
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(test_join(tasks[i]), 1);
    return 0;
}

PLAIN(several_workers)
{
    test_run_on_workers(3, on_three_workers);
}

TEST(left_open)
{
    catch (SIGUSR1);
}
