/* SPDX-License-Identifier: MIT */
#include "report/selection.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/filter.h"
#include "report/table.h"
#include "report/words.h"

/* ---- From options to a filter ---- */

/* "ready,running" as a condition. */
static struct ad_error *add_states(struct ad_filter *filter, const char *list)
{
    ad_auto_buffer struct ad_buffer condition = {0};
    char word[16];
    AD_TRY(ad_buffer_open(&condition));
    for (const char *rest = list, *next; rest; rest = next ? next + 1 : NULL) {
        next = strchr(rest, ',');
        size_t length = next ? (size_t)(next - rest) : strlen(rest);
        snprintf(word, sizeof(word), "%.*s", length < sizeof(word) ? (int)length : 0, rest);
        fprintf(condition.file, "%sstate == %s", rest == list ? "" : " || ", *word ? word : "\"\"");
    }
    AD_TRY(ad_buffer_close(&condition));
    return ad_filter_add(filter, "--state", condition.text);
}

static struct ad_error *add_waits_on(struct ad_filter *filter, const char *text)
{
    const char *digits = *text == '#' ? text + 1 : text;
    if (*digits && strspn(digits, "0123456789") == strlen(digits))
        return ad_filter_add_test(filter, "--waits-on", "owner", AD_FILTER_EQUAL, 0, text);
    return ad_filter_add_test(filter, "--waits-on", "wait", AD_FILTER_MATCH, 0, text);
}

static struct ad_error *add_condition(struct ad_filter *filter, const struct ad_condition *condition)
{
    switch (condition->kind) {
    case AD_CONDITION_STATE:
        return add_states(filter, condition->text);
    case AD_CONDITION_IN:
        return ad_filter_add_test(filter, "--in", "frame", AD_FILTER_MATCH, 0, condition->text);
    case AD_CONDITION_WAITS_ON:
        return add_waits_on(filter, condition->text);
    case AD_CONDITION_OLDER:
        return ad_filter_add_test(filter, "--older-than", "age", AD_FILTER_GREATER, 0, condition->text);
    default:
        return ad_filter_add(filter, "--where", condition->text);
    }
}

static struct ad_error *make_filter(const struct ad_select_options *options, struct ad_filter *filter)
{
    ad_filter_init(filter);
    for (unsigned i = 0; i < options->condition_count; i++)
        AD_TRY(add_condition(filter, &options->conditions[i]));
    if (options->task)
        return ad_filter_add_test(filter, "--task", "id", AD_FILTER_EQUAL, options->task, NULL);
    return NULL;
}

/* ---- Sorting ---- */

struct order {
    struct ad_field_name name;
    bool descending;
};

struct sorted {
    uint64_t number;
    char *text;
    uint32_t task;
    bool descending;
};

static struct ad_error *find_order(const char *sort, struct order *order)
{
    *order = (struct order){.descending = *sort == '-'};
    const char *name = sort + order->descending;
    bool found = ad_field_find(name, strlen(name), &order->name);
    if (found && !ad_field_is_several(order->name.field))
        return NULL;
    ad_auto_buffer struct ad_buffer names = {0};
    AD_TRY(ad_buffer_open(&names));
    ad_field_print_names(names.file);
    AD_TRY(ad_buffer_close(&names));
    return ad_error_create(AD_ERROR_USAGE, "--sort: %.100s %s; there are %s; -FIELD sorts the other way", name,
                           found ? "has several values, which cannot be sorted by" : "is no field", names.text);
}

/* Of equals, and both ways, the order stays as it was; what is not known comes last. */
static int compare(const void *left, const void *right)
{
    const struct sorted *a = left, *b = right;
    bool unknown_a = a->text ? !*a->text : a->number == UINT64_MAX;
    bool unknown_b = b->text ? !*b->text : b->number == UINT64_MAX;
    int result = a->text ? strcmp(a->text, b->text) : (a->number > b->number) - (a->number < b->number);
    if (unknown_a != unknown_b)
        return unknown_a - unknown_b;
    if (result)
        return a->descending ? -result : result;
    return (a->task > b->task) - (a->task < b->task);
}

