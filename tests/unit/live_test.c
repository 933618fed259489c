/* SPDX-License-Identifier: MIT */
#include "../support/hang.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "live_support.h"
#include "target/live_internal.h"

#define TRIALS 100
#define SIGNAL_TRIALS 500

/* ---- what is read ------------------------------------------------------------------------------ */

static void process_is_read_and_goes_on(void **state)
{
    (void)state;
    struct hang hang = hang_start("hang", "wait");
    struct ad_target *target = open_live(hang.pid);
    char marker[64];
    size_t count;
    assert_int_equal(threads_in_state(hang.pid, 't', &count), 3);
    assert_int_equal(target->kind, AD_TARGET_LIVE);
    assert_string_equal(target->description, text("pid %d", (int)hang.pid));
    assert_string_equal(target->command, "hang");
    assert_string_equal(target->executable, in_folder("hang"));
    assert_int_equal(target->thread_count, 3);
    assert_int_equal(target->threads[0].tid, hang.pid);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(target->threads[i].system_call, SYS_pause);
        assert_string_equal(target->threads[i].name, "hang");
        const struct ad_region *code =
            ad_target_region(target, target->threads[i].registers.value[AD_REG_PC]);
        assert_true(code && code->path && strstr(code->path, "libc"));
        assert_true(code->protection & AD_REGION_EXECUTE);
    }
    assert_true(target->realtime > UINT64_C(1600000000) * 1000000000 && target->monotonic);
    uint64_t header;
    assert_true(ad_target_auxv(target, 3 /* AT_PHDR */, &header));
    assert_string_equal(ad_target_region(target, header)->path, in_folder("hang"));
    assert_ok(ad_target_read_text(target, hang.marker, marker, sizeof(marker), "marker"));
    assert_string_equal(marker, "the marker of a hanging program");
    assert_null(target->stop_note);
    assert_ok(ad_target_release(target));
    assert_non_null(strstr(target->stop_note, "was stopped for "));
    await_state(hang.pid, hang.pid, 'S');
    await_state(hang.pid, (pid_t)hang.threads[1], 'S');
    /* What was read stays; what was not is not had any more. */
    memset(marker, 0, sizeof(marker));
    assert_ok(ad_target_read_text(target, hang.marker, marker, sizeof(marker), "marker"));
    assert_string_equal(marker, "the marker of a hanging program");
    assert_int_equal(ad_target_read_some(target, target->threads[1].registers.value[AD_REG_SP], marker, 8), 0);
    assert_ok(ad_target_release(target));
    ad_target_destroy(target);
    hang_stop(&hang);
}

/* Pages of a pattern with holes that cannot be read, the same here and in a child. */
#define PAGES ((size_t)3000)
static uint8_t *pattern;

static bool is_hole(size_t page)
{
    return page % 7 == 3 || (page > 1000 && page < 1020);
}

static void make_pattern(void)
{
    pattern = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(pattern, MAP_FAILED);
    for (size_t i = 0; i < PAGES * 4096; i += 8)
        *(uint64_t *)(pattern + i) = i * 0x9e3779b97f4a7c15;
}

static void hang_with_holes(void)
{
    for (size_t i = 0; i < PAGES; i++) {
        if (is_hole(i) && i % 2)
            mprotect(pattern + i * 4096, 4096, PROT_NONE);
        else if (is_hole(i))
            munmap(pattern + i * 4096, 4096);
    }
    raise(SIGSTOP);
    sleep_forever();
}

static void check_pages(size_t (*read)(void *context, uint64_t address, void *buffer, size_t size), void *context)
{
    uint8_t bytes[4096];
    for (size_t i = 0; i < PAGES; i++) {
        size_t got = read(context, (uintptr_t)pattern + i * 4096, bytes, sizeof(bytes));
        assert_int_equal(got, is_hole(i) ? 0 : 4096);
        assert_memory_equal(bytes, pattern + i * 4096, got);
    }
}

static size_t read_target(void *context, uint64_t address, void *buffer, size_t size)
{
    return ad_target_read_some(context, address, buffer, size);
}

