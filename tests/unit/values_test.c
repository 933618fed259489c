/* SPDX-License-Identifier: MIT */
/* Values of types that a test makes up, and of this very program's functions: what the child says of them, whole,
 * cut and with bytes of it changed. tests/locals compares real values with gdb's. */
#include "../support/unit.h"

#include <libdwarf/dwarf.h>

#include "symbol/dwarf_variables.h"
#include "symbol/variables.h"
#include "values/format.h"

/* ---- One variable in made-up memory ---- */

enum { INT, CHAR, INTS, NODE, NODE_POINTER, ALIAS, OTHER_ALIAS, TEXT, ENDLESS, FLAGS, NESTED, UNIT_TYPES = NESTED + 30 };

#define BASE UINT64_C(0x7000)

static uint8_t memory[4096];
static struct ad_type types[UNIT_TYPES];
static const struct ad_type_member node_members[] = {
    {.name = "value", .type = INT, .offset = 0},
    {.name = "bits", .type = INT, .offset = 4, .bit_offset = 3, .bit_size = 5},
    {.name = "next", .type = NODE_POINTER, .offset = 8},
};
static const struct ad_type_member flag_members[] = {{.name = "READ", .offset = 1}, {.name = "WRITE", .offset = 2}};
static struct ad_type_member nested_members[30];

static size_t read_memory(void *context, uint64_t address, void *buffer, size_t size)
{
    (void)context;
    if (address < BASE || address - BASE >= sizeof(memory))
        return 0;
    size_t left = sizeof(memory) - (address - BASE);
    memcpy(buffer, memory + (address - BASE), size < left ? size : left);
    return size < left ? size : left;
}

static int setup(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    types[INT] = (struct ad_type){.kind = AD_TYPE_SIGNED, .size = 4, .name = "int"};
    types[CHAR] = (struct ad_type){.kind = AD_TYPE_SIGNED, .size = 1, .name = "char"};
    types[INTS] = (struct ad_type){.kind = AD_TYPE_ARRAY, .target = INT, .bound_form = AD_BOUND_COUNT, .count = 300};
    types[NODE] = (struct ad_type){.kind = AD_TYPE_STRUCT, .size = 16, .members = node_members, .member_count = 3};
    types[NODE_POINTER] = (struct ad_type){.kind = AD_TYPE_POINTER, .size = 8, .target = AD_NO_TYPE};
    types[ALIAS] = (struct ad_type){.kind = AD_TYPE_ALIAS, .target = OTHER_ALIAS};
    types[OTHER_ALIAS] = (struct ad_type){.kind = AD_TYPE_ALIAS, .target = ALIAS};
    types[TEXT] = (struct ad_type){.kind = AD_TYPE_POINTER, .size = 8, .target = CHAR};
    types[ENDLESS] = (struct ad_type){
        .kind = AD_TYPE_ARRAY, .target = ENDLESS, .bound_form = AD_BOUND_COUNT, .count = UINT64_MAX};
    types[FLAGS] = (struct ad_type){.kind = AD_TYPE_ENUM, .size = 4, .members = flag_members, .member_count = 2};
    for (uint32_t i = 0; i < COUNT(nested_members); i++) {
        nested_members[i] = (struct ad_type_member){.name = "in", .type = i ? NESTED + i - 1 : INT};
        types[NESTED + i] = (struct ad_type){
            .kind = AD_TYPE_STRUCT, .size = 4, .members = &nested_members[i], .member_count = 1};
    }
    for (uint32_t i = 0; i < UNIT_TYPES; i++)
        types[i].id = i;
    return 0;
}

/* The text of a variable of this type where a program says, and its state; in a ring of one. */
static const char *show_at(const uint8_t *program, uint32_t size, uint32_t type, enum ad_value_state *state_ret)
{
    static struct ad_text shown;
    const struct ad_types all = {types, UNIT_TYPES};
    const struct ad_code code = {.types = &all};
    const struct ad_expression_frame frame = {.code = &code};
    const struct ad_expression_stack stack = {
        .frames = &frame, .count = 1, .read = read_memory, .limits = &ad_limits_default};
    const struct ad_value_frame values = {&stack, 0, NULL};
    const struct ad_code_variable variable = {
        .type = type, .where = AD_WHERE_PROGRAM, .program = {.bytes = program, .size = size, .offset_size = 4}};
    enum ad_value_state state;
    if (!shown.bytes)
        assert_ok(ad_text_init(&shown, ad_limits_default.value_bytes));
    assert_ok(ad_value_format(&values, &variable, &shown, state_ret ? state_ret : &state));
    assert_int_equal(strlen(shown.bytes), shown.size);
    return shown.bytes;
}

