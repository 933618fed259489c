/* SPDX-License-Identifier: MIT */
#include "io_test.h"

#include "cancel.h"

static int thread_of(void *argument)
{
    CHECK(!async_self());
    CHECK_EQUAL(async_sleep(1), UV_EINVAL); /* it is no task */
    *(pid_t *)argument = gettid();
    return 4711;
}

TEST(runs_elsewhere)
{
    pid_t thread = 0;
    CHECK_EQUAL(async_work("thread", thread_of, &thread), 4711);
    CHECK(thread && thread != gettid());
}

static int fail(void *unused)
{
    (void)unused;
    return UV_EIO;
}

TEST(result_is_handed_on)
{
    CHECK_EQUAL(async_work("fail", fail, NULL), UV_EIO);
    CHECK_EQUAL(async_work(NULL, fail, NULL), UV_EIO);
    CHECK_EQUAL(async_work("nothing", NULL, NULL), UV_EINVAL);
}

PLAIN(outside_a_task)
{
    CHECK_EQUAL(async_work("fail", fail, NULL), UV_EINVAL);
}

static int add_one(void *argument)
{
    __atomic_fetch_add((int *)argument, 1, __ATOMIC_RELAXED);
    return 0;
}

static int add_many(void *argument)
{
    for (int i = 0; i < 50; i++)
        CHECK_EQUAL(async_work("add", add_one, argument), 0);
    return 0;
}

