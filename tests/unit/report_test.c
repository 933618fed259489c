/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "viewing.h"
#include "report/groups.h"
#include "report/stack.h"
#include "report/words.h"

enum { SCREEN_MAX = 4096 };

static void assert_duration(uint64_t ns, const char *expected)
{
    struct ad_buffer buffer;
    begin(&buffer);
    ad_print_duration(buffer.file, ns);
    ad_auto_free char *text = finish(&buffer);
    assert_string_equal(text, expected);
}

static struct ad_future *waits(struct ad_snapshot *snapshot, uint32_t task, enum async_debug_kind_class kind,
                               const char *kind_name, const char *name)
{
    uint32_t future = build_future(snapshot, kind, kind_name, name);
    build_wait(snapshot, task, future);
    return build_future_at(snapshot, future);
}

/* Two tasks in a deadlock, one behind, one that reads; the stacks of kvd in small. */
static struct ad_snapshot *hung(void)
{
    struct ad_snapshot *s = build_snapshot();
    uint32_t main_task = build_task(s, "main"), a = build_task(s, "transfer-ab"),
             b = build_task(s, "transfer-ba"), waiter = build_task(s, "client");
    waits(s, main_task, ASYNC_DEBUG_KIND_ACCEPT, "accept", NULL)->fd = 7;
    build_wait(s, a, build_lock(s, "key bob", b));
    build_wait(s, b, build_lock(s, "key alice", a));
    build_wait(s, waiter, build_task_at(s, b)->future);
    build_stack(s, main_task, "async_accept", "runtime/tcp.c", 5, HIDDEN, "serve", "src/server.c", 30, USER,
                NULL);
    uint32_t stack =
        build_stack(s, a, "async_mutex_lock", "runtime/mutex.c", 5, HIDDEN, "lock_pair", "src/bank.c", 16,
                    INLINED, "transfer", "src/bank.c", 20, USER, "serve_client", "src/server.c", 88, USER,
                    "async_task_entry", NULL, 0, HIDDEN, NULL);
    build_task_at(s, b)->stack = stack;
    build_stack(s, waiter, "async_mutex_lock", "runtime/mutex.c", 5, HIDDEN, "get", "src/bank.c", 40, USER,
                NULL);
    build_task_at(s, waiter)->spawn_site = (struct ad_place){"src/server.c", 77, NULL};
    build_task_at(s, waiter)->parent = main_task;
    return s;
}

/* ---- Words ---- */

static void durations_are_human(void **state)
{
    (void)state;
    assert_duration(0, "0ms");
    assert_duration(999, "0us");
    assert_duration(40 * 1000, "40us");
    assert_duration(312 * 1000 * 1000, "312ms");
    assert_duration(4 * BUILD_SECOND, "4s");
    assert_duration(843 * BUILD_SECOND, "14m03s");
    assert_duration(7500 * BUILD_SECOND, "2h05m");
    assert_duration(47 * 3600 * BUILD_SECOND, "47h00m");
    assert_duration((3 * 24 + 4) * 3600 * BUILD_SECOND, "3d04h");
    assert_duration(UINT64_MAX - 1, "213503d23h");
}

