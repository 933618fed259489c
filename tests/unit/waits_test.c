/* SPDX-License-Identifier: MIT */
/* Waits for several at once: who is stuck, and which of them are a deadlock by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../support/snapshot_builder.h"
#include "findings/findings.h"
#include "findings/graph.h"

static uint32_t waiter(struct ad_snapshot *snapshot, uint32_t future)
{
    uint32_t task = build_task(snapshot, "waiter");
    build_wait(snapshot, task, future);
    return task;
}

static uint32_t runner(struct ad_snapshot *snapshot)
{
    uint32_t task = build_task(snapshot, "runner");
    build_state(snapshot, task, ASYNC_DEBUG_STATE_READY);
    return task;
}

/* Deadlocks, their members in order (ring first), and how many others are stuck behind them. */
static void assert_deadlock(const struct ad_snapshot *snapshot, uint64_t count, size_t members, size_t ring,
                            uint64_t stuck)
{
    struct ad_findings findings;
    assert_null(ad_findings_compute(snapshot, &findings));
    const struct ad_finding *first = findings.findings.items;
    assert_int_equal(findings.deadlocks, count);
    assert_int_equal(findings.stuck, stuck);
    if (count) {
        assert_int_equal(first->code, AD_FINDING_DEADLOCK);
        assert_int_equal(first->task_count, members);
        assert_int_equal(first->ring, ring);
    }
    ad_findings_deinit(&findings);
}

static void assert_no_deadlock(const struct ad_snapshot *snapshot)
{
    assert_deadlock(snapshot, 0, 0, 0, 0);
}

/* Two tasks, a and b, and a lock of each; nobody waits yet. */
struct pair {
    struct ad_snapshot *snapshot;
    uint32_t a, b, lock_a, lock_b;
};

static struct pair build_pair(void)
{
    struct pair pair = {.snapshot = build_snapshot()};
    pair.a = build_task(pair.snapshot, "a");
    pair.b = build_task(pair.snapshot, "b");
    pair.lock_a = build_lock(pair.snapshot, "lock a", pair.a);
    pair.lock_b = build_lock(pair.snapshot, "lock b", pair.b);
    return pair;
}

static void a_writer_waits_for_every_reader(void **state)
{
    (void)state;
    for (int stuck = 0; stuck < 4; stuck++) { /* 0: no reader waits for the writer; 3: the one not known */
        struct ad_snapshot *s = build_snapshot();
        uint32_t rwlock = build_future(s, ASYNC_DEBUG_KIND_RWLOCK_WRITE, "rwlock write", "cache");
        uint32_t writer = waiter(s, rwlock);
        uint32_t mutex = build_lock(s, "m", writer);
        for (int i = 1; i <= 3; i++)
            build_holder(s, rwlock, i == stuck ? waiter(s, mutex) : runner(s));
        if (stuck == 3)
            AD_ITEMS(struct ad_holder, &s->holders)[2].task = AD_NONE;
        if (stuck == 0 || stuck == 3)
            assert_no_deadlock(s);
        else
            assert_deadlock(s, 1, 2, 2, 0);
        ad_snapshot_destroy(s);
    }
}

/* Who holds it to read and wants to write waits for itself. */
static void a_reader_cannot_become_the_writer(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t rwlock = build_future(s, ASYNC_DEBUG_KIND_RWLOCK_WRITE, "rwlock write", "cache");
    uint32_t reader = waiter(s, rwlock);
    build_holder(s, rwlock, runner(s));
    build_holder(s, rwlock, reader);
    assert_deadlock(s, 1, 1, 1, 0);
    ad_snapshot_destroy(s);
}

