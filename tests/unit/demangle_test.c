/* SPDX-License-Identifier: MIT */
#include "../support/unit.h"

#include "symbol/child.h"
#include "symbol/demangle.h"

/* From the Itanium C++ ABI, RFC 2603 (Rust v0) and the compilers themselves; NULL: it stays. */
static const struct {
    const char *mangled, *plain;
} known[] = {
    {"_ZN4bank7Account4takeEi", "bank::Account::take"},
    {"_ZN12_GLOBAL__N_13runEv", "(anonymous namespace)::run"},
    {"_Z3fooIiEvT_", "foo<int>"},
    {"_ZNK1AcvbEv", "A::operator bool"},
    {"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()"},
    {"_ZN4bank7Account4takeEi.cold", "bank::Account::take"},
    {"_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt"},
    {"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE",
     "<Test + 'static as foo::Bar<Test>>::bar"},
    {"_RNvC6_123foo3bar", "123foo::bar"},
    {"_RNvCs1234_7mycrate3foo", "mycrate::foo"},
    {"_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>"},
    {"_RNvYNtC3foo3BarNtC3foo3Baz3qux", "<foo::Bar as foo::Baz>::qux"},
    {"_Z", NULL},
    {"_Rust_is_no_name", NULL},
    {"_ZN", NULL},
};

static const char *results[4096];
static struct ad_mangled names[COUNT(results)];
static struct ad_pool pool;

static void add(size_t *count, const char *name)
{
    assert_true(ad_is_mangled(name));
    results[*count] = "as it was";
    names[*count] = (struct ad_mangled){name, &results[*count]};
    ++*count;
}

static void add_known(size_t *count)
{
    for (size_t i = 0; i < COUNT(known); i++)
        add(count, known[i].mangled);
}

static void check_known(size_t first)
{
    for (size_t i = 0; i < COUNT(known); i++)
        assert_string_equal(results[first + i], known[i].plain ? known[i].plain : "as it was");
}

static void names_of_the_source(void **state)
{
    (void)state;
    size_t count = 0;
    assert_ok(ad_demangle(names, 0, &ad_limits_default, &pool));
    for (int i = 0; i < 200; i++)
        add_known(&count);
    assert_ok(ad_demangle(names, count, &ad_limits_default, &pool));
    for (size_t i = 0; i < count; i += COUNT(known))
        check_known(i);
    assert_false(ad_is_mangled("main") || ad_is_mangled("_start") || ad_is_mangled("") || ad_is_mangled(NULL));
}

static char *repeated(const char *head, const char *part, size_t times, const char *tail)
{
    char *name = malloc(strlen(head) + strlen(part) * times + strlen(tail) + 1);
    char *end = stpcpy(name, head);
    for (size_t i = 0; i < times; i++)
        end = stpcpy(end, part);
    strcpy(end, tail);
    return name;
}

/* Short names of texts that double with each letter, and names as deep as they are long. */
static void hostile_names_do_no_harm(void **state)
{
    (void)state;
    char *hostile[] = {
        repeated("_Z1f", "P", 10000, "i"),
        repeated("_Z1f", "P", 1000000, "i"),
        repeated("_Z1fI", "1AI", 3000, "iE"),
        repeated("_ZN1aE", "S_", 8000, ""),
        repeated("_Z1fN1aE", "St1AIS_S_E", 40, ""),
        repeated("_Z1f1AI1BI1CEES_S0_S1_", "NS0_IS_S_E", 300, "E"),
        repeated("_RNv", "NvB_", 3000, "3foo"),
        repeated("_RIC1a", "TB2_B2_", 60, "EE"),
        repeated("_RINvC1a1f", "TTTTRRRR", 1000, "E"),
        repeated("_R", "Y", 10000, ""),
        repeated("_ZN", "9", 5000, "aE"),
    };
    size_t count = 0;
    for (size_t i = 0; i < COUNT(hostile); i++)
        add(&count, hostile[i]);
    size_t first = count;
    add_known(&count);
    assert_ok(ad_demangle(names, count, &ad_limits_default, &pool));
    check_known(first);
    for (size_t i = 0; i < first; i++)
        assert_true(strlen(results[i]) <= ad_limits_default.name_bytes);
    for (size_t i = 0; i < COUNT(hostile); i++)
        free(hostile[i]);
}

static void random_names_do_no_harm(void **state)
{
    (void)state;
    static const char letters[] = "_ZRNSTIEPKFLXabcdivs0123456789tYBMCDQ.$";
    static char room[COUNT(results)][64];
    uint64_t seed = 17;
    size_t count = 0;
    while (count < COUNT(results) - COUNT(known)) {
        size_t length = 2 + random_next(&seed) % 60;
        for (size_t i = 0; i < length; i++)
            room[count][i] = letters[random_next(&seed) % (sizeof(letters) - 1)];
        memcpy(room[count], count % 2 ? "_Z" : "_R", 2);
        add(&count, room[count]);
    }
    size_t first = count;
    add_known(&count);
    assert_ok(ad_demangle(names, count, &ad_limits_default, &pool));
    check_known(first);
}

/* Every child ends at once. */
static void die(void)
{
    abort();
}

static void names_that_kill_stay(void **state)
{
    (void)state;
    size_t count = 0;
    add_known(&count);
    ad_symbol_child_hook = die;
    assert_ok(ad_demangle(names, count, &ad_limits_default, &pool));
    ad_symbol_child_hook = NULL;
    for (size_t i = 0; i < count; i++)
        assert_string_equal(results[i], "as it was");
}

static int release(void **state)
{
    (void)state;
    ad_pool_deinit(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_the_source),
        cmocka_unit_test(hostile_names_do_no_harm),
        cmocka_unit_test(random_names_do_no_harm),
        cmocka_unit_test(names_that_kill_stay),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
