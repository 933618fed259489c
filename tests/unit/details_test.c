/* SPDX-License-Identifier: MIT */
/* How the views tell what only some tasks have: deadlines, cancellations, labels, holders, and so on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "viewing.h"

static uint32_t waiter(struct ad_snapshot *snapshot, uint32_t future)
{
    uint32_t task = build_task(snapshot, "waiter");
    build_wait(snapshot, task, future);
    return task;
}

static void timeouts_are_said(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t task = waiter(s, build_lock(s, "m", build_task(s, "owner")));
    struct ad_task *one = build_task_at(s, task);
    one->deadline = BUILD_NOW + 3 * BUILD_SECOND;
    assert_wait(s, task, "mutex m, held by #1 for 1m00s, timeout in 3s");
    one->deadline = BUILD_NOW - 2 * BUILD_SECOND;
    assert_wait(s, task, "mutex m, held by #1 for 1m00s, timeout overdue by 2s");
    one->flags = ASYNC_DEBUG_TASK_SHIELDED;
    assert_wait(s, task, "mutex m, held by #1 for 1m00s, timeout overdue by 2s, but it is shielded");
    s->now = 0;
    one->flags = 0;
    assert_wait(s, task, "mutex m, held by #1, with a timeout");
    ad_snapshot_destroy(s);
}

static void turns_are_said(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t task = build_task(s, "t");
    struct ad_task *one = build_task_at(s, task);
    one->state = ASYNC_DEBUG_STATE_READY;
    assert_wait(s, task, "its turn on worker 0");
    one->ready_on = 0;
    assert_wait(s, task, "its turn on worker 0, in its inbox");
    one->ready_position = 0;
    assert_wait(s, task, "its turn on worker 0, next");
    one->ready_position = 1;
    assert_wait(s, task, "its turn on worker 0, behind 1 other");
    one->ready_position = 7;
    assert_wait(s, task, "its turn on worker 0, behind 7 others");
    ad_snapshot_destroy(s);
}

static void holders_are_named(void **state)
{
    (void)state;
    const char *const expected[] = {
        "rwlock cache (to write), held by #1 for 1m00s",
        "rwlock cache (to write), held by #1 and #2",
        "rwlock cache (to write), held by #1, #2 and #3",
        "rwlock cache (to write), held by #1, #2 and 2 more",
    };
    for (uint32_t count = 1; count <= 4; count++) {
        struct ad_snapshot *s = build_snapshot();
        uint32_t lock = build_future(s, ASYNC_DEBUG_KIND_RWLOCK_WRITE, "rwlock write", "cache");
        for (uint32_t i = 0; i < count; i++)
            build_holder(s, lock, build_task(s, "reader"));
        assert_wait(s, waiter(s, lock), expected[count - 1]);
        ad_snapshot_destroy(s);
    }
    struct ad_snapshot *s = build_snapshot();
    uint32_t lock = build_lock(s, "m", AD_NONE), task = waiter(s, lock);
    build_future_at(s, lock)->owner_id = 77;
    assert_wait(s, task, "mutex m, held by #77 for 1m00s, which is gone");
    build_future_at(s, lock)->kind = ASYNC_DEBUG_KIND_JOIN;
    assert_wait(s, task, "join of #77, which is gone");
    build_future_at(s, lock)->kind = ASYNC_DEBUG_KIND_PROMISE;
    build_future_at(s, lock)->thread = 4711;
    assert_wait(s, task, "promise m, to be resolved by thread 4711");
    ad_snapshot_destroy(s);
}

static void several_are_named(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t select = build_future(s, ASYNC_DEBUG_KIND_SELECT, "select", NULL), task = waiter(s, select);
    uint32_t all = build_future(s, ASYNC_DEBUG_KIND_ALL, "gather", NULL);
    uint32_t channel = build_future(s, ASYNC_DEBUG_KIND_CHANNEL_RECEIVE, "receive", "jobs");
    build_future_at(s, channel)->senders = 0;
    build_child(s, select, build_lock(s, "m", task));
    build_child(s, select, channel);
    assert_wait(s, task, "first of 2: mutex m, held by #1; channel jobs (receive; 0 senders)");
    build_child(s, select, AD_NONE);
    assert_wait(s, task, "first of 3: mutex m, held by #1; channel jobs (receive; 0 senders); "
                         "something that was not read");
    build_child(s, select, select);
    assert_wait(s, task, "first of 4: mutex m, held by #1; channel jobs (receive; 0 senders); and 2 more");
    build_child(s, all, select);
    build_wait(s, task, all);
    assert_wait(s, task, "all of 1: select 0x1000"); /* its own parts are not told */
    build_future_at(s, select)->first_child = UINT32_MAX;
    build_wait(s, task, select);
    assert_wait(s, task, "select 0x1000");
    ad_snapshot_destroy(s);
}