static void waits_are_said_in_words(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t owner = build_task(s, "own\x1b[0m"), t = build_task(s, "t");
    build_wait(s, t, build_lock(s, "key alice", owner));
    assert_wait(s, t, "mutex key alice, held by #1 for 1m00s");
    build_wait(s, t, build_lock(s, NULL, AD_NONE));
    build_future_at(s, 1)->owner_address = 0x77;
    assert_wait(s, t, "mutex 0x1001, held by a task that was not read (0x77) for 1m00s");

    struct ad_future *future = waits(s, t, ASYNC_DEBUG_KIND_READ, "read", NULL);
    future->fd = 9;
    future->peer = "127.0.0.1:4711\n";
    assert_wait(s, t, "read fd 9 from 127.0.0.1:4711\\x0a");
    future->kind_name = "receive"; /* a datagram */
    assert_wait(s, t, "receive fd 9 from 127.0.0.1:4711\\x0a");
    future->kind = ASYNC_DEBUG_KIND_WRITE;
    future->kind_name = "write";
    assert_wait(s, t, "write fd 9 to 127.0.0.1:4711\\x0a");
    waits(s, t, ASYNC_DEBUG_KIND_ACCEPT, "accept", NULL)->fd = 7;
    assert_wait(s, t, "accept on fd 7");
    waits(s, t, ASYNC_DEBUG_KIND_ACCEPT, "accept", "0.0.0.0:80");
    assert_wait(s, t, "accept (0.0.0.0:80)");

    waits(s, t, ASYNC_DEBUG_KIND_TIMER, "timer", NULL)->deadline = BUILD_NOW + 2758 * BUILD_SECOND;
    assert_wait(s, t, "timer, 45m58s left");
    waits(s, t, ASYNC_DEBUG_KIND_TIMER, "timer", NULL)->deadline = BUILD_NOW - 2 * BUILD_SECOND;
    assert_wait(s, t, "timer, due 2s ago");

    waits(s, t, ASYNC_DEBUG_KIND_CHANNEL_RECEIVE, "channel receive", "journal")->senders = 0;
    assert_wait(s, t, "channel journal (receive; 0 senders)");
    future = waits(s, t, ASYNC_DEBUG_KIND_CHANNEL_SEND, "channel send", "journal");
    future->count = future->capacity = 8;
    assert_wait(s, t, "channel journal (send; 8 of 8 slots full)");
    future->state = ASYNC_DEBUG_FUTURE_STATE_CLOSED;
    future->state_name = "closed";
    assert_wait(s, t, "channel journal (send; 8 of 8 slots full) (closed)");

    waits(s, t, ASYNC_DEBUG_KIND_JOIN, "join", NULL)->owner = owner;
    assert_wait(s, t, "join of #1 \"own\\x1b[0m\"");
    waits(s, t, ASYNC_DEBUG_KIND_PROMISE, "promise", "config")->owner = owner;
    assert_wait(s, t, "promise config, to be resolved by #1");
    waits(s, t, ASYNC_DEBUG_KIND_OTHER, "latch", "x");
    assert_wait(s, t, "latch x");

    future = waits(s, t, ASYNC_DEBUG_KIND_WORK, "work", "hash");
    assert_wait(s, t, "work hash");
    future->state_name = "queued";
    assert_wait(s, t, "work hash, queued");
    future->thread = 77;
    assert_wait(s, t, "work hash, on thread 77");
    future = waits(s, t, ASYNC_DEBUG_KIND_FILE, "file", "log");
    future->state_name = "queued";
    future->fd = 9;
    assert_wait(s, t, "file fd 9 (log), queued");

    build_wait(s, t, build_lock(s, "m", owner));
    build_state(s, owner, ASYNC_DEBUG_STATE_RETURNED);
    assert_wait(s, t, "mutex m, held by #1 for 1m00s, which has ended");
    build_state(s, t, ASYNC_DEBUG_STATE_RUNNING);
    assert_wait(s, t, "running on worker 0");
    assert_wait(s, 99, "");
    ad_snapshot_destroy(s);
}

/* ---- Tables and groups ---- */

static void columns_line_up_whatever_the_bytes(void **state)
{
    (void)state;
    static const struct ad_column columns[] = {{.right = true}, {.widest = 6}, {0}};
    struct ad_buffer buffer;
    begin(&buffer);
    size_t rows =
        ad_table_print(buffer.file, "1\tö\tx\n100\tabcdefghi\ty\na whole sentence\n", columns, 3, 1000);
    ad_auto_free char *text = finish(&buffer);
    assert_int_equal(rows, 3);
    assert_string_equal(text, "  1  ö       x\n100  abc...  y\na whole sentence\n");

    begin(&buffer);
    assert_int_equal(ad_table_print(buffer.file, "1\n22\n333\n", columns, 1, 8), 2); /* whole rows only */
    ad_auto_free char *cut = finish(&buffer);
    assert_string_equal(cut, "1\n22\n");
}

