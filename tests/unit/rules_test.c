/* SPDX-License-Identifier: MIT */
/* Each rule, and the healthy twin of what it finds: a snapshot that differs by what makes it well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/snapshot_builder.h"
#include "findings/findings.h"

/* The worker has turned a moment ago, and idles. */
static struct ad_snapshot *begin(void)
{
    struct ad_snapshot *snapshot = build_snapshot();
    AD_ITEMS(struct ad_worker, &snapshot->workers)->last_tick = BUILD_NOW - BUILD_SECOND / 10;
    return snapshot;
}

static struct ad_worker *worker_of(struct ad_snapshot *snapshot)
{
    return AD_ITEMS(struct ad_worker, &snapshot->workers);
}

/* The first finding of a code; NULL: none. The findings live until `end`. */
static struct ad_findings found;

static const struct ad_finding *find(const struct ad_snapshot *snapshot, enum ad_finding_code code)
{
    ad_findings_deinit(&found);
    assert_null(ad_findings_compute(snapshot, &found));
    for (size_t i = 0; i < found.findings.count; i++)
        if (AD_ITEMS(struct ad_finding, &found.findings)[i].code == code)
            return &AD_ITEMS(struct ad_finding, &found.findings)[i];
    return NULL;
}

static void end(struct ad_snapshot *snapshot)
{
    ad_findings_deinit(&found);
    found = (struct ad_findings){0};
    ad_snapshot_destroy(snapshot);
}

/* A task that waits for a future of that kind, and is in its queue. */
static uint32_t add_waiting(struct ad_snapshot *snapshot, enum async_debug_kind_class kind,
                            uint32_t *future_ret)
{
    uint32_t task = build_task(snapshot, "t"), future = build_future(snapshot, kind, "kind", "f");
    build_wait(snapshot, task, future);
    build_future_at(snapshot, future)->first_waiter = (uint32_t)snapshot->waiters.count;
    build_future_at(snapshot, future)->waiter_count = 1;
    *(uint32_t *)build_add(&snapshot->waiters) = task;
    *future_ret = future;
    return task;
}

static void assert_lost(const struct ad_finding *finding, enum ad_finding_reason reason, uint32_t task)
{
    assert_non_null(finding);
    assert_int_equal(finding->reason, reason);
    assert_int_equal(finding->severity, AD_SEVERITY_ERROR);
    assert_int_equal(finding->tasks[0], task);
    assert_int_equal(found.verdict, AD_VERDICT_HUNG);
}

static void a_completed_future_wakes(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t future, task = add_waiting(s, ASYNC_DEBUG_KIND_PROMISE, &future);
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    build_future_at(s, future)->state = ASYNC_DEBUG_FUTURE_STATE_RESOLVED;
    assert_lost(find(s, AD_FINDING_LOST_WAKEUP), AD_REASON_COMPLETED, task);

    /* Not where something was changing, or the worker may not have come to it. */
    build_task_at(s, task)->torn = true;
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    build_task_at(s, task)->torn = false;
    AD_ITEMS(struct ad_runtime, &s->runtimes)->changing = true;
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    AD_ITEMS(struct ad_runtime, &s->runtimes)->changing = false;
    build_task_at(s, task)->suspended_at = BUILD_NOW - BUILD_SECOND / 2;
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    build_task_at(s, task)->suspended_at = BUILD_NOW - 9 * BUILD_SECOND;
    worker_of(s)->state = ASYNC_DEBUG_WORKER_STATE_LOOP;
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    end(s);
}

static void a_queue_knows_its_waiters(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t future, task = add_waiting(s, ASYNC_DEBUG_KIND_EVENT, &future);
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    build_future_at(s, future)->waiter_count = 0;
    assert_lost(find(s, AD_FINDING_LOST_WAKEUP), AD_REASON_UNLISTED, task);
    build_future_at(s, future)->kind = ASYNC_DEBUG_KIND_READ; /* the kernel wakes it */
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    end(s);
}

static void what_is_there_is_taken(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t future, task = add_waiting(s, ASYNC_DEBUG_KIND_CHANNEL_RECEIVE, &future);
    build_future_at(s, future)->capacity = 4;
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    build_future_at(s, future)->count = 2;
    assert_lost(find(s, AD_FINDING_LOST_WAKEUP), AD_REASON_AVAILABLE, task);
    end(s);
}

static void a_timer_that_is_due_fires(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t future, task = add_waiting(s, ASYNC_DEBUG_KIND_TIMER, &future);
    build_future_at(s, future)->deadline = BUILD_NOW + BUILD_SECOND;
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    build_future_at(s, future)->deadline = BUILD_NOW - 3 * BUILD_SECOND;
    assert_lost(find(s, AD_FINDING_LOST_WAKEUP), AD_REASON_OVERDUE, task);
    worker_of(s)->last_tick = BUILD_NOW - 4 * BUILD_SECOND; /* it has not looked since */
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    end(s);
}