/* A task with everything, by the side of one with nothing. */
static struct ad_snapshot *detailed(void)
{
    struct ad_snapshot *s = build_snapshot();
    uint32_t group = build_future(s, ASYNC_DEBUG_KIND_GROUP, "group", "requests");
    uint32_t plain = build_task(s, "plain"), task = build_task(s, "rich");
    uint32_t stack = build_stack(s, plain, "runtime_spawn", NULL, 0, HIDDEN, "accept_one", "src/main.c", 8, USER,
                                 NULL);
    uint32_t failed = build_stack(s, plain, "store_get", "src/store.c", 40, USER, NULL);
    build_task_at(s, plain)->stack = AD_NONE;
    build_future_at(s, group)->count = 2;
    struct ad_task *one = build_task_at(s, task);
    one->state = ASYNC_DEBUG_STATE_FAILED;
    one->cancel_state = ASYNC_DEBUG_CANCEL_SWALLOWED;
    one->cancel_by = 1;
    one->cancel_at = BUILD_NOW - 2 * BUILD_SECOND;
    one->error = -2;
    one->flags = ASYNC_DEBUG_TASK_DETACHED | ASYNC_DEBUG_TASK_RETRIEVED;
    one->start_location = 1;
    one->spawn_location = 1;
    AD_ITEMS(struct ad_runtime, &s->runtimes)->tasks_read = 2;
    struct ad_task_extra *extra = build_extra(s, task);
    extra->group = group;
    extra->cancel_site = (struct ad_place){"src/stop.c", 4, "stop"};
    extra->error_site = (struct ad_place){"src/store.c", 40, NULL};
    extra->spawn_trace.stack = stack;
    extra->error_trace.stack = failed;
    extra->label_count = 2;
    *(struct ad_label *)build_add(&s->labels) = (struct ad_label){"request", "17"};
    *(struct ad_label *)build_add(&s->labels) = (struct ad_label){"user", "b\x1b"};
    extra->cpu_time = BUILD_SECOND / 4;
    extra->longest_step = BUILD_SECOND / 10;
    return s;
}

static void details_have_lines_of_their_own(void **state)
{
    (void)state;
    struct ad_snapshot *s = detailed();
    ad_auto_free char *text = view(s, "--tasks");
    assert_string_equal(text, "#1 \"plain\"  waiting 1m00s  something that was not read\n"
                              "  (no stack)\n"
                              "\n"
                              "#2 \"rich\"  failed 1m00s  nothing, it has ended, failed: ENOENT at src/store.c:40, "
                              "started as accept_one main.c:8, spawned in accept_one main.c:8\n"
                              "  cancel swallowed, requested by #1 2s ago at src/stop.c:4 in stop\n"
                              "  labels request=17 user=b\\x1b\n"
                              "  in task group requests (2 tasks left)\n"
                              "  detached, retrieved\n"
                              "  on the CPU 250ms, longest step 100ms\n"
                              "  failed in:\n"
                              "  #0  store_get  at src/store.c:40\n"
                              "  spawned in:\n"
                              "  #1  accept_one  at src/main.c:8\n");
    build_task_at(s, 1)->error_text = "no such key";
    build_task_at(s, 1)->cancel_state = ASYNC_DEBUG_CANCEL_REQUESTED;
    build_task_at(s, 1)->cancel_by = 99;
    ad_auto_free char *other = view(s, "--tasks");
    assert_holds(other, ", failed: no such key at src/store.c:40,");
    assert_holds(other, "\n  cancel requested by #99 2s ago at ");
    ad_snapshot_destroy(s);
}