static struct ad_error *sort_keys(const struct ad_snapshot *snapshot, const struct order *order,
                                  const struct ad_selection *selection, struct sorted *keys)
{
    char buffer[AD_FIELD_TEXT_MAX];
    bool text = ad_field_is_text(order->name.field);
    for (size_t i = 0; i < selection->count; i++) {
        uint32_t task = selection->tasks[i];
        keys[i] = (struct sorted){.task = task, .descending = order->descending};
        if (!text)
            keys[i].number = ad_field_number(&order->name, snapshot, task);
        else if (!(keys[i].text = strdup(ad_field_text(&order->name, snapshot, task, buffer))))
            return &ad_error_nomem;
    }
    qsort(keys, selection->count, sizeof(*keys), compare);
    for (size_t i = 0; i < selection->count; i++)
        selection->tasks[i] = keys[i].task;
    return NULL;
}

static struct ad_error *sort(const struct ad_snapshot *snapshot, const char *field,
                             const struct ad_selection *selection)
{
    struct order order;
    AD_TRY(find_order(field, &order));
    ad_auto_free struct sorted *keys = calloc(selection->count + 1, sizeof(*keys));
    if (!keys)
        return &ad_error_nomem;
    struct ad_error *error = sort_keys(snapshot, &order, selection, keys);
    for (size_t i = 0; i < selection->count; i++)
        free(keys[i].text);
    return error;
}

/* ---- Selecting ---- */

struct ad_error *ad_select_check(const struct ad_select_options *options)
{
    ad_cleanup(ad_filter_deinit) struct ad_filter filter;
    struct order order;
    AD_TRY(make_filter(options, &filter));
    return options->sort ? find_order(options->sort, &order) : NULL;
}

bool ad_select_is_plain(const struct ad_select_options *options)
{
    return !options->condition_count && !options->sort && !options->limit;
}

static struct ad_error *select_tasks(const struct ad_select_options *options, bool system,
                                     const struct ad_snapshot *snapshot, struct ad_selection *selection)
{
    ad_cleanup(ad_filter_deinit) struct ad_filter filter;
    bool pass;
    AD_TRY(make_filter(options, &filter));
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        AD_TRY(ad_filter_pass(&filter, snapshot, i, &pass));
        bool own = AD_ITEMS(struct ad_task, &snapshot->tasks)[i].flags & ASYNC_DEBUG_TASK_SYSTEM;
        if (pass && own && !system)
            selection->left_system++;
        else if (pass)
            selection->tasks[selection->count++] = i;
    }
    return NULL;
}

struct ad_error *ad_selection_init(const struct ad_select_options *options, bool system,
                                   const struct ad_snapshot *snapshot, struct ad_selection *selection_ret)
{
    *selection_ret = (struct ad_selection){.filtered = options->condition_count};
    selection_ret->tasks = calloc(snapshot->tasks.count + 1, sizeof(*selection_ret->tasks));
    if (!selection_ret->tasks)
        return &ad_error_nomem;
    struct ad_error *error = select_tasks(options, system, snapshot, selection_ret);
    if (!error && options->sort)
        error = sort(snapshot, options->sort, selection_ret);
    selection_ret->passed = selection_ret->count;
    if (options->limit && options->limit < selection_ret->count)
        selection_ret->count = (size_t)options->limit;
    if (error)
        ad_selection_deinit(selection_ret);
    return error;
}

void ad_selection_deinit(struct ad_selection *selection)
{
    free(ad_take(selection->tasks));
}

void ad_selection_print_rest(FILE *out, const struct ad_selection *selection, const char *separator)
{
    uint64_t more = selection->passed - selection->count;
    if (more)
        fprintf(out, "%s%llu more task%s (--limit %llu shows %s)\n", separator, (unsigned long long)more,
                more == 1 ? "" : "s", (unsigned long long)selection->passed, more == 1 ? "it" : "them");
    if (!selection->left_system)
        return;
    fputs(more ? "" : separator, out);
    ad_print_count(out, selection->left_system, "task");
    fputs(" of the runtime's own left out (--system shows them)\n", out);
}
