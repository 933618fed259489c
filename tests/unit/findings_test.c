/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/snapshot_builder.h"
#include "findings/findings.h"

static struct ad_findings compute(const struct ad_snapshot *snapshot)
{
    struct ad_findings findings;
    assert_null(ad_findings_compute(snapshot, &findings));
    return findings;
}

static const struct ad_finding *finding_at(const struct ad_findings *findings, size_t index)
{
    assert_true(index < findings->findings.count);
    return &AD_ITEMS(struct ad_finding, &findings->findings)[index];
}

static void end(struct ad_snapshot *snapshot, struct ad_findings *findings)
{
    ad_findings_deinit(findings);
    ad_snapshot_destroy(snapshot);
}

/* `count` tasks in a ring, each holding what the one before waits for. Returns the first. */
static uint32_t add_ring(struct ad_snapshot *snapshot, uint32_t count)
{
    uint32_t first = (uint32_t)snapshot->tasks.count;
    for (uint32_t i = 0; i < count; i++)
        build_task(snapshot, "member");
    for (uint32_t i = 0; i < count; i++)
        build_wait(snapshot, first + i, build_lock(snapshot, "lock", first + (i + 1) % count));
    return first;
}

static uint32_t add_waiter(struct ad_snapshot *snapshot, uint32_t future)
{
    uint32_t task = build_task(snapshot, "waiter");
    build_wait(snapshot, task, future);
    return task;
}

static uint32_t add_reader(struct ad_snapshot *snapshot)
{
    return add_waiter(snapshot, build_future(snapshot, ASYNC_DEBUG_KIND_READ, "read", NULL));
}

static void names_both_members_of_a_pair(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    add_reader(snapshot);
    uint32_t a = add_ring(snapshot, 2), b = a + 1;
    uint32_t lock_of_b = build_task_at(snapshot, a)->future;
    uint32_t direct = add_waiter(snapshot, lock_of_b);
    add_waiter(snapshot, build_lock(snapshot, "other", direct));

    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.verdict, AD_VERDICT_HUNG);
    assert_int_equal(findings.deadlocks, 1);
    assert_int_equal(findings.stuck, 2);
    assert_true(ad_findings_failed(&findings));
    const struct ad_finding *deadlock = finding_at(&findings, 0);
    assert_int_equal(deadlock->code, AD_FINDING_DEADLOCK);
    assert_int_equal(deadlock->task_count, 2);
    assert_int_equal(deadlock->tasks[0], a);
    assert_int_equal(deadlock->tasks[1], b);
    assert_int_equal(deadlock->direct, 1);
    assert_int_equal(deadlock->total, 2);

    /* The lock that both wait on, one through the other; "other" is only a step on the way there. */
    assert_int_equal(findings.findings.count, 2);
    const struct ad_finding *blocker = finding_at(&findings, 1);
    assert_int_equal(blocker->code, AD_FINDING_BLOCKER);
    assert_int_equal(blocker->future, lock_of_b);
    assert_int_equal(blocker->direct, 1);
    assert_int_equal(blocker->total, 2);
    assert_int_equal(blocker->deadlock, 0);
    assert_int_equal(blocker->task_count, 1);
    assert_int_equal(blocker->tasks[0], b);
    end(snapshot, &findings);
}

static void a_task_can_wait_for_itself(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    add_ring(snapshot, 1);
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.deadlocks, 1);
    assert_int_equal(findings.stuck, 0);
    assert_int_equal(finding_at(&findings, 0)->task_count, 1);
    end(snapshot, &findings);
}

/* Between "you are the next owner" and "wake up" a task seems to wait for itself. */
static void a_lock_being_handed_over_is_no_deadlock(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t task = add_ring(snapshot, 1);
    AD_ITEMS(struct ad_runtime, &snapshot->runtimes)->changing = true;
    build_future_at(snapshot, build_task_at(snapshot, task)->future)->owned_since = BUILD_NOW;
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.deadlocks, 0);
    ad_findings_deinit(&findings);

    /* What it got long before it was suspended it really holds. */
    build_future_at(snapshot, build_task_at(snapshot, task)->future)->owned_since = 1;
    findings = compute(snapshot);
    assert_int_equal(findings.deadlocks, 1);
    end(snapshot, &findings);
}