static void a_worker_is_named_when_there_are_several(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    waiter(s, build_future(s, ASYNC_DEBUG_KIND_READ, "read", NULL));
    ad_auto_free char *alone = view(s, "--tasks");
    assert_lacks(alone, "worker");
    struct ad_worker second = AD_ITEMS(struct ad_worker, &s->workers)[0];
    second.id = 1;
    *(struct ad_worker *)build_add(&s->workers) = second;
    build_task_at(s, 0)->worker = 1;
    ad_auto_free char *several = view(s, "--tasks");
    assert_holds(several, "  read, on worker 1\n");
    ad_snapshot_destroy(s);
}

static void system_tasks_are_counted_but_not_listed(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t read = build_future(s, ASYNC_DEBUG_KIND_READ, "read", NULL);
    waiter(s, read);
    for (int i = 0; i < 2; i++)
        build_task_at(s, waiter(s, read))->flags = ASYNC_DEBUG_TASK_SYSTEM;
    ad_auto_free char *screen = view(s, ""), *more = view(s, "--system");
    assert_holds(screen, "\ntasks 3: 3 waiting  0 sleeping  0 ready  0 running, 2 of them the runtime's own    ");
    assert_holds(screen, "\n    1   1m00s  waiting  read ");
    assert_holds(more, "\n    3   1m00s  waiting  read ");
    ad_auto_free char *list = view(s, "--tasks"), *all = view(s, "--tasks --system");
    assert_lacks(list, "#2 ");
    assert_holds(list, "\n\n2 tasks of the runtime's own left out (--system shows them)\n");
    assert_holds(all, "#3 ");
    assert_lacks(all, "left out");
    ad_snapshot_destroy(s);
}

/* Two ways of the runtime's to the same wait of the program's. */
static void the_runtimes_frames_do_not_split_groups(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t read = build_future(s, ASYNC_DEBUG_KIND_READ, "read", NULL);
    uint32_t a = waiter(s, read), b = waiter(s, read), c = waiter(s, read), d = waiter(s, read);
    build_stack(s, a, "hand_over", NULL, 0, HIDDEN, "serve", "src/main.c", 8, USER, NULL);
    build_stack(s, b, "to_loop", NULL, 0, HIDDEN, "async_suspend", NULL, 0, HIDDEN, NULL);
    *(uint32_t *)build_add(&s->frames) = 1; /* serve, at the same place */
    AD_ITEMS(struct ad_stack, &s->stacks)[1].count++;
    build_stack(s, c, "hand_over", NULL, 0, HIDDEN, NULL); /* nothing to show */
    build_stack(s, d, "to_loop", NULL, 0, HIDDEN, NULL);
    ad_auto_free char *screen = view(s, "");
    assert_holds(screen, "\n    2   1m00s  waiting  read       serve main.c:8  #1 #2\n");
    assert_holds(screen, "\n    1   1m00s  waiting  read       hand_over       #3\n");
    assert_holds(screen, "\n    1   1m00s  waiting  read       to_loop         #4\n");
    ad_snapshot_destroy(s);
}

static void a_timeout_is_something_to_wait_for(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t task = waiter(s, build_future(s, ASYNC_DEBUG_KIND_EVENT, "event", "stop"));
    ad_auto_free char *without = view(s, "");
    assert_holds(without, "\nSUSPECT: 1 task wait only for other tasks");
    build_task_at(s, task)->deadline = BUILD_NOW + 1;
    ad_auto_free char *with = view(s, "");
    assert_holds(with, "\nidle: 1 task waits for other tasks, 1 of them with a timeout; there is no deadlock\n");
    ad_snapshot_destroy(s);
}

static void a_deadlock_shows_its_other_branches(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t a = build_task(s, "a"), b = build_task(s, "b"), c = build_task(s, "c");
    uint32_t select = build_future(s, ASYNC_DEBUG_KIND_SELECT, "select", NULL), lock = build_lock(s, "m", a);
    build_child(s, select, build_lock(s, "of b", b));
    build_child(s, select, build_lock(s, "of c", c));
    build_wait(s, a, select);
    build_wait(s, b, lock);
    build_wait(s, c, lock);
    ad_auto_free char *screen = view(s, "");
    assert_holds(screen, "HUNG: 1 deadlock; no other task waits on it");
    assert_holds(screen, "DEADLOCK  #1 \"a\"  waits for first of 2: mutex of b, held by #2; mutex of c, held by #3");
    assert_holds(screen, "\n          #2 \"b\"  waits for mutex m, held by #1 for 1m00s");
    assert_holds(screen, "\n          #3 \"c\"  waits for mutex m, held by #1 for 1m00s");
    ad_snapshot_destroy(s);
}

