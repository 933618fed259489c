/* SPDX-License-Identifier: MIT */
/**
 * @file stacks.c - the sample program of unwind_test.c.
 *
 * Stacks of many shapes, each on its own memory, parked in an assembler switch. The table below says which
 * functions each must show, innermost first. With a number as argument, that case traps on the way instead
 * of parking, for comparison with other unwinders.
 */
#include <signal.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_SIZE (64 * 1024)
#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif


/* switch_stack(&save, load): six registers and the return address, as a coroutine runtime does it.
 * sample_entry ends the stack; without_cfi says nothing to unwinders. */
__asm__(".text\n"
        ".globl switch_stack\n"
        ".type switch_stack, @function\n"
        "switch_stack:\n"
        "	.cfi_startproc\n"
        "	pushq %rbp\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset rbp, 0\n"
        "	pushq %rbx\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset rbx, 0\n"
        "	pushq %r12\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset r12, 0\n"
        "	pushq %r13\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset r13, 0\n"
        "	pushq %r14\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset r14, 0\n"
        "	pushq %r15\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset r15, 0\n"
        "	movq %rsp, (%rdi)\n"
        "	movq %rsi, %rsp\n"
        "	popq %r15\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore r15\n"
        "	popq %r14\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore r14\n"
        "	popq %r13\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore r13\n"
        "	popq %r12\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore r12\n"
        "	popq %rbx\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore rbx\n"
        "	popq %rbp\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore rbp\n"
        "	ret\n"
        "	.cfi_endproc\n"
        "	.size switch_stack, .-switch_stack\n"
        ".globl sample_entry\n"
        ".type sample_entry, @function\n"
        "sample_entry:\n"
        "	.cfi_startproc\n"
        "	.cfi_undefined rip\n"
        "	nop\n"
        "	call *%rbx\n"
        "	ud2\n"
        "	.cfi_endproc\n"
        "	.size sample_entry, .-sample_entry\n"
        ".globl without_cfi\n"
        ".type without_cfi, @function\n"
        "without_cfi:\n"
        "	subq $24, %rsp\n"
        "	call *%rdi\n"
        "	addq $24, %rsp\n"
        "	ret\n"
        "	.size without_cfi, .-without_cfi\n"
        ".globl illegal_at_once\n"
        ".type illegal_at_once, @function\n"
        "illegal_at_once:\n"
        "	.cfi_startproc\n"
        "	ud2\n"
        "	ret\n"
        "	.cfi_endproc\n"
        "	.size illegal_at_once, .-illegal_at_once\n"
        /* the CFA in memory, rbp by value: an expression and DW_CFA_val_offset_sf */
        ".globl by_expressions\n"
        ".type by_expressions, @function\n"
        "by_expressions:\n"
        "	.cfi_startproc\n"
        "	leaq 8(%rsp), %rax\n"
        "	pushq %rax\n"
        "	.cfi_escape 0x0f, 0x03, 0x77, 0x00, 0x06\n" /* CFA = *(rsp + 0) */
        "	.cfi_escape 0x15, 0x06, 0x7e\n"             /* rbp = CFA + -2 * -8 */
        "	.cfi_escape 0x05, 0x20, 0x02\n"             /* a register that is not followed */
        "	xorl %ebp, %ebp\n"
        "	call *%rdi\n"
        "	popq %rbp\n	.cfi_def_cfa rsp, 8\n"
        "	ret\n"
        "	.cfi_endproc\n"
        "	.size by_expressions, .-by_expressions\n"
        /* its rbp is 16 above the CFA of what it calls */
        ".globl by_frame_pointer\n"
        ".type by_frame_pointer, @function\n"
        "by_frame_pointer:\n"
        "	.cfi_startproc\n"
        "	pushq %rbp\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset rbp, 0\n"
        "	movq %rsp, %rbp\n	.cfi_def_cfa_register rbp\n"
        "	subq $16, %rsp\n"
        "	call by_expressions\n"
        "	addq $16, %rsp\n"
        "	popq %rbp\n	.cfi_def_cfa rsp, 8\n"
        "	ret\n"
        "	.cfi_endproc\n"
        "	.size by_frame_pointer, .-by_frame_pointer\n");

void switch_stack(void **save, void *load);
void sample_entry(void);
void without_cfi(void (*function)(void));
void by_frame_pointer(void (*function)(void));
void illegal_at_once(void);

struct sample_case {
    char name[32];
    char functions[160]; /* what an unwinder must show, separated by spaces */
    void (*start)(void);
    void *sp;
};

static void *main_sp;
static struct sample_case *current;
static int trap;
volatile int sink;

/* Two frames that call each other: rbp and a return address behind a function's prologue, twice. */
uint64_t sample_loop[4];

