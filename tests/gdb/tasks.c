/* SPDX-License-Identifier: MIT */
/* One task of each sort, for a debugger that stops in `stop_here`: on a second thread, while the first
 * stays in main itself. */
#include <pthread.h>

#include <async.h>

static volatile int in_main, going_on = 1;
static struct async_promise *promise;

__attribute__((noinline)) void stop_here(void)
{
    __asm__ volatile("");
}

static int wait_for_ever(void *argument)
{
    const char *word = argument;
    int error = async_promise_await(promise, NULL);
    return error ? error : word[0];
}

static int end(void *argument)
{
    (void)argument;
    return 5;
}

static int begin(void *argument)
{
    (void)argument;
    return 0;
}

static int run_now(void *argument)
{
    struct async_task *fresh;
    int answer = 42;
    async_spawn(&fresh, "fresh", begin, argument);
    stop_here();
    async_join(fresh, NULL);
    async_promise_resolve(promise, NULL);
    return answer;
}

static int start(void *argument)
{
    struct async_task *waiting, *ended, *running;
    (void)argument;
    async_promise_create(&promise, "never");
    async_spawn(&waiting, "wait\033[31m", wait_for_ever, "word");
    async_spawn(&ended, "ended", end, NULL);
    async_spawn(&running, "running", run_now, NULL);
    async_join(running, NULL);
    async_join(ended, NULL);
    async_join(waiting, NULL);
    return async_promise_destroy(promise);
}

static void *loop(void *argument)
{
    while (!in_main)
        continue;
    async_run(start, NULL, NULL);
    going_on = 0;
    return argument;
}

int main(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, loop, NULL))
        return 1;
    while (going_on)
        in_main = 1;
    pthread_join(thread, NULL);
    return 0;
}
