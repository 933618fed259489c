/* SPDX-License-Identifier: MIT */
/* Stacks of samples/stacks.c, built in several ways, unwound in the stopped program. */
#include "../support/sample.h"

#include <elf.h>
#include <sys/auxv.h>

#include "target/live.h"
#include "unwind/cfi_row.h"
#include "unwind/unwind.h"

#define SAVED_REGISTERS 6 /* pushed by switch_stack below its return address */

/* As in samples/stacks.c. */
struct sample_case {
    char name[32];
    char functions[160];
    uint64_t start;
    uint64_t sp;
};

struct sample {
    pid_t pid;
    struct ad_target *target;
    struct ad_modules *modules;
    struct ad_unwinder *unwinder;
};

static const char *const builds[] = {
    "gcc -O0 -g",
    "gcc -O2 -g",
    "gcc -O2 -static -g",
    "gcc -O2 -g -fno-asynchronous-unwind-tables",
    "gcc -O2 -fno-omit-frame-pointer",
    "clang -O0 -g",
    "clang -O2",
    "clang -O2 -g -fno-asynchronous-unwind-tables",
};

/* `executable` stands for the program's own file; NULL: that one. */
static void open_sample(struct sample *sample, pid_t pid, const char *executable,
                        const struct ad_limits *limits)
{
    struct ad_module_options options = {.executable = executable};
    *sample = (struct sample){.pid = pid};
    assert_ok(ad_live_open(pid, limits, &sample->target));
    assert_ok(ad_modules_create(sample->target, limits, &sample->modules));
    assert_ok(ad_modules_open_files(sample->modules, &options));
    assert_ok(ad_unwinder_create(sample->modules, limits, &sample->unwinder));
}

static void close_sample(struct sample *sample)
{
    ad_unwinder_destroy(sample->unwinder);
    ad_modules_destroy(sample->modules);
    ad_target_destroy(sample->target);
}

static struct sample *begin(struct sample *sample, const char *command, const struct ad_limits *limits)
{
    if (!compile_sample("stacks", command))
        skip();
    open_sample(sample, start_sample("stacks"), NULL, limits);
    return sample;
}

static void end(struct sample *sample)
{
    close_sample(sample);
    stop_sample(sample->pid);
}

static uint64_t address_of(struct sample *sample, const char *name)
{
    struct ad_elf_symbol symbol;
    assert_true(ad_module_symbol_named(ad_modules_executable(sample->modules), name, &symbol));
    return symbol.value;
}

static uint64_t word_at(struct sample *sample, uint64_t address)
{
    uint64_t word;
    assert_ok(ad_target_read(sample->target, address, &word, sizeof(word), "a word"));
    return word;
}

static bool read_case(struct sample *sample, size_t number, struct sample_case *one)
{
    uint64_t address = address_of(sample, "sample_cases") + number * sizeof(*one);
    assert_ok(ad_target_read(sample->target, address, one, sizeof(*one), "a case"));
    return one->start != 0;
}

/* The registers that switch_stack saved. It stands where it called nobody, so its own frame is left out:
 * the innermost one is that of its caller. */
static struct ad_registers parked(struct sample *sample, const struct sample_case *one)
{
    static const unsigned order[SAVED_REGISTERS] = {15, 14, 13, 12, AD_REG_RBX, AD_REG_RBP};
    struct ad_registers registers = {0};
    for (unsigned i = 0; i < SAVED_REGISTERS; i++)
        ad_registers_set(&registers, order[i], word_at(sample, one->sp + 8 * i));
    ad_registers_set(&registers, AD_REG_PC, word_at(sample, one->sp + 8 * SAVED_REGISTERS));
    ad_registers_set(&registers, AD_REG_SP, one->sp + 8 * (SAVED_REGISTERS + 1));
    return registers;
}

/* Every stack of these tests is unwound by rows and by libunwind alone: the same must come out. */
static void expect_agreement(struct sample *sample, const struct ad_registers *registers, bool interrupted)
{
    struct ad_unwind_comparison comparison;
    assert_ok(ad_unwinder_compare(sample->unwinder, registers, interrupted, &comparison));
    if (comparison.differs)
        fail_msg("of the stack at pc %#lx, sp %#lx, %s in frame %zu is %#lx by rows and %#lx by libunwind",
                 registers->value[AD_REG_PC], registers->value[AD_REG_SP], comparison.differs, comparison.frame,
                 comparison.rows, comparison.libunwind);
}