static void a_pool_that_blocks_names_its_holders(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t pool = build_future(s, ASYNC_DEBUG_KIND_SEMAPHORE, "semaphore", "pool");
    uint32_t reader = waiter(s, build_future(s, ASYNC_DEBUG_KIND_READ, "read", NULL));
    build_holder(s, pool, reader);
    build_holder(s, pool, waiter(s, build_task_at(s, reader)->future));
    build_future_at(s, pool)->capacity = 2;
    waiter(s, pool);
    waiter(s, pool);
    ad_auto_free char *screen = view(s, "");
    assert_holds(screen, "BLOCKER   semaphore pool (0 of 2 permits left), held by #1 and #2: 2 tasks wait on it; "
                         "of them #1 \"waiter\", which waits for read, since 1m00s\n");
    ad_snapshot_destroy(s);
}

/* ---- JSON ---- */

static json_t *document_of(const struct ad_snapshot *snapshot)
{
    json_error_t error;
    ad_auto_free char *text = view(snapshot, "--json");
    json_t *document = json_loads(text, 0, &error);
    if (!document)
        fail_msg("line %d: %s in:\n%s", error.line, error.text, text);
    return document;
}

/* The members of a task, each as compact JSON. */
static void assert_member(const json_t *object, const char *name, const char *expected)
{
    const json_t *value = json_object_get(object, name);
    ad_auto_free char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (!text || strcmp(text, expected) != 0)
        fail_msg("\"%s\" is %s, not %s", name, text ? text : "missing", expected);
}

static void json_has_the_details(void **state)
{
    (void)state;
    struct ad_snapshot *s = detailed();
    build_task_at(s, 1)->deadline = BUILD_NOW - 5;
    build_task_at(s, 1)->argument = 0x1234;
    build_task_at(s, 1)->stack_used_max = 4000;
    json_t *document = document_of(s);
    const json_t *plain = json_array_get(json_object_get(document, "tasks"), 0);
    const json_t *rich = json_array_get(json_object_get(document, "tasks"), 1);
    const char *const absent[] = {"deadline_ns", "ready", "cancel", "error", "group", "times", "start",
                                  "spawned_in", "spawn_stack", "error_stack", "argument", "locals"};
    for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
        assert_member(plain, absent[i], "null");
    assert_member(plain, "labels", "[]");
    assert_member(rich, "deadline_ns", "-5");
    assert_member(rich, "cancel", "{\"state\":\"swallowed\",\"by\":1,\"at_ns\":2000000000,\"site\":{\"file\":"
                                  "\"src/stop.c\",\"line\":4,\"function\":\"stop\"}}");
    assert_member(rich, "error", "{\"code\":-2,\"name\":\"ENOENT\",\"text\":null,\"site\":{\"file\":"
                                 "\"src/store.c\",\"line\":40,\"function\":null}}");
    assert_member(rich, "labels",
                  "[{\"key\":\"request\",\"value\":\"17\"},{\"key\":\"user\",\"value\":\"b\\\\x1b\"}]");
    assert_member(rich, "flags", "[\"detached\",\"retrieved\"]");
    assert_member(rich, "group", "\"0x1000\"");
    assert_member(rich, "times", "{\"cpu_ns\":250000000,\"wall_ns\":0,\"longest_step_ns\":100000000}");
    assert_member(rich, "argument", "\"0x1234\"");
    assert_member(rich, "stack_used_max", "4000");
    assert_member(json_object_get(rich, "start"), "function", "\"accept_one\"");
    assert_member(json_array_get(json_object_get(rich, "error_stack"), 0), "function", "\"store_get\"");
    assert_int_equal(json_array_size(json_object_get(rich, "spawn_stack")), 2);
    json_decref(document);
    ad_snapshot_destroy(s);
}

