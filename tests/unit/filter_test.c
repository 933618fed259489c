/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "viewing.h"
#include "report/filter.h"

/*  1 main     accept fd 7                  serve
 *  2 a        mutex "key bob" of 3         lock_pair < transfer      label user=x
 *  3 b        mutex "key alice" of 2       the same stack            label user=y, torn
 *  4 sleeper  timer, 10 s                  no stack
 *  5 ready    in state ready
 *  6 own      waiting, the runtime's own   */
static struct ad_snapshot *six(void)
{
    struct ad_snapshot *s = build_snapshot();
    static const char *const names[] = {"main", "a", "b", "sleeper", "ready", "own"};
    for (size_t i = 0; i < 6; i++)
        build_task(s, names[i]);
    uint32_t accept = build_future(s, ASYNC_DEBUG_KIND_ACCEPT, "accept", NULL);
    build_future_at(s, accept)->fd = 7;
    build_wait(s, 0, accept);
    build_wait(s, 1, build_lock(s, "key bob", 2));
    build_wait(s, 2, build_lock(s, "key alice", 1));
    build_wait(s, 3, build_future(s, ASYNC_DEBUG_KIND_TIMER, "timer", NULL));
    build_state(s, 4, ASYNC_DEBUG_STATE_READY);
    build_stack(s, 0, "serve", "src/server.c", 30, USER, NULL);
    build_task_at(s, 2)->stack = build_stack(s, 1, "async_lock", "lib.c", 5, HIDDEN, "lock_pair", "src/bank.c", 16,
                                             USER, "transfer", "src/bank.c", 20, USER, NULL);
    for (uint32_t i = 1; i <= 2; i++) {
        struct ad_task_extra *extra = build_extra(s, i);
        extra->first_label = (uint32_t)s->labels.count;
        extra->label_count = 1;
        *(struct ad_label *)build_add(&s->labels) = (struct ad_label){"user", i == 1 ? "x" : "y"};
    }
    build_task_at(s, 2)->torn = true;
    build_task_at(s, 3)->suspended_at = BUILD_NOW - 10 * BUILD_SECOND;
    build_task_at(s, 4)->ready_since = BUILD_NOW - 5 * BUILD_SECOND;
    build_task_at(s, 5)->flags = ASYNC_DEBUG_TASK_SYSTEM;
    return s;
}

/* The ids of the tasks that pass, "2 3". */
static void assert_passes(const struct ad_snapshot *snapshot, const char *condition, const char *expected)
{
    char ids[64] = "";
    struct ad_filter filter;
    ad_filter_init(&filter);
    struct ad_error *error = ad_filter_add(&filter, "--where", condition);
    if (error)
        fail_msg("%s", error->message);
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        bool pass;
        assert_null(ad_filter_pass(&filter, snapshot, i, &pass));
        if (pass)
            sprintf(ids + strlen(ids), "%s%u", *ids ? " " : "", build_task_at((struct ad_snapshot *)snapshot, i)->id);
    }
    ad_filter_deinit(&filter);
    if (strcmp(ids, expected) != 0)
        fail_msg("%s: '%s' and not '%s'", condition, ids, expected);
}

static void assert_refused(const char *condition, const char *words)
{
    struct ad_filter filter;
    ad_filter_init(&filter);
    struct ad_error *error = ad_filter_add(&filter, "--where", condition);
    ad_filter_deinit(&filter);
    if (!error)
        fail_msg("taken: %s", condition);
    assert_int_equal(error->kind, AD_ERROR_USAGE);
    assert_holds(error->message, words);
    ad_error_destroy(error);
}

static void every_kind_of_field_is_compared(void **state)
{
    (void)state;
    struct ad_snapshot *s = six();
    assert_passes(s, "id == 3", "3");
    assert_passes(s, "id >= #3 && id != 0x4", "3 5 6");
    assert_passes(s, "name == a", "2");
    assert_passes(s, "name ~ 'e'", "4 5");
    assert_passes(s, "name !~ '^(a|b|main)$'", "4 5 6");
    assert_passes(s, "state == waiting", "1 2 3 6");
    assert_passes(s, "state != waiting", "4 5");
    assert_passes(s, "age > 30s", "1 2 3 6");
    assert_passes(s, "age<=10s", "4 5");
    assert_passes(s, "age < 0m9s500ms", "5");
    assert_passes(s, "kind == mutex", "2 3");
    assert_passes(s, "object == \"key bob\"", "2");
    assert_passes(s, "wait ~ \"held by #2\"", "3");
    assert_passes(s, "fd == 7", "1");
    assert_passes(s, "fd < 7", "");
    assert_passes(s, "fd != 7", "2 3 4 5 6"); /* what is not known differs */
    assert_passes(s, "owner == #3", "2");
    assert_passes(s, "owner > 1", "2 3");
    assert_passes(s, "owner != 3", "1 3 4 5 6");
    assert_passes(s, "frame ~ \"^trans\"", "2 3");
    assert_passes(s, "frame == async_lock", "2 3"); /* hidden frames too */
    assert_passes(s, "frame !~ lock && frame != serve", "4 5 6");
    assert_passes(s, "file ~ 'bank.c:20$'", "2 3");
    assert_passes(s, "label.user == x", "2");
    assert_passes(s, "label.none == ''", "1 2 3 4 5 6");
    assert_passes(s, "torn", "3");
    assert_passes(s, "system", "6");
    ad_snapshot_destroy(s);
}