static struct ad_unwound_stack unwind(struct sample *sample, const struct ad_registers *registers,
                                      bool interrupted)
{
    struct ad_unwound_stack stack;
    expect_agreement(sample, registers, interrupted);
    assert_ok(ad_unwind(sample->unwinder, registers, interrupted, &stack));
    return stack;
}

static struct ad_unwound_stack unwind_case(struct sample *sample, size_t number)
{
    struct sample_case one;
    assert_true(read_case(sample, number, &one));
    struct ad_registers registers = parked(sample, &one);
    return unwind(sample, &registers, false);
}

static const char *function_of(struct sample *sample, const struct ad_unwound_frame *frame)
{
    uint64_t pc = frame->pc - !frame->interrupted;
    struct ad_module *module = ad_modules_find(sample->modules, pc);
    struct ad_elf_symbol symbol;
    return module && ad_module_symbol_at(module, pc, &symbol) ? symbol.name : "?";
}

/* Whether the frames are the functions of a case: "*" stands for any number of frames, "!" for one that
 * interrupted the next. Compilers may move a part of a function away ("f.cold"). */
static bool matches(struct sample *sample, const struct ad_unwound_stack *stack, size_t i,
                    const char *functions)
{
    size_t length = strcspn(functions, " ");
    const char *rest = functions + length + (functions[length] == ' ');
    if (!length)
        return i == stack->count;
    if (*functions == '*') {
        for (; i <= stack->count; i++)
            if (matches(sample, stack, i, rest))
                return true;
        return false;
    }
    if (i >= stack->count)
        return false;
    if (*functions == '!')
        return i + 1 < stack->count && stack->frames[i + 1].interrupted &&
               matches(sample, stack, i + 1, rest);
    const char *name = function_of(sample, &stack->frames[i]);
    bool same = strncmp(name, functions, length) == 0 && (name[length] == '\0' || name[length] == '.');
    return same && matches(sample, stack, i + 1, rest);
}

static void fail_with_stack(struct sample *sample, const char *command, const struct sample_case *one,
                            const struct ad_unwound_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++)
        print_message("  #%zu %#lx %s%s\n", i, stack->frames[i].pc, function_of(sample, &stack->frames[i]),
                      stack->frames[i].interrupted ? " (interrupted)" : "");
    fail_msg("%s: %s: expected %s; ends: %s at %#lx", command, one->name, one->functions,
             ad_stack_end_text(stack->end), stack->end_address);
}

/* ---- stacks of programs ---------------------------------------------------------------------- */

static void check_cases(struct sample *sample, const char *command)
{
    struct sample_case one;
    size_t number = 0;
    for (; read_case(sample, number, &one); number++) {
        struct ad_unwound_stack stack = unwind_case(sample, number);
        bool without_cfi = strcmp(one.name, "without_cfi") == 0;
        if (!matches(sample, &stack, 0, one.functions) ||
            stack.end != (without_cfi ? AD_STACK_NO_CFI : AD_STACK_ENTRY))
            fail_with_stack(sample, command, &one, &stack);
        for (size_t i = 1; i + without_cfi < stack.count; i++)
            assert_true(stack.frames[i].cfa > stack.frames[i - 1].cfa);
        assert_int_equal(stack.end_address, stack.frames[stack.count - 1].pc);
    }
    assert_true(number >= 10);
}

static void every_shape_of_stack_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(builds); i++) {
        struct sample sample;
        if (!compile_sample("stacks", builds[i]))
            continue;
        open_sample(&sample, start_sample("stacks"), NULL, &ad_limits_default);
        check_cases(&sample, builds[i]);
        check_cases(&sample, builds[i]); /* now from rows that were kept */
        end(&sample);
    }
}

/* However few rows may be kept, what they say is the same. */
static void rows_are_made_again(void **state)
{
    (void)state;
    struct sample sample;
    struct ad_limits limits = ad_limits_default;
    begin(&sample, "gcc -O2 -g", &ad_limits_default);
    close_sample(&sample);
    for (limits.unwind_rows = 0; limits.unwind_rows < 4; limits.unwind_rows++) {
        open_sample(&sample, sample.pid, NULL, &limits);
        check_cases(&sample, "few rows");
        close_sample(&sample);
    }
    stop_sample(sample.pid);
}

