/* SPDX-License-Identifier: MIT */
/* Runs the task of classes.cpp, and waits for it; the runtime's header is one for C. */
#include <stdio.h>

#include <async.h>

int classes_task(void *argument);
int park(void);

static struct async_promise *never;

int park(void)
{
    return async_promise_await(never, NULL);
}

static int start(void *argument)
{
    int error = async_promise_create(&never, "never");
    if (!error)
        error = async_spawn(NULL, "classes", classes_task, argument);
    if (!error)
        error = async_yield();
    puts("[null]");
    fflush(stdout);
    return error ? error : park();
}

int main(void)
{
    return async_run(start, NULL, NULL) ? 1 : 0;
}