static void conditions_are_joined(void **state)
{
    (void)state;
    struct ad_snapshot *s = six();
    assert_passes(s, "id == 1 || id == 2 && torn", "1");
    assert_passes(s, "(id == 1 || id == 3) && torn", "3");
    assert_passes(s, "!torn && !(id < 3)", "4 5 6");
    assert_passes(s, "!!torn", "3");
    assert_passes(s, "id == 1 || id == 2 || id == 3", "1 2 3");
    assert_passes(s, "!(id == 1 || (id == 2 && !torn)) && state == waiting", "3 6");
    assert_passes(s, " ( ( ( id==1 ) ) ) ", "1");
    ad_snapshot_destroy(s);
}

static void what_is_wrong_is_pointed_at(void **state)
{
    (void)state;
    assert_refused("state waiting", "--where: state HERE> waiting: ==, !=, ~ or !~ could stand here");
    assert_refused("sate == waiting", "--where: HERE> sate == waiting: that is no field; there are id, name, state,");
    assert_refused("label. == x", "and label.K for a label K");
    assert_refused("state == wating", "state == HERE> wating: a state could stand here: created, ready");
    assert_refused("age > soon", "age > HERE> soon: a duration could stand here");
    assert_refused("age > 5x", "a duration could stand here");
    assert_refused("age > 99999999999d", "a duration could stand here");
    assert_refused("age ~ 5s", "==, !=, <, <=, > or >= could stand here");
    assert_refused("name < b", "==, !=, ~ or !~ could stand here");
    assert_refused("id == 18446744073709551616", "a number could stand here");
    assert_refused("id == -1", "a number could stand here");
    assert_refused("frame ~ \"(\"", "HERE> \"(\": ");
    assert_refused("name == \"a", "the closing \" is missing");
    assert_refused("", "a field, ! or ( could stand here");
    assert_refused("id == 1 &&", "id == 1 && HERE>: a field, ! or ( could stand here");
    assert_refused("id == 1 & torn", "id == 1 HERE> & torn: &&, || or the end could stand here");
    assert_refused("(id == 1", "&&, || or ) could stand here");
    assert_refused("id == 1)", "id == 1 HERE> ): no ( is open");
    assert_refused("id == \x1b[31m", "HERE> \\x1b[31m");
    assert_refused("torn == 1", "torn HERE> == 1");
}

/* Neither depth nor length can break the parser. */
static void bounds_are_kept(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    char *text = malloc(8 * MANY + 32);
    memset(text, '(', MANY);
    strcpy(text + MANY, "id == 1");
    assert_refused(text, "this is nested too deeply");
    memset(text, '!', MANY);
    assert_refused(text, "this is nested too deeply");
    *text = '\0';
    for (size_t i = 0, used = 0; i < MANY; i++)
        used += (size_t)sprintf(text + used, "torn||");
    assert_refused(text, "these are more tests than one filter can have");
    strcpy(text, "name == \"");
    memset(text + 9, 'x', MANY);
    strcpy(text + 9 + MANY, "\"");
    assert_refused(text, "a value has fewer than 512 bytes");
    free(text);
}

/* Whatever stands there, it is taken or refused. */
static void any_text_is_taken_or_refused(void **state)
{
    (void)state;
    static const char *const pieces[] = {"id",  "==", "age", "~", "!", "(", ")", "&&", "||", "\"x", "'", "\\",
                                         "30s", "#7", "frame", "torn", "!=", "<", " ", "\x80", "label.", "-"};
    unsigned seed = 1;
    struct ad_snapshot *s = six();
    for (int round = 0; round < 20000; round++) {
        char text[256] = "";
        struct ad_filter filter;
        bool pass;
        for (unsigned i = 0; i < 1 + seed % 9; i++) {
            seed = seed * 1103515245 + 12345;
            strcat(text, pieces[(seed >> 16) % (sizeof(pieces) / sizeof(*pieces))]);
        }
        ad_filter_init(&filter);
        struct ad_error *error = ad_filter_add(&filter, "--where", text);
        if (!error)
            assert_null(ad_filter_pass(&filter, s, 2, &pass));
        ad_error_destroy(error);
        ad_filter_deinit(&filter);
    }
    ad_snapshot_destroy(s);
}

