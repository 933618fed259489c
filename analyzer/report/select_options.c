/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "report/selection.h"

enum { KEY_WHERE = 0x1100, KEY_STATE, KEY_IN, KEY_WAITS_ON, KEY_OLDER, KEY_SORT, KEY_LIMIT };

static const struct argp_option option_list[] = {
    {NULL, 0, NULL, 0, "Which tasks, for every view; all conditions must be true:", 0},
    {"where", KEY_WHERE, "CONDITION", 0,
     "such as 'state == waiting && age > 30s && (frame ~ \"db_\" || label.user == \"x\")'; an unknown field lists "
     "all fields",
     0},
    {"state", KEY_STATE, "WORD,...", 0, "those in one of these states", 0},
    {"in", KEY_IN, "REGEX", 0, "those with a function that matches anywhere on the stack", 0},
    {"waits-on", KEY_WAITS_ON, "TASK|REGEX", 0, "those waiting for what task 7 holds, or for what matches", 0},
    {"older-than", KEY_OLDER, "TIME", 0, "those longer in their state: 500ms, 30s, 1m30s, 2h", 0},
    {"sort", KEY_SORT, "FIELD", 0, "by any field, smallest first; -FIELD (--sort=-age) largest first", 0},
    {"limit", KEY_LIMIT, "N", 0, "the first N tasks, or groups", 0},
    {0},
};

static error_t parse_limit(const char *text, uint64_t *limit_ret)
{
    char *end;
    errno = 0;
    *limit_ret = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && !errno ? 0 : EINVAL;
}

static error_t add(struct ad_select_options *options, int kind, const char *text)
{
    if (options->condition_count == AD_CONDITIONS_MAX)
        return EINVAL;
    options->conditions[options->condition_count++] = (struct ad_condition){kind, text};
    return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct ad_select_options *options = state->input;
    switch (key) {
    case KEY_WHERE:
        return add(options, AD_CONDITION_WHERE, argument);
    case KEY_STATE:
        return add(options, AD_CONDITION_STATE, argument);
    case KEY_IN:
        return add(options, AD_CONDITION_IN, argument);
    case KEY_WAITS_ON:
        return add(options, AD_CONDITION_WAITS_ON, argument);
    case KEY_OLDER:
        return add(options, AD_CONDITION_OLDER, argument);
    case KEY_SORT:
        options->sort = argument;
        return 0;
    case KEY_LIMIT:
        return parse_limit(argument, &options->limit);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp ad_select_argp = {.options = option_list, .parser = parse};