static void prefetched_pages_are_kept(void **state)
{
    (void)state;
    pid_t pid = child(hang_with_holes);
    await_state(pid, pid, 'T');
    struct ad_target *target = open_live(pid);
    struct ad_range ranges[PAGES];
    for (size_t i = 0; i < PAGES; i++) /* backwards, of each page its end and then the rest */
        ad_range_init(&ranges[i], (uintptr_t)pattern + (PAGES - 1 - i) * 4096 + 5, i % 3 ? 4091 : 4095);
    assert_ok(ad_target_prefetch(target, ranges, PAGES));
    assert_ok(ad_target_release(target));
    check_pages(read_target, target);
    ad_target_destroy(target);

    target = open_live(pid); /* and without asking before, in one large read over holes */
    uint8_t *bytes = malloc(PAGES * 4096);
    assert_int_equal(ad_target_read_some(target, (uintptr_t)pattern, bytes, PAGES * 4096), 3 * 4096);
    check_pages(read_target, target);
    free(bytes);
    ad_target_destroy(target);
    end_child(pid);
}

/* How many bytes from an offset into a page of the pattern on are here, all of them right. */
static size_t bytes_from(struct ad_target *target, size_t page, size_t offset)
{
    uint8_t bytes[4096];
    size_t got = ad_target_read_some(target, (uintptr_t)pattern + page * 4096 + offset, bytes, 4096 - offset);
    assert_memory_equal(bytes, pattern + page * 4096 + offset, got);
    return got;
}

static void only_what_was_asked_for_is_copied(void **state)
{
    (void)state;
    pid_t pid = child(hang_with_holes);
    await_state(pid, pid, 'T');
    struct ad_target *target = open_live(pid);
    size_t pieces;
    uint64_t before = ad_live_copied(target, &pieces);
    struct ad_range ranges[] = {{(uintptr_t)pattern + 1000, (uintptr_t)pattern + 1100},
                                {(uintptr_t)pattern + 8192 + 4000, (uintptr_t)pattern + 8192 + 4096},
                                {(uintptr_t)pattern + 5 * 4096, (uintptr_t)pattern + 5 * 4096 + 1}};
    assert_ok(ad_target_prefetch(target, ranges, 3));
    assert_int_equal(ad_live_copied(target, &pieces) - before, 192 + 128 + 64);
    struct ad_range wider = {(uintptr_t)pattern + 2000, (uintptr_t)pattern + 2001};
    assert_ok(ad_target_prefetch(target, &wider, 1));
    assert_int_equal(ad_live_copied(target, &pieces) - before, 1088 + 128 + 64); /* 960 to 2048 */
    assert_ok(ad_target_release(target));
    assert_int_equal(bytes_from(target, 0, 900), 0);
    assert_int_equal(bytes_from(target, 0, 960), 2048 - 960);
    assert_int_equal(bytes_from(target, 2, 4000), 96);
    assert_int_equal(bytes_from(target, 5, 1), 63);
    ad_target_destroy(target);
    end_child(pid);
}

static size_t read_copier(void *context, uint64_t address, void *buffer, size_t size)
{
    struct ad_copier *copier = context;
    struct ad_range range = {address, address + size};
    assert_ok(ad_copier_fetch(copier, &range, 1, 0));
    return ad_excerpts_read(&copier->excerpts, address, buffer, size);
}

static struct ad_copier make_copier(pid_t pid, bool use_mem)
{
    struct ad_copier copier;
    assert_ok(ad_copier_init(&copier, 64 << 20));
    copier.tid = pid;
    copier.use_mem = use_mem;
    if (use_mem)
        copier.mem_fd = open(text("/proc/%d/mem", pid), O_RDONLY);
    return copier;
}

/* Where process_vm_readv is forbidden, /proc/PID/mem gives the same; but it may read PROT_NONE as well. */
static void memory_file_serves_too(void **state)
{
    (void)state;
    pid_t pid = child(hang_with_holes);
    await_state(pid, pid, 'T');
    struct ad_copier by_call = make_copier(pid, false);
    check_pages(read_copier, &by_call);
    assert_false(by_call.use_mem);
    ad_copier_deinit(&by_call);
    struct ad_copier by_file = make_copier(pid, true);
    uint8_t bytes[4096];
    struct ad_range all = {(uintptr_t)pattern, (uintptr_t)pattern + PAGES * 4096};
    assert_ok(ad_copier_fetch(&by_file, &all, 1, 0));
    for (size_t i = 0; i < PAGES; i++) {
        size_t got = ad_excerpts_read(&by_file.excerpts, (uintptr_t)pattern + i * 4096, bytes, sizeof(bytes));
        assert_int_equal(got, is_hole(i) && i % 2 == 0 ? 0 : 4096);
        assert_memory_equal(bytes, pattern + i * 4096, got);
    }
    ad_copier_deinit(&by_file);
    end_child(pid);
}