/* Frames and end, without the rows' numbers. */
static void expect_same(const struct ad_unwound_stack *stack, const struct ad_unwound_stack *other)
{
    assert_int_equal(stack->count, other->count);
    assert_int_equal(stack->end, other->end);
    for (size_t i = 0; i < stack->count; i++) {
        assert_int_equal(stack->frames[i].pc, other->frames[i].pc);
        assert_int_equal(stack->frames[i].cfa, other->frames[i].cfa);
        assert_int_equal(stack->frames[i].row, other->frames[i].row);
        assert_int_equal(stack->frames[i].interrupted, other->frames[i].interrupted);
    }
}

/* Whatever part of a stack was read before, the same stack comes out. */
static void stacks_from_bytes_at_hand(void **state)
{
    (void)state;
    struct sample sample;
    struct sample_case one;
    uint8_t bytes[4096];
    begin(&sample, "gcc -O0 -g", &ad_limits_default);
    for (size_t number = 0; read_case(&sample, number, &one); number++) {
        struct ad_registers registers = parked(&sample, &one);
        struct ad_unwound_stack stack = unwind(&sample, &registers, false), again;
        struct ad_unwound_frame *frames = calloc(stack.count, sizeof(*frames));
        memcpy(frames, stack.frames, stack.count * sizeof(*frames));
        stack.frames = frames;
        for (uint64_t skipped = 0; skipped < 256; skipped += 4) {
            struct ad_stack_bytes at_hand = {one.sp + skipped, bytes, (skipped * 37) % sizeof(bytes)};
            assert_ok(ad_target_read(sample.target, at_hand.address, bytes, at_hand.size, "a stack"));
            assert_ok(ad_unwind_in(sample.unwinder, &registers, false, &at_hand, &again));
            expect_same(&again, &stack);
        }
        free(frames);
    }
    end(&sample);
}

static void a_stopped_thread_reaches_its_start(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "gcc -O2 -g", &ad_limits_default);
    struct ad_unwound_stack stack = unwind(&sample, &sample.target->threads[0].registers, true);
    assert_int_equal(stack.end, AD_STACK_ENTRY);
    assert_true(stack.frames[0].interrupted);
    assert_false(stack.frames[1].interrupted);
    assert_true(matches(&sample, &stack, 0, "* main * _start"));
    end(&sample);
}

/* The frame at a place where a function has nothing but its return address on the stack. */
static void expect_caller_is_main(struct sample *sample, uint64_t pc, uint64_t sp)
{
    struct ad_registers registers = {0};
    ad_registers_set(&registers, AD_REG_PC, pc);
    ad_registers_set(&registers, AD_REG_SP, sp);
    struct ad_unwound_stack stack = unwind(sample, &registers, true);
    assert_true(stack.count >= 2);
    assert_string_equal(function_of(sample, &stack.frames[1]), "main");
}

static const Elf64_Shdr *section_of(struct ad_elf_file *file, const char *name)
{
    const struct ad_elf_section *section = ad_elf_section(file, name);
    assert_non_null(section);
    return &section->header;
}

/* The CFA of a PLT entry depends on the pc: jmp (6 bytes), push (5), jmp. */
static void plt_and_vdso_have_callers(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "gcc -O2 -Wl,-z,lazy", &ad_limits_default);
    uint64_t sp = address_of(&sample, "sample_return") + 8, vdso;
    struct ad_module *program = ad_modules_executable(sample.modules);
    uint64_t plt = section_of(program->file, ".plt")->sh_addr + program->bias;
    expect_caller_is_main(&sample, plt + 16, sp);
    expect_caller_is_main(&sample, plt + 16 + 6, sp);
    expect_caller_is_main(&sample, plt + 16 + 11, sp - 8);
    assert_true(ad_target_auxv(sample.target, AT_SYSINFO_EHDR, &vdso));
    struct ad_module *module = ad_modules_find(sample.modules, vdso);
    struct ad_elf_symbol symbol;
    assert_true(module && module->is_vdso);
    assert_true(ad_module_symbol_named(module, "__vdso_getcpu", &symbol));
    expect_caller_is_main(&sample, symbol.value, sp);
    end(&sample);
}