/* At the begin of the memory. */
static const char *show(uint32_t type, enum ad_value_state *state_ret)
{
    static const uint8_t at_base[] = {DW_OP_addr, BASE & 255, BASE >> 8, 0, 0, 0, 0, 0, 0};
    return show_at(at_base, sizeof(at_base), type, state_ret);
}

static void put_address(size_t at, uint64_t address)
{
    memcpy(memory + at, &address, sizeof(address));
}

static void test_structures(void **state)
{
    (void)state;
    setup(NULL);
    memory[0] = 7;
    memory[4] = 0xf8 ^ 0x10; /* bits 3 to 7: all but the second: 0b11101, signed */
    put_address(8, 0x1234);
    assert_string_equal(show(NODE, NULL), "{value = 7, bits = -3, next = 0x1234}");
    memory[0] = 3;
    assert_string_equal(show(FLAGS, NULL), "(READ | WRITE)");
    memory[0] = 5;
    assert_string_equal(show(FLAGS, NULL), "(READ | unknown: 0x4)");
}

static void test_texts(void **state)
{
    (void)state;
    setup(NULL);
    put_address(0, BASE + 16);
    strcpy((char *)memory + 16, "a \033[31m\n\"\\ \303\244 \377 \177z");
    assert_string_equal(show(TEXT, NULL), "0x7010 \"a \\033[31m\\n\\\"\\\\ \303\244 \\377 \\177z\"");
    memset(memory + 16, 'x', sizeof(memory) - 16);
    assert_string_equal(show(TEXT, NULL), "0x7010 'x' <repeats 200 times>...");
    put_address(0, BASE + sizeof(memory) - 3);
    assert_string_equal(show(TEXT, NULL), "0x7ffd \"xxx\"<unreadable at 0x8000>");
    put_address(0, UINT64_MAX);
    assert_string_equal(show(TEXT, NULL), "0xffffffffffffffff <unreadable at 0xffffffffffffffff>");
}

/* A structure in a constant, nothing, and the memory. */
static void test_values_in_pieces(void **state)
{
    (void)state;
    enum ad_value_state told;
    static const uint8_t whole[] = {DW_OP_lit9, DW_OP_stack_value, DW_OP_piece, 4, DW_OP_piece, 4,
                                    DW_OP_addr, BASE & 255, BASE >> 8, 0, 0, 0, 0, 0, 0, DW_OP_piece, 8};
    static const uint8_t bits[] = {DW_OP_lit7, DW_OP_stack_value, DW_OP_bit_piece, 32, 1, DW_OP_lit28,
                                   DW_OP_stack_value, DW_OP_bit_piece, 35, 0};
    static const uint8_t begun[] = {DW_OP_lit9, DW_OP_stack_value, DW_OP_piece, 4};
    static const uint8_t nowhere[] = {DW_OP_piece, 8, DW_OP_piece, 8};
    static const uint8_t lost[] = {DW_OP_reg5, DW_OP_piece, 16};
    setup(NULL);
    put_address(0, 0x4321);
    assert_string_equal(show_at(whole, sizeof(whole), NODE, &told), "{value = 9, bits = <optimized out>, next = 0x4321}");
    assert_int_equal(told, AD_VALUE_KNOWN);
    assert_string_equal(show_at(bits, sizeof(bits), NODE, NULL), "{value = 3, bits = 3, next = <optimized out>}");
    assert_string_equal(show_at(begun, sizeof(begun), NODE, NULL),
                        "{value = 9, bits = <optimized out>, next = <optimized out>}");
    assert_string_equal(show_at(nowhere, sizeof(nowhere), NODE, &told), "<optimized out>");
    assert_int_equal(told, AD_VALUE_OPTIMIZED_OUT);
    assert_string_equal(show_at(lost, sizeof(lost), NODE, &told), "<not available: register rdi was not saved>");
    assert_int_equal(told, AD_VALUE_UNAVAILABLE);
    assert_string_equal(show_at(lost, 0, NODE, NULL), "<optimized out>");
}

