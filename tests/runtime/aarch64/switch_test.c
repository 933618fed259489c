/* SPDX-License-Identifier: MIT */
/*
 * The switch on aarch64 by itself, without the runtime around it and so without libuv: contexts take turns,
 * each with registers of its own. `program NAME` runs one test; the names are at the end.
 */
#include <elf.h>
#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#include "contract_reader.h"
#include "registers.h"
#include "switch.h"

#define CHECK(condition) check((condition), #condition, __LINE__)

static void check(bool right, const char *condition, int line)
{
    if (right)
        return;
    fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, line, condition);
    _Exit(1);
}

/* ---- Lanes: stacks that take turns ------------------------------------------------------------------ */

enum { LANES = 4, STACK_SIZE = 64 * 1024, RUNNING = 1, SUSPENDED = 2 };

struct lane {
    uint32_t state;
    void *context;
    struct async_context before, after;
    bool told; /* `before` is what the context holds; not so of a fresh one */
    uint64_t stack_pointer;
    bool entered;
    _Alignas(16) char stack[STACK_SIZE];
};

static struct lane lanes[LANES]; /* the first is main's, and has the thread's stack */
static unsigned long turns;

static uint64_t random_word(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Every register another value, and one of the four roundings. */
static void invent(struct async_context *registers)
{
    uint64_t *words = (uint64_t *)registers;
    for (size_t i = 0; i < sizeof(*registers) / sizeof(*words); i++)
        words[i] = random_word();
    registers->fpcr = (random_word() & 3) << 22;
}

static void pass(struct lane *from, struct lane *to)
{
    struct registers_move move = {&from->context, to->context, &from->state, SUSPENDED, &to->state, RUNNING};
    CHECK(from->state == RUNNING && to->state == SUSPENDED);
    invent(&from->before);
    from->told = true;
    registers_switch(&from->before, &from->after, &move);
    from->told = false;
    CHECK(from->state == RUNNING);
    CHECK(from->after.x30 == (uintptr_t)registers_resume);
    from->before.x30 = from->after.x30;
    from->before.unused = from->after.unused;
    CHECK(memcmp(&from->before, &from->after, sizeof(from->before)) == 0);
    turns++;
}

static struct lane *next(struct lane *lane)
{
    return &lanes[(lane - lanes + 1) % LANES];
}

__attribute__((noinline)) static void take_turns(struct lane *lane)
{
    for (;;)
        pass(lane, next(lane));
}

static void start(void *lane)
{
    CHECK(((uintptr_t)__builtin_frame_address(0) & 15) == 0);
    ((struct lane *)lane)->entered = true;
    take_turns(lane);
}

static void set_up(void (*function)(void *))
{
    struct async_float_modes modes;
    async_float_modes(&modes);
    lanes[0].state = RUNNING;
    for (int i = 1; i < LANES; i++) {
        lanes[i].state = SUSPENDED;
        lanes[i].context = async_context_create(lanes[i].stack, STACK_SIZE, function, &lanes[i], &modes);
    }
}

/* ---- Through the contract --------------------------------------------------------------------------- */

static struct async_debug_descriptor descriptor = {
    .magic = ASYNC_DEBUG_MAGIC,
    .abi = ASYNC_DEBUG_ABI,
    .size = sizeof(struct async_debug_descriptor),
    .machine = ASYNC_MACHINE,
    .word_size = 8,
    .byte_order = ELFDATA2LSB,
    .register_count = ASYNC_MACHINE_REGISTER_COUNT,
    .registers = ASYNC_MACHINE_REGISTERS,
};

static bool read_self(void *context, uint64_t address, void *buffer, size_t size)
{
    (void)context;
    memcpy(buffer, (const void *)(uintptr_t)address, size);
    return true;
}

static struct reader reader = {.read = read_self};

static void load_descriptor(void)
{
    descriptor.self = descriptor.process = (uintptr_t)&descriptor;
    if (!reader_load(&reader, descriptor.self)) {
        fprintf(stderr, "%s\n", reader.problem);
        _Exit(1);
    }
    CHECK(reader.descriptor.machine == EM_AARCH64);
    CHECK(reader.descriptor.register_count == 22);
}

static void holds(const struct lane *lane, unsigned number, uint64_t expected)
{
    uint64_t value = ~expected;
    bool told = reader_register(&reader, (uintptr_t)lane->context, number, &value);
    if (told && value == expected)
        return;
    fprintf(stderr, "register %u of lane %td is %#llx, not %#llx\n", number, lane - lanes,
            (unsigned long long)value, (unsigned long long)expected);
    _Exit(1);
}

/* What DWARF calls 32 is the pc, 31 the sp, 72 and on d8 and on. */
static void check_told(const struct lane *lane)
{
    const uint64_t *x19 = &lane->before.x19, *d8 = &lane->before.d8;
    for (unsigned i = 0; i < 10; i++)
        holds(lane, 19 + i, x19[i]);
    for (unsigned i = 0; i < 8; i++)
        holds(lane, 72 + i, d8[i]);
    holds(lane, 29, lane->before.x29);
    holds(lane, 30, (uintptr_t)registers_resume);
    holds(lane, 32, (uintptr_t)registers_resume);
    CHECK(((const struct async_context *)lane->context)->fpcr == lane->before.fpcr);
}

/* ---- Tests ------------------------------------------------------------------------------------------ */

static void registers_survive(void)
{
    set_up(start);
    while (turns < 10000)
        pass(&lanes[0], &lanes[1]);
}

static void start_and_look(void *lane)
{
    for (;;) {
        for (int i = 0; i < LANES; i++) {
            if (lanes[i].state != SUSPENDED || !lanes[i].told)
                continue;
            check_told(&lanes[i]);
            reader_register(&reader, (uintptr_t)lanes[i].context, 31, &lanes[i].stack_pointer);
        }
        struct lane *own = lane;
        pass(own, next(own));
        /* The next lane saw where this one's stack pointer would be. */
        CHECK(own->stack_pointer == own->after.unused);
    }
}

static void table_finds_registers(void)
{
    load_descriptor();
    set_up(start_and_look);
    for (int i = 0; i < 100; i++) {
        pass(&lanes[0], &lanes[1]);
        CHECK(lanes[0].stack_pointer == lanes[0].after.unused);
    }
    CHECK(reader.problem[0] == '\0');
}

static void fresh_context(void)
{
    fesetround(FE_UPWARD);
    load_descriptor();
    set_up(start);
    for (int i = 1; i < LANES; i++) {
        const uint64_t *top = (const uint64_t *)(lanes[i].stack + STACK_SIZE);
        CHECK((top[-1] | top[-2]) == 0);
        holds(&lanes[i], 32, (uintptr_t)async_entry_start);
        holds(&lanes[i], 31, (uintptr_t)(top - 2));
        holds(&lanes[i], 29, 0);
        CHECK(((struct async_context *)lanes[i].context)->fpcr == (uint64_t)FE_UPWARD);
    }
    pass(&lanes[0], &lanes[1]);
    for (int i = 1; i < LANES; i++)
        CHECK(lanes[i].entered);
    CHECK(fegetround() == FE_UPWARD);
}

/* Each lane computes with the rounding that it chose. */
static double third(double one)
{
    volatile double divided = one;
    divided /= 3;
    return divided;
}

static void round_up(void *lane)
{
    fesetround(FE_UPWARD);
    for (;;) {
        CHECK(third(1) > third(-1) * -1);
        async_switch(&lanes[1].context, lanes[0].context, &lanes[1].state, SUSPENDED, &lanes[0].state,
                     RUNNING);
        CHECK(lane == &lanes[1] && fegetround() == FE_UPWARD);
    }
}

static void rounding_is_each_ones_own(void)
{
    set_up(round_up);
    fesetround(FE_TOWARDZERO);
    for (int i = 0; i < 10; i++) {
        async_switch(&lanes[0].context, lanes[1].context, &lanes[0].state, SUSPENDED, &lanes[1].state,
                     RUNNING);
        CHECK(fegetround() == FE_TOWARDZERO && third(1) == third(-1) * -1);
    }
}

/* A signal may come at any instruction, writes below the stack pointer, and sees what a debugger would. */
static volatile unsigned long hits;

static void look(int signal, siginfo_t *info, void *interrupted)
{
    (void)signal, (void)info;
    volatile char scribble[1024];
    memset((char *)scribble, 0xee, sizeof(scribble));
    uint64_t pc = ((ucontext_t *)interrupted)->uc_mcontext.pc;
    hits += pc > (uintptr_t)async_switch && pc < (uintptr_t)async_switch_end;
    unsigned running = 0;
    for (int i = 0; i < LANES; i++) {
        running += lanes[i].state == RUNNING;
        if (lanes[i].state == SUSPENDED && lanes[i].told)
            check_told(&lanes[i]);
    }
    CHECK(running <= 1);
}

static void signals_do_no_harm(void)
{
    struct sigaction action = {.sa_sigaction = look, .sa_flags = SA_SIGINFO | SA_RESTART};
    load_descriptor();
    set_up(start);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    while (hits < 200) {
        /* One at a time: an emulator is too slow for a signal every so often. */
        struct itimerval once = {.it_value.tv_usec = 1 + (long)(random_word() % 200)};
        CHECK(setitimer(ITIMER_REAL, &once, NULL) == 0);
        pass(&lanes[0], &lanes[1]);
    }
}

static const struct {
    const char *name;
    void (*body)(void);
} tests[] = {
    {"registers_survive", registers_survive},   {"table_finds_registers", table_finds_registers},
    {"fresh_context", fresh_context},           {"rounding_is_each_ones_own", rounding_is_each_ones_own},
    {"signals_do_no_harm", signals_do_no_harm},
};

int main(int count, char **arguments)
{
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (count != 2 || strcmp(arguments[1], tests[i].name) != 0)
            continue;
        tests[i].body();
        return 0;
    }
    fprintf(stderr, "no such test\n");
    return 2;
}