/* Any of these makes the second edge of a ring of two doubtful. */
static void doubt_is_not_an_accusation(void **state)
{
    (void)state;
    enum { RUNNING, READY, ENDED, RESOLVED, TIMED, CANCELLED, UNOWNED, OTHER_KIND, MANY_PERMITS, ALL };
    for (int doubt = 0; doubt < ALL; doubt++) {
        struct ad_snapshot *snapshot = build_snapshot();
        uint32_t b = add_ring(snapshot, 2) + 1;
        struct ad_task *task = build_task_at(snapshot, b);
        struct ad_future *future = build_future_at(snapshot, task->future);
        task->state = doubt == RUNNING ? ASYNC_DEBUG_STATE_RUNNING
                      : doubt == READY ? ASYNC_DEBUG_STATE_READY
                      : doubt == ENDED ? ASYNC_DEBUG_STATE_RETURNED
                                       : ASYNC_DEBUG_STATE_WAITING;
        task->cancel_state = doubt == CANCELLED;
        future->state = doubt == RESOLVED ? ASYNC_DEBUG_FUTURE_STATE_RESOLVED : future->state;
        future->deadline = doubt == TIMED ? BUILD_NOW + 1 : 0;
        future->owner = doubt == UNOWNED ? AD_NONE : future->owner;
        future->kind = doubt == OTHER_KIND     ? ASYNC_DEBUG_KIND_CONDITION
                       : doubt == MANY_PERMITS ? ASYNC_DEBUG_KIND_SEMAPHORE
                                               : future->kind;
        future->capacity = 2;
        struct ad_findings findings = compute(snapshot);
        assert_int_equal(findings.deadlocks, 0);
        /* an ended holder is another finding */
        assert_int_equal(findings.verdict == AD_VERDICT_HUNG, doubt == ENDED);
        end(snapshot, &findings);
    }
}

static void joins_and_promises_make_cycles_too(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t a = add_ring(snapshot, 3);
    build_future_at(snapshot, build_task_at(snapshot, a)->future)->kind = ASYNC_DEBUG_KIND_JOIN;
    build_future_at(snapshot, build_task_at(snapshot, a + 1)->future)->kind = ASYNC_DEBUG_KIND_PROMISE;
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.deadlocks, 1);
    assert_int_equal(finding_at(&findings, 0)->task_count, 3);
    end(snapshot, &findings);
}

static void a_long_cycle_and_two_more(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t small = add_ring(snapshot, 2), large = add_ring(snapshot, 1000), last = add_ring(snapshot, 3);
    for (int i = 0; i < 5; i++)
        add_waiter(snapshot, build_task_at(snapshot, last)->future);
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.deadlocks, 3);
    assert_int_equal(findings.stuck, 5);
    /* The one with most behind it comes first, and the blocker refers to it there. */
    assert_int_equal(finding_at(&findings, 0)->tasks[0], last);
    assert_int_equal(finding_at(&findings, 1)->tasks[0], small);
    assert_int_equal(finding_at(&findings, 2)->tasks[0], large);
    assert_int_equal(finding_at(&findings, 2)->task_count, 1000);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(finding_at(&findings, 2)->tasks[i], large + i);
    assert_int_equal(finding_at(&findings, 3)->deadlock, 0);
    end(snapshot, &findings);
}

/* Task 0 reads from the network; each next one waits for the lock of the one before. */
static void a_chain_of_100000_is_counted_without_recursion(void **state)
{
    (void)state;
    enum { LENGTH = 100000 };
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t root = add_reader(snapshot);
    for (uint32_t i = 1; i < LENGTH; i++)
        add_waiter(snapshot, build_lock(snapshot, "lock", i - 1));
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.deadlocks, 0);
    assert_int_equal(findings.verdict, AD_VERDICT_SUSPECT);
    assert_int_equal(findings.findings.count, 1);
    const struct ad_finding *blocker = finding_at(&findings, 0);
    assert_int_equal(blocker->tasks[0], root);
    assert_int_equal(blocker->direct, 1);
    assert_int_equal(blocker->total, LENGTH - 1);
    end(snapshot, &findings);
}

static void a_star_is_one_blocker(void **state)
{
    (void)state;
    enum { POINTS = 100000 };
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t lock = build_lock(snapshot, "hub", add_reader(snapshot));
    for (uint32_t i = 0; i < POINTS; i++)
        add_waiter(snapshot, lock);
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.findings.count, 1);
    assert_int_equal(finding_at(&findings, 0)->direct, POINTS);
    assert_int_equal(finding_at(&findings, 0)->total, POINTS);
    assert_int_equal(finding_at(&findings, 0)->severity, AD_SEVERITY_WARNING);
    end(snapshot, &findings);
}

