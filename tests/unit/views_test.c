/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "viewing.h"

/*  1 main
 *  2 a      waits for mutex "m" of 3, spawned by 1        2 and 3: a deadlock
 *  3 b      waits for mutex "n" of 2, spawned by 1
 *  4 to 6   wait for "m", spawned by 2; the stack of 2
 *  7        is to begin, spawned by 2  */
static struct ad_snapshot *seven(void)
{
    struct ad_snapshot *s = build_snapshot();
    static const char *const names[] = {"main", "a", "b", "client", "client", "client", "new"};
    for (size_t i = 0; i < 7; i++)
        build_task(s, names[i]);
    build_wait(s, 0, build_future(s, ASYNC_DEBUG_KIND_PROMISE, "promise", "end"));
    uint32_t m = build_lock(s, "m", 2);
    build_wait(s, 1, m);
    build_wait(s, 2, build_lock(s, "n", 1));
    build_stack(s, 0, "serve", "src/server.c", 30, USER, NULL);
    uint32_t stack = build_stack(s, 1, "async_lock", "lib.c", 5, HIDDEN, "lock; it", "src/bank.c", 16, USER,
                                 "transfer", "src/bank.c", 20, USER, NULL);
    build_task_at(s, 2)->stack = build_stack(s, 2, "pay", "src/bank.c", 40, USER, NULL);
    for (uint32_t i = 3; i < 6; i++) {
        build_wait(s, i, m);
        build_task_at(s, i)->stack = stack;
        build_task_at(s, i)->suspended_at = BUILD_NOW - i * BUILD_SECOND;
    }
    build_state(s, 6, ASYNC_DEBUG_STATE_READY);
    for (uint32_t i = 1; i < 7; i++) {
        build_task_at(s, i)->parent = i < 3 ? 0 : 1;
        build_task_at(s, i)->spawn_site = (struct ad_place){"src/server.c", i < 3 ? 7 : 9, NULL};
    }
    return s;
}

static void assert_view(const struct ad_snapshot *snapshot, const char *options, const char *expected)
{
    ad_auto_free char *text = view(snapshot, options);
    if (strcmp(text, expected) != 0)
        fail_msg("%s:\n%s\nand not:\n%s", options, text, expected);
}

static void tasks_are_grouped_by_any_field(void **state)
{
    (void)state;
    struct ad_snapshot *s = seven();
    assert_view(s, "--group spawn",
                "COUNT    MIN  MEDIAN    MAX  SPAWN           WAITS FOR                                     TASKS\n"
                "    4     3s      4s     5s  src/server.c:9  mutex m, held by #3                           #4 #5 #6 #7\n"
                "    2  1m00s   1m00s  1m00s  src/server.c:7  1 mutex m, held by #3; 1 mutex n, held by #2  #2 #3\n"
                "    1  1m00s   1m00s  1m00s  -               promise end                                   #1\n");
    assert_view(s, "--group stack --state waiting --limit 1",
                "COUNT  MIN  MEDIAN    MAX  STACK                                    WAITS FOR            TASKS\n"
                "    4   3s      5s  1m00s  lock; it bank.c:16 < transfer bank.c:20  mutex m, held by #3  #2 #4 #5 #6\n"
                "2 more groups (--limit 3 shows them)\n");
    ad_auto_free char *wait = view(s, "--group wait");
    assert_holds(wait, "    4     3s      5s  1m00s  mutex m, held by #3  mutex m, held by #3  #2 #4 #5 #6\n");
    ad_auto_free char *state_view = view(s, "--group state");
    assert_holds(state_view, "    1    -       -      -  ready    -  ");
    ad_snapshot_destroy(s);
}

