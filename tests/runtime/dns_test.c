/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>

#include "io_test.h"

/* ---- A resolver that takes its time: it stands before libc's ---------------------------------------------
 */

static struct test_pool slow;
static int slow_calls;

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(
            RTLD_NEXT, "getaddrinfo");
    if (!host || strcmp(host, "slow.test") != 0)
        return next(host, service, hints, result);
    __atomic_fetch_add(&slow_calls, 1, __ATOMIC_RELAXED);
    test_pool_block(&slow);
    host = "127.0.0.1";
    int status = next(host, service, hints, result);
    sem_post(&slow.inside); /* and out again */
    return status;
}

static void begin_slow(void)
{
    sem_init(&slow.gate, 0, 0);
    sem_init(&slow.inside, 0, 0);
}

static void until_inside(void)
{
    while (sem_trywait(&slow.inside) != 0)
        async_sleep(1);
}

/* ---- Answers --------------------------------------------------------------------------------------------
 */

static void check_address(const struct async_address *address, const char *expected)
{
    char text[ASYNC_ADDRESS_SIZE];
    async_address_format(address, text);
    CHECK(strcmp(text, expected) == 0);
}

TEST(names_and_numbers)
{
    struct async_address addresses[8];
    CHECK_EQUAL(async_resolve("127.0.0.1", "4711", addresses, 8), 1);
    check_address(&addresses[0], "127.0.0.1:4711");
    CHECK_EQUAL(async_resolve("::1", "80", addresses, 8), 1);
    check_address(&addresses[0], "[::1]:80");
    int count = async_resolve("localhost", "80", addresses, 8);
    CHECK(count >= 1 && count <= 8);
    for (int i = 0; i < count; i++)
        CHECK(addresses[i].socket.ss_family == AF_INET || addresses[i].socket.ss_family == AF_INET6);
    CHECK_EQUAL(async_resolve("127.0.0.1", NULL, addresses, 8), 1);
    check_address(&addresses[0], "127.0.0.1:0");
}

/* There are more than wanted; their number is told. */
TEST(less_room)
{
    struct async_address address = {.size = 99};
    int count = async_resolve(NULL, "80", NULL, 0);
    CHECK(count >= 1);
    CHECK_EQUAL(async_resolve(NULL, "80", &address, 1), count);
    CHECK(address.size != 99);
}

TEST(back_to_names)
{
    struct async_address address;
    char host[256];
    CHECK_EQUAL(async_address_parse(&address, "127.0.0.1", 80), 0);
    CHECK_EQUAL(async_resolve_name(&address, host, sizeof(host)), 0);
    CHECK(host[0] && strlen(host) < sizeof(host));
    CHECK_EQUAL(async_resolve_name(&address, host, strlen(host)), UV_ENOSPC);
}

TEST(dns_errors)
{
    struct async_address address;
    char host[16];
    CHECK_EQUAL(async_resolve("127.0.0.1", "no such service", &address, 1), UV_EAI_SERVICE);
    CHECK(async_resolve("no such host", "80", &address, 1) < 0);
    CHECK_EQUAL(async_resolve(NULL, NULL, &address, 1), UV_EINVAL);
    CHECK_EQUAL(async_resolve("localhost", NULL, NULL, 1), UV_EINVAL);
    CHECK_EQUAL(async_resolve_name(NULL, host, sizeof(host)), UV_EINVAL);
    CHECK_EQUAL(async_address_parse_unix(&address, "/path"), 0);
    CHECK_EQUAL(async_resolve_name(&address, host, sizeof(host)), UV_EINVAL);
}

PLAIN(dns_outside_a_task)
{
    struct async_address address;
    CHECK_EQUAL(async_resolve("localhost", NULL, &address, 1), UV_EINVAL);
}

/* ---- Addresses as text
 * ------------------------------------------------------------------------------------- */

PLAIN(addresses_as_text)
{
    struct async_address address;
    char text[ASYNC_ADDRESS_SIZE], path[108];
    CHECK_EQUAL(async_address_parse(&address, "nowhere", 1), UV_EINVAL);
    CHECK_EQUAL(async_address_parse(&address, NULL, 1), UV_EINVAL);
    CHECK_EQUAL(async_address_parse(NULL, "::1", 1), UV_EINVAL);
    CHECK_EQUAL(async_address_parse(&address, "2001:db8::7", 65535), 0);
    check_address(&address, "[2001:db8::7]:65535");
    memset(path, 'x', sizeof(path));
    path[107] = 0;
    CHECK_EQUAL(async_address_parse_unix(&address, path), 0);
    check_address(&address, path);
    CHECK_EQUAL(address.size, sizeof(sa_family_t) + 107 + 1);
    path[0] = '@';
    CHECK_EQUAL(async_address_parse_unix(&address, path), 0);
    check_address(&address, path);
    CHECK_EQUAL(address.size, sizeof(sa_family_t) + 107); /* a NUL would be part of the name */
    CHECK_EQUAL(async_address_parse_unix(&address, ""), UV_EINVAL);
    address.size = 0;
    async_address_format(&address, text);
    CHECK(!text[0]);
}