static void any_holder_can_give_a_permit_back(void **state)
{
    (void)state;
    enum { ALL_WAIT, ONE_RUNS, ONE_ENDED, ONE_UNKNOWN, NOT_ALL_READ, PERMIT_LEFT, NO_CAPACITY, CASES };
    for (int how = 0; how < CASES; how++) {
        struct ad_snapshot *s = build_snapshot();
        uint32_t pool = build_future(s, ASYNC_DEBUG_KIND_SEMAPHORE, "semaphore", "pool");
        uint32_t holders[3];
        for (int i = 0; i < 3; i++) {
            holders[i] = waiter(s, pool); /* each has one permit and wants another */
            build_holder(s, pool, holders[i]);
        }
        waiter(s, pool);
        struct ad_future *future = build_future_at(s, pool);
        future->capacity = how == NO_CAPACITY ? 0 : how == PERMIT_LEFT ? 4 : 3;
        future->holders_whole = how != NOT_ALL_READ;
        if (how == ONE_RUNS || how == ONE_ENDED)
            build_state(s, holders[1], how == ONE_RUNS ? ASYNC_DEBUG_STATE_RUNNING : ASYNC_DEBUG_STATE_RETURNED);
        if (how == ONE_UNKNOWN)
            AD_ITEMS(struct ad_holder, &s->holders)[1].task = AD_NONE;
        if (how == ALL_WAIT)
            assert_deadlock(s, 1, 3, 1, 1); /* one ring, but all three are members */
        else
            assert_no_deadlock(s);
        ad_snapshot_destroy(s);
    }
}

static void a_pool_whose_holders_work_is_a_blocker(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t pool = build_future(s, ASYNC_DEBUG_KIND_SEMAPHORE, "semaphore", "pool");
    build_future_at(s, pool)->capacity = 2;
    build_holder(s, pool, runner(s));
    build_holder(s, pool, runner(s));
    for (int i = 0; i < 5; i++)
        waiter(s, pool);
    struct ad_findings findings;
    assert_null(ad_findings_compute(s, &findings));
    const struct ad_finding *blocker = findings.findings.items;
    assert_int_equal(findings.findings.count, 1);
    assert_int_equal(blocker->code, AD_FINDING_BLOCKER);
    assert_int_equal(blocker->future, pool);
    assert_int_equal(blocker->direct, 5);
    assert_int_equal(blocker->severity, AD_SEVERITY_NOTE);
    assert_int_equal(blocker->tasks[0], 0);
    ad_findings_deinit(&findings);
    ad_snapshot_destroy(s);
}

/* a waits for the first of two, b for a. */
static void a_select_needs_every_branch_stuck(void **state)
{
    (void)state;
    enum { BOTH, READ, TIMER, RESOLVED, UNKNOWN, NOT_ALL_READ, CHANNEL, CASES };
    for (int how = 0; how < CASES; how++) {
        struct pair p = build_pair();
        struct ad_snapshot *s = p.snapshot;
        uint32_t other = build_task(s, "other"), lock = build_lock(s, "lock of other", other);
        uint32_t select = build_future(s, ASYNC_DEBUG_KIND_SELECT, "select", NULL);
        uint32_t leaf = build_future(s,
                                     how == TIMER     ? ASYNC_DEBUG_KIND_TIMER
                                     : how == CHANNEL ? ASYNC_DEBUG_KIND_CHANNEL_RECEIVE
                                                      : ASYNC_DEBUG_KIND_READ,
                                     "leaf", NULL);
        if (how == RESOLVED)
            build_future_at(s, lock)->state = ASYNC_DEBUG_FUTURE_STATE_RESOLVED;
        build_child(s, select, p.lock_b);
        build_child(s, select, how == BOTH || how == RESOLVED || how == NOT_ALL_READ ? lock
                               : how == UNKNOWN                                      ? AD_NONE
                                                                                     : leaf);
        build_future_at(s, select)->children_whole = how != NOT_ALL_READ;
        build_wait(s, p.a, select);
        build_wait(s, p.b, p.lock_a);
        build_wait(s, other, p.lock_a);
        waiter(s, p.lock_b);
        if (how == BOTH)
            assert_deadlock(s, 1, 3, 2, 1); /* a and b are a ring, and `other` is on the other branch */
        else
            assert_no_deadlock(s);
        ad_snapshot_destroy(s);
    }
}

/* a waits for the first of b's lock and c's; c is in a deadlock with d. That one is the cause of it all. */
static void a_select_stuck_by_another_deadlock_is_behind_it(void **state)
{
    (void)state;
    struct pair p = build_pair();
    struct ad_snapshot *s = p.snapshot;
    uint32_t c = build_task(s, "c"), d = build_task(s, "d");
    uint32_t lock_c = build_lock(s, "lock c", c), lock_d = build_lock(s, "lock d", d);
    uint32_t select = build_future(s, ASYNC_DEBUG_KIND_SELECT, "select", NULL);
    build_wait(s, c, lock_d);
    build_wait(s, d, lock_c);
    build_child(s, select, p.lock_b);
    build_child(s, select, lock_c);
    build_wait(s, p.a, select);
    build_wait(s, p.b, p.lock_a);
    assert_deadlock(s, 1, 2, 2, 2);
    struct ad_findings findings;
    assert_null(ad_findings_compute(s, &findings));
    assert_int_equal(((const struct ad_finding *)findings.findings.items)->tasks[0], c);
    ad_findings_deinit(&findings);
    ad_snapshot_destroy(s);
}

