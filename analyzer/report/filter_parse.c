/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/filter.h"
#include "report/table.h"

enum { REST_WIDTH = 200 };

/* ---- Where it went wrong ---- */

struct parser {
    struct ad_filter *filter;
    const char *option;
    const char *text;
    const char *next; /* what is not yet read */
    char waiting[AD_FILTER_DEPTH]; /* operators whose second operand is not complete: ! & | and open ( */
    size_t depth;
};

static void skip_blanks(struct parser *parser)
{
    parser->next += strspn(parser->next, " \t\n");
}

/* "--where: state HERE> waiting: == != ~ or !~ could stand here" */
static struct ad_error *misplaced(const struct parser *parser, const char *at, const char *expected)
{
    char before[REST_WIDTH], after[REST_WIDTH];
    size_t read = (size_t)(at - parser->text), skip = read >= REST_WIDTH ? read - REST_WIDTH / 2 : 0;
    while (read > skip && isblank((unsigned char)parser->text[read - 1]))
        read--;
    ad_auto_free char *part = strndup(parser->text + skip, read - skip);
    if (!part)
        return &ad_error_nomem;
    return ad_error_create(AD_ERROR_USAGE, "%s: %s%s%sHERE>%s%s: %s", parser->option, skip ? "..." : "",
                           ad_escape(before, sizeof(before), part), read > skip ? " " : "", *at ? " " : "",
                           ad_escape(after, sizeof(after), at), expected);
}

static struct ad_error *misplaced_list(const struct parser *parser, const char *at, const char *words,
                                       void (*print)(FILE *out))
{
    ad_auto_buffer struct ad_buffer list = {0};
    AD_TRY(ad_buffer_open(&list));
    fputs(words, list.file);
    print(list.file);
    AD_TRY(ad_buffer_close(&list));
    return misplaced(parser, at, list.text);
}

/* ---- Steps ---- */

static struct ad_error *emit(struct ad_filter *filter, struct ad_filter_step step)
{
    return ad_vector_push(&filter->steps, &step);
}

static struct ad_error *emit_operator(struct parser *parser, char operator)
{
    struct ad_filter_step step = {.kind = operator == '!'   ? AD_FILTER_NOT
                                          : operator == '&' ? AD_FILTER_AND
                                                            : AD_FILTER_OR};
    return emit(parser->filter, step);
}

static struct ad_error *add_test(struct ad_filter *filter, struct ad_filter_test **test_ret)
{
    struct ad_filter_test *test = calloc(1, sizeof(*test));
    if (!test)
        return &ad_error_nomem;
    struct ad_error *error = ad_vector_push(&filter->tests, &test);
    if (error) {
        free(test);
        return error;
    }
    *test_ret = test;
    struct ad_filter_step step = {.kind = AD_FILTER_TEST, .test = (uint32_t)filter->tests.count - 1};
    return emit(filter, step);
}

static struct ad_error *compile_regex(struct ad_filter_test *test, char *problem, size_t size)
{
    int code = regcomp(&test->regex, test->text, REG_EXTENDED | REG_NOSUB);
    *problem = '\0';
    if (code == REG_ESPACE)
        return &ad_error_nomem;
    test->has_regex = !code;
    if (code)
        regerror(code, &test->regex, problem, size);
    return NULL;
}

/* ---- Words ---- */

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || (text[length] && strchr("_.#:/@+-", text[length])))
        length++;
    return length;
}

/* A word, or a text in quotes, into `value`. */
static struct ad_error *read_value(struct parser *parser, char *value, const char *expected)
{
    const char *at = parser->next;
    char quote = *at == '"' || *at == '\'' ? *at++ : 0;
    size_t used = 0, word = quote ? 0 : word_length(at);
    const char *end = at + word;
    if (!quote && !word)
        return misplaced(parser, at, expected);
    while (quote ? *at && *at != quote : at < end) {
        if (used >= AD_FILTER_VALUE_MAX - 1)
            return misplaced(parser, at, "a value has fewer than 512 bytes");
        if (quote && *at == '\\' && (at[1] == quote || at[1] == '\\'))
            at++;
        value[used++] = *at++;
    }
    if (quote && *at != quote)
        return misplaced(parser, at, quote == '"' ? "the closing \" is missing" : "the closing ' is missing");
    value[used] = '\0';
    parser->next = at + (quote != 0);
    return NULL;
}

