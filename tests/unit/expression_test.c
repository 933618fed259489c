/* SPDX-License-Identifier: MIT */
/* Location programs over made-up frames: what they mean, and that none of them can do harm. */
#include "../support/unit.h"

#include <libdwarf/dwarf.h>

#include "symbol/dwarf_expression.h"

#define BASE UINT64_C(0x10000)

static uint8_t memory[256];

static size_t read_memory(void *context, uint64_t address, void *buffer, size_t size)
{
    (void)context;
    if (address < BASE || address - BASE >= sizeof(memory))
        return 0;
    size_t left = sizeof(memory) - (address - BASE);
    memcpy(buffer, memory + (address - BASE), size < left ? size : left);
    return size < left ? size : left;
}

/* Three frames: the innermost was called by the second with 42 in rdi, which had it from the third in rsi. */
static const uint8_t constant_42[] = {DW_OP_const1u, 42}, of_rsi[] = {DW_OP_entry_value, 1, DW_OP_reg4};
static const struct ad_call_parameter from_second[] = {{5, {.bytes = of_rsi, .size = 3}}},
                                      from_third[] = {{4, {.bytes = constant_42, .size = 2}}};
static const struct ad_call_site second_calls = {.target = 0x1000, .parameters = from_second, .count = 1},
                                 third_calls = {.target_name = "second", .parameters = from_third, .count = 1};
static const uint8_t cfa_program[] = {DW_OP_call_frame_cfa};
static const struct ad_code codes[] = {
    {.bias = 0x100, .function = 0x1000, .frame_base = {.bytes = cfa_program, .size = 1}},
    {.function = 0x2000, .name = "second", .call_site = &second_calls},
    {.function = 0x3000, .call_site = &third_calls},
};
static struct ad_expression_frame frames[COUNT(codes)];
static struct ad_expression_stack stack = {
    .frames = frames, .count = COUNT(codes), .read = read_memory, .limits = &ad_limits_default};

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(memory); i++)
        memory[i] = (uint8_t)i;
    for (size_t i = 0; i < COUNT(codes); i++)
        frames[i] = (struct ad_expression_frame){.code = &codes[i], .cfa = BASE + 0x80};
    ad_registers_set(&frames[0].registers, AD_REG_RBX, BASE + 0x10);
    return 0;
}

/* Runs a program of the innermost frame; the fragments are the caller's to free. */
static struct ad_vector run(const uint8_t *bytes, size_t size)
{
    struct ad_vector fragments = AD_VECTOR(struct ad_fragment);
    const struct ad_operand operands[] = {{0, (uint64_t)DW_ATE_signed << 32 | 4}};
    struct ad_program program = {bytes, (uint32_t)size, 4, operands, 1};
    assert_ok(ad_expression_locate(&stack, 0, &program, &fragments));
    assert_true(fragments.count > 0);
    return fragments;
}

/* The one fragment it leads to. */
static struct ad_fragment lead(const uint8_t *bytes, size_t size)
{
    struct ad_vector fragments = run(bytes, size);
    struct ad_fragment fragment = AD_ITEMS(struct ad_fragment, &fragments)[0];
    assert_int_equal(fragments.count, 1);
    ad_vector_deinit(&fragments);
    return fragment;
}

#define PROGRAM(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})
#define LEAD(...) lead(PROGRAM(__VA_ARGS__))

static void assert_fragment(struct ad_fragment fragment, enum ad_fragment_kind kind, uint64_t number)
{
    if (fragment.kind != kind || fragment.number != number)
        fail_msg("expected kind %d, %#lx; got %d, %#lx (%s)", (int)kind, number, (int)fragment.kind,
                 fragment.number, fragment.text ? fragment.text : "");
}

