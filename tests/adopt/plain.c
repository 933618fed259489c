/* SPDX-License-Identifier: MIT */
/* Coroutines whose registers are saved in a plain record of eight words, as musl's setjmp does it, on stacks
 * that are prepared by hand: below a start function lies the first byte of `plain_end`, which nobody calls. No
 * worker, no future, no entry range is published; a bridge if BRIDGE is defined. */
#include <async_debug.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define LOCAL volatile __attribute__((unused))
enum { RBX, RBP, R12, R13, R14, R15, RSP, RIP, WORDS, STACK = 2048 };
enum { FRESH, PARKED };

__asm__(".text\n"
        "plain_save: .cfi_startproc\n"
        "mov %rbx, (%rdi)\n mov %rbp, 8(%rdi)\n mov %r12, 16(%rdi)\n mov %r13, 24(%rdi)\n"
        "mov %r14, 32(%rdi)\n mov %r15, 40(%rdi)\n lea 8(%rsp), %rdx\n mov %rdx, 48(%rdi)\n"
        "mov (%rsp), %rdx\n mov %rdx, 56(%rdi)\n xor %eax, %eax\n ret\n"
        ".cfi_endproc\n"
        "plain_load: .cfi_startproc\n"
        "mov (%rdi), %rbx\n mov 8(%rdi), %rbp\n mov 16(%rdi), %r12\n mov 24(%rdi), %r13\n"
        "mov 32(%rdi), %r14\n mov 40(%rdi), %r15\n mov 48(%rdi), %rsp\n mov $1, %eax\n jmp *56(%rdi)\n"
        ".cfi_endproc\n"
        ".p2align 4\n .skip 16, 0x90\n"
        ".type plain_end, @function\n"
        "plain_end: .cfi_startproc\n ud2\n .cfi_endproc\n .size plain_end, . - plain_end\n"
        ".cfi_startproc\n .cfi_signal_frame\n .cfi_def_cfa rsp, 0\n"
        ".cfi_offset rbx, 0\n .cfi_offset rbp, 8\n .cfi_offset r12, 16\n .cfi_offset r13, 24\n"
        ".cfi_offset r14, 32\n .cfi_offset r15, 40\n .cfi_offset rsp, 48\n .cfi_offset rip, 56\n"
        "nop\n plain_bridge: ud2\n .cfi_endproc\n");
int plain_save(uint64_t *record) __attribute__((returns_twice));
void plain_load(const uint64_t *record) __attribute__((noreturn));
extern const char plain_end[], plain_bridge[];

struct coroutine {
    struct coroutine *next;
    const char *name;
    int number;
    int state;
    uint64_t stack[STACK];
    uint64_t record[WORDS]; /* above the stack: no debugger may take it for a part of that */
};

static struct coroutine sleeper = {.name = "sleeper", .number = 2};
static struct coroutine walker = {.next = &sleeper, .name = "walker", .number = 1};
static struct root {
    struct coroutine *all;
} root = {&walker};
static uint64_t main_record[WORDS];

#define SAVED(number, name) {number, ASYNC_DEBUG_REGISTER_AT, 0, 8 * name}
#define FIELD(member, encoding) ASYNC_DEBUG_FIELD(struct coroutine, member, encoding)

struct async_debug_descriptor async_debug_descriptor = {
    .magic = ASYNC_DEBUG_MAGIC, .abi = ASYNC_DEBUG_ABI, .size = sizeof(struct async_debug_descriptor),
    .machine = 62, .word_size = 8, .byte_order = 1, .runtime = "plain", .hidden_prefixes = "park",
    .process = (uint64_t)&root, .register_count = 8,
#ifdef BRIDGE
    .bridge = (uint64_t)plain_bridge,
#endif
    .registers = {SAVED(3, RBX), SAVED(6, RBP), SAVED(12, R12), SAVED(13, R13), SAVED(14, R14),
                  SAVED(15, R15), SAVED(7, RSP), SAVED(16, RIP)},
    .task_states = {[FRESH] = {"fresh", ASYNC_DEBUG_STATE_CREATED, 0},
                    [PARKED] = {"parked", ASYNC_DEBUG_STATE_WAITING, 0}},
    .records[ASYNC_DEBUG_PROCESS] = {sizeof(struct root), ASYNC_DEBUG_PROCESS_FIELD_COUNT, 0,
        {[ASYNC_DEBUG_PROCESS_TASKS] = ASYNC_DEBUG_FIELD(struct root, all, POINTER)}},
    .records[ASYNC_DEBUG_TASK] = {sizeof(struct coroutine), ASYNC_DEBUG_TASK_FIELD_COUNT, 0,
        {[ASYNC_DEBUG_TASK_ID] = FIELD(number, UNSIGNED), [ASYNC_DEBUG_TASK_NAME] = FIELD(name, TEXT_POINTER),
         [ASYNC_DEBUG_TASK_STATE] = FIELD(state, UNSIGNED), [ASYNC_DEBUG_TASK_NEXT] = FIELD(next, POINTER),
         [ASYNC_DEBUG_TASK_CONTEXT] = FIELD(record, EMBEDDED)}},
};
ASYNC_DEBUG_NOTE(async_debug_descriptor);

static NOINLINE void park(void)
{
    walker.state = PARKED;
    if (!plain_save(walker.record))
        plain_load(main_record);
}

static NOINLINE int deep(int depth)
{
    LOCAL int doubled = depth * 2;
    if (depth)
        return deep(depth - 1) + doubled;
    park();
    return doubled;
}

static void walk(void)
{
    LOCAL int steps = 9;
    steps += deep(3);
    plain_load(main_record);
}

static void sleep_in(void)
{
    LOCAL int hours = 7;
    hours++;
    plain_load(main_record);
}

static void prepare(struct coroutine *coroutine, void (*start)(void))
{
    uint64_t *top = coroutine->stack + STACK - 1;
    *top = (uint64_t)plain_end;
    coroutine->record[RSP] = (uint64_t)top;
    coroutine->record[RIP] = (uint64_t)start;
}

int main(void)
{
    prepare(&walker, walk);
    prepare(&sleeper, sleep_in);
    async_debug_descriptor.self = (uint64_t)&async_debug_descriptor;
    if (!plain_save(main_record))
        plain_load(walker.record);
    puts("parked");
    fflush(stdout);
    for (;;)
        pause();
}
