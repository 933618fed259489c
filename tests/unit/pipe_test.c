/* SPDX-License-Identifier: MIT */
#include "../support/unit.h"

#include <pthread.h>
#include <sys/socket.h>

#include "target/pipe.h"

#define BASE UINT64_C(0x7f0000000000)
#define PAGES ((size_t)5000)

/* The debugger at the other end, in a thread: it has PAGES pages at BASE, some unreadable. */
struct debugger {
    struct ad_pipe pipe;
    pthread_t thread;
    bool all_or_nothing; /* as GDB's read_memory: a range with one bad byte gives nothing */
    size_t questions;    /* 'R' frames */
    size_t ranges;
};

static uint8_t byte_at(uint64_t address)
{
    return (uint8_t)(address * 31 + (address >> 12) * 7);
}

static bool readable(uint64_t address)
{
    uint64_t page = (address - BASE) / 4096;
    return address >= BASE && page < PAGES && page % 100 != 50;
}

/* How many bytes of the range the debugger gives. Page 77 ends after 100 bytes. */
static uint32_t give(const struct debugger *debugger, uint64_t address, uint32_t size, uint8_t *to)
{
    uint32_t got = 0;
    while (got < size && readable(address + got)) {
        uint64_t at = address + got - BASE;
        if (at / 4096 == 77 && at % 4096 >= 100)
            break;
        to[got] = byte_at(address + got);
        got++;
    }
    bool whole = got == size || size == 4096;
    return debugger->all_or_nothing && !whole ? 0 : got;
}

static void answer(struct debugger *debugger, const uint8_t *question)
{
    uint32_t count;
    size_t used = 0, room = 0;
    uint8_t *reply = NULL;
    memcpy(&count, question, 4);
    debugger->questions++;
    debugger->ranges += count;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t address;
        uint32_t size;
        memcpy(&address, question + 4 + 12 * i, 8);
        memcpy(&size, question + 12 + 12 * i, 4);
        if (used + size + 4 > room)
            reply = realloc(reply, room = 2 * (used + size + 4));
        uint32_t got = give(debugger, address, size, reply + used + 4);
        memcpy(reply + used, &got, 4);
        used += 4 + got;
    }
    struct ad_error *error = ad_pipe_send(&debugger->pipe, 'D', reply, used);
    ad_error_destroy(error);
    free(reply);
}

static void *serve(void *context)
{
    struct debugger *debugger = context;
    for (;;) {
        uint8_t type;
        void *payload;
        size_t size;
        struct ad_error *error = ad_pipe_receive(&debugger->pipe, &type, &payload, &size);
        ad_error_destroy(error);
        if (error || !type)
            return NULL;
        if (type == 'R')
            answer(debugger, payload);
        free(payload);
    }
}

/* Both directions in one socket: closing our end ends the debugger. */
static struct ad_pipe connect_pipe(struct ad_pipe *other)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *other = (struct ad_pipe){.in = ends[1], .out = ends[1]};
    return (struct ad_pipe){.in = ends[0], .out = ends[0]};
}

static const char maps[] = "7f0000000000-7f0001388000 rw-p 00000000 00:00 0    /bin/debugged\n";

static struct ad_target *open_target(struct ad_pipe *pipe)
{
    static const struct ad_thread threads[] = {{.tid = 12, .name = "main"}, {.tid = 13}};
    static const uint64_t auxv[] = {3, 0x40, 0, 0};
    const struct ad_pipe_process process = {12, "a-command-with-a-long-name", "/bin/debugged", maps, threads, 2,
                                            auxv, sizeof(auxv)};
    struct ad_target *target;
    assert_ok(ad_pipe_open(pipe, &process, &ad_limits_default, &target));
    return target;
}

static struct ad_target *start(struct debugger *debugger, struct ad_pipe *pipe, bool all_or_nothing)
{
    *debugger = (struct debugger){.all_or_nothing = all_or_nothing};
    *pipe = connect_pipe(&debugger->pipe);
    assert_int_equal(pthread_create(&debugger->thread, NULL, serve, debugger), 0);
    return open_target(pipe);
}

static void stop(struct debugger *debugger, struct ad_pipe *pipe, struct ad_target *target)
{
    ad_target_destroy(target);
    close(pipe->in);
    pthread_join(debugger->thread, NULL);
    close(debugger->pipe.in);
}