/* A file that lost its section headers still has PT_GNU_EH_FRAME. */
static void sections_are_not_needed(void **state)
{
    (void)state;
    struct sample sample;
    size_t size;
    begin(&sample, "clang -O2", &ad_limits_default);
    close_sample(&sample);
    char *bytes = read_whole(in_folder("stacks"), &size);
    Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
    header->e_shoff = 0;
    header->e_shnum = header->e_shstrndx = 0;
    write_file(in_folder("sectionless"), bytes, size);
    free(bytes);
    open_sample(&sample, sample.pid, in_folder("sectionless"), &ad_limits_default);
    assert_int_equal(ad_modules_executable(sample.modules)->status, AD_MODULE_OK);
    struct ad_unwound_stack stack = unwind(&sample, &sample.target->threads[0].registers, true);
    assert_int_equal(stack.end, AD_STACK_ENTRY);
    assert_true(stack.count >= 4);
    end(&sample);
}

/* ---- how stacks end -------------------------------------------------------------------------- */

static void stacks_end_honestly(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "gcc -O0 -g", &ad_limits_default);
    struct ad_unwound_stack stack = unwind_case(&sample, 0);
    uint64_t leaf = stack.frames[1].pc;
    assert_string_equal(function_of(&sample, &stack.frames[1]), "leaf");

    struct ad_registers registers = {0};
    assert_int_equal(unwind(&sample, &registers, false).end, AD_STACK_NO_CONTEXT);
    ad_registers_set(&registers, AD_REG_PC, leaf);
    assert_int_equal(unwind(&sample, &registers, false).end, AD_STACK_NO_CONTEXT);
    ad_registers_set(&registers, AD_REG_SP, 64);
    stack = unwind(&sample, &registers, false); /* at -O0 the CFA comes from rbp */
    assert_int_equal(stack.end, AD_STACK_NO_REGISTER);
    assert_int_equal(stack.count, 1);
    ad_registers_set(&registers, AD_REG_RBP, 64);
    stack = unwind(&sample, &registers, false);
    assert_int_equal(stack.end, AD_STACK_UNREADABLE);
    assert_int_equal(stack.end_address, 72);
    ad_registers_set(&registers, AD_REG_RBP, (uint64_t)-8); /* the return address at address 0 */
    stack = unwind(&sample, &registers, false);
    assert_int_equal(stack.end, AD_STACK_UNREADABLE);
    ad_registers_set(&registers, AD_REG_PC, 0);
    stack = unwind(&sample, &registers, true);
    assert_int_equal(stack.end, AD_STACK_NO_CFI);
    assert_int_equal(stack.count, 1);
    end(&sample);
}

static void loops_and_long_stacks_are_cut(void **state)
{
    (void)state;
    struct sample sample;
    struct ad_limits limits = ad_limits_default;
    limits.frames = 2;
    begin(&sample, "gcc -O0 -g", &limits);
    struct ad_unwound_stack stack = unwind_case(&sample, 0);
    assert_int_equal(stack.end, AD_STACK_CAP);
    assert_int_equal(stack.count, 2);
    close_sample(&sample);

    open_sample(&sample, sample.pid, NULL, &ad_limits_default);
    uint64_t loop = address_of(&sample, "sample_loop");
    struct ad_registers registers = {0};
    ad_registers_set(&registers, AD_REG_PC, word_at(&sample, loop + 8));
    ad_registers_set(&registers, AD_REG_SP, loop);
    ad_registers_set(&registers, AD_REG_RBP, loop);
    stack = unwind(&sample, &registers, false);
    assert_int_equal(stack.end, AD_STACK_NO_PROGRESS);
    assert_int_equal(stack.count, 3);
    end(&sample);
}

/* ---- hostile CFI ----------------------------------------------------------------------------- */