/* A lock whose holder joins a task that joins ...: the joins are steps, not objects to blame. */
static void a_chain_leads_to_its_root_and_is_bounded(void **state)
{
    (void)state;
    enum { LENGTH = 1000 };
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t root = add_reader(snapshot), task = root;
    for (int i = 0; i < LENGTH; i++) {
        uint32_t join = build_future(snapshot, ASYNC_DEBUG_KIND_JOIN, "join", NULL);
        build_future_at(snapshot, join)->owner = task;
        task = add_waiter(snapshot, join);
    }
    uint32_t lock = build_lock(snapshot, "lock", task);
    add_waiter(snapshot, lock);
    struct ad_findings findings = compute(snapshot);
    const struct ad_finding *blocker = finding_at(&findings, 0);
    assert_int_equal(findings.findings.count, 1);
    assert_int_equal(blocker->future, lock);
    assert_int_equal(blocker->chain, LENGTH + 1);
    assert_int_equal(blocker->task_count, AD_CHAIN_MAX);
    assert_int_equal(blocker->tasks[0], task);
    assert_int_equal(blocker->tasks[AD_CHAIN_MAX - 1], root);
    end(snapshot, &findings);
}

static void a_lock_of_an_ended_task_is_found(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t owner = build_task(snapshot, "gone");
    build_state(snapshot, owner, ASYNC_DEBUG_STATE_RETURNED);
    add_waiter(snapshot, build_lock(snapshot, "lock", owner));
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.verdict, AD_VERDICT_HUNG);
    assert_int_equal(findings.findings.count, 1);
    assert_int_equal(finding_at(&findings, 0)->code, AD_FINDING_ORPHAN);
    assert_int_equal(finding_at(&findings, 0)->reason, AD_REASON_HELD_BY_ENDED);
    assert_int_equal(finding_at(&findings, 0)->task_count, 1);
    assert_true(ad_findings_failed(&findings));
    end(snapshot, &findings);
}

/* Behind it another lock, whose holder is alive but stuck: there is still one object to blame. */
static void nothing_leads_on_from_an_ended_task(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t gone = build_task(snapshot, "gone");
    build_state(snapshot, gone, ASYNC_DEBUG_STATE_RETURNED);
    uint32_t abandoned = build_lock(snapshot, "abandoned", gone);
    uint32_t lock = build_lock(snapshot, "lock", add_waiter(snapshot, abandoned));
    add_waiter(snapshot, lock);
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.findings.count, 1);
    assert_int_equal(finding_at(&findings, 0)->future, abandoned);
    assert_int_equal(finding_at(&findings, 0)->total, 2);
    ad_findings_deinit(&findings);

    /* To be joined by one task is normal, so now the lock of that task is the object. */
    build_future_at(snapshot, abandoned)->kind = ASYNC_DEBUG_KIND_JOIN;
    findings = compute(snapshot);
    assert_int_equal(findings.findings.count, 1);
    assert_int_equal(finding_at(&findings, 0)->future, lock);
    assert_int_equal(finding_at(&findings, 0)->chain, 1);
    assert_int_equal(finding_at(&findings, 0)->severity, AD_SEVERITY_WARNING);
    end(snapshot, &findings);
}

static void contention_is_normal(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t owner = build_task(snapshot, "owner");
    build_state(snapshot, owner, ASYNC_DEBUG_STATE_RUNNING);
    add_waiter(snapshot, build_lock(snapshot, "lock", owner));
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.verdict, AD_VERDICT_BUSY);
    assert_int_equal(finding_at(&findings, 0)->severity, AD_SEVERITY_NOTE);
    end(snapshot, &findings);
}

static void a_task_that_keeps_its_worker_is_found(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t task = build_task(snapshot, "spins");
    build_state(snapshot, task, ASYNC_DEBUG_STATE_RUNNING);
    struct ad_worker *worker = snapshot->workers.items;
    worker->state = ASYNC_DEBUG_WORKER_STATE_TASK;
    worker->current = task;
    worker->ready_count = 7;
    worker->last_tick = BUILD_NOW - BUILD_SECOND / 2;
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.findings.count, 0);
    ad_findings_deinit(&findings);

    worker->last_tick = BUILD_NOW - 12 * BUILD_SECOND;
    findings = compute(snapshot);
    assert_int_equal(finding_at(&findings, 0)->code, AD_FINDING_WORKER_BLOCKED);
    assert_int_equal(finding_at(&findings, 0)->tasks[0], task);
    assert_int_equal(finding_at(&findings, 0)->direct, 7);
    assert_int_equal(finding_at(&findings, 0)->severity, AD_SEVERITY_WARNING);
    ad_findings_deinit(&findings);

    worker->ready_count = 0; /* made ready by other threads, and not yet seen by this one */
    worker->inbox_count = 2;
    findings = compute(snapshot);
    assert_int_equal(finding_at(&findings, 0)->direct, 2);
    end(snapshot, &findings);
}