static void process_is_what_the_debugger_told(void **state)
{
    (void)state;
    struct debugger debugger;
    struct ad_pipe pipe;
    struct ad_target *target = start(&debugger, &pipe, false);
    uint64_t value;
    assert_int_equal(target->kind, AD_TARGET_PIPE);
    assert_int_equal(target->pid, 12);
    assert_string_equal(target->description, "pid 12");
    assert_string_equal(target->command, "a-command-with-");
    assert_string_equal(target->executable, "/bin/debugged");
    assert_int_equal(target->thread_count, 2);
    assert_string_equal(target->threads[0].name, "main");
    assert_int_equal(target->region_count, 1);
    assert_string_equal(ad_target_region(target, BASE + 5)->path, "/bin/debugged");
    assert_true(ad_target_auxv(target, 3, &value));
    assert_int_equal(value, 0x40);
    assert_int_equal(debugger.questions, 0);
    stop(&debugger, &pipe, target);
}

static void nothing_may_be_told(void **state)
{
    (void)state;
    struct ad_pipe other, pipe = connect_pipe(&other);
    const struct ad_pipe_process process = {0};
    struct ad_target *target;
    assert_ok(ad_pipe_open(&pipe, &process, &ad_limits_default, &target));
    assert_int_equal(target->region_count + target->thread_count, 0);
    assert_null(target->executable);
    ad_target_destroy(target);
    close(pipe.in);
    close(other.in);
}

/* Every page is right or unreadable as the debugger has it, and asked for only once. */
static void check_all(struct debugger *debugger, struct ad_target *target)
{
    uint8_t bytes[4096];
    for (size_t i = 0; i < PAGES + 3; i++) {
        uint64_t address = BASE + i * 4096;
        size_t expected = !readable(address) ? 0 : i == 77 ? 100 : 4096;
        assert_int_equal(ad_target_read_some(target, address, bytes, sizeof(bytes)), expected);
        for (size_t b = 0; b < expected; b += 111)
            assert_int_equal(bytes[b], byte_at(address + b));
    }
    size_t questions = debugger->questions;
    assert_int_equal(ad_target_read_some(target, BASE + 4096 * 50, bytes, 1), 0);
    assert_int_equal(ad_target_read_some(target, BASE + 4096 * 51 + 7, bytes, 1), 1);
    assert_int_equal(debugger->questions, questions);
}

static void ranges_come_in_few_messages(void **state)
{
    (void)state;
    for (int all_or_nothing = 0; all_or_nothing < 2; all_or_nothing++) {
        struct debugger debugger;
        struct ad_pipe pipe;
        struct ad_target *target = start(&debugger, &pipe, all_or_nothing);
        struct ad_range ranges[PAGES + 3];
        for (size_t i = 0; i < COUNT(ranges); i++)
            ad_range_init(&ranges[i], BASE + (COUNT(ranges) - 1 - i) * 4096 + 8, 16);
        assert_ok(ad_target_prefetch(target, ranges, COUNT(ranges)));
        assert_in_range(debugger.questions, 2, 4);
        size_t asked = debugger.questions;
        check_all(&debugger, target);
        assert_int_equal(debugger.questions, asked);
        stop(&debugger, &pipe, target);

        target = start(&debugger, &pipe, all_or_nothing);
        check_all(&debugger, target);
        stop(&debugger, &pipe, target);
    }
}

static void long_reads_cross_pages(void **state)
{
    (void)state;
    struct debugger debugger;
    struct ad_pipe pipe;
    struct ad_target *target = start(&debugger, &pipe, true);
    uint8_t *bytes = malloc(100 * 4096);
    assert_int_equal(ad_target_read_some(target, BASE + 10, bytes, 100 * 4096), 50 * 4096 - 10);
    for (size_t i = 0; i < 50 * 4096 - 10; i++)
        if (bytes[i] != byte_at(BASE + 10 + i))
            fail_msg("byte %zu is wrong", i);
    assert_int_equal(debugger.questions, 2); /* all, and then page by page */
    assert_error(ad_target_read(target, BASE + 4096 * 77 + 90, bytes, 20, "a record"), AD_ERROR_FAULT, "04d064");
    free(bytes);
    stop(&debugger, &pipe, target);
}

/* ---- framing ------------------------------------------------------------------------------------ */

static struct ad_error *receive_bytes(const void *bytes, size_t size, uint8_t *type_ret, size_t *size_ret)
{
    struct ad_limits limits = ad_limits_default;
    struct ad_pipe other, pipe = connect_pipe(&other);
    void *payload = NULL;
    limits.frame_bytes = 1000;
    pipe.limits = &limits;
    assert_int_equal(write(other.out, bytes, size), size);
    close(other.out);
    struct ad_error *error = ad_pipe_receive(&pipe, type_ret, &payload, size_ret);
    if (error || !*type_ret) {
        size_t ignored;
        assert_error(ad_pipe_receive(&pipe, type_ret, &payload, &ignored), AD_ERROR_SYSTEM, "is broken");
        assert_error(ad_pipe_send(&pipe, 'A', "", 0), AD_ERROR_SYSTEM, "is broken");
    }
    free(payload);
    close(pipe.in);
    return error;
}

