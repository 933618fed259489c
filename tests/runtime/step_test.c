/* SPDX-License-Identifier: MIT */
/*
 * Readable at every instruction: a child runs through spawn, wait, wake, end and release one instruction at
 * a time, and after each one that lies in this program the whole registry is read from outside, through the
 * contract alone, and must make sense.
 */
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

/* ---- What the child does --------------------------------------------------------------------------- */

static struct async_mutex *mutex;
static struct async_channel *channel;
static struct async_promise *promise;
static struct async_rwlock *rwlock;
static struct async_semaphore *semaphore;
static struct async_condition *condition;
static struct async_event *event;
static bool over;

static int contend(void *unused)
{
    (void)unused;
    async_mutex_lock(mutex);
    async_yield();
    return async_mutex_unlock(mutex);
}

static int send_three(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        async_channel_send(channel, &i);
    return async_channel_close(channel);
}

static int receive_all(void *unused)
{
    (void)unused;
    int item;
    while (async_channel_receive(channel, &item) == 0)
        ;
    return async_promise_await(promise, NULL);
}

static int sleep_and_resolve(void *unused)
{
    (void)unused;
    async_sleep(1);
    return async_promise_resolve(promise, NULL);
}

/* Two of these: each labels itself, holds shares of locks, and is in the other's way. */
static int share(void *unused)
{
    (void)unused;
    async_label_set("request", "%d", 1);
    async_rwlock_read_lock(rwlock);
    async_semaphore_acquire(semaphore, 2);
    async_label_set("request", "%d", 2);
    async_yield();
    async_semaphore_release(semaphore, 2);
    async_rwlock_unlock(rwlock);
    async_rwlock_write_lock(rwlock);
    async_yield();
    async_rwlock_unlock(rwlock);
    async_mutex_lock(mutex);
    while (!over)
        async_condition_wait(condition, mutex);
    async_mutex_unlock(mutex);
    return async_label_remove("request");
}

static int wake_sharers(void *unused)
{
    (void)unused;
    size_t index;
    const struct async_case cases[] = {ASYNC_CASE_EVENT(event), ASYNC_CASE_PROMISE(promise, NULL)};
    async_select(cases, 2, &index);
    async_event_set(event);
    async_select(cases, 2, &index);
    async_mutex_lock(mutex);
    over = true;
    async_condition_broadcast(condition);
    return async_mutex_unlock(mutex);
}

static int talk(void *unused)
{
    (void)unused;
    struct async_listener *listener;
    struct async_tcp *near, *far;
    char byte = 'x';
    async_listen(&listener, "127.0.0.1", 0, 1);
    async_connect(&near, "127.0.0.1", async_listener_port(listener));
    async_accept(listener, &far);
    async_write(near, &byte, 1);
    async_read(far, &byte, 1);
    async_close(near);
    async_close(far);
    return async_listener_close(listener);
}

static int scenario(void *unused)
{
    (void)unused;
    static async_function const functions[] = {contend, contend, send_three, receive_all, sleep_and_resolve,
                                               talk,    share,   share,      wake_sharers};
    enum { COUNT = sizeof(functions) / sizeof(functions[0]) };
    struct async_task *tasks[COUNT];
    async_mutex_create(&mutex, "mutex");
    async_channel_create(&channel, "channel", sizeof(int), 1);
    async_promise_create(&promise, "promise");
    async_rwlock_create(&rwlock, "rwlock");
    async_semaphore_create(&semaphore, "semaphore", 3);
    async_condition_create(&condition, "condition");
    async_event_create(&event, "event");
    for (int i = 0; i < COUNT; i++)
        async_spawn(&tasks[i], "stepped", functions[i], NULL);
    async_spawn(NULL, "detached", contend, NULL);
    async_promise_set_producer(promise, tasks[4]);
    for (int i = 0; i < COUNT; i++)
        async_join(tasks[i], NULL);
    async_yield();
    async_promise_destroy(promise);
    async_rwlock_destroy(rwlock);
    async_semaphore_destroy(semaphore);
    async_condition_destroy(condition);
    async_event_destroy(event);
    async_channel_destroy(channel);
    return async_mutex_destroy(mutex);
}

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

/* ---- The steps -------------------------------------------------------------------------------------------
 */

extern const char __executable_start[], etext[];

static bool is_ours(uint64_t pc)
{
    return pc >= (uintptr_t)__executable_start && pc < (uintptr_t)etext;
}

struct tally {
    unsigned long steps, looks, quiet, busiest;
};

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

static void look(struct reader *reader, struct place place, struct tally *tally)
{
    struct census census;
    struct memory *memory = reader->context;
    memory->count = 0;
    reader->sp = place.sp;
    if (reader_census(reader, &census))
        check_running(reader, &census, place.pc);
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

static void step_through(pid_t child, struct tally *tally)
{
    static struct memory memory;
    struct reader reader = {.read = read_child, .context = &memory};
    int status;
    memory.pid = child;
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        struct place place = find_place(child);
        if (!reader.descriptor.self)
            CHECK(reader_load(&reader, (uintptr_t)&async_debug_descriptor));
        if (is_ours(place.pc))
            look(&reader, place, tally);
        tally->steps++;
        CHECK(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0);
    }
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == TEST_SKIPPED)
        exit(TEST_SKIPPED);
    CHECK_EQUAL(WEXITSTATUS(status), 0);
}

PLAIN(every_instruction_is_readable)
{
#if defined(ASYNC_SANITIZE_ADDRESS) || defined(ASYNC_SANITIZE_THREAD)
    return; /* ten times the instructions, none of them ours */
#endif
    if (test_under_valgrind())
        return; /* it steps for itself */
    struct async_options options = {.tick_interval_ms = UINT32_MAX};
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(TEST_SKIPPED); /* not permitted here */
        async_debug_set_slow_step(1000000000); /* every step is slow here */
        raise(SIGSTOP);
        _exit(async_run(scenario, NULL, &options) != 0);
    }
    struct tally tally = {0};
    step_through(child, &tally);
    printf("%lu steps, %lu looks, %lu with even counters, up to %lu tasks\n", tally.steps, tally.looks,
           tally.quiet, tally.busiest);
    CHECK(tally.quiet > 5000 && tally.quiet * 2 > tally.looks);
    CHECK_EQUAL(tally.busiest, 11);
}