static void tables_are_fitted_into_a_width(void **state)
{
    (void)state;
    const char *text = "name\tstate\twhere\nabcdefghijkl\twaiting\tstuvwxyz\n";
    struct ad_column columns[] = {{.narrowest = 6}, {0}, {.narrowest = 7}};
    struct ad_buffer buffer;
    begin(&buffer);
    ad_table_fit(text, columns, 3, 100);
    assert_int_equal(columns[0].widest | columns[2].widest, 0);
    ad_table_fit(text, columns, 3, 27);
    ad_table_print(buffer.file, text, columns, 3, 1000);
    ad_table_fit(text, columns, 3, 5);
    ad_table_print(buffer.file, text, columns, 3, 1000);
    ad_auto_free char *fitted = finish(&buffer);
    assert_string_equal(fitted, "name      state    where\nabcde...  waiting  stuvwxyz\n"
                                "name    state    where\nabc...  waiting  stuv...\n");
}

static void sentences_are_folded(void **state)
{
    (void)state;
    const struct ad_column column = {.widest = 70, .fold = 24};
    struct ad_buffer buffer;
    begin(&buffer);
    const char *text = "BLOCKER   a word and more words\nshort\n"
                       "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\nBLOCKER   123456789012345\n";
    assert_int_equal(ad_table_print(buffer.file, text, &column, 1, 1000), 4);
    ad_auto_free char *folded = finish(&buffer);
    assert_string_equal(folded, "BLOCKER   a word and\n          more words\nshort\n"
                                "abcdefghijklmnopqrstuvwx\n          yzabcdefghijkl\n          mnopqrstuvwxyz\n"
                                "BLOCKER   12345678901234\n          5\n");
}

static const struct ad_select_options everything;

static struct ad_error *group_all(const struct ad_snapshot *snapshot, struct ad_vector *groups_ret)
{
    struct ad_selection selection;
    AD_TRY(ad_selection_init(&everything, false, snapshot, &selection));
    struct ad_error *error = ad_groups_compute(snapshot, &selection, groups_ret);
    ad_selection_deinit(&selection);
    return error;
}

static void tasks_are_grouped_by_whole_stack(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t lock = build_lock(s, "m", AD_NONE);
    for (int i = 0; i < 9; i++)
        build_wait(s, build_task(s, "t"), lock);
    uint32_t one = build_stack(s, 0, "park", "lib.c", 1, USER, "f", "a.c", 1, USER, NULL);
    uint32_t other = build_stack(s, 1, "park", "lib.c", 1, USER, "g", "a.c", 1, USER, NULL);
    for (uint32_t i = 0; i < 9; i++)
        build_task_at(s, i)->stack = i < 3 ? one : other;
    build_task_at(s, 8)->suspended_at = 1;
    build_state(s, 2, ASYNC_DEBUG_STATE_READY);

    struct ad_vector groups;
    assert_null(group_all(s, &groups));
    const struct ad_group *group = groups.items;
    assert_int_equal(groups.count, 3);
    assert_int_equal(group[0].count, 6);
    assert_int_equal(group[0].oldest, BUILD_NOW - 1);
    assert_int_equal(group[0].shown[0], 3);
    assert_true(group[0].one_object);
    assert_int_equal(group[1].count, 2);
    assert_int_equal(group[2].count, 1);
    assert_string_equal(group[2].state, "ready");
    ad_vector_deinit(&groups);

    build_wait(s, 5, build_lock(s, "n", AD_NONE));
    assert_null(group_all(s, &groups));
    assert_int_equal(groups.count, 3);
    assert_false(AD_ITEMS(struct ad_group, &groups)[0].one_object);
    ad_vector_deinit(&groups);
    ad_snapshot_destroy(s);
}