static int add_everywhere(void *unused)
{
    (void)unused;
    int sum = 0;
    struct async_task *tasks[12];
    for (uint32_t i = 0; i < 12; i++)
        CHECK_EQUAL(async_spawn_on(&tasks[i], i % 4, "adder", add_many, &sum), 0);
    for (int i = 0; i < 12; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    CHECK_EQUAL(sum, 600);
    return 0;
}

PLAIN(from_several_workers)
{
    test_run_on_workers(4, add_everywhere);
}

/* ---- Interrupted while it waits for a thread ------------------------------------------------------------
 */

static int add_one_as_work(void *argument)
{
    return async_work("add", add_one, argument);
}

TEST(taken_back_while_queued)
{
    struct test_pool pool;
    int calls = 0;
    test_pool_fill(&pool, 2);
    test_interrupt(ASYNC_FUTURE_WORK, add_one_as_work, &calls);
    test_pool_let_go(&pool);
    CHECK_EQUAL(calls, 0);
    CHECK_EQUAL(async_work("add", add_one, &calls), 0);
    CHECK_EQUAL(calls, 1);
}

/* Asked to end before it begins. */
static int work_when_cancelled(void *argument)
{
    async_yield();
    CHECK_EQUAL(async_work("add", add_one, argument), UV_ECANCELED);
    return async_work("add", add_one, argument);
}

TEST(not_begun_when_cancelled)
{
    int calls = 0;
    struct async_task *task = test_spawn("task", work_when_cancelled, &calls);
    async_yield();
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(test_join(task), 0);
    CHECK_EQUAL(calls, 1);
}

/* ---- Interrupted while it runs ----------------------------------------------------------------------------
 */

static int block(void *pool)
{
    test_pool_block(pool);
    return 42;
}

static int block_then_sleep(void *pool)
{
    CHECK_EQUAL(async_work("block", block, pool), 42);
    return async_sleep(100000);
}

static void init_gate(struct test_pool *pool)
{
    *pool = (struct test_pool){.count = 1};
    sem_init(&pool->gate, 0, 0);
    sem_init(&pool->inside, 0, 0);
}

static void until_inside(struct test_pool *pool)
{
    while (sem_trywait(&pool->inside) != 0)
        async_sleep(1);
}

/* The argument lies on a stack: it is waited for, and the next wait is told. */
TEST(cancellation_is_put_off_while_running)
{
    struct test_pool pool;
    init_gate(&pool);
    struct async_task *task = test_spawn("task", block_then_sleep, &pool);
    until_inside(&pool);
    CHECK_EQUAL(async_cancel(task), 0);
    async_sleep(3);
    CHECK_EQUAL(task->state, ASYNC_TASK_WAITING);
    CHECK_EQUAL(task->awaits->kind, ASYNC_FUTURE_WORK);
    sem_post(&pool.gate);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
}

/* Done between the cancellation and the moment when the task runs. */
TEST(done_just_after_the_cancellation)
{
    struct test_pool pool;
    init_gate(&pool);
    struct async_task *task = test_spawn("task", block_then_sleep, &pool);
    until_inside(&pool);
    const struct async_future *future = test_until_waits(task, ASYNC_FUTURE_WORK);
    sem_post(&pool.gate);
    while (__atomic_load_n(&future->state, __ATOMIC_ACQUIRE) != ASYNC_FUTURE_PENDING)
        sched_yield();
    usleep(20000);
    test_cancel_in_a_crowd(task);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
}

/* With a time limit that ends after it has begun, on however slow a machine. */
static int block_briefly(void *pool)
{
    struct async_timeout timeout;
    int result = UV_ETIMEDOUT;
    for (uint64_t limit = 5; result == UV_ETIMEDOUT; limit *= 2) {
        CHECK_EQUAL(async_timeout_begin(&timeout, limit), 0);
        result = async_work("block", block, pool);
        int slept = result == UV_ETIMEDOUT ? 0 : async_sleep(100000);
        CHECK_EQUAL(async_timeout_end(&timeout), UV_ETIMEDOUT);
        CHECK(result == UV_ETIMEDOUT || slept == UV_ETIMEDOUT);
    }
    CHECK_EQUAL(result, 42);
    return async_sleep(1);
}

static void until_interrupted(const struct async_task *task)
{
    while (!(task->interrupts & ASYNC_INTERRUPT_TIMEOUT))
        async_sleep(1);
}

TEST(time_limit_is_put_off_while_running)
{
    struct test_pool pool;
    init_gate(&pool);
    struct async_task *task = test_spawn("task", block_briefly, &pool);
    until_inside(&pool);
    until_interrupted(task);
    async_sleep(1);
    CHECK_EQUAL(task->state, ASYNC_TASK_WAITING);
    sem_post(&pool.gate);
    CHECK_EQUAL(test_join(task), 0);
}

/* Both in the same turn of the loop, the limit first: the result is not lost. */
TEST(done_together_with_the_time_limit)
{
    struct test_pool pool;
    init_gate(&pool);
    struct async_task *task = test_spawn("task", block_briefly, &pool);
    until_inside(&pool);
    const struct async_future *future = test_until_waits(task, ASYNC_FUTURE_WORK);
    sem_post(&pool.gate);
    while (__atomic_load_n(&future->state, __ATOMIC_ACQUIRE) != ASYNC_FUTURE_PENDING)
        sched_yield();
    while (async_now() < task->deadline)
        sched_yield();
    usleep(20000);
    CHECK_EQUAL(test_join(task), 0);
}

/* ---- What a debugger sees
 * ------------------------------------------------------------------------------------ */

static int wait_in_queue(void *calls)
{
    return async_work("in the queue", add_one, calls);
}

TEST(work_tells_the_truth)
{
    struct test_pool pool;
    int calls = 0;
    char path[64];
    test_pool_fill(&pool, 1);
    struct async_task *task = test_spawn("task", wait_in_queue, &calls);
    const struct async_future *queued = test_until_waits(task, ASYNC_FUTURE_WORK);
    const struct async_future *running = test_until_waits(pool.tasks[0], ASYNC_FUTURE_WORK);
    CHECK_EQUAL(queued->state, ASYNC_FUTURE_QUEUED);
    CHECK_EQUAL(queued->thread, 0);
    CHECK(strcmp(queued->name, "in the queue") == 0);
    CHECK(strcmp(queued->site->file, __FILE__) == 0);
    CHECK(queued->worker == async_self()->worker);
    CHECK_EQUAL(running->state, ASYNC_FUTURE_RUNNING);
    snprintf(path, sizeof(path), "/proc/self/task/%d", running->thread);
    CHECK(running->thread != gettid() && access(path, F_OK) == 0);
    test_pool_let_go(&pool);
    CHECK_EQUAL(test_join(task), 0);
    CHECK_EQUAL(calls, 1);
}
