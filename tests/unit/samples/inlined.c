/* SPDX-License-Identifier: MIT */
/**
 * @file inlined.c - the sample program of symbol_test.c: calls that know where they are.
 *
 * Each probe keeps its return address with the functions around it, innermost first, and their lines.
 */
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define INLINE inline __attribute__((always_inline))

struct probe {
    uint64_t pc; /* a return address */
    int lines[3];
    char functions[64];
};

struct probe sample_probes[16];
static int count;
volatile int sink; /* changed behind each call, so that none becomes a jump */

static void probe(int line, int outer_line, int outermost_line, const char *functions);

#include "inlined.h"

static NOINLINE void probe(int line, int outer_line, int outermost_line, const char *functions)
{
    struct probe *one = &sample_probes[count++];
    one->pc = (uint64_t)(uintptr_t)__builtin_return_address(0);
    one->lines[0] = line;
    one->lines[1] = outer_line;
    one->lines[2] = outermost_line;
    snprintf(one->functions, sizeof(one->functions), "%s", functions);
}

static INLINE void inner(int outer_line, int outermost_line, const char *functions)
{
    sink++;
    probe(__LINE__, outer_line, outermost_line, functions);
    sink++;
}

static INLINE void middle(int outermost_line)
{
    if (sink < 1000) {
        int local = sink;
        inner(__LINE__, outermost_line, "inner middle outer");
        sink += local;
    }
}

NOINLINE void outer(void)
{
    for (sink = 0; sink < 1; sink++) {
        volatile int block = sink;
        middle(__LINE__);
        sink += block;
    }
}

NOINLINE void twice(void)
{
    inner(__LINE__, 0, "inner twice");
    inner(__LINE__, 0, "inner twice");
}

/* Thrown away by --gc-sections: its debug information then says address 0, and its size reaches far into
 * the program's code. */
NOINLINE void thrown_away(void)
{
    __asm__ volatile(".fill 65536, 1, 0x90");
    probe(__LINE__, 0, 0, "thrown_away");
}

int main(void)
{
    in_header();
    outer();
    twice();
    probe(__LINE__, 0, 0, "main");
    sink++;
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