static void assert_where(struct ad_snapshot *snapshot, uint32_t task, size_t width, const char *expected)
{
    struct ad_buffer buffer;
    begin(&buffer);
    ad_print_where(buffer.file, snapshot, build_task_at(snapshot, task)->stack, width);
    ad_auto_free char *text = finish(&buffer);
    assert_string_equal(text, expected);
}

static void a_stack_is_shortened_in_its_middle(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t t = build_task(s, "t");
    assert_where(s, t, 100, "(no stack)");
    build_stack(s, t, "lib", "lib.c", 1, HIDDEN, NULL);
    assert_where(s, t, 100, "lib lib.c:1");
    build_stack(s, t, "lib", "lib.c", 1, HIDDEN, "a", "/x/a.c", 1, USER, "b", "b.c", 2, USER, NULL);
    assert_where(s, t, 100, "b b.c:2 > a a.c:1");
    assert_where(s, t, 1, "b b.c:2 > a a.c:1");
    build_stack(s, t, "a", "a.c", 1, USER, "b", "b.c", 2, USER, "c", "c.c", 3, USER, "d", NULL, 0, USER,
                NULL);
    assert_where(s, t, 100, "d > c c.c:3 > b b.c:2 > a a.c:1");
    assert_where(s, t, 30, "d > ... > b b.c:2 > a a.c:1");
    assert_where(s, t, 20, "d > ... > a a.c:1");
    build_stack(s, t, "a", "a.c", 1, USER, "b", "b.c", 2, USER, "c", "c.c", 3, USER, "d", NULL, 0, USER, "e",
                NULL, 0, USER, NULL);
    AD_ITEMS(struct ad_stack, &s->stacks)[build_task_at(s, t)->stack].end_text = "cut";
    assert_where(s, t, 100, "... > e > ... > c c.c:3 > b b.c:2 > a a.c:1");
    ad_snapshot_destroy(s);
}

/* What they have on their stacks is the runtime's, or nothing; the same for all. */
static void tasks_without_frames_are_grouped_by_start(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    for (int i = 0; i < 5; i++)
        build_task(s, "t");
    uint32_t stack = build_stack(s, 0, "entry", "lib.s", 1, HIDDEN, NULL);
    uint32_t shown = build_stack(s, 4, "serve", "a.c", 7, USER, "parse", "b.c", 8, USER, NULL);
    uint32_t serve = AD_ITEMS(uint32_t, &s->frames)[AD_ITEMS(struct ad_stack, &s->stacks)[shown].first];
    for (uint32_t i = 0; i < 5; i++) {
        build_state(s, i, i == 3 ? ASYNC_DEBUG_STATE_FAILED : ASYNC_DEBUG_STATE_READY);
        build_task_at(s, i)->resumes = i == 3;
        build_task_at(s, i)->stack = i == 3 ? AD_NONE : i == 4 ? shown : stack;
        build_task_at(s, i)->start_location = i == 2 ? serve + 1 : serve;
    }
    struct ad_selection selection;
    const struct ad_report_options options = {.selection = &selection};
    struct ad_findings findings;
    struct ad_buffer buffer;
    begin(&buffer);
    assert_null(ad_findings_compute(s, &findings));
    assert_null(ad_selection_init(&everything, false, s, &selection));
    assert_null(ad_report_screen(buffer.file, s, &findings, &options));
    assert_null(ad_report_tasks(buffer.file, s, &findings, &options));
    ad_selection_deinit(&selection);
    ad_auto_free char *text = finish(&buffer);
    assert_non_null(strstr(text, "ready   -          begins in serve a.c:7"));
    assert_non_null(strstr(text, "ready   -          begins in parse b.c:8"));
    assert_non_null(strstr(text, "failed  -          began in serve a.c:7"));
    assert_non_null(strstr(text, "ready   -          parse b.c:8 > serve a.c:7"));
    assert_non_null(strstr(text, "  (it is to begin in serve a.c:7)\n"));
    ad_findings_deinit(&findings);
    ad_snapshot_destroy(s);
}

