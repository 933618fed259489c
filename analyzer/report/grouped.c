/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/describe.h"
#include "report/fields.h"
#include "report/report.h"
#include "report/stack.h"
#include "report/table.h"
#include "report/words.h"

enum { SHOWN = 4, OBJECTS = 3, OBJECTS_WIDTH = 90, COLUMNS = 7, UNSEEN = UINT32_MAX };

struct object {
    uint32_t future;
    uint64_t count;
};

struct group {
    char *key;
    uint32_t number;
    uint64_t count;
    uint32_t shown[SHOWN];
    struct object objects[OBJECTS]; /* what they wait for, the first ones met */
    uint64_t other_objects;         /* tasks that wait for something else */
    uint64_t known;                 /* tasks whose age is known; into `ages` from `first` on, sorted */
    size_t first;
};

struct age {
    uint32_t group;
    uint64_t age;
};

struct grouping {
    const struct ad_snapshot *snapshot;
    const struct ad_report_options *options;
    struct ad_field_name name;
    void *by_key;            /* a tree of struct group, by their texts */
    struct ad_vector groups; /* struct group * */
    struct ad_vector ages;   /* struct age */
    struct group **by_stack; /* when stacks are the key: each is put into words once */
};

/* ---- The key ---- */

static bool is_by(const struct grouping *grouping, const char *name)
{
    return strcmp(grouping->options->group, name) == 0;
}

static void print_whole_stack(FILE *out, const struct grouping *grouping, uint32_t stack)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    const char *separator = "";
    ad_stack_walk_init(&walk, grouping->snapshot, stack);
    while (ad_stack_walk_next(&walk, &line)) {
        if (line.hidden && !grouping->options->all_frames)
            continue;
        fputs(separator, out);
        ad_print_line_short(out, &line);
        separator = " < ";
    }
    if (!*separator)
        ad_print_where(out, grouping->snapshot, stack, 0);
}

static void print_key(FILE *out, const struct grouping *grouping, uint32_t index)
{
    const struct ad_snapshot *snapshot = grouping->snapshot;
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    if (is_by(grouping, "stack"))
        print_whole_stack(out, grouping, task->stack);
    else if (is_by(grouping, "wait") && ad_task_future(snapshot, task))
        ad_describe_future(out, snapshot, task->future, AD_DETAIL_OWNER);
    else if (!is_by(grouping, "wait"))
        ad_field_print(out, &grouping->name, snapshot, index);
}

struct ad_error *ad_group_check(const char *name)
{
    struct ad_field_name field;
    if (strcmp(name, "stack") == 0 || ad_field_find(name, strlen(name), &field))
        return NULL;
    ad_auto_buffer struct ad_buffer names = {0};
    AD_TRY(ad_buffer_open(&names));
    ad_field_print_names(names.file);
    AD_TRY(ad_buffer_close(&names));
    return ad_error_create(AD_ERROR_USAGE, "--group: %.100s is nothing to group by; there are stack, %s", name,
                           names.text);
}

/* ---- Collecting ---- */

static int compare_keys(const void *left, const void *right)
{
    return strcmp(((const struct group *)left)->key, ((const struct group *)right)->key);
}

static void free_group(void *group)
{
    free(((struct group *)group)->key);
    free(group);
}

/* Takes the key over. */
static struct ad_error *add_group(struct grouping *grouping, char *key, struct group **group_ret)
{
    struct group *group = calloc(1, sizeof(*group));
    if (!group) {
        free(key);
        return &ad_error_nomem;
    }
    *group = (struct group){.key = key, .number = (uint32_t)grouping->groups.count};
    if (!tsearch(group, &grouping->by_key, compare_keys)) {
        free_group(group);
        return &ad_error_nomem;
    }
    *group_ret = group;
    return ad_vector_push(&grouping->groups, &group);
}

static struct ad_error *find_group(struct grouping *grouping, uint32_t task, struct group **group_ret)
{
    ad_auto_buffer struct ad_buffer key = {0};
    AD_TRY(ad_buffer_open(&key));
    print_key(key.file, grouping, task);
    AD_TRY(ad_buffer_close(&key));
    const struct group wanted = {.key = key.text};
    void *found = tfind(&wanted, &grouping->by_key, compare_keys);
    if (!found)
        return add_group(grouping, ad_take(key.text), group_ret);
    *group_ret = *(struct group **)found;
    return NULL;
}

static struct ad_error *group_of(struct grouping *grouping, uint32_t index, struct group **group_ret)
{
    uint32_t stack = AD_ITEMS(struct ad_task, &grouping->snapshot->tasks)[index].stack;
    if (!is_by(grouping, "stack") || stack >= grouping->snapshot->stacks.count)
        return find_group(grouping, index, group_ret);
    if (!grouping->by_stack[stack])
        AD_TRY(find_group(grouping, index, &grouping->by_stack[stack]));
    *group_ret = grouping->by_stack[stack];
    return NULL;
}

static bool same_object(const struct ad_snapshot *snapshot, uint32_t left, uint32_t right)
{
    const struct ad_future *futures = snapshot->futures.items;
    return left == right || (futures[left].object && futures[left].object == futures[right].object &&
                             futures[left].runtime == futures[right].runtime);
}

static void count_object(const struct ad_snapshot *snapshot, struct group *group, uint32_t future)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        struct object *object = &group->objects[i];
        if (!object->count)
            object->future = future;
        else if (!same_object(snapshot, object->future, future))
            continue;
        object->count++;
        return;
    }
    group->other_objects++;
}