static void limit_of_bytes_is_kept(void **state)
{
    (void)state;
    struct ad_limits limits = ad_limits_default;
    limits.live_bytes = 4 << 20;
    pid_t pid = child(sleep_forever);
    struct ad_target *target;
    assert_ok(ad_live_open(pid, &limits, &target));
    struct ad_range range = {(uintptr_t)pattern, (uintptr_t)pattern + PAGES * 4096};
    assert_error(ad_target_prefetch(target, &range, 1), AD_ERROR_LIMIT, "memory");
    char byte;
    assert_int_equal(ad_target_read_some(target, (uintptr_t)pattern, &byte, 1), 1);
    assert_int_equal(ad_target_read_some(target, (uintptr_t)pattern + (PAGES - 1) * 4096, &byte, 1), 0);
    ad_target_destroy(target);
    end_child(pid);
}

/* ---- reading what runs -------------------------------------------------------------------------- */

/* Shared with a child that changes one word of its own memory when told to. */
static struct {
    volatile int turn;
} *orders;

static void obey(void)
{
    for (int done = 0;; done = orders->turn) {
        while (orders->turn == done)
            usleep(200);
        ((uint64_t *)pattern)[512] = (uint64_t)orders->turn; /* on the second page */
        orders->turn = -orders->turn;
    }
}

static void order(int turn)
{
    orders->turn = turn;
    while (orders->turn != -turn)
        usleep(200);
}

static uint64_t word_of(struct ad_target *target, size_t page)
{
    uint64_t word = 0;
    assert_int_equal(ad_target_read_some(target, (uintptr_t)pattern + page * 4096, &word, sizeof(word)), 8);
    return word;
}

static struct ad_range page_of(size_t page)
{
    return (struct ad_range){(uintptr_t)pattern + page * 4096, (uintptr_t)pattern + (page + 1) * 4096};
}

static struct ad_target *watch(pid_t pid)
{
    struct ad_target *target;
    assert_ok(ad_live_watch(pid, true, &ad_limits_default, &target));
    return target;
}

static void changes_are_found(void **state)
{
    (void)state;
    orders->turn = 0;
    pid_t pid = child(obey);
    order(1);
    struct ad_target *target = watch(pid);
    uint64_t changed = 99;
    assert_int_equal(word_of(target, 1), 1);
    (void)word_of(target, 2);
    assert_ok(ad_live_compare(target, &changed));
    assert_int_equal(changed, 0);
    order(2);
    assert_int_equal(word_of(target, 1), 1); /* a copy is kept */
    assert_ok(ad_live_compare(target, &changed));
    assert_int_equal(changed, 1);
    assert_int_equal(word_of(target, 1), 2);
    assert_true(ad_live_torn(target, page_of(1)));
    assert_false(ad_live_torn(target, page_of(2)));
    size_t count;
    assert_int_equal(threads_in_state(pid, 't', &count), 0);
    assert_ok(ad_target_release(target));
    assert_string_equal(target->stop_note, "was not stopped");
    ad_target_destroy(target);
    end_child(pid);
}

/* What is hot is copied in the stop, whatever comes before and after. */
static void copies_in_the_stop_are_exact(void **state)
{
    (void)state;
    orders->turn = 0;
    pid_t pid = child(obey);
    order(1);
    struct ad_target *target = watch(pid);
    ad_cleanup(ad_vector_deinit) struct ad_vector changes = AD_VECTOR(struct ad_range);
    struct ad_range second = page_of(1);
    uint64_t changed;
    size_t count;
    (void)word_of(target, 1);
    (void)word_of(target, 2);
    ad_live_heat(target, NULL, 0);
    order(2);
    assert_ok(ad_live_stop(target));
    assert_int_equal(threads_in_state(pid, 't', &count), 1);
    assert_ok(ad_live_changed(target, &changes));
    assert_int_equal(changes.count, 1);
    assert_int_equal(AD_ITEMS(struct ad_range, &changes)->start / 4096, second.start / 4096);
    assert_int_equal(word_of(target, 1), 2);
    (void)word_of(target, 4); /* in the stop, and so exact too */
    ad_live_resume(target);
    order(3);
    assert_ok(ad_live_compare(target, &changed));
    assert_int_equal(changed, 0);
    assert_int_equal(word_of(target, 1), 2);
    assert_false(ad_live_torn(target, page_of(1)));
    assert_ok(ad_live_stop(target)); /* another moment */
    assert_int_equal(word_of(target, 1), 3);
    assert_ok(ad_target_release(target));
    assert_non_null(strstr(target->stop_note, "was stopped 2 times, for "));
    ad_target_destroy(target);
    end_child(pid);
}