static void many_groups_are_counted_right(void **state)
{
    (void)state;
    enum { TASKS = 5000, STACKS = 1000 };
    struct ad_snapshot *s = build_snapshot();
    for (uint32_t i = 0; i < TASKS; i++)
        build_task_at(s, build_task(s, "t"))->stack = i % STACKS;
    struct ad_vector groups;
    assert_null(group_all(s, &groups));
    assert_int_equal(groups.count, STACKS);
    for (uint32_t i = 0; i < STACKS; i++)
        assert_int_equal(AD_ITEMS(struct ad_group, &groups)[i].count, TASKS / STACKS);
    ad_vector_deinit(&groups);
    ad_snapshot_destroy(s);
}

/* ---- The first screen ---- */

static void the_screen_names_the_culprits(void **state)
{
    (void)state;
    struct ad_snapshot *s = hung();
    AD_ITEMS(struct ad_runtime, &s->runtimes)->tasks_declared = 5;
    s->realtime = 1795227247 * BUILD_SECOND;
    assert_null(ad_snapshot_lose(s, true, 1, "1 task unreadable: \x1b broken"));
    ad_auto_free char *text = view(s, "");
    assert_holds(text,
                 "core.1234: svc (pid 1234, SIGABRT, 2026-11-21 02:14:07)  build-id ok  tasks read 4 of 5\n"
                 "HUNG: 1 deadlock; 1 of 4 tasks waits on it\n"
                 "tasks 4: 4 waiting  0 sleeping  0 ready  0 running    workers 1, idle\n");
    assert_holds(text, "DEADLOCK  #2 \"transfer-ab\"  waits for mutex key bob, held by #3 for 1m00s    "
                       "serve_client server.c:88 > transfer bank.c:20 > lock_pair bank.c:16\n");
    assert_holds(text, "          #3 \"transfer-ba\"  waits for mutex key alice, held by #2 for 1m00s  "
                       "serve_client server.c:88 > transfer bank.c:20 > lock_pair bank.c:16\n");
    assert_holds(
        text, "BLOCKER   mutex key alice: 1 task waits on it; held by #2 \"transfer-ab\" for 1m00s, in the "
              "deadlock\n");
    assert_holds(text, "COUNT  OLDEST  STATE    WAITS FOR                    WHERE ");
    assert_holds(text,
                 "    2   1m00s  waiting  mutex, several               serve_client server.c:88 > transfer "
                 "bank.c:20 > lock_pair bank.c:16  #2 #3\n");
    assert_holds(text, "    1   1m00s  waiting  mutex key alice, held by #2  get bank.c:40     ");
    assert_holds(text, "\nlost: 1 task unreadable: \\x1b broken\n");
    assert_lacks(text, "async_");
    assert_lacks(text, "\x1b");
    ad_snapshot_destroy(s);
}

/* As large and as ugly as it can be: names of 256 bytes that all need escapes. */
static void the_screen_is_small_whatever_the_target(void **state)
{
    (void)state;
    static char ugly[257];
    memset(ugly, 0x1b, 256);
    struct ad_snapshot *s = build_snapshot();
    s->description = s->command = s->build_id_state = s->stop_note = ugly;
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t task = build_task(s, ugly);
        build_wait(s, task, build_lock(s, ugly, i < 100 ? (i + 1) % 100 : i < 200 ? i : i % 100));
        build_stack(s, task, ugly, ugly, 1, USER, ugly, ugly, 2, USER, ugly, ugly, 3, USER, ugly, ugly, 4,
                    USER, ugly, ugly, 5, USER, NULL);
        assert_null(ad_snapshot_lose(s, i % 2, 1, "%s", ugly));
    }
    ad_auto_free char *text = view(s, "");
    assert_true(strlen(text) < SCREEN_MAX);
    assert_holds(text, "HUNG: 101 deadlocks; 2800 of 3000 tasks wait on them\n");
    assert_holds(text, "DEADLOCK");
    assert_holds(text, "BLOCKER");
    assert_holds(text, "lost: ");
    assert_holds(text, "COUNT");
    assert_holds(text, "more groups");
    ad_auto_free char *more = view(s, "--groups 100");
    assert_holds(more, "2900 more groups");
    ad_snapshot_destroy(s);
}