/* Of an ALL or a group one stuck part is enough; the group's tasks may be told by themselves. */
static void one_stuck_part_blocks_all(void **state)
{
    (void)state;
    enum { ALL, GROUP_OF_JOINS, GROUP_OF_MEMBERS, CASES };
    for (int how = 0; how < CASES; how++) {
        for (int stuck = 0; stuck < 2; stuck++) {
            struct ad_snapshot *s = build_snapshot();
            uint32_t whole = build_future(s, how == ALL ? ASYNC_DEBUG_KIND_ALL : ASYNC_DEBUG_KIND_GROUP, "g", NULL);
            uint32_t parent = waiter(s, whole), mutex = build_lock(s, "m", parent), joins[3];
            for (int i = 0; i < 3; i++) {
                uint32_t task = stuck && i == 1 ? waiter(s, mutex) : runner(s);
                joins[i] = build_future(s, ASYNC_DEBUG_KIND_JOIN, "join", NULL);
                build_future_at(s, joins[i])->owner = task;
                if (how == GROUP_OF_MEMBERS)
                    build_extra(s, task)->group = whole;
            }
            for (int i = 0; how != GROUP_OF_MEMBERS && i < 3; i++)
                build_child(s, whole, joins[i]);
            assert_deadlock(s, (uint64_t)stuck, 2, 2, 0);
            ad_snapshot_destroy(s);
        }
    }
}

static void what_interrupts_a_wait_undoes_a_deadlock(void **state)
{
    (void)state;
    enum { NOTHING, DEADLINE, OVERDUE, CANCEL, DELIVERED, THREAD, CASES };
    for (int how = 0; how < CASES; how++) {
        for (int shielded = 0; shielded < 2; shielded++) {
            struct pair p = build_pair();
            struct ad_task *b = build_task_at(p.snapshot, p.b);
            build_wait(p.snapshot, p.a, p.lock_b);
            build_wait(p.snapshot, p.b, p.lock_a);
            b->deadline = how == DEADLINE ? BUILD_NOW + 1 : how == OVERDUE ? BUILD_NOW - 5 * BUILD_SECOND : 0;
            b->cancel_state = how == CANCEL      ? ASYNC_DEBUG_CANCEL_REQUESTED
                              : how == DELIVERED ? ASYNC_DEBUG_CANCEL_DELIVERED
                                                 : ASYNC_DEBUG_CANCEL_NONE;
            b->flags = shielded ? ASYNC_DEBUG_TASK_SHIELDED : 0;
            if (how == THREAD) {
                build_future_at(p.snapshot, p.lock_a)->kind = ASYNC_DEBUG_KIND_PROMISE;
                build_future_at(p.snapshot, p.lock_a)->thread = 4711;
            }
            bool interrupted = !shielded && (how == DEADLINE || how == OVERDUE || how == CANCEL);
            if (interrupted || how == THREAD)
                assert_no_deadlock(p.snapshot);
            else
                assert_deadlock(p.snapshot, 1, 2, 2, 0);
            ad_snapshot_destroy(p.snapshot);
        }
    }
}

/* A task that was just made a holder still seems to wait. */
static void a_permit_being_handed_over_is_no_deadlock(void **state)
{
    (void)state;
    for (int changing = 0; changing < 2; changing++) {
        struct ad_snapshot *s = build_snapshot();
        uint32_t rwlock = build_future(s, ASYNC_DEBUG_KIND_RWLOCK_WRITE, "rwlock", "cache");
        build_holder(s, rwlock, waiter(s, rwlock));
        AD_ITEMS(struct ad_holder, &s->holders)->since = BUILD_NOW;
        AD_ITEMS(struct ad_runtime, &s->runtimes)->changing = changing;
        assert_deadlock(s, !changing, 1, 1, 0);
        ad_snapshot_destroy(s);
    }
}