/* ---- what the process feels -------------------------------------------------------------------- */

static void stopped_process_stays_stopped(void **state)
{
    (void)state;
    struct hang hang = hang_start("hang", "wait");
    kill(hang.pid, SIGSTOP);
    for (size_t i = 0; i < 2; i++)
        await_state(hang.pid, (pid_t)hang.threads[i], 'T');
    for (int i = 0; i < 20; i++) {
        struct ad_target *target = open_live(hang.pid);
        assert_ok(ad_target_release(target));
        assert_string_equal(target->stop_note, "was stopped already, and still is");
        size_t count;
        while (threads_in_state(hang.pid, 'T', &count) != 3)
            assert_int_equal(threads_in_state(hang.pid, 'S', &count), 0);
        ad_target_destroy(target);
    }
    kill(hang.pid, SIGCONT);
    await_state(hang.pid, (pid_t)hang.threads[1], 'S');
    hang_stop(&hang);
}

/* Shared with the children. */
static struct {
    volatile int ready, enough, received, sent;
    volatile pid_t receiver;
} *counters;

static void count_signal(int signal)
{
    (void)signal;
    counters->received++;
}

static void receive_signals(void)
{
    signal(SIGRTMIN, count_signal);
    counters->ready = 1;
    for (;;)
        getppid(); /* in and out of the kernel: a signal may come at any place */
}

static void send_signals(void)
{
    while (!counters->enough)
        counters->sent += sigqueue(counters->receiver, SIGRTMIN, (union sigval){0}) == 0;
}

/* Real-time signals are queued: none may be lost, whenever it comes. */
static void signals_are_delivered(void **state)
{
    (void)state;
    counters->received = counters->sent = counters->ready = counters->enough = 0;
    counters->receiver = child(receive_signals);
    while (!counters->ready)
        usleep(500);
    pid_t sender = child(send_signals);
    for (int i = 0; i < SIGNAL_TRIALS; i++)
        ad_target_destroy(open_live(counters->receiver));
    counters->enough = 1;
    waitpid(sender, NULL, 0);
    const char *none_pending = text("grep -q '^ShdPnd:\t0000000000000000' /proc/%d/status", (int)counters->receiver);
    while (counters->received < counters->sent && system(none_pending) != 0)
        usleep(500);
    usleep(1000);
    assert_int_equal(counters->received, counters->sent);
    assert_true(counters->sent > SIGNAL_TRIALS);
    end_child(counters->receiver);
}

/* Each thread starts the next and ends: whoever looks at a list of them misses some. */
static void *chain(void *context)
{
    pthread_t thread;
    while (pthread_create(&thread, NULL, chain, context) != 0)
        ;
    pthread_detach(thread);
    return NULL;
}

static void spawn_threads(void)
{
    for (int i = 0; i < 16; i++)
        chain(NULL);
    sleep_forever();
}

/* No thread runs on, however fast they come and go. */
static void threads_that_come_are_stopped_too(void **state)
{
    (void)state;
    pid_t pid = child(spawn_threads);
    for (int i = 0; i < 30; i++) {
        struct ad_target *target = open_live(pid);
        size_t count, running = threads_in_state(pid, 'R', &count) + threads_in_state(pid, 'S', &count);
        assert_int_equal(running, 0);
        assert_true(target->thread_count >= 1);
        ad_target_destroy(target);
    }
    end_child(pid);
}

/* A tracer that took no note of its end would keep it a zombie, and its parent waiting. */
static void killed_process_is_not_held(void **state)
{
    (void)state;
    struct hang hang = hang_start("hang", "wait");
    struct ad_target *target = open_live(hang.pid);
    char byte;
    kill(hang.pid, SIGKILL);
    assert_ok(ad_target_release(target));
    /* As its parent we may have waited for it within the release. */
    while (waitpid(hang.pid, NULL, WNOHANG) == 0)
        ad_target_read_some(target, 0, &byte, 1);
    ad_target_destroy(target);
}

static pid_t victim;

static void look_again_and_again(void)
{
    for (;;) {
        struct ad_target *target;
        struct ad_error *error = ad_live_open(victim, &ad_limits_default, &target);
        if (!error)
            ad_target_destroy(target);
        ad_error_destroy(error);
    }
}