static void trees_collapse_what_is_equal(void **state)
{
    (void)state;
    struct ad_snapshot *s = seven();
    assert_view(s, "--tree",
                "#1 \"main\"  waiting  promise end\n"
                "#2 \"a\"  waiting  mutex m, held by #3 for 1m00s  (a cycle: above it is #3 again)\n"
                "  #3 \"b\"  waiting  mutex n, held by #2 for 1m00s\n"
                "    [x3 of] #4 \"client\"  waiting  mutex m, held by #3 for 1m00s\n"
                "#7 \"new\"  ready  its turn on worker 0\n");
    assert_view(s, "--tree=spawned --where kind==mutex",
                "#1 \"main\"  waiting  promise end\n"
                "  #2 \"a\"  waiting  mutex m, held by #3 for 1m00s\n"
                "    [x3 of] #4 \"client\"  waiting  mutex m, held by #3 for 1m00s\n"
                "  #3 \"b\"  waiting  mutex n, held by #2 for 1m00s\n");
    build_task_at(s, 0)->parent = 3; /* nothing of a target has to make sense */
    build_task_at(s, 6)->parent = 6;
    ad_auto_free char *broken = view(s, "--tree=spawned");
    assert_holds(broken, "#1 \"main\"  waiting  promise end  (a cycle: above it is #4 again)\n");
    assert_holds(broken, "#7 \"new\"  ready  its turn on worker 0  (a cycle: above it is #7 again)\n");
    ad_snapshot_destroy(s);
}

/* A chain as long as it may be: neither the stack nor the width of a line depends on it. */
static void a_deep_tree_stays_readable(void **state)
{
    (void)state;
    enum { DEEP = 100000 };
    struct ad_snapshot *s = build_snapshot();
    for (uint32_t i = 0; i < DEEP; i++) {
        build_task(s, "t");
        build_task_at(s, i)->parent = i ? i - 1 : AD_NONE;
    }
    ad_auto_free char *text = view(s, "--tree=spawned");
    assert_holds(text, "(depth 99999) #100000 \"t\"");
    assert_true(strlen(text) < DEEP * 160ul);
    ad_snapshot_destroy(s);
}

static void stacks_are_folded(void **state)
{
    (void)state;
    struct ad_snapshot *s = seven();
    assert_view(s, "--folded", "serve 1\ntransfer;lock: it 4\npay 1\n(no stack) 1\n");
    assert_view(s, "--folded --all-frames --in async", "transfer;lock: it;async_lock 4\n");
    ad_snapshot_destroy(s);
}

static void workers_and_futures_are_listed(void **state)
{
    (void)state;
    struct ad_snapshot *s = seven();
    struct ad_worker *worker = AD_ITEMS(struct ad_worker, &s->workers);
    worker->thread_id = 77;
    worker->current = 6;
    worker->ready_count = 2;
    worker->timer_count = 1;
    worker->next_timer = BUILD_NOW + BUILD_SECOND;
    worker->last_tick = BUILD_NOW - BUILD_SECOND;
    assert_view(s, "--workers",
                "WORKER  STATE    THREAD  TASKS  READY + INBOX  TIMERS         LAST TICK  RUNS\n"
                "     0  polling  77          0  2 + 0          1, next in 1s  1s         #7 \"new\"\n");
    build_future_at(s, 1)->site = (struct ad_place){"src/bank.c", 3, NULL};
    build_future_at(s, 1)->waiter_count = 1;
    *(uint32_t *)build_add(&s->waiters) = 1;
    assert_view(s, "--futures --where id==2",
                "FUTURE  WAIT  STATE    WHAT                           TASKS  MADE AT\n"
                "0x1001     1  pending  mutex m, held by #3 for 1m00s  #2     src/bank.c:3\n");
    ad_snapshot_destroy(s);
}

