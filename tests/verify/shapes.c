/* SPDX-License-Identifier: MIT */
/**
 * @file shapes.c - tasks that wait for ever at the end of stacks of many shapes.
 *
 * Each function writes down where it will return to before it calls the next one. When all tasks wait, the
 * program prints their accounts as one line of JSON, to be compared with what is read of it:
 *
 *     [{"name": "plain", "returns": [of park, of leaf, ...]}, ...]    innermost first
 */
#include <async.h>
#include <alloca.h>
#include <signal.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef DEEP
#define DEEP 40
#endif

enum { RETURNS_MAX = 64 };

#ifdef __clang__
#define ALONE __attribute__((noinline))
#else
#define ALONE __attribute__((noinline, noclone))
#endif

struct shape {
    const char *name;
    void (*start)(void);
    void *returns[RETURNS_MAX]; /* outermost first */
    int count;
};

static struct async_mutex *lock;
static struct shape *current;
static volatile int sink;

/* For a function's first line. */
#define NOTE() note(__builtin_extract_return_addr(__builtin_return_address(0)))

ALONE static void note(void *address)
{
    if (current->count < RETURNS_MAX)
        current->returns[current->count++] = address;
}

ALONE static void park(void)
{
    NOTE();
    async_mutex_lock(lock);
    sink++;
}

ALONE static void leaf(int n)
{
    NOTE();
    sink += n;
    park();
    sink -= n;
}

ALONE static void plain(void)
{
    NOTE();
    leaf(3);
    sink++;
}

ALONE static void deep(int left)
{
    NOTE();
    if (left > 0)
        deep(left - 1);
    else
        leaf(left);
    sink++;
}

ALONE static void recursive(void)
{
    NOTE();
    deep(DEEP);
    sink++;
}

__attribute__((noreturn)) ALONE static void never_returns(void)
{
    NOTE();
    park();
    abort();
}

ALONE static void calls_noreturn(void)
{
    NOTE();
    sink++;
    never_returns();
}

ALONE static void variable_array(void)
{
    NOTE();
    volatile char bytes[sink % 7 + 100];
    bytes[sink % 5] = 1;
    leaf(bytes[sink % 5]);
    sink += bytes[0];
}

ALONE static void by_alloca(void)
{
    NOTE();
    volatile char *bytes = alloca((size_t)(sink % 7 + 3000));
    bytes[sink % 5] = 1;
    leaf(bytes[sink % 5]);
    sink += bytes[0];
}

ALONE static void aligned(void)
{
    NOTE();
    alignas(64) volatile char bytes[100];
    bytes[sink % 5] = 1;
    leaf((int)((uintptr_t)bytes % 64));
    sink += bytes[0];
}

/* Arguments above a frame that is realigned and has no fixed size: gcc keeps the old stack pointer in memory. */
ALONE static void variadic(int count, ...)
{
    NOTE();
    alignas(64) volatile int values[16];
    va_list arguments;
    va_start(arguments, count);
    for (int i = 0; i < count; i++)
        values[i] = va_arg(arguments, int);
    volatile char more[values[0] + 20];
    more[0] = 1;
    leaf(values[1] + more[0]);
    va_end(arguments);
    sink += values[0];
}

ALONE static void aligned_variadic(void)
{
    NOTE();
    variadic(9, 5, 6, 7, 8, 9, 10, 11, 12, 13);
    sink++;
}

/* The stack pointer is more than a byte's words away from what is saved. */
ALONE static void large_frame(void)
{
    NOTE();
    volatile char bytes[20000];
    bytes[sink % 5] = 1;
    leaf(bytes[sink % 5]);
    sink += bytes[0];
}

/* More values than registers that survive a call. */
ALONE static void many_registers(void)
{
    NOTE();
    int a = sink, b = a * 3, c = b ^ a, d = c + 7, e = d * a, f = e - b, g = f ^ d, h = g + c;
    leaf(a);
    sink += a + b + c;
    leaf(d + e);
    sink += d + e + f + g + h;
}

/* Compilers move what is not likely elsewhere, with unwind information of its own. */
ALONE static void unlikely(int n)
{
    NOTE();
    if (__builtin_expect(n > 0, 0)) {
        sink += n;
        never_returns();
    }
    sink -= n;
}

ALONE static void cold(void)
{
    NOTE();
    unlikely(sink * 0 + 1);
    sink++;
}

ALONE static void on_signal(int number)
{
    NOTE();
    sink += number;
    park();
    sink -= number;
}

ALONE static void signalled(void)
{
    NOTE();
    syscall(SYS_kill, getpid(), SIGUSR1);
    sink++;
}

/* The signal comes where a function has not even begun: looked up one byte before, it would be another's. */
__asm__(".text\n"
        ".type illegal_at_once, @function\n"
        "illegal_at_once:\n"
        "	.cfi_startproc\n"
        "	ud2\n"
        "	ret\n"
        "	.cfi_endproc\n"
        "	.size illegal_at_once, .-illegal_at_once\n");
void illegal_at_once(void);

ALONE static void faults_at_entry(void)
{
    NOTE();
    illegal_at_once();
    sink++;
}

static int compare(const void *a, const void *b)
{
    NOTE();
    park();
    return *(const int *)a - *(const int *)b;
}

ALONE static void through_libc(void)
{
    NOTE();
    int numbers[] = {3, 1, 2};
    qsort(numbers, 3, sizeof(int), compare);
    sink += numbers[0];
}

static struct shape shapes[] = {
    {.name = "plain", .start = plain},
    {.name = "recursive", .start = recursive},
    {.name = "noreturn", .start = calls_noreturn},
    {.name = "variable_array", .start = variable_array},
    {.name = "alloca", .start = by_alloca},
    {.name = "aligned", .start = aligned},
    {.name = "variadic", .start = aligned_variadic},
    {.name = "large_frame", .start = large_frame},
    {.name = "many_registers", .start = many_registers},
    {.name = "cold", .start = cold},
    {.name = "signal", .start = signalled},
    {.name = "fault", .start = faults_at_entry},
    {.name = "libc", .start = through_libc},
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static int run_shape(void *shape)
{
    current = shape;
    current->start();
    return sink;
}

static void tell(void)
{
    for (int i = 0; i < SHAPES; i++) {
        printf("%s{\"name\": \"%s\", \"returns\": [", i ? ", " : "[", shapes[i].name);
        for (int k = shapes[i].count - 1; k >= 0; k--)
            printf("%lu%s", (unsigned long)(uintptr_t)shapes[i].returns[k], k ? ", " : "]}");
    }
    puts("]");
    fflush(stdout);
}

static int start(void *unused)
{
    (void)unused;
    async_mutex_create(&lock, "the lock");
    async_mutex_lock(lock);
    for (int i = 0; i < SHAPES; i++) {
        async_spawn(NULL, shapes[i].name, run_shape, &shapes[i]);
        async_yield();
    }
    tell();
    return async_sleep(3600 * 1000);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    return async_run(start, NULL, NULL);
}
