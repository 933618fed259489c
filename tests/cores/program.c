/* SPDX-License-Identifier: MIT */
/* Tasks that wait for ever, in a runtime of this program or of a library; more mappings when it is asked. */
#include <async.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct async_mutex *lock;
static int waiting;

static int sleeper(void *unused)
{
    (void)unused;
    waiting++;
    return async_mutex_lock(lock);
}

static int start(void *unused)
{
    (void)unused;
    async_mutex_create(&lock, "the lock");
    async_mutex_lock(lock);
    for (int i = 0; i < 5; i++)
        async_spawn(NULL, "sleeper", sleeper, NULL);
    while (waiting < 5)
        async_yield();
    printf("ready\n");
    fflush(stdout);
    for (;;)
        async_sleep(3600 * 1000);
}

/* Pages of alternating rights cannot become one mapping. */
static void map_pages(long count)
{
    for (long i = 0; i < count; i++)
        if (mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
            MAP_FAILED)
            perror("mmap");
}

int run_service(void)
{
    return async_run(start, NULL, NULL);
}

#ifndef LIBRARY
int main(int count, char **words)
{
    map_pages(count > 1 ? atol(words[1]) : 0);
    return run_service();
}
#endif