static void json_has_the_parts_of_a_future(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t pool = build_future(s, ASYNC_DEBUG_KIND_SEMAPHORE, "semaphore", "pool"), task = waiter(s, pool);
    uint32_t select = build_future(s, ASYNC_DEBUG_KIND_SELECT, "select", NULL);
    for (int i = 0; i < 100; i++)
        build_holder(s, pool, task);
    build_child(s, select, pool);
    build_child(s, select, AD_NONE);
    waiter(s, select);
    build_future_at(s, pool)->created_at = BUILD_NOW - 7;
    build_future_at(s, pool)->error = -104;
    json_t *document = document_of(s);
    const json_t *tasks = json_object_get(document, "tasks");
    const json_t *first = json_object_get(json_array_get(tasks, 0), "awaits");
    const json_t *second = json_object_get(json_array_get(tasks, 1), "awaits");
    assert_member(first, "holder_count", "100");
    assert_int_equal(json_array_size(json_object_get(first, "holders")), 64);
    assert_member(first, "created_ns", "7");
    assert_member(first, "error", "-104");
    assert_member(json_array_get(json_object_get(first, "holders"), 63), "task", "1");
    assert_member(second, "child_count", "2");
    assert_member(second, "children", "[{\"kind\":\"semaphore\",\"kind_class\":\"semaphore\",\"state\":\"pending\","
                                      "\"name\":\"pool\",\"address\":\"0x1000\",\"owner\":null},null]");
    json_decref(document);
    ad_snapshot_destroy(s);
}

static void json_has_what_a_runtime_keeps(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    struct ad_finished *finished = build_add(&s->finished);
    struct ad_handle *handle = build_add(&s->handles);
    struct ad_function *function = build_add(&s->functions);
    struct ad_runtime *runtime = s->runtimes.items;
    struct ad_worker *worker = s->workers.items;
    *finished = (struct ad_finished){.native_id = UINT64_C(1) << 40,
                                     .name = "done",
                                     .state = ASYNC_DEBUG_STATE_CANCELLED,
                                     .state_name = "cancelled",
                                     .start_location = AD_NONE,
                                     .spawned_at = BUILD_NOW - 9,
                                     .finished_at = BUILD_NOW - 4,
                                     .error = -125};
    *handle = (struct ad_handle){.kind = "tcp", .fd = 9, .task_id = 3, .opened_at = BUILD_NOW - 1, .address = 16};
    *function = (struct ad_function){.start_location = AD_NONE, .spawned = 5, .longest_task = 4, .cpu_time = 3};
    runtime->tasks_spawned = 12;
    runtime->debug_flags = 3;
    runtime->slow_step = 100;
    worker->inbox_count = 2;
    worker->switches = 1000;
    json_t *document = document_of(s);
    const json_t *one = json_array_get(json_object_get(document, "finished"), 0);
    assert_member(one, "id", "1099511627776");
    assert_member(one, "state_class", "\"cancelled\"");
    assert_member(one, "life_ns", "5");
    assert_member(one, "age_ns", "4");
    assert_member(one, "error", "{\"code\":-125,\"name\":\"ECANCELED\",\"text\":null,\"site\":null}");
    one = json_array_get(json_object_get(document, "handles"), 0);
    assert_member(one, "kind", "\"tcp\"");
    assert_member(one, "fd", "9");
    assert_member(one, "task", "3");
    assert_member(one, "age_ns", "1");
    one = json_array_get(json_object_get(document, "functions"), 0);
    assert_member(one, "start", "null");
    assert_member(one, "spawned", "5");
    assert_member(one, "cpu_ns", "3");
    assert_member(one, "longest_task", "4");
    one = json_array_get(json_object_get(document, "workers"), 0);
    assert_member(one, "inbox", "2");
    assert_member(one, "switches", "1000");
    one = json_array_get(json_object_get(json_object_get(document, "target"), "runtimes"), 0);
    assert_member(one, "tasks_spawned", "12");
    assert_member(one, "debug_flags", "3");
    assert_member(one, "slow_step_ns", "100");
    json_decref(document);
    ad_snapshot_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeouts_are_said),
        cmocka_unit_test(turns_are_said),
        cmocka_unit_test(holders_are_named),
        cmocka_unit_test(several_are_named),
        cmocka_unit_test(details_have_lines_of_their_own),
        cmocka_unit_test(a_worker_is_named_when_there_are_several),
        cmocka_unit_test(system_tasks_are_counted_but_not_listed),
        cmocka_unit_test(the_runtimes_frames_do_not_split_groups),
        cmocka_unit_test(a_timeout_is_something_to_wait_for),
        cmocka_unit_test(a_deadlock_shows_its_other_branches),
        cmocka_unit_test(a_pool_that_blocks_names_its_holders),
        cmocka_unit_test(json_has_the_details),
        cmocka_unit_test(json_has_the_parts_of_a_future),
        cmocka_unit_test(json_has_what_a_runtime_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
