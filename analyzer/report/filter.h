/* SPDX-License-Identifier: MIT */
/**
 * @file filter.h - conditions on tasks, as users write them.
 *
 *     state == waiting && age > 30s && (frame ~ "db_" || label.user == "x") && !torn
 *
 *     condition   TEST, !CONDITION, CONDITION && CONDITION, CONDITION || CONDITION, (CONDITION)
 *     TEST        FIELD (see fields.h), when it is a flag
 *                 FIELD == VALUE, also != < <= > >=; texts have == and != only
 *                 FIELD ~ REGEX, !~: of texts; POSIX extended, anywhere in the text
 *     VALUE       word, "text" or 'text' (\" and \\ inside), number (12, 0x7f00), task (7, #7),
 *                 duration (500ms, 30s, 1m30s, 2h, 1d; a bare number is seconds)
 *
 * `&&` binds tighter than `||`. Texts are compared as they are shown. Of a field with several values (frame,
 * file, owner) one has to agree, and for != and !~ none may. What is not known agrees with nothing but these.
 *
 * Parsed without recursion, into steps for a stack machine whose depth is bounded.
 */
#ifndef AD_REPORT_FILTER_H
#define AD_REPORT_FILTER_H

#include <regex.h>

#include "report/fields.h"

enum ad_filter_operator {
    AD_FILTER_IS,
    AD_FILTER_EQUAL,
    AD_FILTER_DIFFERENT,
    AD_FILTER_LESS,
    AD_FILTER_AT_MOST,
    AD_FILTER_GREATER,
    AD_FILTER_AT_LEAST,
    AD_FILTER_MATCH,
    AD_FILTER_NO_MATCH,
};

enum { AD_FILTER_DEPTH = 64, AD_FILTER_TESTS = 256, AD_FILTER_VALUE_MAX = 512 };

struct ad_filter_test {
    struct ad_field_name name;
    enum ad_filter_operator operator;
    uint64_t number;
    char text[AD_FILTER_VALUE_MAX];
    regex_t regex;
    bool has_regex;
    uint8_t *by_stack; /**< of several texts: what is known of a stack already; see filter.c */
};

struct ad_filter_step {
    enum { AD_FILTER_TEST, AD_FILTER_NOT, AD_FILTER_AND, AD_FILTER_OR } kind;
    uint32_t test;
};

/** All zero is a filter that every task passes. Never copied. */
struct ad_filter {
    struct ad_vector steps; /* struct ad_filter_step, operands first */
    struct ad_vector tests; /* struct ad_filter_test * */
};

void ad_filter_init(struct ad_filter *filter);
void ad_filter_deinit(struct ad_filter *filter);

/** Parses `text`, which has to be true as well. An AD_ERROR_USAGE points at the place where it went wrong and
 *  says what could stand there; `option` is the option that the text was given to. */
struct ad_error *ad_filter_add(struct ad_filter *filter, const char *option, const char *text) ad_must_check;

/** Adds one test of field `name`, which has to be true as well. `number` is for numbers, `text` for texts. */
struct ad_error *ad_filter_add_test(struct ad_filter *filter, const char *option, const char *name,
                                    enum ad_filter_operator operator, uint64_t number,
                                    const char *text) ad_must_check;

/** "1m30s" in nanoseconds; false when that is no duration. */
bool ad_duration_parse(const char *text, uint64_t *ns_ret);

/** Whether the task passes. The same snapshot in each call. */
struct ad_error *ad_filter_pass(struct ad_filter *filter, const struct ad_snapshot *snapshot, uint32_t task,
                                bool *pass_ret) ad_must_check;

#endif
