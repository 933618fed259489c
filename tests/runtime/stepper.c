/* SPDX-License-Identifier: MIT */
#include "stepper.h"

#include <elf.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract_reader.h"
#include "descriptor.h"
#include "sanitizer.h"
#include "test.h"

/* ---- Reading the child's memory, a page at a time ------------------------------------------------------ */

enum { PAGES = 64, PAGE = 4096 };

struct memory {
    pid_t pid;
    unsigned count;
    uint64_t address[PAGES];
    char content[PAGES][PAGE];
};

static const char *find_page(struct memory *memory, uint64_t address)
{
    for (unsigned i = 0; i < memory->count; i++) {
        if (memory->address[i] == address)
            return memory->content[i];
    }
    if (memory->count == PAGES)
        memory->count = 0;
    struct iovec to = {memory->content[memory->count], PAGE}, from = {(void *)(uintptr_t)address, PAGE};
    if (process_vm_readv(memory->pid, &to, 1, &from, 1, 0) != PAGE)
        return NULL;
    memory->address[memory->count] = address;
    return memory->content[memory->count++];
}

static bool read_child(void *context, uint64_t address, void *buffer, size_t size)
{
    for (char *to = buffer; size > 0;) {
        size_t offset = address % PAGE, part = PAGE - offset < size ? PAGE - offset : size;
        const char *page = find_page(context, address - offset);
        if (!page)
            return false;
        memcpy(to, page + offset, part);
        to += part, address += part, size -= part;
    }
    return true;
}

/* ---- The steps ----------------------------------------------------------------------------------- */

/* One task runs at most, namely the one on whose stack the thread is, but for the middle of the switch. */
static void check_running(struct reader *reader, const struct census *census, uint64_t pc)
{
    const struct async_debug_descriptor *descriptor = &reader->descriptor;
    bool switching = pc >= descriptor->switch_low && pc < descriptor->switch_high;
    unsigned running = census->by_state[ASYNC_DEBUG_STATE_RUNNING];
    unsigned ready = census->by_state[ASYNC_DEBUG_STATE_READY];
    if (running > 1)
        reader_problem(reader, "%u tasks run", running);
    if (census->running_elsewhere)
        reader_problem(reader, "a task runs, but the thread is elsewhere");
    if (census->on_stack != running && !switching && !census->changing)
        reader_problem(reader, "the thread is on a task's stack, but no task runs");
    /* A yielding task is queued before it stops running, one about to run is taken off before it runs. */
    if (!census->changing && (ready > census->queued + 1 || census->queued > ready + 1))
        reader_problem(reader, "%u tasks ready, %u queued", ready, census->queued);
}

/* Where a stopped thread is. */
struct place {
    uint64_t pc, sp;
};

static struct place find_place(pid_t thread)
{
    struct user_regs_struct registers;
    struct iovec block = {&registers, sizeof(registers)};
    CHECK(ptrace(PTRACE_GETREGSET, thread, (void *)NT_PRSTATUS, &block) == 0);
#ifdef __x86_64__
    return (struct place){.pc = registers.rip, .sp = registers.rsp};
#else
    return (struct place){.pc = registers.pc, .sp = registers.sp};
#endif
}

const char *(*step_judge)(const struct step *step);

static void ask_judge(struct reader *reader, struct place place, const struct census *census)
{
    struct step step = {
        .read = reader->read,
        .memory = reader->context,
        .descriptor = reader->descriptor.self,
        .pc = place.pc,
        .sp = place.sp,
        .changing = census->changing,
        .tasks = census->listed,
    };
    const char *problem = step_judge(&step);
    if (problem)
        reader_problem(reader, "%s", problem);
}

static void look(struct reader *reader, struct place place, struct tally *tally)
{
    struct census census;
    struct memory *memory = reader->context;
    memory->count = 0;
    reader->sp = place.sp;
    if (reader_census(reader, &census))
        check_running(reader, &census, place.pc);
    if (step_judge && !reader->problem[0])
        ask_judge(reader, place, &census);
    if (reader->problem[0]) {
        fprintf(stderr, "at %#llx (async_run is at %p): %s\n", (unsigned long long)place.pc,
                (void *)async_run, reader->problem);
        kill(memory->pid, SIGKILL);
        exit(1);
    }
    tally->looks++;
    tally->quiet += !census.changing;
    if (census.listed > tally->busiest)
        tally->busiest = census.listed;
}

/* Elsewhere nothing of the runtime's changes. */
static bool is_ours(const struct reader *reader, uint64_t pc)
{
    return pc >= reader->descriptor.code_low && pc < reader->descriptor.code_high;
}

static void step_through(pid_t child, unsigned long enough, struct tally *tally)
{
    static struct memory memory;
    struct reader reader = {.read = read_child, .context = &memory};
    int status;
    memory.pid = child;
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        struct place place = find_place(child);
        if (!reader.descriptor.self)
            CHECK(reader_load(&reader, (uintptr_t)&async_debug_descriptor));
        if (is_ours(&reader, place.pc))
            look(&reader, place, tally);
        tally->steps++;
        CHECK(ptrace(tally->looks < enough ? PTRACE_SINGLESTEP : PTRACE_KILL, child, NULL, NULL) == 0);
    }
    if (tally->looks >= enough)
        return;
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == TEST_SKIPPED)
        exit(TEST_SKIPPED);
    CHECK_EQUAL(WEXITSTATUS(status), 0);
}

bool step_possible(void)
{
#if defined(ASYNC_SANITIZE_ADDRESS) || defined(ASYNC_SANITIZE_THREAD)
    return false; /* ten times the instructions, none of them ours */
#endif
    return !test_under_valgrind(); /* it steps for itself */
}

struct tally step_and_look(void (*program)(void), unsigned long enough)
{
    struct tally tally = {0};
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(TEST_SKIPPED); /* not permitted here */
        async_debug_set_slow_step(1000000000); /* every step is slow here */
        raise(SIGSTOP);
        program();
        _exit(0);
    }
    step_through(child, enough, &tally);
    printf("%lu steps, %lu looks, %lu with even counters, up to %lu tasks\n", tally.steps, tally.looks,
           tally.quiet, tally.busiest);
    return tally;
}