static void frames_are_checked(void **state)
{
    (void)state;
    uint8_t type;
    size_t size;
    assert_ok(receive_bytes("\x03\0\0\0Qabc", 8, &type, &size));
    assert_int_equal(type, 'Q');
    assert_int_equal(size, 3);
    assert_ok(receive_bytes("\0\0\0\0Q", 5, &type, &size));
    assert_int_equal(size, 0);
    assert_ok(receive_bytes("", 0, &type, &size));
    assert_int_equal(type, 0);
    assert_error(receive_bytes("\x03\0\0", 3, &type, &size), AD_ERROR_FORMAT, "inside its header");
    assert_error(receive_bytes("\x03\0\0\0Qab", 7, &type, &size), AD_ERROR_FORMAT, "after 2 of 3 bytes");
    assert_error(receive_bytes("\xe9\x03\0\0Q", 5, &type, &size), AD_ERROR_LIMIT, "1001 bytes");
    assert_error(receive_bytes("\xff\xff\xff\xffQ", 5, &type, &size), AD_ERROR_LIMIT, "4294967295 bytes");
}

/* One wrong answer to the first question; whatever is asked then is unreadable, at once. */
static void check_wrong_answer(const void *bytes, size_t size)
{
    struct ad_pipe other, pipe = connect_pipe(&other);
    struct ad_target *target = open_target(&pipe);
    uint8_t byte;
    assert_int_equal(write(other.out, bytes, size), size);
    shutdown(other.out, SHUT_WR);
    struct ad_range range = {BASE, BASE + 8192};
    struct ad_error *error = ad_target_prefetch(target, &range, 1);
    assert_non_null(error);
    ad_error_destroy(error);
    assert_true(pipe.broken);
    assert_int_equal(ad_target_read_some(target, BASE, &byte, 1), 0);
    ad_target_destroy(target);
    close(pipe.in);
    close(other.in);
}

static void wrong_answers_break_the_pipe(void **state)
{
    (void)state;
    check_wrong_answer("", 0);
    check_wrong_answer("\0\0\0\0A", 5);                         /* not memory */
    check_wrong_answer("\0\0\0\0D", 5);                         /* no answer to the range */
    check_wrong_answer("\x04\0\0\0D\x01\0\0\0", 9);             /* a byte that does not follow */
    check_wrong_answer("\x05\0\0\0D\xff\xff\xff\xff-", 10);     /* more than was asked for */
    check_wrong_answer("\xff\0\0\0D\x01", 6);                   /* an end inside */
    static uint8_t too_much[5 + 4 + 8193] = {0xf5, 0x1f + 1, 0, 0, 'D', 0x01, 0x20};
    uint32_t size = sizeof(too_much) - 5;
    memcpy(too_much, &size, 4);
    check_wrong_answer(too_much, sizeof(too_much));
}

static void dead_debugger_is_an_error(void **state)
{
    (void)state;
    struct ad_pipe other, pipe = connect_pipe(&other);
    close(other.in);
    assert_error(ad_pipe_send(&pipe, 'A', "{}", 2), AD_ERROR_SYSTEM, "cannot write to the debugger");
    close(pipe.in);
}

/* A large frame through a small pipe, in pieces, both ways. */
static void *send_large(void *context)
{
    char *bytes = malloc(3 << 20);
    memset(bytes, 'x', 3 << 20);
    struct ad_error *error = ad_pipe_send(context, 'A', bytes, 3 << 20);
    free(bytes);
    return error;
}

static void large_frames_arrive_whole(void **state)
{
    (void)state;
    struct ad_pipe other, pipe = connect_pipe(&other);
    pthread_t thread;
    void *payload, *error;
    size_t size;
    uint8_t type;
    assert_int_equal(pthread_create(&thread, NULL, send_large, &other), 0);
    assert_ok(ad_pipe_receive(&pipe, &type, &payload, &size));
    pthread_join(thread, &error);
    assert_null(error);
    assert_int_equal(size, 3 << 20);
    for (size_t i = 0; i < size; i++)
        if (((char *)payload)[i] != 'x')
            fail_msg("byte %zu is wrong", i);
    free(payload);
    close(pipe.in);
    close(other.in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(process_is_what_the_debugger_told),
        cmocka_unit_test(nothing_may_be_told),
        cmocka_unit_test(ranges_come_in_few_messages),
        cmocka_unit_test(long_reads_cross_pages),
        cmocka_unit_test(frames_are_checked),
        cmocka_unit_test(wrong_answers_break_the_pipe),
        cmocka_unit_test(dead_debugger_is_an_error),
        cmocka_unit_test(large_frames_arrive_whole),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
