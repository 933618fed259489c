/* SPDX-License-Identifier: MIT */
/* Symbols of this very program, looked up in a stopped child of it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/range.h"
#include "symbol/symbol.h"
#include "symbol/symbol_child.h"
#include "target/live.h"

static uint32_t line_in_inner, line_in_middle, line_in_outer;
static volatile uint64_t sink;

static __attribute__((noinline)) uint64_t call_site(void)
{
    return (uint64_t)__builtin_return_address(0) - 1;
}

static inline __attribute__((always_inline)) uint64_t inner(void)
{
    line_in_inner = __LINE__ + 1;
    uint64_t pc = call_site();
    sink = pc;
    return pc;
}

static inline __attribute__((always_inline)) uint64_t middle(void)
{
    line_in_middle = __LINE__ + 1;
    uint64_t pc = inner();
    sink = pc + 1;
    return pc;
}

static __attribute__((noinline)) uint64_t outer(void)
{
    line_in_outer = __LINE__ + 1;
    uint64_t pc = middle();
    sink = pc + 2;
    return pc;
}

struct stopped {
    pid_t pid;
    struct ad_target *target;
    struct ad_modules *modules;
};

static int setup(void **state)
{
    static struct stopped stopped;
    stopped = (struct stopped){.pid = fork()};
    if (stopped.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    assert_null(ad_live_open(stopped.pid, &ad_limits_default, &stopped.target));
    assert_null(ad_modules_create(stopped.target, &ad_limits_default, &stopped.modules));
    assert_null(ad_target_release(stopped.target));
    assert_null(ad_modules_open_files(stopped.modules, NULL));
    *state = &stopped;
    return 0;
}

static int teardown(void **state)
{
    struct stopped *stopped = *state;
    ad_symbol_child_hook = NULL;
    ad_modules_destroy(stopped->modules);
    ad_target_destroy(stopped->target);
    kill(stopped->pid, SIGKILL);
    waitpid(stopped->pid, NULL, 0);
    return 0;
}

static struct ad_symbols find(void **state, const uint64_t *addresses, size_t count,
                              const struct ad_limits *limits)
{
    struct stopped *stopped = *state;
    struct ad_symbols symbols;
    struct ad_error *error = ad_symbols_find(stopped->modules, addresses, count, limits, &symbols);
    if (error)
        fail_msg("%s", error->message);
    assert_int_equal(symbols.count, count);
    return symbols;
}

static void expect_frame(const struct ad_symbol_frame *frame, const char *function, uint32_t line,
                         bool inlined)
{
    const char *file = "tests/unit/symbol_test.c";
    assert_string_equal(frame->function, function);
    assert_non_null(frame->file);
    size_t length = strlen(frame->file);
    assert_true(length >= strlen(file));
    assert_string_equal(frame->file + length - strlen(file), file);
    assert_int_equal(frame->line, line);
    assert_int_equal(frame->inlined, inlined);
}

static void test_inlined_calls_are_frames(void **state)
{
    uint64_t pc = outer();
    struct ad_symbols symbols = find(state, &pc, 1, &ad_limits_default);
    const struct ad_symbol *symbol = &symbols.symbols[0];
    assert_int_equal(symbol->count, 3);
    expect_frame(&symbol->frames[0], "inner", line_in_inner, true);
    expect_frame(&symbol->frames[1], "middle", line_in_middle, true);
    expect_frame(&symbol->frames[2], "outer", line_in_outer, false);
    assert_true(symbol->module->is_executable);
    assert_int_equal(symbol->offset, pc - (uint64_t)outer);
    assert_false(symbol->from_table);
    ad_symbols_deinit(&symbols);
}

static void test_answers_come_in_the_order_asked(void **state)
{
    uint64_t pcs[] = {(uint64_t)teardown, outer(), 8, (uint64_t)setup, (uint64_t)teardown};
    struct ad_symbols symbols = find(state, pcs, 5, &ad_limits_default);
    assert_string_equal(symbols.symbols[0].frames[0].function, "teardown");
    assert_string_equal(symbols.symbols[1].frames[2].function, "outer");
    assert_null(symbols.symbols[2].frames[0].function);
    assert_null(symbols.symbols[2].module);
    assert_string_equal(symbols.symbols[3].frames[0].function, "setup");
    assert_string_equal(symbols.symbols[4].frames[0].function, "teardown");
    ad_symbols_deinit(&symbols);
}

static void test_a_library_without_dwarf_gives_names(void **state)
{
    uint64_t pc = (uint64_t)_cmocka_run_group_tests;
    struct ad_symbols symbols = find(state, &pc, 1, &ad_limits_default);
    const struct ad_symbol *symbol = &symbols.symbols[0];
    assert_non_null(symbol->module);
    if (symbol->module->debug) {
        ad_symbols_deinit(&symbols);
        skip(); /* its debug information is installed here */
    }
    assert_true(symbol->from_table);
    assert_non_null(strstr(symbol->frames[0].function, "_cmocka_run_group_tests"));
    assert_int_equal(symbols.loss_count, 1);
    assert_string_equal(symbols.losses[0].reason, "no debug information");
    ad_symbols_deinit(&symbols);
}

static int *volatile nowhere = (int *)8;

static void crash(void)
{
    *nowhere = 1;
}

static void call_forbidden(void)
{
    char name[] = "/tmp/symbol_test_XXXXXX";
    close(mkstemp(name));
}

static void spin(void)
{
    for (;;)
        sink++;
}

/* A dead reader costs files and lines, not the function's name. */
static void expect_table_answer(void **state, const struct ad_limits *limits, const char *reason)
{
    uint64_t pc = outer();
    struct ad_symbols symbols = find(state, &pc, 1, limits);
    assert_int_equal(symbols.symbols[0].count, 1);
    assert_string_equal(symbols.symbols[0].frames[0].function, "outer");
    assert_true(symbols.symbols[0].from_table);
    assert_int_equal(symbols.symbols[0].frames[0].line, 0);
    assert_int_equal(symbols.loss_count, 1);
    assert_non_null(strstr(symbols.losses[0].reason, reason));
    ad_symbols_deinit(&symbols);
}

static void test_a_crash_of_the_reader_costs_lines_only(void **state)
{
#ifdef __SANITIZE_ADDRESS__
    skip(); /* the sanitizer turns the signal into an exit of its own */
#endif
    ad_symbol_child_hook = crash;
    expect_table_answer(state, &ad_limits_default, "SIGSEGV");
}

static void test_the_reader_may_open_nothing(void **state)
{
#ifdef __SANITIZE_ADDRESS__
    skip(); /* no filter under a sanitizer */
#endif
    ad_symbol_child_hook = call_forbidden;
    expect_table_answer(state, &ad_limits_default, "SIGSYS");
}

static void test_an_endless_reader_is_ended(void **state)
{
    struct ad_limits limits = ad_limits_default;
    limits.symbol_seconds = 1;
    ad_symbol_child_hook = spin;
    expect_table_answer(state, &limits, "debug information");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_inlined_calls_are_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers_come_in_the_order_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_library_without_dwarf_gives_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_crash_of_the_reader_costs_lines_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_reader_may_open_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_endless_reader_is_ended, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