NOINLINE void park(void)
{
    sample_loop[0] = (uint64_t)(uintptr_t)&sample_loop[2];
    sample_loop[2] = (uint64_t)(uintptr_t)&sample_loop[0];
    sample_loop[1] = sample_loop[3] = (uint64_t)(uintptr_t)__builtin_return_address(0);
    if (trap)
        __builtin_trap();
    switch_stack(&current->sp, main_sp);
    sink++;
}

NOINLINE void leaf(int n)
{
    sink += n;
    park();
    sink -= n;
}

NOINLINE void middle(int n)
{
    sink += n;
    leaf(n + 1);
    sink -= n;
}

NOINLINE void plain(void)
{
    middle(3);
    sink++;
}

__attribute__((noreturn)) NOINLINE void never_returns(void)
{
    park();
    for (;;)
        pause();
}

NOINLINE void calls_noreturn(void)
{
    sink++;
    never_returns();
}

NOINLINE void variable_array(void)
{
    volatile char bytes[sink % 7 + 100];
    bytes[sink % 5] = 1;
    leaf(bytes[sink % 5]);
    sink += bytes[0];
}

NOINLINE void aligned(void)
{
    alignas(64) volatile char bytes[100];
    bytes[sink % 5] = 1;
    leaf((int)((uintptr_t)bytes % 64));
    sink += bytes[0];
}

NOINLINE void variadic(int count, ...)
{
    alignas(64) volatile int values[16];
    va_list args;
    va_start(args, count);
    for (int i = 0; i < count; i++)
        values[i] = va_arg(args, int);
    volatile char more[values[0] + 20];
    more[0] = 1;
    leaf(values[1] + more[0]);
    va_end(args);
    sink += values[0];
}

NOINLINE void aligned_variadic(void)
{
    variadic(3, 5, 6, 7);
    sink++;
}

NOINLINE void on_signal(int number)
{
    sink += number;
    park();
    sink -= number;
}

NOINLINE void signalled(void)
{
    syscall(SYS_kill, getpid(), SIGUSR1);
    sink++;
}

NOINLINE void faults_at_entry(void)
{
    illegal_at_once();
    sink++;
}

NOINLINE void loses_cfi(void)
{
    without_cfi(plain);
    sink++;
}

NOINLINE void expressions(void)
{
    by_frame_pointer(plain);
    sink++;
}

NOINLINE void sort_callback(void)
{
    park();
    sink++;
}

static int compare(const void *a, const void *b)
{
    if (sink++ == 0)
        sort_callback();
    return *(const int *)a - *(const int *)b;
}

NOINLINE void through_libc(void)
{
    int numbers[] = {3, 1, 2};
    sink = 0;
    qsort(numbers, 3, sizeof(int), compare);
    sink += numbers[0];
}

#define FROM_LEAF "park leaf "
struct sample_case sample_cases[] = {
    {"plain", FROM_LEAF "middle plain sample_entry", plain, NULL},
    {"noreturn", "park never_returns calls_noreturn sample_entry", calls_noreturn, NULL},
    {"vla", FROM_LEAF "variable_array sample_entry", variable_array, NULL},
    {"aligned", FROM_LEAF "aligned sample_entry", aligned, NULL},
    {"variadic", FROM_LEAF "variadic aligned_variadic sample_entry", aligned_variadic, NULL},
    {"signal", "park on_signal ! syscall signalled sample_entry", signalled, NULL},
    {"fault", "park on_signal ! illegal_at_once faults_at_entry sample_entry", faults_at_entry, NULL},
    {"expressions", FROM_LEAF "middle plain by_expressions by_frame_pointer expressions sample_entry",
     expressions, NULL},
    {"libc", "park sort_callback compare * through_libc sample_entry", through_libc, NULL},
    {"without_cfi", FROM_LEAF "middle plain without_cfi", loses_cfi, NULL},
    {"", "", NULL, NULL},
};

/* The stack of a thread stopped in the first instruction of a function that main called. */
uint64_t sample_return[2];

static void start(struct sample_case *one)
{
    char *memory = aligned_alloc(4096, STACK_SIZE);
    uint64_t *sp = (uint64_t *)(memory + STACK_SIZE) - 2; /* the entry's rsp is a multiple of 16 */
    memset(memory, 0, STACK_SIZE);
    *--sp = (uint64_t)(uintptr_t)sample_entry;
    *--sp = 0x6262; /* rbp */
    *--sp = (uint64_t)(uintptr_t)one->start;
    sp -= 4; /* r12 to r15 */
    current = one;
    switch_stack(&main_sp, sp);
}

int main(int argc, char **argv)
{
    int wanted = argc > 1 ? atoi(argv[1]) : -1;
    signal(SIGUSR1, on_signal);
    if (wanted < 0 || sample_cases[wanted].start == faults_at_entry)
        signal(SIGILL, on_signal);
    sample_return[1] = (uint64_t)(uintptr_t)main + 4;
    trap = wanted >= 0;
    for (int i = 0; sample_cases[i].start; i++)
        if (wanted < 0 || i == wanted)
            start(&sample_cases[i]);
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