static void a_long_cycle_is_shortened_in_its_middle(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    for (uint32_t i = 0; i < 1000; i++)
        build_wait(s, build_task(s, "member"), build_lock(s, "l", (i + 1) % 1000));
    ad_auto_free char *text = view(s, "");
    assert_holds(text, "#3 \"member\"");
    assert_holds(text, "... and 994 more, each waiting for the next ...\n          #998 \"member\"");
    assert_holds(text, "#1000 \"member\"");
    assert_lacks(text, "#5 \"member\"");
    ad_snapshot_destroy(s);
}

static void verdicts_in_words(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    s->kind = AD_TARGET_LIVE;
    s->description = "pid 1234";
    s->signal = 0;
    s->stop_note = "was stopped for 3.1 ms";
    ad_auto_free char *empty = view(s, "");
    assert_holds(empty, "pid 1234: svc  build-id ok  tasks read 0\nempty: ");
    assert_holds(empty, "note: pid 1234 was stopped for 3.1 ms\n");

    waits(s, build_task(s, "a"), ASYNC_DEBUG_KIND_READ, "read", NULL);
    ad_auto_free char *idle = view(s, "");
    assert_holds(idle, "idle: 1 task waits for network and other input, oldest 1m00s; nothing is stuck\n");
    waits(s, build_task(s, "b"), ASYNC_DEBUG_KIND_TIMER, "timer", NULL);
    uint32_t c = build_task(s, "c");
    waits(s, c, ASYNC_DEBUG_KIND_EVENT, "event", NULL);
    ad_auto_free char *mixed = view(s, "");
    assert_holds(
        mixed, "idle: 2 tasks wait for network input and timers, oldest 1m00s, 1 for other tasks; there is no deadlock\n");

    build_wait(s, c, build_lock(s, "m", 0));
    ad_auto_free char *suspect = view(s, "");
    assert_holds(suspect, "SUSPECT: 1 of 3 tasks waits behind a holder that does not go on\n");
    assert_holds(suspect,
                 "BLOCKER   mutex m: 1 task waits on it; held by #1 \"a\" for 1m00s, which waits for read");

    build_state(s, c, ASYNC_DEBUG_STATE_RUNNING);
    struct ad_worker *worker = s->workers.items;
    worker->state = ASYNC_DEBUG_WORKER_STATE_TASK;
    worker->current = c;
    ad_auto_free char *busy = view(s, "");
    assert_holds(busy, "busy: 1 of 3 tasks running, 0 ready to run\n");
    assert_holds(busy, "workers 1, running task #3\n");
    worker->ready_count = 5;
    worker->last_tick = BUILD_NOW - 12 * BUILD_SECOND;
    ad_auto_free char *blocked = view(s, "");
    assert_holds(blocked, "SUSPECT: a task keeps its worker from 5 ready tasks\n");
    assert_holds(blocked, "WORKER_BLOCKED  worker 0: #3 \"c\" keeps it for 12s; 5 ready tasks wait");
    ad_snapshot_destroy(s);
}

static void idle_workers_are_in_epoll_wait(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t task = build_task(s, "t");
    uint32_t stack = build_stack(s, task, "epoll_wait", NULL, 0, HIDDEN, "uv_run", NULL, 0, USER, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        struct ad_thread_state *thread = build_add(&s->threads);
        *thread = (struct ad_thread_state){.worker = i, .stack = stack};
    }
    struct ad_worker *second = build_add(&s->workers), *first = s->workers.items;
    *second = *first;
    first->thread = 0;
    second->thread = 1;
    ad_auto_free char *all = view(s, "");
    assert_holds(all, "workers 2, all idle in epoll_wait\n");
    uint32_t other = build_stack(s, task, "read", NULL, 0, HIDDEN, NULL);
    AD_ITEMS(struct ad_thread_state, &s->threads)[1].stack = other;
    ad_auto_free char *differ = view(s, "");
    assert_holds(differ, "workers 2, all idle\n");
    AD_ITEMS(struct ad_thread_state, &s->threads)[1].stack = stack;
    first->state = ASYNC_DEBUG_WORKER_STATE_LOOP;
    ad_auto_free char *one = view(s, "");
    assert_holds(one, "workers 2, 1 idle in epoll_wait, 1 in the event loop in epoll_wait\n");
    ad_snapshot_destroy(s);
}