static bool parse_number(const char *text, uint64_t *number_ret)
{
    char *end;
    if (*text == '#')
        text++;
    errno = 0;
    *number_ret = strtoull(text, &end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
    return isdigit((unsigned char)*text) && !*end && !errno;
}

static uint64_t unit_ns(const char *unit, size_t length)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1},
                 {"us", 1000},
                 {"ms", 1000000},
                 {"s", 1000000000},
                 {"m", UINT64_C(60000000000)},
                 {"h", UINT64_C(3600000000000)},
                 {"d", UINT64_C(86400000000000)}};
    if (!length)
        return UINT64_C(1000000000);
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (strlen(units[i].name) == length && memcmp(units[i].name, unit, length) == 0)
            return units[i].ns;
    return 0;
}

bool ad_duration_parse(const char *text, uint64_t *ns_ret)
{
    *ns_ret = 0;
    do {
        char *end;
        errno = 0;
        uint64_t number = strtoull(text, &end, 10), part;
        if (!isdigit((unsigned char)*text) || errno)
            return false;
        size_t length = strspn(end, "nusmhd");
        uint64_t unit = unit_ns(end, length);
        if (!unit || __builtin_mul_overflow(number, unit, &part) ||
            __builtin_add_overflow(*ns_ret, part, ns_ret))
            return false;
        text = end + length;
    } while (*text);
    return true;
}

/* ---- Tests ---- */

static const struct {
    const char *sign;
    enum ad_filter_operator operator;
} signs[] = {{"==", AD_FILTER_EQUAL}, {"!=", AD_FILTER_DIFFERENT}, {"<=", AD_FILTER_AT_MOST},
             {">=", AD_FILTER_AT_LEAST}, {"!~", AD_FILTER_NO_MATCH}, {"<", AD_FILTER_LESS},
             {">", AD_FILTER_GREATER}, {"~", AD_FILTER_MATCH}};

static bool may_have(const struct ad_field *field, enum ad_filter_operator operator)
{
    if (operator == AD_FILTER_EQUAL || operator == AD_FILTER_DIFFERENT)
        return true;
    return ad_field_is_text(field) == (operator == AD_FILTER_MATCH || operator == AD_FILTER_NO_MATCH);
}

static struct ad_error *read_operator(struct parser *parser, struct ad_filter_test *test)
{
    skip_blanks(parser);
    for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
        if (strncmp(parser->next, signs[i].sign, strlen(signs[i].sign)) != 0)
            continue;
        if (!may_have(test->name.field, signs[i].operator))
            break;
        test->operator = signs[i].operator;
        parser->next += strlen(signs[i].sign);
        skip_blanks(parser);
        return NULL;
    }
    return misplaced(parser, parser->next,
                     ad_field_is_text(test->name.field) ? "==, !=, ~ or !~ could stand here"
                                                        : "==, !=, <, <=, > or >= could stand here");
}

static const char *value_words(const struct ad_filter_test *test)
{
    switch (test->name.field->type) {
    case AD_FIELD_DURATION:
        return "a duration could stand here, such as 500ms, 30s, 1m30s, 2h";
    case AD_FIELD_OWNERS:
        return "a task's number could stand here, such as 7 or #7";
    case AD_FIELD_NUMBER:
    case AD_FIELD_ADDRESS:
    case AD_FIELD_FLAG:
        return "a number could stand here, such as 12 or 0x7f00";
    default:
        return test->operator == AD_FILTER_MATCH || test->operator == AD_FILTER_NO_MATCH
                   ? "a regular expression could stand here, in quotes"
                   : "a word could stand here, or a text in quotes";
    }
}

/* Whether `text` is a value of that field; `at` is where it stands. */
static struct ad_error *take_value(const struct parser *parser, const char *at, struct ad_filter_test *test)
{
    char problem[REST_WIDTH];
    bool matches = test->operator == AD_FILTER_MATCH || test->operator == AD_FILTER_NO_MATCH;
    if (matches) {
        AD_TRY(compile_regex(test, problem, sizeof(problem)));
        return *problem ? misplaced(parser, at, problem) : NULL;
    }
    if (test->name.field->type == AD_FIELD_STATE && !ad_field_is_state(test->text))
        return misplaced_list(parser, at, "a state could stand here: ", ad_field_print_states);
    if (ad_field_is_text(test->name.field))
        return NULL;
    bool known = test->name.field->type == AD_FIELD_DURATION ? ad_duration_parse(test->text, &test->number)
                                                             : parse_number(test->text, &test->number);
    return known ? NULL : misplaced(parser, at, value_words(test));
}