/* Futures made of themselves, or of each other, are nobody's deadlock and no endless walk. */
static void futures_that_lead_in_circles_end(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    uint32_t one = build_future(s, ASYNC_DEBUG_KIND_SELECT, "select", NULL);
    uint32_t two = build_future(s, ASYNC_DEBUG_KIND_ALL, "all", NULL);
    uint32_t self = build_future(s, ASYNC_DEBUG_KIND_ALL, "all", NULL);
    build_child(s, one, two);
    build_child(s, two, one);
    build_child(s, self, self);
    for (uint32_t i = one; i <= self; i++)
        waiter(s, i);
    assert_no_deadlock(s);
    ad_snapshot_destroy(s);
}

/* Ranges that a careless reader left dangling are nobody's crash. */
static void parts_out_of_range_are_none(void **state)
{
    (void)state;
    struct pair p = build_pair();
    struct ad_future *future = build_future_at(p.snapshot, p.lock_a);
    build_wait(p.snapshot, p.a, p.lock_b);
    build_wait(p.snapshot, p.b, p.lock_a);
    future->first_holder = UINT32_MAX - 1;
    future->holder_count = UINT32_MAX;
    future->holders_whole = true;
    assert_no_deadlock(p.snapshot);
    future->kind = ASYNC_DEBUG_KIND_SELECT;
    future->first_child = UINT32_MAX - 1;
    future->child_count = UINT32_MAX;
    future->children_whole = true;
    assert_no_deadlock(p.snapshot);
    ad_snapshot_destroy(p.snapshot);
}

static void a_hundred_thousand_selects_are_quick(void **state)
{
    (void)state;
    enum { LENGTH = 100000 };
    struct ad_snapshot *s = build_snapshot();
    uint32_t first = build_task(s, "first");
    for (uint32_t i = 1; i < LENGTH; i++) { /* each for the first of the locks of the two before */
        uint32_t one = build_lock(s, "one", i - 1), two = build_lock(s, "two", i > 1 ? i - 2 : 0);
        uint32_t select = build_future(s, ASYNC_DEBUG_KIND_SELECT, "select", NULL);
        build_child(s, select, one);
        build_child(s, select, two);
        waiter(s, select);
    }
    build_wait(s, first, build_lock(s, "last", LENGTH - 1));
    assert_deadlock(s, 1, LENGTH, LENGTH - LENGTH / 2 + 1, 0);
    ad_snapshot_destroy(s);
}

/* ---- Held against the definition ---------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252u;

static uint32_t pick(uint32_t count)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed % count);
}

/* Tasks that wait for locks with one or more holders, semaphores, selects and alls; a few that do not. */
static struct ad_snapshot *build_random(uint32_t tasks, uint32_t futures)
{
    static const enum async_debug_kind_class kinds[] = {
        ASYNC_DEBUG_KIND_MUTEX,  ASYNC_DEBUG_KIND_RWLOCK_WRITE, ASYNC_DEBUG_KIND_SEMAPHORE,
        ASYNC_DEBUG_KIND_SELECT, ASYNC_DEBUG_KIND_ALL,          ASYNC_DEBUG_KIND_SELECT};
    struct ad_snapshot *s = build_snapshot();
    for (uint32_t i = 0; i < tasks; i++)
        build_task(s, "t");
    for (uint32_t i = 0; i < futures; i++) {
        uint32_t future = build_future(s, kinds[pick(6)], "f", NULL), parts = 1 + pick(3);
        for (uint32_t k = 0; k < parts; k++) {
            switch (build_future_at(s, future)->kind) {
            case ASYNC_DEBUG_KIND_MUTEX:
                build_future_at(s, future)->owner = pick(tasks);
                break;
            case ASYNC_DEBUG_KIND_RWLOCK_WRITE:
            case ASYNC_DEBUG_KIND_SEMAPHORE:
                build_holder(s, future, pick(tasks));
                break;
            default:
                build_child(s, future, pick(futures));
            }
        }
        build_future_at(s, future)->capacity = parts < 2 ? 2 : parts;
        build_future_at(s, future)->count = parts < 2 ? 1 : 0;
    }
    for (uint32_t i = 0; i < tasks; i++) {
        if (pick(8) == 0)
            build_state(s, i, ASYNC_DEBUG_STATE_READY);
        else
            build_wait(s, i, pick(futures));
    }
    return s;
}