/* ---- Tasks ---- */

static void every_task_has_its_whole_stack(void **state)
{
    (void)state;
    struct ad_snapshot *s = hung();
    build_task(s, "bare");
    AD_ITEMS(struct ad_stack, &s->stacks)[0].end_text = "memory at 0x10 is not there";
    ad_auto_free char *text = view(s, "--tasks");
    assert_holds(text, "#1 \"main\"  waiting 1m00s  accept on fd 7\n"
                       "  #1  serve  at src/server.c:30\n"
                       "  (the stack is not complete: memory at 0x10 is not there)\n\n");
    assert_holds(text, "#3 \"transfer-ba\"  waiting 1m00s  mutex key alice, held by #2 for 1m00s\n"
                       "  #1  lock_pair  at src/bank.c:16 (inlined)\n"
                       "  #2  transfer  at src/bank.c:20\n"
                       "  #3  serve_client  at src/server.c:88\n\n");
    assert_holds(text, ", spawned at src/server.c:77 by #1\n");
    assert_holds(text, "#5 \"bare\"  waiting 1m00s  something that was not read\n  (no stack)\n");
    ad_auto_free char *all = view(s, "--tasks --all-frames");
    assert_holds(all, "  #0  async_mutex_lock  at runtime/mutex.c:5\n  #1  lock_pair");
    assert_holds(all, "  #4  async_task_entry\n");
    ad_snapshot_destroy(s);
}

/* ---- JSON ---- */

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    if (!value)
        fail_msg("line %d: %s", error.line, error.text);
    return value;
}

static void json_has_it_all(void **state)
{
    (void)state;
    struct ad_snapshot *s = hung();
    assert_null(ad_snapshot_lose(s, true, 3, "3 things"));
    ad_auto_free char *text = view(s, "--json");
    json_t *document = parse(text);
    assert_int_equal(json_integer_value(json_object_get(document, "schema")), 1);
    assert_string_equal(json_string_value(json_object_get(document, "verdict")), "hung");

    const char *code;
    json_int_t first, second, total, id, owner;
    json_t *findings = json_object_get(document, "findings");
    assert_int_equal(json_unpack(json_array_get(findings, 0), "{ss s[II] sI}", "code", &code, "tasks", &first,
                                 &second, "total", &total),
                     0);
    assert_string_equal(code, "deadlock");
    assert_int_equal(first, 2);
    assert_int_equal(second, 3);
    assert_int_equal(total, 1);

    json_t *tasks = json_object_get(document, "tasks"), *stack;
    const char *name, *class, *kind, *object;
    assert_int_equal(json_array_size(tasks), 4);
    assert_int_equal(json_unpack(json_array_get(tasks, 1), "{sI ss ss s{ss ss sI} so}", "id", &id, "name",
                                 &name, "state_class", &class, "awaits", "kind", &kind, "name", &object,
                                 "owner", &owner, "stack", &stack),
                     0);
    assert_int_equal(id, 2);
    assert_string_equal(name, "transfer-ab");
    assert_string_equal(class, "waiting");
    assert_string_equal(object, "key bob");
    assert_int_equal(owner, 3);
    assert_int_equal(json_array_size(stack), 5);
    assert_true(json_is_true(json_object_get(json_array_get(stack, 1), "inlined")));
    assert_true(json_is_true(json_object_get(json_array_get(stack, 0), "hidden")));
    assert_int_equal(json_array_size(json_object_get(document, "losses")), 1);
    json_decref(document);
    ad_snapshot_destroy(s);
}

