/* SPDX-License-Identifier: MIT */
#include "overflow.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "task.h"
#include "worker.h"

#define ROOM 16384 /* beside what the kernel puts on the handler's stack, which depends on the processor */

static bool installed;

/* In a signal handler too: no buffers, no memory. */
static void tell(const struct async_task *task)
{
    char line[160];
    int length =
        snprintf(line, sizeof(line), "libasyncrt: task #%llu \"%s\" has overflowed its stack of %zu bytes\n",
                 (unsigned long long)task->id, task->name, (size_t)task->stack_size);
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        return; /* nobody listens */
}

void async_overflow_die(const struct async_task *task)
{
    tell(task);
    abort();
}

static bool hits_guard(const struct async_task *task, const char *address)
{
    return task->stack_guarded && address < task->stack_low &&
           address >= task->stack_low - sysconf(_SC_PAGESIZE);
}

/* The action is the default one again: what faulted faults once more, what was sent is sent once more. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    const struct async_task *task = async_self();
    if (info->si_code <= 0)
        raise(number);
    else if (task && hits_guard(task, info->si_addr))
        tell(task);
}

void async_overflow_begin(const struct async_options *options)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND},
                     before;
    if (options->leave_signals || sigaction(SIGSEGV, NULL, &before) != 0 || before.sa_handler != SIG_DFL)
        return;
    sigemptyset(&action.sa_mask);
    installed = sigaction(SIGSEGV, &action, NULL) == 0;
}

void async_overflow_end(void)
{
    struct sigaction now;
    if (installed && sigaction(SIGSEGV, NULL, &now) == 0 && now.sa_sigaction == on_fault)
        signal(SIGSEGV, SIG_DFL);
    installed = false;
}

/* A thread that has one keeps it. */
void async_overflow_enter(struct async_worker *worker)
{
    stack_t stack;
    long least = sysconf(_SC_MINSIGSTKSZ);
    if (!installed || sigaltstack(NULL, &stack) != 0 || !(stack.ss_flags & SS_DISABLE))
        return;
    stack = (stack_t){.ss_size = ROOM + (size_t)(least > 0 ? least : 0)};
    stack.ss_sp = worker->signal_stack = malloc(stack.ss_size);
    if (stack.ss_sp)
        sigaltstack(&stack, NULL);
}

void async_overflow_leave(struct async_worker *worker)
{
    static const stack_t none = {.ss_flags = SS_DISABLE};
    if (!worker->signal_stack)
        return;
    sigaltstack(&none, NULL);
    free(worker->signal_stack);
    worker->signal_stack = NULL;
}
