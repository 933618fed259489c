/* SPDX-License-Identifier: MIT */
/* Symbols of this very program, looked up in a stopped child of it, and of samples/inlined.c. */
#include "../support/sample.h"

#include "base/range.h"
#include "symbol/symbol.h"
#include "symbol/dwarf_line_table.h"
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

/* A child that has closed its end, but never ends. */
static void hang_silently(void)
{
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    for (;;)
        sink++;
}

static void test_a_silent_reader_is_ended(void **state)
{
    ad_symbol_child_hook = hang_silently;
    expect_table_answer(state, &ad_limits_default, "SIGKILL");
}

/* ---- samples/inlined.c ----------------------------------------------------------------------- */

/* As there. */
struct probe {
    uint64_t pc;
    int lines[3];
    char functions[64];
};

static const char *const builds[] = {
    "gcc -O0 -gdwarf-5",
    "gcc -O2 -gdwarf-5",
    "gcc -O2 -gdwarf-4",
    "gcc -O2 -g -gz=zlib -flto",
    "clang -O0 -gdwarf-5",
    "clang -O2 -gdwarf-5",
    "clang -O2 -gdwarf-4",
    /* functions without a home: their addresses are 0 in the debug information */
    "gcc -O1 -gdwarf-5 -ffunction-sections -Wl,--gc-sections",
    "clang -O1 -gdwarf-4 -ffunction-sections -Wl,--gc-sections",
};

static size_t read_probes(struct stopped *stopped, struct probe *probes, size_t size)
{
    struct ad_elf_symbol symbol;
    size_t count = 0;
    assert_true(ad_module_symbol_named(ad_modules_executable(stopped->modules), "sample_probes", &symbol));
    assert_ok(ad_target_read(stopped->target, symbol.value, probes, size * sizeof(*probes), "the probes"));
    while (count < size && probes[count].pc)
        count++;
    return count;
}

static void check_probe(const char *build, const struct probe *probe, const struct ad_symbol *symbol,
                        const char *folder)
{
    char functions[64];
    size_t i = 0;
    strcpy(functions, probe->functions);
    for (char *name = strtok(functions, " "); name; name = strtok(NULL, " "), i++) {
        const struct ad_symbol_frame *frame = i < symbol->count ? &symbol->frames[i] : NULL;
        bool header = strcmp(name, "in_header") == 0;
        const char *file = text("%s/inlined.%s", folder, header ? "h" : "c");
        if (!frame || !frame->function || strcmp(frame->function, name) != 0 || !frame->file ||
            strcmp(frame->file, file) != 0 || frame->line != (uint32_t)probe->lines[i])
            fail_msg("%s: %s %zu: expected %s:%d, got %s in %s:%u", build, probe->functions, i, file,
                     probe->lines[i], frame && frame->function ? frame->function : "nothing",
                     frame && frame->file ? frame->file : "?", frame ? frame->line : 0);
        assert_int_equal(frame->inlined, i + 1 < symbol->count);
    }
    assert_int_equal(symbol->count, i);
    assert_false(symbol->from_table);
}

/* Every probe of the sample, built by this command, lies where it says. */
static void check_build(const char *build, const char *folder)
{
    struct stopped stopped;
    struct probe probes[16];
    uint64_t pcs[COUNT(probes)];
    void *state = &stopped;
    if (!compile_sample("inlined", build))
        return;
    stopped.pid = start_sample("inlined");
    assert_ok(ad_live_open(stopped.pid, &ad_limits_default, &stopped.target));
    assert_ok(ad_modules_create(stopped.target, &ad_limits_default, &stopped.modules));
    assert_ok(ad_modules_open_files(stopped.modules, NULL));
    size_t count = read_probes(&stopped, probes, COUNT(probes));
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        pcs[i] = probes[i].pc - 1;
    struct ad_symbols symbols = find(&state, pcs, count, &ad_limits_default);
    assert_int_equal(symbols.loss_count, 0);
    for (size_t i = 0; i < count; i++)
        check_probe(build, &probes[i], &symbols.symbols[i], folder);
    ad_symbols_deinit(&symbols);
    teardown(&state);
}

static void test_every_build_is_read_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(builds); i++)
        check_build(builds[i], UNIT_SAMPLES);
}

/* A project that maps its own folder away sees its own names, wherever it was built. */
static void test_mapped_paths_stay_short(void **state)
{
    (void)state;
    assert_int_equal(chdir(unit_folder), 0);
    char *parent = strdup(UNIT_SAMPLES);
    *strrchr(parent, '/') = '\0';
    /* The last map that fits is used: the checkout may lie in /tmp too. */
    check_build(text("gcc -g -ffile-prefix-map=/tmp/=built/ -ffile-prefix-map=%s/=", parent), "samples");
    check_build(text("gcc -gdwarf-4 -ffile-prefix-map=%s/=./ -ffile-prefix-map=%s=.", parent, unit_folder),
                "samples");
    check_build(text("clang -g -ffile-prefix-map=%s/= -fdebug-compilation-dir=/", parent), "samples");
    free(parent);
}

/* ---- damaged files ---------------------------------------------------------------------------- */

/* Where the debug information of a file lies: its sections stand one behind the other. */
static void find_dwarf(const char *path, size_t *start_ret, size_t *size_ret)
{
    struct ad_elf_file *file;
    size_t count, end = 0;
    assert_ok(ad_elf_open(path, &ad_limits_default, &file));
    const struct ad_elf_section *sections = ad_elf_sections(file, &count);
    *start_ret = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        const Elf64_Shdr *header = &sections[i].header;
        if (strncmp(sections[i].name, ".debug_", 7) != 0)
            continue;
        *start_ret = header->sh_offset < *start_ret ? header->sh_offset : *start_ret;
        end = header->sh_offset + header->sh_size > end ? header->sh_offset + header->sh_size : end;
    }
    *size_ret = end - *start_ret;
    ad_elf_close(file);
}