static void json_is_valid_whatever_the_bytes(void **state)
{
    (void)state;
    static const char ugly[] = "\xff\"\\\x1b\u202e\xed\xa0\x80\n</script>";
    struct ad_snapshot *s = hung();
    s->command = s->description = s->build_id_state = ugly;
    build_task_at(s, 0)->name = build_task_at(s, 0)->state_name = ugly;
    build_future_at(s, 0)->peer = build_future_at(s, 0)->name = ugly;
    AD_ITEMS(struct ad_line, &s->lines)[0].function = ugly;
    assert_null(ad_snapshot_lose(s, false, 0, "%s", ugly));
    AD_ITEMS(struct ad_worker, &s->workers)->ticks = UINT64_MAX;
    struct ad_thread_state *thread = build_add(&s->threads);
    thread->worker = thread->stack = AD_NONE;
    memset(thread->thread.name, 0xff, sizeof(thread->thread.name)); /* no NUL */
    ad_auto_free char *text = view(s, "--json");
    json_t *document = parse(text);
    json_t *task = json_array_get(json_object_get(document, "tasks"), 0);
    json_t *worker = json_array_get(json_object_get(document, "workers"), 0);
    assert_true(json_is_null(json_object_get(worker, "ticks"))); /* more than a JSON integer holds */
    assert_string_equal(json_string_value(json_object_get(task, "name")),
                        "\\xff\"\\\\\\x1b\\u{202e}\\xed\\xa0\\x80\\x0a</script>");
    json_decref(document);
    ad_snapshot_destroy(s);
}

/* ---- Options ---- */

static void an_unknown_option_is_an_error_with_the_list(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    struct ad_findings findings;
    assert_null(ad_findings_compute(s, &findings));
    static const char *const wrong[] = {"--nonsense", "--groups=0", "--groups=-1", "--groups=9x", "word",
                                        "-x",         "--help",     "--groups",    "--tasks=1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *argv[] = {(char *)"view", (char *)wrong[i], NULL};
        struct ad_buffer buffer;
        begin(&buffer);
        struct ad_error *error = ad_view_run(buffer.file, 2, argv, s, &findings);
        ad_auto_free char *text = finish(&buffer);
        assert_non_null(error);
        assert_int_equal(error->kind, AD_ERROR_USAGE);
        assert_holds(error->message, wrong[i]);
        assert_holds(error->message, "--tasks, --json");
        assert_string_equal(text, "");
        ad_error_destroy(error);
    }
    ad_findings_deinit(&findings);
    ad_snapshot_destroy(s);
}

static int use_utc(void **state)
{
    (void)state;
    return setenv("TZ", "UTC", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_human),
        cmocka_unit_test(waits_are_said_in_words),
        cmocka_unit_test(columns_line_up_whatever_the_bytes),
        cmocka_unit_test(tables_are_fitted_into_a_width),
        cmocka_unit_test(sentences_are_folded),
        cmocka_unit_test(tasks_are_grouped_by_whole_stack),
        cmocka_unit_test(a_stack_is_shortened_in_its_middle),
        cmocka_unit_test(tasks_without_frames_are_grouped_by_start),
        cmocka_unit_test(many_groups_are_counted_right),
        cmocka_unit_test(the_screen_names_the_culprits),
        cmocka_unit_test(the_screen_is_small_whatever_the_target),
        cmocka_unit_test(a_long_cycle_is_shortened_in_its_middle),
        cmocka_unit_test(verdicts_in_words),
        cmocka_unit_test(idle_workers_are_in_epoll_wait),
        cmocka_unit_test(every_task_has_its_whole_stack),
        cmocka_unit_test(json_has_it_all),
        cmocka_unit_test(json_is_valid_whatever_the_bytes),
        cmocka_unit_test(an_unknown_option_is_an_error_with_the_list),
    };
    return cmocka_run_group_tests(tests, use_utc, NULL);
}