/* Whether a future can be had when these tasks can go on and these futures can be had. */
static bool can_be_had(const struct ad_snapshot *s, const struct ad_future *future, const bool *task,
                       const bool *had)
{
    bool any = future->kind == ASYNC_DEBUG_KIND_SELECT || future->kind == ASYNC_DEBUG_KIND_SEMAPHORE;
    uint32_t can = 0, parts = future->holder_count + future->child_count;
    for (uint32_t i = 0; i < future->holder_count; i++)
        can += task[AD_ITEMS(struct ad_holder, &s->holders)[future->first_holder + i].task];
    for (uint32_t i = 0; i < future->child_count; i++)
        can += had[AD_ITEMS(uint32_t, &s->children)[future->first_child + i]];
    if (!parts)
        return task[future->owner];
    return any ? can > 0 : can == parts;
}

/* By going round until nothing more comes: as slow as it is plain. */
static void find_free(const struct ad_snapshot *s, bool *task, bool *had)
{
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < s->futures.count; i++) {
            if (!had[i] && can_be_had(s, &AD_ITEMS(struct ad_future, &s->futures)[i], task, had))
                more = had[i] = true;
        }
        for (uint32_t i = 0; i < s->tasks.count; i++) {
            const struct ad_task *one = &AD_ITEMS(struct ad_task, &s->tasks)[i];
            if (!task[i] && (one->state != ASYNC_DEBUG_STATE_WAITING || had[one->future]))
                more = task[i] = true;
        }
    }
}

/* Stuck are those whose chain ends in a cycle, unless only futures made of each other hold them; and the
   members of a deadlock alone hold it, whatever everybody else does. */
static void random_waits_are_what_they_are_defined_to_be(void **state)
{
    (void)state;
    enum { TASKS = 12, FUTURES = 14, ROUNDS = 20000 };
    uint64_t deadlocks = 0, knots = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct ad_snapshot *s = build_random(2 + pick(TASKS - 1), 2 + pick(FUTURES - 1));
        bool task[TASKS] = {false}, had[FUTURES] = {false};
        struct ad_graph graph;
        assert_null(ad_graph_init(s, &graph));
        find_free(s, task, had);
        for (uint32_t i = 0; i < s->tasks.count; i++) {
            bool said = graph.cycle[graph.root[i]] != AD_NONE;
            bool rootless = graph.next[graph.root[i]] == AD_NONE && !task[graph.root[i]];
            if (said ? task[i] : !task[i] && !rootless)
                fail_msg("round %d: task %u is %s", round, i, task[i] ? "free" : "stuck");
        }
        for (uint32_t c = 0; c < graph.cycles.count; c++) {
            memset(task, 0, sizeof(task));
            memset(had, 0, sizeof(had));
            for (uint32_t i = 0; i < s->tasks.count; i++)
                task[i] = graph.cycle[i] != c;
            find_free(s, task, had);
            for (uint32_t i = 0; i < s->tasks.count; i++)
                if (graph.cycle[i] == c && task[i])
                    fail_msg("round %d: member %u of deadlock %u is freed by others", round, i, c);
        }
        deadlocks += graph.cycles.count;
        knots += graph.knots.count;
        ad_graph_deinit(&graph);
        ad_snapshot_destroy(s);
    }
    assert_true(deadlocks > ROUNDS / 10 && knots > ROUNDS / 50); /* else it was no test */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_writer_waits_for_every_reader),
        cmocka_unit_test(a_reader_cannot_become_the_writer),
        cmocka_unit_test(any_holder_can_give_a_permit_back),
        cmocka_unit_test(a_pool_whose_holders_work_is_a_blocker),
        cmocka_unit_test(a_select_needs_every_branch_stuck),
        cmocka_unit_test(a_select_stuck_by_another_deadlock_is_behind_it),
        cmocka_unit_test(one_stuck_part_blocks_all),
        cmocka_unit_test(what_interrupts_a_wait_undoes_a_deadlock),
        cmocka_unit_test(a_permit_being_handed_over_is_no_deadlock),
        cmocka_unit_test(futures_that_lead_in_circles_end),
        cmocka_unit_test(parts_out_of_range_are_none),
        cmocka_unit_test(a_hundred_thousand_selects_are_quick),
        cmocka_unit_test(random_waits_are_what_they_are_defined_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