static void test_places(void **state)
{
    (void)state;
    assert_fragment(LEAD(DW_OP_fbreg, 0x70), AD_FRAGMENT_MEMORY, BASE + 0x70);
    assert_fragment(LEAD(DW_OP_breg3, 8), AD_FRAGMENT_MEMORY, BASE + 0x18);
    assert_fragment(LEAD(DW_OP_reg3), AD_FRAGMENT_NUMBER, BASE + 0x10);
    assert_fragment(LEAD(DW_OP_regx, 3), AD_FRAGMENT_NUMBER, BASE + 0x10);
    assert_fragment(LEAD(DW_OP_addr, 0, 2, 0, 0, 0, 0, 0, 0), AD_FRAGMENT_MEMORY, 0x300);
    assert_fragment(LEAD(DW_OP_breg3, 8, DW_OP_deref_size, 1), AD_FRAGMENT_MEMORY, 0x18);
    assert_fragment(LEAD(DW_OP_lit5, DW_OP_stack_value), AD_FRAGMENT_NUMBER, 5);
    assert_fragment(LEAD(DW_OP_implicit_pointer, 1, 0, 0, 0, 0), AD_FRAGMENT_POINTER, 0);
    assert_fragment(lead(NULL, 0), AD_FRAGMENT_NOWHERE, 0);
    struct ad_fragment bytes = LEAD(DW_OP_implicit_value, 2, 7, 8);
    assert_int_equal(bytes.kind, AD_FRAGMENT_BYTES);
    assert_int_equal(bytes.size, 2);
    assert_int_equal(bytes.bytes[1], 8);
}

static void test_what_is_not_there_says_so(void **state)
{
    (void)state;
    assert_fragment(LEAD(DW_OP_reg5), AD_FRAGMENT_REGISTER, 5);
    assert_fragment(LEAD(DW_OP_breg5, 0, DW_OP_deref), AD_FRAGMENT_REGISTER, 5);
    assert_fragment(LEAD(DW_OP_regx, 0x90, 0x4e), AD_FRAGMENT_REGISTER, 10000);
    assert_fragment(LEAD(DW_OP_lit16, DW_OP_deref, DW_OP_stack_value), AD_FRAGMENT_UNREADABLE, 16);
    assert_string_equal(LEAD(DW_OP_lit1, DW_OP_form_tls_address).text, "thread-local");
    assert_string_equal(LEAD(DW_OP_lit1, DW_OP_GNU_push_tls_address).text, "thread-local");
    frames[0].cfa = 0;
    assert_int_equal(LEAD(DW_OP_fbreg, 0).kind, AD_FRAGMENT_MISSING);
    setup(NULL);
}

static uint64_t number(const uint8_t *bytes, size_t size)
{
    struct ad_program program = {bytes, (uint32_t)size, 4, NULL, 0};
    struct ad_fragment fragment;
    assert_ok(ad_expression_number(&stack, 0, &program, &fragment));
    assert_int_equal(fragment.kind, AD_FRAGMENT_NUMBER);
    return fragment.number;
}

#define NUMBER(...) number(PROGRAM(__VA_ARGS__))
#define LEAST DW_OP_const8u, 0, 0, 0, 0, 0, 0, 0, 0x80

static void test_arithmetic(void **state)
{
    (void)state;
    assert_int_equal(NUMBER(DW_OP_lit7, DW_OP_lit2, DW_OP_minus), 5);
    assert_int_equal(NUMBER(DW_OP_lit7, DW_OP_lit2, DW_OP_div), 3);
    assert_int_equal(NUMBER(DW_OP_lit7, DW_OP_neg, DW_OP_lit2, DW_OP_div), (uint64_t)-3);
    assert_int_equal(NUMBER(DW_OP_lit7, DW_OP_lit4, DW_OP_mod), 3);
    assert_int_equal(NUMBER(LEAST, DW_OP_lit1, DW_OP_neg, DW_OP_div), UINT64_C(1) << 63);
    assert_int_equal(NUMBER(LEAST, DW_OP_abs), UINT64_C(1) << 63);
    assert_int_equal(NUMBER(DW_OP_lit1, DW_OP_const1u, 200, DW_OP_shl), 0);
    assert_int_equal(NUMBER(LEAST, DW_OP_const1u, 200, DW_OP_shra), UINT64_MAX);
    assert_int_equal(NUMBER(DW_OP_lit3, DW_OP_neg, DW_OP_lit2, DW_OP_lt), 1);
    assert_int_equal(NUMBER(DW_OP_lit9, DW_OP_plus_uconst, 0x80, 1), 137);
    assert_int_equal(NUMBER(DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot), 2);
    assert_int_equal(NUMBER(DW_OP_lit1, DW_OP_lit2, DW_OP_over, DW_OP_pick, 2, DW_OP_plus), 2);
    assert_int_equal(NUMBER(DW_OP_const1s, 0xff), UINT64_MAX);
    assert_int_equal(NUMBER(DW_OP_lit1, DW_OP_bra, 1, 0, DW_OP_lit8, DW_OP_lit9), 9);
    assert_int_equal(LEAD(DW_OP_lit7, DW_OP_lit0, DW_OP_div).kind, AD_FRAGMENT_MISSING);
}

