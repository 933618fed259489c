/* SPDX-License-Identifier: MIT */
#include "report/filter.h"

#include <stdlib.h>
#include <string.h>

#include "report/stack.h"

/* What a test says of a stack: the same stack is that of many tasks. */
enum { NOT_ASKED, FALSE, TRUE };

void ad_filter_init(struct ad_filter *filter)
{
    *filter = (struct ad_filter){.steps = AD_VECTOR(struct ad_filter_step),
                                 .tests = AD_VECTOR(struct ad_filter_test *)};
}

void ad_filter_deinit(struct ad_filter *filter)
{
    struct ad_filter_test **tests = filter->tests.items;
    for (size_t i = 0; i < filter->tests.count; i++) {
        if (tests[i]->has_regex)
            regfree(&tests[i]->regex);
        free(tests[i]->by_stack);
        free(tests[i]);
    }
    ad_vector_deinit(&filter->tests);
    ad_vector_deinit(&filter->steps);
}

/* ---- One test ---- */

static bool is_negative(enum ad_filter_operator operator)
{
    return operator == AD_FILTER_DIFFERENT || operator == AD_FILTER_NO_MATCH;
}

static bool compare_number(const struct ad_filter_test *test, uint64_t number)
{
    if (number == UINT64_MAX)
        return is_negative(test->operator);
    switch (test->operator) {
    case AD_FILTER_IS:
        return number;
    case AD_FILTER_EQUAL:
        return number == test->number;
    case AD_FILTER_DIFFERENT:
        return number != test->number;
    case AD_FILTER_LESS:
        return number < test->number;
    case AD_FILTER_AT_MOST:
        return number <= test->number;
    case AD_FILTER_GREATER:
        return number > test->number;
    default:
        return number >= test->number;
    }
}

/* As if the operator were the positive one: see `is_negative`. */
static bool agrees(const struct ad_filter_test *test, const char *text)
{
    if (test->has_regex)
        return regexec(&test->regex, text, 0, NULL, 0) == 0;
    return strcmp(text, test->text) == 0;
}

static bool line_agrees(const struct ad_filter_test *test, const struct ad_snapshot *snapshot, uint32_t stack)
{
    char buffer[AD_FIELD_TEXT_MAX];
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    ad_stack_walk_init(&walk, snapshot, stack);
    while (ad_stack_walk_next(&walk, &line)) {
        const char *text = ad_field_line(test->name.field, line.line, buffer);
        if (*text && agrees(test, text))
            return true;
    }
    return false;
}

static struct ad_error *test_lines(struct ad_filter_test *test, const struct ad_snapshot *snapshot,
                                   const struct ad_task *task, bool *pass_ret)
{
    *pass_ret = false;
    if (task->stack >= snapshot->stacks.count)
        return NULL;
    if (!test->by_stack)
        test->by_stack = calloc(snapshot->stacks.count, 1);
    if (!test->by_stack)
        return &ad_error_nomem;
    uint8_t *known = &test->by_stack[task->stack];
    if (*known == NOT_ASKED)
        *known = line_agrees(test, snapshot, task->stack) ? TRUE : FALSE;
    *pass_ret = *known == TRUE;
    return NULL;
}

static bool owner_agrees(const struct ad_filter_test *test, const struct ad_snapshot *snapshot,
                         const struct ad_task *task)
{
    const struct ad_task *tasks = snapshot->tasks.items;
    uint32_t owner;
    struct ad_filter_test positive = {.operator = test->operator, .number = test->number};
    if (is_negative(test->operator))
        positive.operator = AD_FILTER_EQUAL;
    for (uint32_t i = 0; ad_task_owner(snapshot, task, i, &owner); i++)
        if (owner < snapshot->tasks.count && compare_number(&positive, tasks[owner].id))
            return true;
    return false;
}

static struct ad_error *run_test(struct ad_filter_test *test, const struct ad_snapshot *snapshot,
                                 uint32_t index, bool *pass_ret)
{
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    const struct ad_field *field = test->name.field;
    char buffer[AD_FIELD_TEXT_MAX];
    if (!ad_field_is_text(field) && !ad_field_is_several(field)) {
        *pass_ret = compare_number(test, ad_field_number(&test->name, snapshot, index));
        return NULL;
    }
    if (field->type == AD_FIELD_OWNERS)
        *pass_ret = owner_agrees(test, snapshot, task);
    else if (ad_field_is_several(field))
        AD_TRY(test_lines(test, snapshot, task, pass_ret));
    else
        *pass_ret = agrees(test, ad_field_text(&test->name, snapshot, index, buffer));
    *pass_ret ^= is_negative(test->operator);
    return NULL;
}

/* ---- All of them ---- */

struct ad_error *ad_filter_pass(struct ad_filter *filter, const struct ad_snapshot *snapshot, uint32_t task,
                                bool *pass_ret)
{
    struct ad_filter_test **tests = filter->tests.items;
    const struct ad_filter_step *steps = filter->steps.items;
    bool values[AD_FILTER_TESTS + 1] = {true};
    size_t depth = 0;
    for (size_t i = 0; i < filter->steps.count; i++) {
        switch (steps[i].kind) {
        case AD_FILTER_TEST:
            AD_TRY(run_test(tests[steps[i].test], snapshot, task, &values[depth++]));
            break;
        case AD_FILTER_NOT:
            values[depth - 1] = !values[depth - 1];
            break;
        case AD_FILTER_AND:
            depth--;
            values[depth - 1] = values[depth - 1] && values[depth];
            break;
        case AD_FILTER_OR:
            depth--;
            values[depth - 1] = values[depth - 1] || values[depth];
            break;
        }
    }
    *pass_ret = values[0];
    return NULL;
}