static void test_what_is_shown_is_limited(void **state)
{
    (void)state;
    setup(NULL);
    for (uint32_t i = 0; i < 300; i++)
        memcpy(memory + 4 * i, &i, sizeof(i));
    const char *shown = show(INTS, NULL);
    assert_string_equal(shown + strlen(shown) - 8, " 199...}");
    assert_string_equal(show(NESTED + 4, NULL), "{in = {in = {in = {in = {in = 0}}}}}");
    shown = show(NESTED + 29, NULL);
    assert_non_null(strstr(shown, "{...}"));
    types[INTS].count = 5000;
    memset(memory, 1, sizeof(memory));
    assert_non_null(strstr(show(INTS, NULL), "16843009 <repeats 1024 times>, <unreadable at 0x8000>"));
}

/* What a hostile file can say: circles, sizes that do not fit, no such type. */
static void test_types_that_make_no_sense(void **state)
{
    (void)state;
    enum ad_value_state told;
    setup(NULL);
    assert_non_null(strstr(show(ALIAS, NULL), "<not available: "));
    assert_non_null(strstr(show(12345, NULL), "<not available: "));
    assert_non_null(show(ENDLESS, NULL));
    types[ENDLESS].size = 8; /* of which each element is as long as the whole */
    assert_true(strlen(show(ENDLESS, NULL)) <= ad_limits_default.value_bytes + 3);
    types[NODE].members = nested_members;
    nested_members[0] = (struct ad_type_member){.name = "itself", .type = NODE};
    types[NODE].member_count = 1;
    assert_non_null(strstr(show(NODE, NULL), "{...}"));
    nested_members[0].offset = UINT64_MAX - 1;
    assert_non_null(strstr(show(NODE, NULL), "<"));
    types[INT].size = UINT64_MAX;
    assert_non_null(strstr(show(INTS, &told), "<not available: "));
    types[INT].size = 32;
    assert_non_null(strstr(show(INT, NULL), "<not available: "));
    types[INTS].count = UINT64_MAX;
    types[INT].size = 4;
    assert_non_null(strstr(show(INTS, NULL), "<not available: "));
}

/* ---- What the child says of this program ---- */

struct answer {
    char *bytes;
    size_t size;
    size_t addresses;
};

static const char *const asked[] = {"main",           "show",           "test_texts",       "put_address",
                                    "ad_value_format", "ad_operation_next", "ad_variables_decode", "ad_pool_alloc"};
enum { EACH = 24 };

/* The answer to addresses in the functions of `asked`, made in this process. */
static struct answer ask(void)
{
    static struct ad_dwarf_query queries[COUNT(asked) * EACH];
    struct ad_dwarf_queries all = {queries, 0};
    struct answer answer = {.addresses = COUNT(queries)};
    struct ad_dwarf_object object;
    struct ad_elf_file *file;
    struct ad_elf_symbol symbol;
    struct ad_dwarf_unit unit;
    struct ad_die root;
    FILE *out = open_memstream(&answer.bytes, &answer.size);
    assert_ok(ad_elf_open("/proc/self/exe", &ad_limits_default, &file));
    assert_ok(ad_dwarf_object_init(&object, file));
    for (size_t i = 0; i < COUNT(asked); i++) {
        if (!ad_elf_symbol_named(file, asked[i], &symbol))
            continue; /* it was inlined everywhere */
        for (uint64_t k = 0; k < EACH; k++) {
            all.items = &queries[i * EACH + k];
            all.count = 1;
            all.items[0] = (struct ad_dwarf_query){.address = symbol.value + symbol.size * k / EACH,
                                                   .index = (uint32_t)(i * EACH + k),
                                                   .unit = AD_NO_UNIT,
                                                   .scopes = AD_VECTOR(struct ad_dwarf_scope)};
            ad_dwarf_find_units(&object, &ad_limits_default, &all);
            if (all.items[0].unit != AD_NO_UNIT && ad_die_of_unit(&object, all.items[0].unit, &root) &&
                ad_dwarf_unit_init(&unit, root, &ad_limits_default))
                assert_ok(ad_dwarf_answer_variables(&unit, &all, out));
            ad_vector_deinit(&all.items[0].scopes);
        }
    }
    fclose(out);
    ad_dwarf_object_deinit(&object);
    ad_elf_close(file);
    return answer;
}