#define DEF_CFA 0x0c, 7, 8
#define REWRITE(...) rewrite((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* The kind of error for an FDE of these instructions; -1: none. */
static int rewrite(const uint8_t *instructions, size_t size)
{
    struct ad_cfi_fde fde = {.range = {0x1000, 0x1100}, .cie = {.code_factor = 1, .data_factor = -8}};
    struct ad_vector bytes = AD_VECTOR(uint8_t);
    struct ad_cfi_plain plain;
    ad_cursor_init(&fde.cie.instructions, NULL, 0);
    ad_cursor_init(&fde.instructions, instructions, size);
    struct ad_error *error = ad_cfi_rewrite(&fde, 0, &ad_limits_default, &bytes, &plain);
    int kind = error ? (int)error->kind : -1;
    if (error)
        assert_int_equal(bytes.count, 0);
    ad_error_destroy(error);
    ad_vector_deinit(&bytes);
    return kind;
}

static void harmful_instructions_are_refused(void **state)
{
    (void)state;
    assert_int_equal(REWRITE(DEF_CFA, 0x41, 0x0e, 16, 0x86, 2), -1);
    assert_int_equal(REWRITE(DEF_CFA, 0x05, 17, 2), -1);                   /* xmm0: left out */
    assert_int_equal(REWRITE(0x41), AD_ERROR_FORMAT);                      /* a row without a CFA */
    assert_int_equal(REWRITE(0x86, 2), AD_ERROR_FORMAT);                   /* no CFA at all */
    assert_int_equal(REWRITE(0x0c, 17, 8), AD_ERROR_FORMAT);               /* CFA by an unknown register */
    assert_int_equal(REWRITE(DEF_CFA, 0x0e), AD_ERROR_FORMAT);             /* cut off */
    assert_int_equal(REWRITE(DEF_CFA, 0x3f), AD_ERROR_FORMAT);             /* unknown */
    assert_int_equal(REWRITE(0x0f, 3, 0x2f, 0xfd, 0xff), AD_ERROR_FORMAT); /* skip -3, for ever */
    assert_int_equal(REWRITE(0x0f, 3, 0x31, 0x31, 0x1b), AD_ERROR_FORMAT); /* division */
    assert_int_equal(REWRITE(0x0f, 0x7f, 0x77, 0), AD_ERROR_FORMAT);       /* longer than it is */
    assert_int_equal(REWRITE(0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), AD_ERROR_FORMAT);
    assert_int_equal(REWRITE(DEF_CFA, 0x10, 6, 2, 0x92, 40), AD_ERROR_FORMAT); /* bregx 40 */
    assert_int_equal(REWRITE(0x0f, 2, 0x77, 8, 0x10, 6, 3, 0x77, 0, 0x06), -1);
}

/* The row at 0x1010 of a function at 0x1000 whose CIE and FDE have these instructions; false: it has none. */
static bool row_of(const uint8_t *shared, size_t shared_size, const uint8_t *own, size_t own_size,
                   struct ad_cfi_row *row)
{
    struct ad_cfi_fde fde = {.range = {0x1000, 0x1100}, .cie = {.code_factor = 1, .data_factor = -8}};
    struct ad_vector bytes = AD_VECTOR(uint8_t);
    struct ad_cfi_plain plain;
    ad_cursor_init(&fde.cie.instructions, shared, shared_size);
    ad_cursor_init(&fde.instructions, own, own_size);
    assert_ok(ad_cfi_rewrite(&fde, 0, &ad_limits_default, &bytes, &plain));
    bool simple = ad_cfi_row_at(bytes.items, &plain, 0x1010, row);
    ad_vector_deinit(&bytes);
    return simple;
}

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define CIE BYTES(DEF_CFA, 0x90, 1)