static struct ad_error *read_test(struct parser *parser)
{
    const char *at = parser->next;
    size_t length = word_length(at);
    struct ad_filter_test *test;
    struct ad_field_name name;
    if (!length)
        return misplaced(parser, at, "a field, ! or ( could stand here");
    if (!ad_field_find(at, length, &name))
        return misplaced_list(parser, at, "that is no field; there are ", ad_field_print_names);
    if (parser->filter->tests.count >= AD_FILTER_TESTS)
        return misplaced(parser, at, "these are more tests than one filter can have");
    AD_TRY(add_test(parser->filter, &test));
    test->name = name;
    parser->next += length;
    if (name.field->type == AD_FIELD_FLAG)
        return NULL;
    AD_TRY(read_operator(parser, test));
    at = parser->next;
    AD_TRY(read_value(parser, test->text, value_words(test)));
    return take_value(parser, at, test);
}

/* ---- Conditions ---- */

static struct ad_error *wait_for_more(struct parser *parser, char operator, size_t length)
{
    if (parser->depth >= AD_FILTER_DEPTH)
        return misplaced(parser, parser->next, "this is nested too deeply");
    parser->waiting[parser->depth++] = operator;
    parser->next += length;
    return NULL;
}

static struct ad_error *emit_while(struct parser *parser, const char *operators)
{
    while (parser->depth && strchr(operators, parser->waiting[parser->depth - 1]))
        AD_TRY(emit_operator(parser, parser->waiting[--parser->depth]));
    return NULL;
}

/* Everything up to the end of one test: "! ( ! test" */
static struct ad_error *read_operand(struct parser *parser)
{
    for (;;) {
        skip_blanks(parser);
        if (*parser->next != '!' && *parser->next != '(')
            break;
        AD_TRY(wait_for_more(parser, *parser->next, 1));
    }
    AD_TRY(read_test(parser));
    return emit_while(parser, "!");
}

/* What may follow a condition: ")" as often as wanted, then && or || or the end. */
static struct ad_error *read_joint(struct parser *parser, bool *end_ret)
{
    for (skip_blanks(parser); *parser->next == ')'; skip_blanks(parser)) {
        AD_TRY(emit_while(parser, "&|"));
        if (!parser->depth)
            return misplaced(parser, parser->next, "no ( is open");
        parser->depth--;
        parser->next++;
        AD_TRY(emit_while(parser, "!"));
    }
    *end_ret = !*parser->next;
    if (*end_ret)
        return NULL;
    bool and = strncmp(parser->next, "&&", 2) == 0;
    if (!and && strncmp(parser->next, "||", 2) != 0)
        return misplaced(parser, parser->next, "&&, || or the end could stand here");
    AD_TRY(emit_while(parser, and ? "&" : "&|"));
    return wait_for_more(parser, and ? '&' : '|', 2);
}

static struct ad_error *join_with_earlier(struct ad_filter *filter, size_t earlier)
{
    return earlier ? emit(filter, (struct ad_filter_step){.kind = AD_FILTER_AND}) : NULL;
}

struct ad_error *ad_filter_add(struct ad_filter *filter, const char *option, const char *text)
{
    struct parser parser = {.filter = filter, .option = option, .text = text, .next = text};
    size_t earlier = filter->steps.count;
    bool end = false;
    while (!end) {
        AD_TRY(read_operand(&parser));
        AD_TRY(read_joint(&parser, &end));
    }
    AD_TRY(emit_while(&parser, "&|"));
    if (parser.depth)
        return misplaced(&parser, parser.next, "&&, || or ) could stand here");
    return join_with_earlier(filter, earlier);
}

/* ---- Without a text to parse ---- */

struct ad_error *ad_filter_add_test(struct ad_filter *filter, const char *option, const char *name,
                                    enum ad_filter_operator operator, uint64_t number, const char *text)
{
    size_t earlier = filter->steps.count;
    struct ad_filter_test *test;
    struct parser parser = {.option = option, .text = text ? text : ""};
    if (text && strlen(text) >= AD_FILTER_VALUE_MAX)
        return misplaced(&parser, parser.text, "a value has fewer than 512 bytes");
    if (filter->tests.count >= AD_FILTER_TESTS)
        return misplaced(&parser, parser.text, "these are more tests than one filter can have");
    AD_TRY(add_test(filter, &test));
    ad_field_find(name, strlen(name), &test->name);
    test->operator = operator;
    test->number = number;
    if (text) {
        strcpy(test->text, text);
        AD_TRY(take_value(&parser, parser.text, test));
    }
    return join_with_earlier(filter, earlier);
}