/* Memory that is everywhere, and registers that point to it. */
static size_t read_anything(void *context, uint64_t address, void *buffer, size_t size)
{
    uint64_t *seed = context;
    if (address % 7 == 3)
        return 0;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)buffer)[i] = (uint8_t)((address + i) * 31 + *seed);
    return size;
}

/* Takes in an answer and shows everything in it; returns how many variables that were. */
static size_t show_all(const void *bytes, size_t size, size_t addresses, uint64_t seed)
{
    struct ad_variables variables = {.codes = calloc(addresses, sizeof(struct ad_code)), .count = addresses};
    struct ad_expression_frame *frames = calloc(addresses, sizeof(*frames));
    struct ad_limits limits = ad_limits_default;
    const struct ad_expression_stack stack = {
        .frames = frames, .count = addresses, .read = read_anything, .context = &seed, .limits = &limits};
    struct ad_text shown;
    size_t count = 0;
    limits.stack_bytes = 4096; /* bytes compared: there are many rounds */
    limits.value_bytes = 2048;
    assert_ok(ad_text_init(&shown, limits.value_bytes));
    assert_ok(ad_variables_decode(bytes, size, 0, &limits, &variables));
    for (size_t i = 0; i < addresses; i++) {
        frames[i] = (struct ad_expression_frame){.code = &variables.codes[i], .cfa = 0x1000 * i};
        for (unsigned k = 0; k < AD_REG_COUNT; k++)
            ad_registers_set(&frames[i].registers, k, seed * k);
    }
    for (size_t i = 0; i < addresses; i++) {
        const struct ad_value_frame frame = {&stack, i, NULL};
        for (uint32_t s = 0; s < variables.codes[i].scope_count; s++) {
            const struct ad_code_scope *scope = &variables.codes[i].scopes[s];
            for (uint32_t v = 0; v < scope->count; v++, count++) {
                enum ad_value_state told;
                assert_ok(ad_value_format(&frame, &scope->variables[v], &shown, &told));
                assert_true(shown.size <= limits.value_bytes + 3 && shown.size > 0);
            }
        }
    }
    ad_text_deinit(&shown);
    free(frames);
    ad_variables_deinit(&variables);
    return count;
}

static void test_own_functions_are_described(void **state)
{
    (void)state;
    struct answer answer = ask();
    size_t count = show_all(answer.bytes, answer.size, answer.addresses, 1);
    assert_true(count > 200);
    free(answer.bytes);
}

static void test_an_answer_may_be_cut_anywhere(void **state)
{
    (void)state;
    struct answer answer = ask();
    size_t most = 0;
    for (size_t size = 0; size < answer.size; size += 1 + answer.size / 300) {
        char *part = malloc(size + 1);
        memcpy(part, answer.bytes, size);
        size_t count = show_all(part, size, answer.addresses, size);
        assert_true(count >= most);
        most = count;
        free(part);
    }
    free(answer.bytes);
}

static void test_an_answer_may_be_anything(void **state)
{
    (void)state;
    struct answer answer = ask();
    uint64_t seed = 0x5eed0002;
    for (int round = 0; round < 400; round++) {
        char *changed = malloc(answer.size);
        memcpy(changed, answer.bytes, answer.size);
        for (uint64_t i = 0; i <= random_next(&seed) % 30; i++) {
            uint64_t at = random_next(&seed) % answer.size, dice = random_next(&seed);
            uint64_t flipped = (uint8_t)changed[at] ^ UINT64_C(1) << dice % 8;
            changed[at] = (char)(dice & 256 ? dice : dice & 512 ? 0xff : flipped);
        }
        show_all(changed, answer.size, answer.addresses, seed);
        free(changed);
    }
    for (int round = 0; round < 20000; round++) {
        uint8_t noise[200];
        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (uint8_t)(random_next(&seed) & random_next(&seed));
        noise[0] = 'U';
        noise[1] = round % 2 ? 'T' : 'C';
        show_all(noise, sizeof(noise), 4, seed);
    }
    free(answer.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structures),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_values_in_pieces),
        cmocka_unit_test(test_what_is_shown_is_limited),
        cmocka_unit_test(test_types_that_make_no_sense),
        cmocka_unit_test(test_own_functions_are_described),
        cmocka_unit_test(test_an_answer_may_be_cut_anywhere),
        cmocka_unit_test(test_an_answer_may_be_anything),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