/* Who waits for the first of several is woken from outside when one of them is. */
static void a_select_of_input_waits_for_input(void **state)
{
    (void)state;
    static const enum async_debug_kind_class kinds[] = {ASYNC_DEBUG_KIND_READ, ASYNC_DEBUG_KIND_TIMER,
                                                        ASYNC_DEBUG_KIND_EVENT};
    for (size_t i = 0; i < 3; i++) {
        struct ad_snapshot *snapshot = build_snapshot();
        uint32_t select = build_future(snapshot, ASYNC_DEBUG_KIND_SELECT, "select", NULL);
        uint32_t event = build_future(snapshot, ASYNC_DEBUG_KIND_EVENT, "event", "stop");
        build_child(snapshot, select, event);
        build_child(snapshot, select, AD_NONE);
        build_child(snapshot, select, build_future(snapshot, kinds[i], "kind", NULL));
        add_waiter(snapshot, select);
        struct ad_findings findings = compute(snapshot);
        assert_int_equal(findings.tally.outside, kinds[i] != ASYNC_DEBUG_KIND_EVENT);
        assert_int_equal(findings.verdict, findings.tally.outside ? AD_VERDICT_IDLE : AD_VERDICT_SUSPECT);
        end(snapshot, &findings);
    }
}

static void verdicts_without_findings(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.verdict, AD_VERDICT_EMPTY);
    ad_findings_deinit(&findings);

    add_waiter(snapshot, build_future(snapshot, ASYNC_DEBUG_KIND_CHANNEL_RECEIVE, "channel receive", "jobs"));
    findings = compute(snapshot);
    assert_int_equal(findings.verdict, AD_VERDICT_SUSPECT); /* nothing is left that could wake it */
    ad_findings_deinit(&findings);

    add_waiter(snapshot, build_future(snapshot, ASYNC_DEBUG_KIND_TIMER, "timer", NULL));
    add_reader(snapshot);
    findings = compute(snapshot);
    assert_int_equal(findings.verdict, AD_VERDICT_IDLE);
    assert_int_equal(findings.tally.inside, 1);
    assert_int_equal(findings.tally.sleeping, 1);
    assert_int_equal(findings.tally.outside, 1);
    ad_findings_deinit(&findings);

    build_state(snapshot, build_task(snapshot, "x"), ASYNC_DEBUG_STATE_READY);
    findings = compute(snapshot);
    assert_int_equal(findings.verdict, AD_VERDICT_BUSY);
    end(snapshot, &findings);
}

/* One join is how a parent waits; it blames nobody, and an idle server stays idle. */
static void waiting_for_a_child_is_normal(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t join = build_future(snapshot, ASYNC_DEBUG_KIND_JOIN, "join", NULL);
    build_future_at(snapshot, join)->owner = add_reader(snapshot);
    add_waiter(snapshot, join);
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.verdict, AD_VERDICT_IDLE);
    assert_int_equal(findings.findings.count, 0);
    end(snapshot, &findings);
}

/* Indices that a careless reader left dangling are nobody's crash. */
static void indices_out_of_range_are_none(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot = build_snapshot();
    uint32_t a = build_task(snapshot, "a");
    build_wait(snapshot, a, 77);
    add_waiter(snapshot, build_lock(snapshot, "lock", 5000));
    AD_ITEMS(struct ad_worker, &snapshot->workers)->state = ASYNC_DEBUG_WORKER_STATE_TASK;
    AD_ITEMS(struct ad_worker, &snapshot->workers)->current = 4242;
    struct ad_findings findings = compute(snapshot);
    assert_int_equal(findings.deadlocks, 0);
    end(snapshot, &findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_both_members_of_a_pair),
        cmocka_unit_test(a_task_can_wait_for_itself),
        cmocka_unit_test(a_lock_being_handed_over_is_no_deadlock),
        cmocka_unit_test(doubt_is_not_an_accusation),
        cmocka_unit_test(joins_and_promises_make_cycles_too),
        cmocka_unit_test(a_long_cycle_and_two_more),
        cmocka_unit_test(a_chain_of_100000_is_counted_without_recursion),
        cmocka_unit_test(a_star_is_one_blocker),
        cmocka_unit_test(a_chain_leads_to_its_root_and_is_bounded),
        cmocka_unit_test(a_lock_of_an_ended_task_is_found),
        cmocka_unit_test(nothing_leads_on_from_an_ended_task),
        cmocka_unit_test(contention_is_normal),
        cmocka_unit_test(a_task_that_keeps_its_worker_is_found),
        cmocka_unit_test(a_select_of_input_waits_for_input),
        cmocka_unit_test(verdicts_without_findings),
        cmocka_unit_test(waiting_for_a_child_is_normal),
        cmocka_unit_test(indices_out_of_range_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
