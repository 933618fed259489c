/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/escape.h"

static void assert_escaped(const char *text, const char *expected)
{
    char buffer[AD_ESCAPE_MAX];
    assert_string_equal(ad_escape(buffer, sizeof(buffer), text), expected);
}

static void printable_text_stays(void **state)
{
    (void)state;
    assert_escaped("", "");
    assert_escaped(NULL, "");
    assert_escaped("client 127.0.0.1:4711 ~!\"'", "client 127.0.0.1:4711 ~!\"'");
    assert_escaped("größe 日本語 🙂", "größe 日本語 🙂");
}

static void a_backslash_is_doubled(void **state)
{
    (void)state;
    assert_escaped("a\\x1b", "a\\\\x1b");
}

static void control_bytes_show(void **state)
{
    (void)state;
    assert_escaped("\x1b[2J\a\r\n\t\x7f", "\\x1b[2J\\x07\\x0d\\x0a\\x09\\x7f");
    assert_escaped("\xc2\x9b"
                   "31m",
                   "\\u{9b}31m"); /* CSI as one C1 character */
}

static void what_is_not_utf8_shows(void **state)
{
    (void)state;
    assert_escaped("\xff\xfe", "\\xff\\xfe");
    assert_escaped("a\xc3", "a\\xc3");                          /* cut */
    assert_escaped("\xc0\xaf", "\\xc0\\xaf");                   /* longer than need be */
    assert_escaped("\xe0\x80\xaf", "\\xe0\\x80\\xaf");          /* likewise */
    assert_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* a surrogate */
    assert_escaped("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond the last character */
    assert_escaped("\x80", "\\x80");
}

static void what_deceives_the_eye_shows(void **state)
{
    (void)state;
    assert_escaped("a\u202eb", "a\\u{202e}b"); /* bidi */
    assert_escaped("\u2066\u2069", "\\u{2066}\\u{2069}");
    assert_escaped("\u200e\u200f", "\\u{200e}\\u{200f}");
    assert_escaped("\u200b\u200d", "\\u{200b}\\u{200d}"); /* zero-width */
    assert_escaped("\ufeff", "\\u{feff}");
    assert_escaped("\u00ad", "\\u{ad}");
    assert_escaped("\u2028", "\\u{2028}");      /* a line break to some */
    assert_escaped("\ue000", "\\u{e000}");      /* private */
    assert_escaped("\U000e0041", "\\u{e0041}"); /* tag letter */
    assert_escaped("\U0010ffff", "\\u{10ffff}");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char buffer[8];
    assert_string_equal(ad_escape(buffer, sizeof(buffer), "1234567"), "1234567");
    assert_string_equal(ad_escape(buffer, sizeof(buffer), "12345678"), "1234...");
    assert_string_equal(ad_escape(buffer, sizeof(buffer), "123\x1b"), "123\\x1b");
    assert_string_equal(ad_escape(buffer, sizeof(buffer), "123\x1b!"), "123...");
    assert_string_equal(ad_escape(buffer, sizeof(buffer), "123ö56789"), "123...");
    assert_string_equal(ad_escape(buffer, 4, "12345"), "...");
}

/* Any bytes give printable, valid UTF-8 that fits. */
static void random_bytes_are_tamed(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[40], buffer[64];
        size_t length = (size_t)rand_r(&seed) % sizeof(text), size = 4 + (size_t)rand_r(&seed) % 60;
        for (size_t i = 0; i < length; i++)
            text[i] = (char)(rand_r(&seed) % 3 ? 0x80 | rand_r(&seed) : rand_r(&seed));
        text[length ? length - 1 : 0] = '\0';
        ad_escape(buffer, size, text);
        assert_true(strlen(buffer) < size);
        for (const char *c = buffer; *c; c++)
            assert_true((uint8_t)*c >= ' ' && *c != 0x7f);
        char again[sizeof(buffer) * 2];
        size_t backslashes = 0;
        for (const char *c = buffer; *c; c++)
            backslashes += *c == '\\';
        /* What came out is clean: escaping it again changes nothing but the backslashes. */
        assert_int_equal(strlen(ad_escape(again, sizeof(again), buffer)), strlen(buffer) + backslashes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_text_stays),
        cmocka_unit_test(a_backslash_is_doubled),
        cmocka_unit_test(control_bytes_show),
        cmocka_unit_test(what_is_not_utf8_shows),
        cmocka_unit_test(what_deceives_the_eye_shows),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(random_bytes_are_tamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