/* The ids of a view of headers, in order. */
static void assert_ids(const struct ad_snapshot *snapshot, const char *options, const char *expected)
{
    char ids[64] = "";
    ad_auto_free char *text = view(snapshot, options);
    for (const char *at = text; at; at = strstr(at, "\n#") ? strstr(at, "\n#") + 1 : NULL)
        if (*at == '#')
            sprintf(ids + strlen(ids), "%s%d", *ids ? " " : "", atoi(at + 1));
    if (strcmp(ids, expected) != 0)
        fail_msg("%s: '%s' and not '%s' in:\n%s", options, ids, expected, text);
}

static void short_forms_sorting_and_limit(void **state)
{
    (void)state;
    struct ad_snapshot *s = six();
    assert_ids(s, "--tasks", "1 2 3 4 5");
    assert_ids(s, "--tasks --system", "1 2 3 4 5 6");
    assert_ids(s, "--tasks --state ready,sleeping", "4 5");
    assert_ids(s, "--tasks --in ^lock", "2 3");
    assert_ids(s, "--tasks --waits-on 2", "3");
    assert_ids(s, "--tasks --waits-on #3", "2");
    assert_ids(s, "--tasks --waits-on bob|fd", "1 2");
    assert_ids(s, "--tasks --older-than 9s", "1 2 3 4");
    assert_ids(s, "--tasks --older-than 9s --where name!=a --where !torn", "1 4");
    assert_ids(s, "--tasks --sort age", "5 4 1 2 3");
    assert_ids(s, "--tasks --sort -age", "1 2 3 4 5");
    assert_ids(s, "--tasks --sort -name", "4 5 1 3 2");
    assert_ids(s, "--tasks --sort -label.user", "3 2 1 4 5");
    assert_ids(s, "--tasks --sort fd --limit 2", "1 2");
    ad_auto_free char *rest = view(s, "--tasks --limit 2 --where torn||id<5");
    assert_holds(rest, "\n2 more tasks (--limit 4 shows them)\n");
    ad_auto_free char *none = view(s, "--tasks --where id>77");
    assert_string_equal(none, "");
    ad_auto_free char *frames = view(s, "--tasks --frames 1 --where id==2");
    assert_holds(frames, "#1  lock_pair  at src/bank.c:16\n  (1 more frame; --frames 0 shows all)\n");
    ad_snapshot_destroy(s);
}

static void every_view_is_of_the_selected(void **state)
{
    (void)state;
    struct ad_snapshot *s = six();
    ad_auto_free char *screen = view(s, "--in lock_pair");
    assert_holds(screen, "\n2 of 6 tasks selected:\n");
    assert_holds(screen, "HUNG: 1 deadlock");
    assert_holds(screen, "#2 #3\n");
    assert_lacks(screen, "serve server.c");
    ad_auto_free char *none = view(s, "--in nothing");
    assert_holds(none, "\n0 of 6 tasks selected\n");
    ad_auto_free char *json = view(s, "--json --in lock_pair --limit 1");
    assert_holds(json, "\"selection\":{\"passed\":2,\"shown\":1}");
    assert_holds(json, "\"name\":\"a\"");
    assert_lacks(json, "\"name\":\"sleeper\"");
    ad_snapshot_destroy(s);
}

static void assert_no_view(const char *option, const char *value, const char *words)
{
    char *argv[] = {(char *)"view", (char *)option, (char *)value, NULL};
    struct ad_view_options options;
    struct ad_error *error = ad_view_parse(3, argv, &options);
    assert_non_null(error);
    assert_int_equal(error->kind, AD_ERROR_USAGE);
    assert_holds(error->message, words);
    ad_error_destroy(error);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    assert_no_view("--where", "sate", "--where: HERE> sate: that is no field");
    assert_no_view("--state", "wating", "a state could stand here");
    assert_no_view("--state", "ready,", "a state could stand here");
    assert_no_view("--state", "ready,aVeryLongWordThatIsNoState", "a state could stand here");
    assert_no_view("--in", "(", "--in: HERE> (: ");
    assert_no_view("--older-than", "soon", "--older-than: HERE> soon: a duration");
    assert_no_view("--sort", "nothing", "--sort: nothing is no field; there are id, name");
    assert_no_view("--sort", "frame", "has several values");
    assert_no_view("--limit", "-1", "'-1' is not expected here");
    assert_no_view("--frames", "x", "'x' is not expected here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_field_is_compared), cmocka_unit_test(conditions_are_joined),
        cmocka_unit_test(what_is_wrong_is_pointed_at),     cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(any_text_is_taken_or_refused),    cmocka_unit_test(short_forms_sorting_and_limit),
        cmocka_unit_test(every_view_is_of_the_selected),   cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