static void a_ready_task_is_run_or_starves(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t task = build_task(s, "t");
    build_state(s, task, ASYNC_DEBUG_STATE_READY);
    build_task_at(s, task)->ready_on = 0;
    build_task_at(s, task)->ready_since = BUILD_NOW - BUILD_SECOND / 2;
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    build_task_at(s, task)->ready_since = BUILD_NOW - 3 * BUILD_SECOND;
    assert_lost(find(s, AD_FINDING_LOST_WAKEUP), AD_REASON_NOT_RUN, task);
    worker_of(s)->state = ASYNC_DEBUG_WORKER_STATE_LOOP;
    assert_null(find(s, AD_FINDING_LOST_WAKEUP));
    assert_non_null(find(s, AD_FINDING_STARVED));
    build_task_at(s, task)->ready_since = BUILD_NOW - BUILD_SECOND / 2;
    assert_null(find(s, AD_FINDING_STARVED));
    end(s);
}

static void an_orphan_has_nobody_left(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t producer = build_task(s, "producer"), future;
    add_waiting(s, ASYNC_DEBUG_KIND_PROMISE, &future);
    build_future_at(s, future)->owner = producer;
    assert_null(find(s, AD_FINDING_ORPHAN));
    build_state(s, producer, ASYNC_DEBUG_STATE_RETURNED);
    const struct ad_finding *orphan = find(s, AD_FINDING_ORPHAN);
    assert_non_null(orphan);
    assert_int_equal(orphan->severity, AD_SEVERITY_WARNING); /* somebody else may resolve it */

    /* A task that is not there has ended only where all that live were read. */
    build_future_at(s, future)->owner = AD_NONE;
    build_future_at(s, future)->owner_id = 99;
    assert_null(find(s, AD_FINDING_ORPHAN));
    AD_ITEMS(struct ad_runtime, &s->runtimes)->tasks_declared = s->tasks.count;
    AD_ITEMS(struct ad_runtime, &s->runtimes)->tasks_read = s->tasks.count;
    assert_non_null(find(s, AD_FINDING_ORPHAN));
    AD_ITEMS(struct ad_runtime, &s->runtimes)->tasks_declared++;
    assert_null(find(s, AD_FINDING_ORPHAN));
    end(s);
}

static void a_channel_has_two_ends(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t future;
    add_waiting(s, ASYNC_DEBUG_KIND_CHANNEL_RECEIVE, &future);
    assert_null(find(s, AD_FINDING_ORPHAN)); /* nobody counts them */
    build_future_at(s, future)->senders = 1;
    assert_null(find(s, AD_FINDING_ORPHAN));
    build_future_at(s, future)->senders = 0;
    assert_int_equal(find(s, AD_FINDING_ORPHAN)->reason, AD_REASON_NO_PRODUCER);
    build_future_at(s, future)->kind = ASYNC_DEBUG_KIND_CHANNEL_SEND;
    build_future_at(s, future)->receivers = 0;
    assert_int_equal(find(s, AD_FINDING_ORPHAN)->reason, AD_REASON_NO_CONSUMER);
    assert_null(find(s, AD_FINDING_CHANNEL_FULL));
    build_future_at(s, future)->receivers = 1;
    assert_non_null(find(s, AD_FINDING_CHANNEL_FULL));
    build_future_at(s, future)->capacity = 1; /* there is room */
    assert_null(find(s, AD_FINDING_CHANNEL_FULL));
    end(s);
}

static void cancellation_ends_tasks(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t future, child = add_waiting(s, ASYNC_DEBUG_KIND_EVENT, &future),
                     parent = build_task(s, "parent");
    uint32_t join = build_future(s, ASYNC_DEBUG_KIND_JOIN, "join", NULL);
    build_wait(s, parent, join);
    build_future_at(s, join)->owner = child;
    for (uint32_t i = child; i <= parent; i++) {
        build_task_at(s, i)->cancel_state = ASYNC_DEBUG_CANCEL_DELIVERED;
        build_task_at(s, i)->cancel_at = BUILD_NOW - BUILD_SECOND;
    }
    assert_null(find(s, AD_FINDING_CANCEL_IGNORED));
    for (uint32_t i = child; i <= parent; i++)
        build_task_at(s, i)->cancel_at = BUILD_NOW - 20 * BUILD_SECOND;
    const struct ad_finding *finding = find(s, AD_FINDING_CANCEL_IGNORED);
    assert_non_null(finding);
    assert_int_equal(finding->total, 1); /* the parent only waits for the child */
    assert_int_equal(finding->tasks[0], child);
    end(s);
}

static void failures_are_taken(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t task = build_task(s, "t"), future, parent = add_waiting(s, ASYNC_DEBUG_KIND_TIMER, &future);
    build_state(s, task, ASYNC_DEBUG_STATE_FAILED);
    assert_int_equal(find(s, AD_FINDING_UNSEEN_FAILURE)->severity, AD_SEVERITY_WARNING);
    build_task_at(s, task)->parent = parent;
    build_future_at(s, future)->kind = ASYNC_DEBUG_KIND_JOIN; /* of another one: it may come to this */
    assert_int_equal(find(s, AD_FINDING_UNSEEN_FAILURE)->severity, AD_SEVERITY_NOTE);
    build_future_at(s, future)->owner = task;
    assert_null(find(s, AD_FINDING_UNSEEN_FAILURE));
    build_future_at(s, future)->owner = AD_NONE;
    build_task_at(s, task)->flags = ASYNC_DEBUG_TASK_RETRIEVED;
    assert_null(find(s, AD_FINDING_UNSEEN_FAILURE));
    end(s);
}