static void test_types(void **state)
{
    (void)state;
    const uint8_t widened[] = {DW_OP_const_type, 9, 4, 0xff, 0xff, 0xff, 0xff, DW_OP_convert, 0, DW_OP_stack_value};
    assert_fragment(lead(widened, sizeof(widened)), AD_FRAGMENT_NUMBER, UINT64_MAX);
    const uint8_t unknown[] = {DW_OP_nop, DW_OP_const_type, 9, 4, 1, 2, 3, 4, DW_OP_stack_value};
    assert_int_equal(lead(unknown, sizeof(unknown)).kind, AD_FRAGMENT_MISSING);
}

static void test_values_at_entry_come_from_callers(void **state)
{
    (void)state;
    assert_fragment(LEAD(DW_OP_entry_value, 1, DW_OP_reg5, DW_OP_stack_value), AD_FRAGMENT_NUMBER, 42);
    assert_fragment(LEAD(DW_OP_GNU_entry_value, 1, DW_OP_reg5, DW_OP_lit1, DW_OP_plus, DW_OP_stack_value),
                    AD_FRAGMENT_NUMBER, 43);
    assert_fragment(LEAD(DW_OP_entry_value, 1, DW_OP_reg1, DW_OP_stack_value), AD_FRAGMENT_NOWHERE, 0);
    /* Who was called by another way than the call site says has other registers. */
    struct ad_code other = codes[0];
    other.function = 0x1001;
    frames[0].code = &other;
    assert_fragment(LEAD(DW_OP_entry_value, 1, DW_OP_reg5, DW_OP_stack_value), AD_FRAGMENT_NOWHERE, 0);
    setup(NULL);
    stack.count = 1;
    assert_fragment(LEAD(DW_OP_entry_value, 1, DW_OP_reg5, DW_OP_stack_value), AD_FRAGMENT_NOWHERE, 0);
    stack.count = COUNT(codes);
}

/* A deep recursion in which everybody has it from its own caller. */
static void test_callers_are_asked_so_often(void **state)
{
    (void)state;
    enum { DEEP = 100 };
    static struct ad_expression_frame deep[DEEP];
    static const uint8_t of_rdi[] = {DW_OP_entry_value, 1, DW_OP_reg5};
    static const struct ad_call_parameter same[] = {{5, {.bytes = of_rdi, .size = 3}}};
    static const struct ad_call_site site = {.target = 0x1000, .parameters = same, .count = 1};
    static const struct ad_code code = {.function = 0x1000, .call_site = &site};
    for (size_t i = 0; i < DEEP; i++)
        deep[i].code = &code;
    stack.frames = deep;
    stack.count = DEEP;
    struct ad_fragment fragment = LEAD(DW_OP_entry_value, 1, DW_OP_reg5, DW_OP_stack_value);
    assert_int_equal(fragment.kind, AD_FRAGMENT_MISSING);
    assert_non_null(strstr(fragment.text, "too many callers"));
    stack.frames = frames;
    stack.count = COUNT(codes);
}

static void test_pieces(void **state)
{
    (void)state;
    struct ad_vector fragments = run(PROGRAM(DW_OP_reg3, DW_OP_piece, 4, DW_OP_piece, 4, DW_OP_fbreg, 0, DW_OP_piece, 2,
                                             DW_OP_lit3, DW_OP_stack_value, DW_OP_bit_piece, 5, 1));
    const struct ad_fragment *pieces = fragments.items;
    assert_int_equal(fragments.count, 4);
    assert_fragment(pieces[0], AD_FRAGMENT_NUMBER, BASE + 0x10);
    assert_int_equal(pieces[0].bit_size, 32);
    assert_fragment(pieces[1], AD_FRAGMENT_NOWHERE, 0);
    assert_fragment(pieces[2], AD_FRAGMENT_MEMORY, BASE + 0x80);
    assert_int_equal(pieces[3].bit_size, 5);
    assert_int_equal(pieces[3].bit_offset, 1);
    ad_vector_deinit(&fragments);
}