static void graphs_are_of_tasks_and_objects(void **state)
{
    (void)state;
    struct ad_snapshot *s = seven();
    build_task_at(s, 0)->name = "say \"\\";
    ad_auto_free char *text = view(s, "--dot");
    assert_holds(text, "digraph tasks {\n");
    assert_holds(text, "label=\"#1 \\\"say \\\"\\\\\\\\\\\"\\nwaiting");
    assert_holds(text, "label=\"3 tasks such as #4 \\\"client\\\"\\nwaiting");
    assert_holds(text, "  f1 -> t3 [label=\"held by\"];\n");
    assert_holds(text, "  t2 -> f1;\n");
    ad_snapshot_destroy(s);
}

static void one_task_is_told_in_full(void **state)
{
    (void)state;
    struct ad_snapshot *s = seven();
    ad_auto_free char *text = view(s, "--task 3");
    assert_holds(text, "#3 \"b\"  waiting 1m00s  mutex n, held by #2 for 1m00s");
    assert_holds(text, "  #0  pay  at src/bank.c:40\n\n  id            3\n");
    assert_holds(text, "\n  owner         2\n");
    assert_lacks(text, "#2 \"a\"");
    ad_snapshot_destroy(s);
}

static void a_table_has_all_fields(void **state)
{
    (void)state;
    struct ad_snapshot *s = seven();
    build_task_at(s, 0)->name = "say \"x, y\"";
    ad_auto_free char *text = view(s, "--csv --limit 2");
    assert_holds(text, "id,name,state,age,wait,kind,object,owner,");
    assert_holds(text, "\n1,\"say \"\"x, y\"\"\",waiting,60000000000,\"promise end\",promise,end,,");
    assert_holds(text, "\n2,a,waiting,60000000000,\"mutex m, held by #3 for 1m00s\",mutex,m,3,");
    ad_snapshot_destroy(s);
}

/* All 256 byte values in every text that a view may show. */
static void no_byte_of_a_target_reaches_the_terminal(void **state)
{
    (void)state;
    static const char *const views[] = {"",         "--tasks",       "--json",        "--csv",
                                        "--folded", "--group stack", "--group wait",  "--group name",
                                        "--tree",   "--tree=spawned", "--task 1",     "--group label.user",
                                        "--group spawn", "--group file", "--workers",    "--futures",
                                        "--dot"};
    for (unsigned byte = 1; byte < 256; byte++) {
        char bad[8] = {'x', (char)byte, 'y', '\0'};
        struct ad_snapshot *s = build_snapshot();
        uint32_t t = build_task(s, bad), other = build_task(s, "b");
        build_wait(s, t, build_lock(s, bad, other));
        AD_ITEMS(struct ad_worker, &s->workers)[0].state_name = bad;
        build_future_at(s, 0)->site = (struct ad_place){bad, 1, NULL};
        build_future_at(s, 0)->state_name = bad;
        build_stack(s, t, bad, bad, 1, USER, NULL);
        build_task_at(s, t)->spawn_site = (struct ad_place){bad, 1, NULL};
        struct ad_task_extra *extra = build_extra(s, t);
        extra->label_count = 1;
        *(struct ad_label *)build_add(&s->labels) = (struct ad_label){"user", bad};
        for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
            ad_auto_free char *text = view(s, views[i]);
            for (const char *at = text; *at; at++)
                if ((*at < ' ' && *at != '\n') || *at == 0x7f)
                    fail_msg("byte %u of %u comes through %s", (unsigned char)*at, byte, views[i]);
            if (byte == '\n')
                assert_lacks(text, "x\ny");
        }
        ad_snapshot_destroy(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_grouped_by_any_field), cmocka_unit_test(trees_collapse_what_is_equal),
        cmocka_unit_test(a_deep_tree_stays_readable),     cmocka_unit_test(stacks_are_folded),
        cmocka_unit_test(one_task_is_told_in_full),       cmocka_unit_test(a_table_has_all_fields),
        cmocka_unit_test(workers_and_futures_are_listed),  cmocka_unit_test(graphs_are_of_tasks_and_objects),
        cmocka_unit_test(no_byte_of_a_target_reaches_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