static void tasks_begin(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t task = build_task(s, "t");
    build_state(s, task, ASYNC_DEBUG_STATE_CREATED);
    build_task_at(s, task)->spawned_at = BUILD_NOW - BUILD_SECOND;
    assert_null(find(s, AD_FINDING_NEVER_STARTED));
    build_task_at(s, task)->spawned_at = BUILD_NOW - 10 * BUILD_SECOND;
    assert_non_null(find(s, AD_FINDING_NEVER_STARTED));
    build_task_at(s, task)->ready_on = 0;
    assert_null(find(s, AD_FINDING_NEVER_STARTED));
    end(s);
}

static void the_pool_has_threads(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t queued, running;
    add_waiting(s, ASYNC_DEBUG_KIND_WORK, &queued);
    uint32_t culprit = add_waiting(s, ASYNC_DEBUG_KIND_WORK, &running);
    AD_ITEMS(struct ad_runtime, &s->runtimes)->tasks_read = s->tasks.count;
    assert_null(find(s, AD_FINDING_POOL_BUSY)); /* this runtime does not tell threads */
    build_future_at(s, running)->thread = 4711;
    const struct ad_finding *busy = find(s, AD_FINDING_POOL_BUSY);
    assert_non_null(busy);
    assert_int_equal(busy->tasks[0], culprit);
    assert_int_equal(busy->direct, 1);
    build_task_at(s, 0)->suspended_at = BUILD_NOW - BUILD_SECOND;
    assert_null(find(s, AD_FINDING_POOL_BUSY));
    end(s);
}

static void stacks_have_room(void **state)
{
    (void)state;
    struct ad_snapshot *s = begin();
    uint32_t task = build_task(s, "t");
    build_task_at(s, task)->stack_size = 65536;
    build_task_at(s, task)->stack_used_max = 40000;
    assert_null(find(s, AD_FINDING_STACK_NEAR_END));
    build_task_at(s, task)->stack_used_max = 60000;
    assert_int_equal(find(s, AD_FINDING_STACK_NEAR_END)->since, 0);

    struct ad_thread_state *thread = build_add(&s->threads);
    *thread = (struct ad_thread_state){.thread.crashed = true, .worker = 0, .stack = AD_NONE};
    ad_registers_set(&thread->thread.registers, AD_REG_SP, 0x7000f000);
    build_task_at(s, task)->stack_low = 0x70000000;
    worker_of(s)->current = task;
    assert_null(find(s, AD_FINDING_STACK_OVERFLOW));
    ad_registers_set(&thread->thread.registers, AD_REG_SP, 0x6fffff00);
    assert_int_equal(find(s, AD_FINDING_STACK_OVERFLOW)->tasks[0], task);
    end(s);
}

static void crowds_that_stay_are_growth(void **state)
{
    (void)state;
    enum { MANY = 600 };
    struct ad_snapshot *s = begin();
    uint32_t event = build_future(s, ASYNC_DEBUG_KIND_EVENT, "event", "e");
    build_future_at(s, event)->waiter_count = MANY;
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t task = build_task(s, "t");
        build_wait(s, task, event);
        *(uint32_t *)build_add(&s->waiters) = task;
        build_task_at(s, task)->start_function = 0x4000;
        build_task_at(s, task)->spawned_at = BUILD_NOW - (MANY - i) * BUILD_SECOND / 10;
    }
    assert_non_null(find(s, AD_FINDING_GROWTH));
    assert_int_equal(find(s, AD_FINDING_GROWTH)->severity, AD_SEVERITY_NOTE);
    struct ad_function *function = build_add(&s->functions);
    *function = (struct ad_function){.start = 0x4000, .spawned = 10000, .finished = 9400};
    assert_null(find(s, AD_FINDING_GROWTH)); /* they come and go */
    s->functions.count = 0;
    for (uint32_t i = 0; i < MANY; i++)
        build_task_at(s, i)->spawned_at = BUILD_NOW - 60 * BUILD_SECOND;
    assert_null(find(s, AD_FINDING_GROWTH)); /* they came all at once */
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_completed_future_wakes),
        cmocka_unit_test(a_queue_knows_its_waiters),
        cmocka_unit_test(what_is_there_is_taken),
        cmocka_unit_test(a_timer_that_is_due_fires),
        cmocka_unit_test(a_ready_task_is_run_or_starves),
        cmocka_unit_test(an_orphan_has_nobody_left),
        cmocka_unit_test(a_channel_has_two_ends),
        cmocka_unit_test(cancellation_ends_tasks),
        cmocka_unit_test(failures_are_taken),
        cmocka_unit_test(tasks_begin),
        cmocka_unit_test(the_pool_has_threads),
        cmocka_unit_test(stacks_have_room),
        cmocka_unit_test(crowds_that_stay_are_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