/* ---- Programs that nobody vouches for ---- */

static void test_broken_programs_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint8_t bytes[12];
    } broken[] = {
        {1, {DW_OP_plus}},                                     /* nothing to add */
        {1, {DW_OP_deref}},
        {1, {DW_OP_rot}},
        {2, {DW_OP_pick, 200}},
        {4, {DW_OP_nop, DW_OP_skip, 0xfc, 0xff}},              /* back to its beginning */
        {3, {DW_OP_skip, 0xfd, 0xff}},                         /* on itself */
        {3, {DW_OP_skip, 1, 0}},                               /* behind its end */
        {3, {DW_OP_addr, 1, 2}},                               /* cut */
        {2, {DW_OP_implicit_value, 9}},
        {6, {DW_OP_implicit_value, 0xff, 0xff, 0xff, 0xff, 0x0f}},
        {2, {DW_OP_constu, 0x80}},
        {1, {0xff}},                                           /* no operation */
        {1, {0}},
        {3, {DW_OP_lit1, DW_OP_deref_size, 9}},
        {2, {DW_OP_call2, 1}},
        {3, {DW_OP_call2, 1, 0}},                              /* known, and not followed */
        {1, {DW_OP_push_object_address}},
    };
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct ad_fragment fragment = lead(broken[i].bytes, broken[i].size);
        if (fragment.kind != AD_FRAGMENT_MISSING)
            fail_msg("program %zu: kind %d", i, (int)fragment.kind);
        assert_non_null(fragment.text);
    }
}

static void test_the_stack_has_an_end(void **state)
{
    (void)state;
    uint8_t bytes[1000];
    memset(bytes, DW_OP_lit1, sizeof(bytes));
    assert_fragment(lead(bytes, 64), AD_FRAGMENT_MEMORY, 1);
    assert_string_equal(lead(bytes, 65).text, "its location is too complicated");
    memset(bytes + 1, DW_OP_dup, sizeof(bytes) - 1);
    assert_string_equal(lead(bytes, sizeof(bytes)).text, "its location is too complicated");
}

/* The base of a frame that is measured from the frame's base. */
static void test_a_frame_base_is_not_its_own(void **state)
{
    (void)state;
    static const uint8_t itself[] = {DW_OP_fbreg, 1};
    const struct ad_code code = {.frame_base = {.bytes = itself, .size = 2}};
    frames[0].code = &code;
    assert_int_equal(LEAD(DW_OP_fbreg, 0).kind, AD_FRAGMENT_MISSING);
    setup(NULL);
}

/* Random bytes, half of them real operations with small operands: no crash, no hang, always an answer. */
static void test_random_programs(void **state)
{
    (void)state;
    uint64_t seed = 0x5eed0001;
    for (int round = 0; round < 300000; round++) {
        uint8_t bytes[40];
        size_t size = random_next(&seed) % sizeof(bytes);
        for (size_t i = 0; i < size; i++) {
            uint64_t dice = random_next(&seed);
            bytes[i] = (uint8_t)(dice & 256 ? dice : dice & 512 ? DW_OP_lit0 + dice % 64 : 0x90 + dice % 32);
        }
        struct ad_vector fragments = run(bytes, size);
        for (size_t i = 0; i < fragments.count; i++) {
            const struct ad_fragment *fragment = &AD_ITEMS(struct ad_fragment, &fragments)[i];
            assert_true(fragment->kind != AD_FRAGMENT_MISSING || fragment->text);
            if (fragment->kind == AD_FRAGMENT_BYTES && fragment->size)
                assert_true(fragment->bytes >= bytes && fragment->bytes + fragment->size <= bytes + size);
        }
        ad_vector_deinit(&fragments);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_what_is_not_there_says_so),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_values_at_entry_come_from_callers),
        cmocka_unit_test(test_callers_are_asked_so_often),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_broken_programs_are_refused),
        cmocka_unit_test(test_the_stack_has_an_end),
        cmocka_unit_test(test_a_frame_base_is_not_its_own),
        cmocka_unit_test(test_random_programs),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