static void look_up_in(struct stopped *stopped, const char *executable)
{
    struct probe probes[16];
    uint64_t pcs[COUNT(probes)];
    struct ad_module_options options = {.executable = executable};
    struct ad_limits limits = ad_limits_default;
    limits.symbol_seconds = 1;
    void *state = stopped;
    assert_ok(ad_live_open(stopped->pid, &limits, &stopped->target));
    assert_ok(ad_modules_create(stopped->target, &limits, &stopped->modules));
    assert_ok(ad_modules_open_files(stopped->modules, &options));
    size_t count = read_probes(stopped, probes, COUNT(probes));
    for (size_t i = 0; i < count; i++)
        pcs[i] = probes[i].pc - 1;
    struct ad_symbols symbols = find(&state, pcs, count, &limits);
    for (size_t i = 0; i < count; i++)
        assert_true(symbols.symbols[i].count > 0 && symbols.symbols[i].frames[0].line < UINT32_MAX);
    ad_symbols_deinit(&symbols);
    ad_modules_destroy(stopped->modules);
    ad_target_destroy(stopped->target);
}

/* The answer may be wrong, but there is one. */
static void test_damaged_files_cost_no_more_than_answers(void **state)
{
    (void)state;
    size_t size, start, dwarf_size;
    uint64_t random = 20210528;
    if (!compile_sample("inlined", "gcc -O2 -gdwarf-5"))
        skip();
    struct stopped stopped = {.pid = start_sample("inlined")};
    char *bytes = read_whole(in_folder("inlined"), &size), *copy = malloc(size);
    find_dwarf(in_folder("inlined"), &start, &dwarf_size);
    for (int round = 0; round < 60; round++) {
        memcpy(copy, bytes, size);
        for (uint64_t i = 0; i <= random_next(&random) % 16; i++)
            copy[start + random_next(&random) % dwarf_size] = (char)random_next(&random);
        write_file(in_folder("damaged"), copy, size);
        look_up_in(&stopped, in_folder("damaged"));
    }
    free(bytes);
    free(copy);
    stop_sample(stopped.pid);
}

/* ---- line programs --------------------------------------------------------------------------- */

/* The line of an address by a program with the factors that GCC uses. */
static uint64_t line_at(const uint8_t *program, size_t size, uint64_t address)
{
    static const uint8_t operand_counts[] = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};
    struct ad_line_table table = {
        .version = 5,
        .instruction_length = 1,
        .operations = 1,
        .default_is_statement = true,
        .line_base = -5,
        .line_range = 14,
        .opcode_base = 13,
        .operand_counts = operand_counts,
    };
    struct ad_dwarf_query query = {.address = address};
    struct ad_dwarf_queries queries = {&query, 1};
    ad_cursor_init(&table.program, program, size);
    ad_line_table_find(&table, &queries);
    return query.line;
}

static void test_rows_are_read_as_gdb_does(void **state)
{
    (void)state;
    enum { COPY = 1, ADVANCE_PC = 2, ADVANCE_LINE = 3, NEGATE = 6, CONST_ADD = 8 };
    /* clang-format off */
    static const uint8_t program[] = {
        0, 9, 2, 0, 0x10, 0, 0, 0, 0, 0, 0,    /* set address 0x1000 */
        ADVANCE_LINE, 9, COPY,                 /* 0x1000: line 10 */
        ADVANCE_PC, 4, ADVANCE_LINE, 0x76, COPY, /* 0x1004: line 0 */
        ADVANCE_PC, 4, ADVANCE_LINE, 20, COPY, /* 0x1008: line 20 */
        NEGATE, ADVANCE_LINE, 1, COPY,         /* 0x1008: line 21, no statement */
        ADVANCE_PC, 4, ADVANCE_LINE, 1, COPY,  /* 0x100c: line 22, no statement */
        NEGATE, ADVANCE_LINE, 1, COPY,         /* 0x100c: line 23 */
        0, 2, 4, 7,                            /* a discriminator */
        CONST_ADD, 0x4c,                       /* + 17, + 4: 0x1021, line 25 */
        NEGATE, ADVANCE_PC, 4, ADVANCE_LINE, 1, COPY, /* 0x1025: line 26, no statement */
        ADVANCE_LINE, 1, COPY,                 /* 0x1025: line 27, no statement */
        ADVANCE_PC, 4, 0, 1, 1,                /* 0x1029: the end */
    };
    static const uint64_t expected[][2] = {
        {0xfff, 0}, {0x1000, 10}, {0x1003, 10}, {0x1004, 10}, {0x1007, 10}, {0x1008, 20}, {0x100b, 20},
        {0x100c, 23}, {0x1020, 23}, {0x1021, 25}, {0x1024, 25}, {0x1025, 27}, {0x1028, 27}, {0x1029, 0},
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_int_equal(line_at(program, sizeof(program), expected[i][0]), expected[i][1]);
    for (size_t cut = 0; cut < sizeof(program); cut++)
        line_at(program, cut, 0x1021);
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
        cmocka_unit_test_setup_teardown(test_a_silent_reader_is_ended, setup, teardown),
        cmocka_unit_test(test_every_build_is_read_alike),
        cmocka_unit_test(test_mapped_paths_stay_short),
        cmocka_unit_test(test_damaged_files_cost_no_more_than_answers),
        cmocka_unit_test(test_rows_are_read_as_gdb_does),
    };
    return cmocka_run_group_tests_name("symbol", tests, make_folder, remove_folder);
}