static struct ad_error *collect(struct grouping *grouping)
{
    const struct ad_snapshot *snapshot = grouping->snapshot;
    const struct ad_selection *selection = grouping->options->selection;
    for (size_t i = 0; i < selection->count; i++) {
        const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[selection->tasks[i]];
        struct group *group;
        AD_TRY(group_of(grouping, selection->tasks[i], &group));
        if (group->count < SHOWN)
            group->shown[group->count] = selection->tasks[i];
        group->count++;
        if (ad_task_future(snapshot, task))
            count_object(snapshot, group, task->future);
        struct age age = {group->number, ad_task_age(snapshot, task)};
        if (age.age == UINT64_MAX)
            continue;
        AD_TRY(ad_vector_push(&grouping->ages, &age));
        group->known++;
    }
    return NULL;
}

/* ---- Ordering ---- */

static int compare_ages(const void *left, const void *right)
{
    const struct age *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return (a->age > b->age) - (a->age < b->age);
}

static int compare_groups(const void *left, const void *right)
{
    const struct group *a = *(struct group *const *)left, *b = *(struct group *const *)right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

static void order(struct grouping *grouping)
{
    struct group **groups = grouping->groups.items;
    size_t first = 0;
    if (grouping->ages.count)
        qsort(grouping->ages.items, grouping->ages.count, sizeof(struct age), compare_ages);
    for (size_t i = 0; i < grouping->groups.count; i++) {
        groups[i]->first = first;
        first += groups[i]->known;
    }
    if (grouping->groups.count)
        qsort(groups, grouping->groups.count, sizeof(*groups), compare_groups);
}

/* ---- Printing ---- */

static void print_age(FILE *out, const struct grouping *grouping, const struct group *group, uint64_t number)
{
    if (group->known)
        ad_print_duration(out, AD_ITEMS(struct age, &grouping->ages)[group->first + number].age);
    else
        fputc('-', out);
    fputc('\t', out);
}

static void print_objects(FILE *out, const struct ad_snapshot *snapshot, const struct group *group)
{
    bool one = !group->objects[1].count;
    if (!group->objects[0].count)
        fputc('-', out);
    for (size_t i = 0; i < OBJECTS && group->objects[i].count; i++) {
        fputs(i ? "; " : "", out);
        if (!one)
            fprintf(out, "%" PRIu64 " ", group->objects[i].count);
        ad_describe_future(out, snapshot, group->objects[i].future, AD_DETAIL_OWNER);
    }
    if (group->other_objects)
        fprintf(out, "; %" PRIu64 " others", group->other_objects);
}

static void print_group(FILE *out, const struct grouping *grouping, const struct group *group)
{
    const struct ad_task *tasks = grouping->snapshot->tasks.items;
    fprintf(out, "%" PRIu64 "\t", group->count);
    print_age(out, grouping, group, 0);
    print_age(out, grouping, group, group->known / 2);
    print_age(out, grouping, group, group->known - 1);
    fprintf(out, "%s\t", *group->key ? group->key : "-");
    print_objects(out, grouping->snapshot, group);
    fputc('\t', out);
    for (uint64_t i = 0; i < group->count && i < SHOWN; i++)
        fprintf(out, "%s#%" PRIu32, i ? " " : "", tasks[group->shown[i]].id);
    fputs(group->count > SHOWN ? " ...\n" : "\n", out);
}

static struct ad_error *print_groups(FILE *out, const struct grouping *grouping)
{
    static const struct ad_column columns[COLUMNS] = {
        {.right = true}, {.right = true}, {.right = true}, {.right = true}, {0}, {.widest = OBJECTS_WIDTH}, {0}};
    size_t all = grouping->groups.count, limit = grouping->options->groups;
    size_t count = limit && limit < all ? limit : all;
    ad_auto_buffer struct ad_buffer rows = {0};
    AD_TRY(ad_buffer_open(&rows));
    fputs("COUNT\tMIN\tMEDIAN\tMAX\t", rows.file);
    for (const char *at = grouping->options->group; *at; at++)
        fputc(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at, rows.file);
    fputs("\tWAITS FOR\tTASKS\n", rows.file);
    for (size_t i = 0; i < count; i++)
        print_group(rows.file, grouping, AD_ITEMS(struct group *, &grouping->groups)[i]);
    AD_TRY(ad_buffer_close(&rows));
    ad_table_print(out, rows.text, columns, COLUMNS, SIZE_MAX);
    if (count < all)
        fprintf(out, "%zu more group%s (--limit %zu shows %s)\n", all - count, all - count == 1 ? "" : "s", all,
                all - count == 1 ? "it" : "them");
    ad_selection_print_rest(out, grouping->options->selection, "");
    return NULL;
}

struct ad_error *ad_report_grouped(FILE *out, const struct ad_snapshot *snapshot,
                                   const struct ad_findings *findings, const struct ad_report_options *options)
{
    struct grouping grouping = {.snapshot = snapshot,
                                .options = options,
                                .groups = AD_VECTOR(struct group *),
                                .ages = AD_VECTOR(struct age)};
    (void)findings;
    ad_field_find(options->group, strlen(options->group), &grouping.name);
    grouping.by_stack = calloc(snapshot->stacks.count + 1, sizeof(*grouping.by_stack));
    struct ad_error *error = grouping.by_stack ? collect(&grouping) : &ad_error_nomem;
    if (!error) {
        order(&grouping);
        error = print_groups(out, &grouping);
    }
    free(grouping.by_stack);
    ad_vector_deinit(&grouping.groups);
    ad_vector_deinit(&grouping.ages);
    tdestroy(grouping.by_key, free_group);
    return error;
}