/* ---- Waits that end early
 * ------------------------------------------------------------------------------------ */

static int resolve_localhost(void *unused)
{
    (void)unused;
    struct async_address address;
    return async_resolve("localhost", "80", &address, 1);
}

static int resolve_slowly(void *unused)
{
    (void)unused;
    struct async_address address;
    return async_resolve("slow.test", "80", &address, 1);
}

static int name_localhost(void *unused)
{
    (void)unused;
    struct async_address address;
    char host[256];
    CHECK_EQUAL(async_address_parse(&address, "127.0.0.1", 80), 0);
    return async_resolve_name(&address, host, sizeof(host));
}

TEST(taken_back_while_queued)
{
    struct test_pool pool;
    test_pool_fill(&pool, 1);
    test_interrupt(ASYNC_FUTURE_DNS, resolve_slowly, NULL);
    test_interrupt(ASYNC_FUTURE_DNS, name_localhost, NULL);
    test_pool_let_go(&pool);
    CHECK(resolve_localhost(NULL) > 0); /* behind them, if they were still in the queue */
    CHECK_EQUAL(__atomic_load_n(&slow_calls, __ATOMIC_RELAXED), 0);
}

/* The query goes on by itself, without the task. */
TEST(left_behind_while_running)
{
    begin_slow();
    for (int i = 0; i < 2; i++) {
        struct async_task *task = test_spawn("task", resolve_slowly, NULL);
        until_inside();
        CHECK_EQUAL(async_cancel(task), 0);
        CHECK_EQUAL(test_join(task), UV_ECANCELED);
    }
    sem_post(&slow.gate);
    sem_post(&slow.gate);
    until_inside(); /* and out again */
    until_inside();
    CHECK(resolve_localhost(NULL) > 0);
}

static int let_go(void *unused)
{
    (void)unused;
    usleep(20000);
    sem_post(&slow.gate);
    return 0;
}

/* Nothing else is open; async_run waits for it. */
TEST(left_behind_at_the_end)
{
    begin_slow();
    struct async_task *task = test_spawn("task", resolve_slowly, NULL);
    until_inside();
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    CHECK_EQUAL(async_work("let go", let_go, NULL), 0);
}

static int resolve_and_sleep(void *unused)
{
    CHECK_EQUAL(resolve_slowly(unused), 1);
    return async_sleep(100000);
}

/* Answered between the cancellation and the moment when the task runs: both are told. */
TEST(answered_just_after_the_cancellation)
{
    begin_slow();
    struct async_task *task = test_spawn("task", resolve_and_sleep, NULL);
    until_inside();
    sem_post(&slow.gate);
    sem_wait(&slow.inside);
    usleep(20000);
    test_cancel_in_a_crowd(task);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
}

static int resolve_briefly(void *unused)
{
    struct async_timeout timeout;
    CHECK_EQUAL(async_timeout_begin(&timeout, test_under_valgrind() ? 3000 : 200), 0);
    int count = resolve_slowly(unused);
    CHECK_EQUAL(async_sleep(100000), UV_ETIMEDOUT);
    CHECK_EQUAL(async_timeout_end(&timeout), UV_ETIMEDOUT);
    return count;
}

/* Both in the same turn of the loop, the limit first: the answer is not lost. */
TEST(answered_together_with_the_time_limit)
{
    begin_slow();
    struct async_task *task = test_spawn("task", resolve_briefly, NULL);
    until_inside();
    sem_post(&slow.gate);
    sem_wait(&slow.inside);
    while (async_now() < task->deadline)
        sched_yield();
    usleep(20000);
    CHECK_EQUAL(test_join(task), 1);
}

/* ---- What a debugger sees, and several workers
 * --------------------------------------------------------------- */

TEST(dns_tells_the_truth)
{
    begin_slow();
    struct async_task *task = test_spawn("task", resolve_slowly, NULL);
    const struct async_future *future = test_until_waits(task, ASYNC_FUTURE_DNS);
    CHECK(strcmp(future->name, "slow.test") == 0);
    CHECK(strcmp(future->site->file, __FILE__) == 0);
    CHECK(future->worker == async_self()->worker);
    sem_post(&slow.gate);
    CHECK_EQUAL(test_join(task), 1);
}

static int on_three_workers(void *unused)
{
    (void)unused;
    struct async_task *tasks[12];
    for (uint32_t i = 0; i < 12; i++)
        CHECK_EQUAL(
            async_spawn_on(&tasks[i], i % 3, "task", i % 2 ? resolve_localhost : name_localhost, NULL), 0);
    for (int i = 0; i < 12; i++)
        CHECK(test_join(tasks[i]) >= 0);
    return 0;
}

PLAIN(several_workers)
{
    test_run_on_workers(3, on_three_workers);
}