static void rows_say_what_is_simple(void **state)
{
    (void)state;
    struct ad_cfi_row row;
    assert_true(row_of(CIE, BYTES(0x50, 0x0e, 16, 0x86, 2, 0x41, 0x0e, 24), &row));
    assert_int_equal(row.cfa_register, AD_REG_SP);
    assert_int_equal(row.cfa_offset, 16); /* the next row begins behind the place */
    assert_int_equal(row.saved, 1 << AD_ROW_PC | 1 << AD_ROW_RBP_SLOT);
    assert_int_equal(row.words[AD_ROW_PC], 1);
    assert_int_equal(row.words[AD_ROW_RBP_SLOT], 2);
    assert_int_equal(row.depth, 2);
    assert_true(row_of(CIE, BYTES(0x0a, 0x0e, 32, 0x0b, 0x07, 16), &row));
    assert_int_equal(row.cfa_offset, 8);
    assert_int_equal(row.undefined, 1 << AD_ROW_PC);
    assert_int_equal(row.saved, 0);
    assert_true(row_of(CIE, BYTES(0x86, 2, 0xc6), &row)); /* restored */
    assert_int_equal(row.saved, 1 << AD_ROW_PC);
    assert_false(row_of(CIE, BYTES(0x0f, 3, 0x77, 0, 0x06), &row)); /* CFA by an expression */
    assert_false(row_of(CIE, BYTES(0x10, 3, 2, 0x77, 0), &row));    /* rbx by an expression */
    assert_false(row_of(CIE, BYTES(0x09, 3, 7), &row));             /* rbx in rsp */
    assert_false(row_of(CIE, BYTES(0x80, 2), &row));                /* rax saved, which is not followed */
    assert_false(row_of(CIE, BYTES(0x83, 0x80, 0x02), &row));       /* rbx 256 words away */
    assert_false(row_of(CIE, BYTES(0x0b), &row));                   /* nothing is remembered */
    assert_false(row_of(BYTES(DEF_CFA, 0x41, 0x90, 1), BYTES(0x00), &row)); /* a CIE that advances */
    assert_false(row_of(BYTES(DEF_CFA, 0xc6, 0x90, 1), BYTES(0x00), &row)); /* and one that restores */
}

/* Places where the CFI of a file begins, so that changes fall where they hurt. */
static void find_cfi(const char *path, size_t *offset_ret, size_t *size_ret)
{
    struct ad_elf_file *file;
    assert_ok(ad_elf_open(path, &ad_limits_default, &file));
    *offset_ret = section_of(file, ".eh_frame")->sh_offset;
    *size_ret = section_of(file, ".eh_frame")->sh_size;
    ad_elf_close(file);
}

static void unwind_everything(struct sample *sample)
{
    struct sample_case one;
    for (size_t number = 0; read_case(sample, number, &one); number++) {
        struct ad_unwound_stack stack = unwind_case(sample, number);
        assert_true(stack.count <= ad_limits_default.frames);
    }
    unwind(sample, &sample->target->threads[0].registers, true);
}

/* A file with the right build-id and CFI that somebody damaged: any end is right, but an end. */
static void damaged_cfi_does_no_harm(void **state)
{
    (void)state;
    struct sample sample;
    size_t size, offset, cfi_size;
    uint64_t random = 20211;
    begin(&sample, "gcc -O2", &ad_limits_default);
    close_sample(&sample);
    char *bytes = read_whole(in_folder("stacks"), &size), *copy = malloc(size);
    find_cfi(in_folder("stacks"), &offset, &cfi_size);
    for (int round = 0; round < 200; round++) {
        memcpy(copy, bytes, size);
        for (uint64_t i = 0; i <= random_next(&random) % 24; i++)
            copy[offset + random_next(&random) % cfi_size] = (char)random_next(&random);
        write_file(in_folder("damaged"), copy, size);
        open_sample(&sample, sample.pid, in_folder("damaged"), &ad_limits_default);
        assert_int_equal(ad_modules_executable(sample.modules)->status, AD_MODULE_OK);
        unwind_everything(&sample);
        close_sample(&sample);
    }
    free(bytes);
    free(copy);
    stop_sample(sample.pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_of_stack_is_whole),
        cmocka_unit_test(rows_are_made_again),
        cmocka_unit_test(stacks_from_bytes_at_hand),
        cmocka_unit_test(a_stopped_thread_reaches_its_start),
        cmocka_unit_test(plt_and_vdso_have_callers),
        cmocka_unit_test(sections_are_not_needed),
        cmocka_unit_test(stacks_end_honestly),
        cmocka_unit_test(loops_and_long_stacks_are_cut),
        cmocka_unit_test(harmful_instructions_are_refused),
        cmocka_unit_test(rows_say_what_is_simple),
        cmocka_unit_test(damaged_cfi_does_no_harm),
    };
    return cmocka_run_group_tests_name("unwind", tests, make_folder, remove_folder);
}