static void killed_reader_leaves_it_running(void **state)
{
    (void)state;
    static const int signals[] = {SIGKILL, SIGTERM, SIGINT};
    struct hang hang = hang_start("hang", "wait");
    uint64_t seed = 99;
    size_t count;
    victim = hang.pid;
    for (int i = 0; i < TRIALS; i++) {
        pid_t reader = child(look_again_and_again);
        usleep((useconds_t)(random_next(&seed) % 3000));
        kill(reader, signals[i % 3]);
        waitpid(reader, NULL, 0);
        while (threads_in_state(hang.pid, 'S', &count) != 3)
            assert_int_equal(threads_in_state(hang.pid, 'T', &count), 0);
    }
    hang_stop(&hang);
}

static pid_t vfork_child_of(pid_t pid)
{
    char *children = NULL;
    pid_t found = 0;
    while (!found) {
        children = output_of(text("cat /proc/%d/task/%d/children", (int)pid, (int)pid));
        found = atoi(children);
        free(children);
    }
    return found;
}

static void wait_in_vfork(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, (void *(*)(void *))(void *)sleep_forever, NULL);
    if (syscall(SYS_vfork) == 0)
        for (;;)
            pause();
    sleep_forever();
}

/* A parent in vfork cannot be stopped: the other threads are read, and nothing hangs. */
static void thread_in_the_kernel_is_not_waited_for(void **state)
{
    (void)state;
    struct ad_limits limits = ad_limits_default;
    struct ad_target *target;
    limits.stop_milliseconds = 50;
    pid_t pid = child(wait_in_vfork), inner = vfork_child_of(pid);
    await_state(pid, pid, 'D');
    assert_ok(ad_live_open(pid, &limits, &target));
    assert_int_equal(target->thread_count, 2);
    assert_int_equal(target->threads[0].tid, pid);
    /* Of it the kernel tells what every look at /proc does. */
    assert_int_equal(target->threads[0].system_call, SYS_vfork);
    assert_true(target->threads[0].registers.valid & 1u << AD_REG_PC);
    assert_false(target->threads[0].registers.valid & 1u << AD_REG_RBX);
    assert_true(target->threads[1].registers.valid & 1u << AD_REG_RBX);
    assert_ok(ad_target_release(target));
    kill(inner, SIGKILL); /* the parent comes back, into our trap: the next read lets it go */
    char byte;
    do
        ad_target_read_some(target, 0, &byte, 1);
    while (state_of(pid, pid) != 'S');
    ad_target_destroy(target);
    end_child(pid);
}

static void end_first_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, (void *(*)(void *))(void *)sleep_forever, NULL);
    syscall(SYS_exit, 0);
}

/* Its own files in /proc are empty then; those of the other threads are not. */
static void first_thread_may_have_ended(void **state)
{
    (void)state;
    pid_t pid = child(end_first_thread);
    await_state(pid, pid, 'Z');
    struct ad_target *target = open_live(pid);
    uint64_t word;
    assert_int_equal(target->thread_count, 1);
    assert_int_not_equal(target->threads[0].tid, pid);
    assert_true(target->region_count > 10);
    assert_ok(ad_target_read(target, (uintptr_t)pattern, &word, sizeof(word), "pattern"));
    assert_non_null(target->executable);
    ad_target_destroy(target);
    end_child(pid);
}

static int make_program(void **state)
{
    if (make_folder(state))
        return -1;
    hang_compile("hang", "");
    make_pattern();
    counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    orders = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return counters == MAP_FAILED || orders == MAP_FAILED ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(process_is_read_and_goes_on),
        cmocka_unit_test(prefetched_pages_are_kept),
        cmocka_unit_test(only_what_was_asked_for_is_copied),
        cmocka_unit_test(memory_file_serves_too),
        cmocka_unit_test(changes_are_found),
        cmocka_unit_test(copies_in_the_stop_are_exact),
        cmocka_unit_test(limit_of_bytes_is_kept),
        cmocka_unit_test(stopped_process_stays_stopped),
        cmocka_unit_test(signals_are_delivered),
        cmocka_unit_test(threads_that_come_are_stopped_too),
        cmocka_unit_test(killed_process_is_not_held),
        cmocka_unit_test(killed_reader_leaves_it_running),
        cmocka_unit_test(thread_in_the_kernel_is_not_waited_for),
        cmocka_unit_test(first_thread_may_have_ended),
    };
    return cmocka_run_group_tests(tests, make_program, remove_folder);
}
