/* SPDX-License-Identifier: MIT */
/* The parts of the contract that not every runtime fills: queues, labels, holders and so on; each
   whole, and each broken in every way that its walk has to survive. */
#include "fake_parts.h"

/* ---- Run queues and inboxes ------------------------------------------------------------------------- */

/* Five tasks on the first worker's list: 3, 1, 2 in its run queue, 5 (still said to wait) and 4 in the second
   worker's inbox, the newest first. */
static struct fake_runtime *with_queues(void)
{
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_arena *arena = &runtime->arena;
    add_sleepers(runtime, 5);
    fake_second_worker(runtime);
    arena->worker.ready = slot_address(runtime, 2);
    arena->worker.ready_count = 3;
    slot(runtime, 2)->ready_next = slot_address(runtime, 0);
    slot(runtime, 0)->ready_next = slot_address(runtime, 1);
    arena->second.inbox = slot_address(runtime, 4);
    slot(runtime, 4)->ready_next = slot_address(runtime, 3);
    slot(runtime, 4)->state = slot(runtime, 3)->state = FAKE_WAITING;
    slot(runtime, 3)->worker = slot(runtime, 4)->worker = fake_address(runtime, &arena->second);
    return runtime;
}

static void tasks_know_their_place_in_the_queue(void **state)
{
    (void)state;
    struct fake_runtime *runtime = with_queues();
    struct ad_snapshot *snapshot = read_runtime(runtime);
    const uint32_t positions[] = {1, 2, 0, AD_NONE, AD_NONE};
    assert_int_equal(snapshot->losses.count, 0);
    for (uint32_t i = 0; i < 5; i++) {
        const struct ad_task *task = ad_snapshot_task(snapshot, i);
        assert_int_equal(task->ready_on, i > 2);
        assert_int_equal(task->worker, i > 2); /* whatever list it is on */
        assert_int_equal(task->ready_position, positions[i]);
        assert_int_equal(task->state, ASYNC_DEBUG_STATE_READY);
    }
    assert_string_equal(ad_snapshot_task(snapshot, 4)->state_name, "parked");
    assert_int_equal(ad_snapshot_worker(snapshot, 0)->ready_count, 3);
    assert_int_equal(ad_snapshot_worker(snapshot, 0)->inbox_count, 0);
    assert_int_equal(ad_snapshot_worker(snapshot, 1)->inbox_count, 2);
    finish(snapshot, runtime);
}

/* A worker that is not told is that of the list or slab. */
static void tasks_belong_to_the_worker_that_has_them(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_arena *arena = &runtime->arena;
    const struct async_debug_field none = {0};
    add_sleepers(runtime, 4);
    fake_second_worker(runtime);
    arena->descriptor.records[ASYNC_DEBUG_TASK].field[ASYNC_DEBUG_TASK_WORKER] = none;
    arena->second.tasks = slot_address(runtime, 2);
    slot(runtime, 1)->next = 0;
    arena->worker.slab_count = 0;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(ad_snapshot_task(snapshot, i)->worker, i > 1);
    finish(snapshot, runtime);

    runtime = fake_runtime_create();
    arena = &runtime->arena;
    add_sleepers(runtime, 4);
    fake_second_worker(runtime);
    arena->descriptor.records[ASYNC_DEBUG_TASK].field[ASYNC_DEBUG_TASK_WORKER] = none;
    arena->second.slabs = arena->worker.slabs;
    arena->second.slab_count = 1;
    arena->worker.slab_count = 0;
    snapshot = read_runtime(runtime);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(ad_snapshot_task(snapshot, i)->worker, 1);
    finish(snapshot, runtime);
}

/* A runtime's own number leads to its task only, also where that got another number here. */
static void tasks_are_found_by_their_own_numbers(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 5);
    slot(runtime, 2)->id = UINT64_C(1) << 40; /* becomes #6 */
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_ok(ad_layout_read(runtime->target, FAKE_BASE, "scan", &ad_limits_default, snapshot));
    for (uint32_t id = 1; id < 6; id++)
        assert_int_equal(ad_snapshot_find_native(snapshot, 0, id) == AD_NONE, id == 3);
    const uint32_t nowhere[] = {0, 6, 7, UINT32_MAX};
    for (size_t i = 0; i < COUNT(nowhere); i++)
        assert_int_equal(ad_snapshot_find_native(snapshot, 0, nowhere[i]), AD_NONE);
    assert_int_equal(ad_snapshot_find_native(snapshot, 2, 1), AD_NONE);
    finish(snapshot, runtime);
}

static void a_broken_queue_is_told(void **state)
{
    (void)state;
    enum { LOOP, SELF, DANGLING, JOINED, WAYS };
    for (int way = 0; way < WAYS; way++) {
        struct fake_runtime *runtime = with_queues();
        uint64_t *next = &slot(runtime, 1)->ready_next;
        *next = way == LOOP       ? slot_address(runtime, 0)
                : way == SELF     ? slot_address(runtime, 1)
                : way == DANGLING ? 0x1238
                                  : 0;
        if (way == JOINED)
            slot(runtime, 3)->ready_next = slot_address(runtime, 2);
        struct ad_snapshot *snapshot = read_runtime(runtime);
        assert_int_equal(snapshot->tasks.count, 5);
        assert_int_equal(ad_snapshot_task(snapshot, 1)->ready_position, 2);
        assert_int_equal(ad_snapshot_task(snapshot, 2)->ready_on, 0);
        assert_lost(snapshot, "run queues or inboxes are broken", 1);
        finish(snapshot, runtime);
    }
}

/* Counts are held against the queue only while no thread changes anything. */
static void queues_are_counted_when_nothing_changes(void **state)
{
    (void)state;
    enum { NOTHING, OWN, OTHER, PROCESS, CASES };
    for (int changing = 0; changing < CASES; changing++) {
        struct fake_runtime *runtime = with_queues();
        struct fake_arena *arena = &runtime->arena;
        arena->worker.ready_count = UINT32_MAX;
        arena->worker.changes = changing == OWN;
        arena->second.changes = changing == OTHER ? 77 : 4;
        arena->process.changes = changing == PROCESS;
        struct ad_snapshot *snapshot = read_runtime(runtime);
        assert_int_equal(AD_ITEMS(struct ad_runtime, &snapshot->runtimes)->changing, changing != NOTHING);
        if (changing == NOTHING)
            assert_lost(snapshot, "run queues have not as many tasks as the runtime counts", 1);
        else
            assert_int_equal(snapshot->losses.count, 0);
        finish(snapshot, runtime);
    }
}

/* ---- What only some tasks have ---------------------------------------------------------------------- */

static void everything_of_a_task_is_read(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_arena *arena = &runtime->arena;
    add_sleepers(runtime, 2);
    struct fake_task *task = slot(runtime, 0);
    add_labels(runtime, 2);
    add_trace(runtime, 3);
    task->error_stack = fake_address(runtime, &arena->addresses[1]);
    task->error_depth = 2;
    task->deadline = 7000000;
    task->group = fake_address(runtime, fake_future_set(runtime, 5, FAKE_GROUP, NULL));
    task->cancel_state = ASYNC_DEBUG_CANCEL_DELIVERED;
    task->cancel_by = 2;
    task->cancel_at = 900000;
    task->cancel_site = task->error_site = fake_address(runtime, &arena->site);
    task->cpu = 12345;
    task->flags = ASYNC_DEBUG_TASK_DETACHED | ASYNC_DEBUG_TASK_SHIELDED;
    task->start = 0x402000;
    task->spawn_pc = 0x403000;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    const struct ad_task *read = ad_snapshot_task(snapshot, 0);
    const struct ad_task_extra *extra = ad_task_extra(snapshot, read);
    const struct ad_label *labels = AD_ITEMS(struct ad_label, &snapshot->labels) + extra->first_label;
    const uint64_t *addresses = snapshot->addresses.items;
    assert_int_equal(snapshot->losses.count, 0);
    assert_int_equal(extra->label_count, 2);
    assert_string_equal(labels[1].key, "k1");
    assert_string_equal(labels[1].value, "v");
    assert_int_equal(extra->spawn_trace.count, 3);
    assert_int_equal(addresses[extra->spawn_trace.first + 2], 0x401002);
    assert_int_equal(extra->error_trace.count, 2);
    assert_int_equal(addresses[extra->error_trace.first], 0x401001);
    assert_int_equal(ad_snapshot_future(snapshot, extra->group)->kind, ASYNC_DEBUG_KIND_GROUP);
    assert_int_equal(read->deadline, 7000000);
    assert_int_equal(read->cancel_state, ASYNC_DEBUG_CANCEL_DELIVERED);
    assert_int_equal(ad_snapshot_find_native(snapshot, 0, read->cancel_by), 1);
    assert_string_equal(extra->cancel_site.file, "app/main.c");
    assert_int_equal(extra->error_site.line, 42);
    assert_int_equal(extra->cpu_time, 12345);
    assert_int_equal(read->flags, 9);
    assert_int_equal(read->start_function, 0x402000);
    assert_int_equal(read->spawn_pc, 0x403000);
    assert_int_equal(ad_snapshot_task(snapshot, 1)->extra, AD_NONE);
    assert_int_equal(ad_task_extra(snapshot, ad_snapshot_task(snapshot, 1))->group, AD_NONE);
    finish(snapshot, runtime);
}

static void broken_labels_are_told(void **state)
{
    (void)state;
    const struct {
        size_t count;
        size_t at;
        uint64_t next; /* an address, or the number of a label */
        uint32_t kept;
    } cases[] = {
        {3, 2, 1, 3},       /* back into the middle */
        {3, 2, 2, 3},       /* to itself */
        {3, 1, 0x1238, 2},  /* nowhere */
        {100, 99, 0, 64},   /* more than the limit */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fake_runtime *runtime = fake_runtime_create();
        add_sleepers(runtime, 2);
        add_labels(runtime, cases[i].count);
        uint64_t next = cases[i].next;
        runtime->arena.labels[cases[i].at].next =
            next && next < 100 ? fake_address(runtime, &runtime->arena.labels[next]) : next;
        struct ad_snapshot *snapshot = read_runtime(runtime);
        assert_int_equal(ad_task_extra(snapshot, ad_snapshot_task(snapshot, 0))->label_count, cases[i].kept);
        assert_int_equal(snapshot->labels.count, cases[i].kept);
        assert_lost(snapshot, "chains of labels are broken or too long", 1);
        finish(snapshot, runtime);
    }
}

/* 2,000 tasks with the labels of their parent: 2 labels. */
static void a_shared_chain_of_labels_is_read_once(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, FAKE_SLOTS);
    add_labels(runtime, 2);
    for (size_t i = 1; i < FAKE_SLOTS; i++)
        slot(runtime, i)->labels = slot(runtime, 0)->labels;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->labels.count, 2);
    assert_int_equal(ad_task_extra(snapshot, ad_snapshot_task(snapshot, FAKE_SLOTS - 1))->label_count, 2);
    finish(snapshot, runtime);
}

static void broken_traces_are_told(void **state)
{
    (void)state;
    const uint64_t end = FAKE_BASE + sizeof(struct fake_arena);
    const struct {
        uint64_t at;
        uint32_t depth;
        uint32_t kept;
    } cases[] = {
        {0x1238, 4, 0},
        {end - 5 * sizeof(uint64_t), 70, 5},
        {FAKE_BASE, UINT32_MAX, 1024},
        {UINT64_MAX - 15, 8, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fake_runtime *runtime = fake_runtime_create();
        add_sleepers(runtime, 2);
        slot(runtime, 0)->error_stack = cases[i].at;
        slot(runtime, 0)->error_depth = cases[i].depth;
        struct ad_snapshot *snapshot = read_runtime(runtime);
        assert_int_equal(ad_task_extra(snapshot, ad_snapshot_task(snapshot, 0))->error_trace.count, cases[i].kept);
        assert_non_null(find_loss(snapshot, "recorded stacks cannot be read in full"));
        assert_int_equal(ad_snapshot_exit_status(snapshot), 3);
        finish(snapshot, runtime);
    }
}

/* However many tasks have them, labels and recorded stacks are bounded together. */
static void extras_are_bounded_together(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct ad_limits limits = ad_limits_default;
    limits.list_steps = 2100;
    add_sleepers(runtime, FAKE_SLOTS);
    add_trace(runtime, 60);
    for (size_t i = 1; i < FAKE_SLOTS; i++) {
        slot(runtime, i)->spawn_stack = slot(runtime, 0)->spawn_stack;
        slot(runtime, i)->spawn_depth = 60;
    }
    struct ad_snapshot *snapshot = read_within(runtime, &limits);
    assert_int_equal(snapshot->tasks.count, FAKE_SLOTS);
    assert_int_equal(snapshot->addresses.count, 2100);
    assert_int_equal(find_loss(snapshot, "recorded stacks")->count, FAKE_SLOTS - 35);
    finish(snapshot, runtime);
}

/* ---- Holders and children --------------------------------------------------------------------------- */

/* A writer that waits for seven readers. */
static struct fake_runtime *with_holders(void)
{
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_arena *arena = &runtime->arena;
    for (size_t i = 0; i < 8; i++)
        fake_task_add(runtime, "t", FAKE_WAITING);
    struct fake_future *lock = fake_future_set(runtime, 0, FAKE_RWLOCK, NULL);
    for (size_t i = 7; i > 0; i--)
        lock->holders = fake_link(runtime, i, slot(runtime, i), lock, i < 7 ? &arena->links[i + 1] : NULL);
    arena->links[2].since = 500;
    fake_await(runtime, slot(runtime, 0), lock);
    return runtime;
}

static const struct ad_future *first_future(const struct ad_snapshot *snapshot)
{
    return ad_snapshot_future(snapshot, ad_snapshot_task(snapshot, 0)->future);
}

static void all_holders_are_read(void **state)
{
    (void)state;
    struct fake_runtime *runtime = with_holders();
    struct ad_snapshot *snapshot = read_runtime(runtime);
    const struct ad_future *lock = first_future(snapshot);
    const struct ad_holder *holders = AD_ITEMS(struct ad_holder, &snapshot->holders) + lock->first_holder;
    assert_int_equal(snapshot->losses.count, 0);
    assert_int_equal(lock->holder_count, 7);
    assert_true(lock->holders_whole);
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(holders[i].task, i + 1);
    assert_int_equal(holders[1].since, 500);
    finish(snapshot, runtime);
}

static void broken_holders_are_told(void **state)
{
    (void)state;
    enum { LOOP, DANGLING, OTHER_FUTURE, NO_WAITER, WAYS };
    const uint32_t kept[] = {7, 2, 2, 0};
    for (int way = 0; way < WAYS; way++) {
        struct fake_runtime *runtime = with_holders();
        struct fake_arena *arena = &runtime->arena;
        if (way == LOOP)
            arena->links[7].next = fake_address(runtime, &arena->links[3]);
        else if (way == DANGLING)
            arena->links[2].next = 0x1238;
        else if (way == OTHER_FUTURE)
            arena->links[3].future += 8;
        else
            arena->futures[0].holders = slot_address(runtime, 1);
        struct ad_snapshot *snapshot = read_runtime(runtime);
        assert_int_equal(first_future(snapshot)->holder_count, kept[way]);
        assert_false(first_future(snapshot)->holders_whole);
        assert_lost(snapshot, "lists of a lock's holders are broken", 1);
        finish(snapshot, runtime);
    }
}

/* A holder whose task is nobody's record stays a holder. */
static void an_unknown_holder_is_kept(void **state)
{
    (void)state;
    struct fake_runtime *runtime = with_holders();
    runtime->arena.links[2].task = 0x1238;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    const struct ad_holder *holders = snapshot->holders.items;
    assert_int_equal(first_future(snapshot)->holder_count, 7);
    assert_int_equal(holders[1].task, AD_NONE);
    assert_int_equal(holders[1].address, 0x1238);
    finish(snapshot, runtime);
}

static void children_are_futures_too(void **state)
{
    (void)state;
    struct fake_runtime *runtime = with_children();
    struct ad_snapshot *snapshot = read_runtime(runtime);
    const struct ad_future *select = first_future(snapshot);
    const uint32_t *children = snapshot->children.items;
    assert_int_equal(snapshot->losses.count, 0);
    assert_int_equal(snapshot->futures.count, 4);
    assert_int_equal(select->child_count, 3);
    assert_true(select->children_whole);
    const struct ad_future *inner = ad_snapshot_future(snapshot, children[select->first_child + 2]);
    assert_int_equal(inner->kind, ASYNC_DEBUG_KIND_SELECT);
    assert_int_equal(inner->child_count, 2);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(children[inner->first_child + i], children[select->first_child + i]);
    assert_int_equal(ad_snapshot_future(snapshot, children[select->first_child + 1])->owner, 0);
    finish(snapshot, runtime);
}

static void broken_children_are_told(void **state)
{
    (void)state;
    enum { LOOP, DANGLING, UNREADABLE, WAYS };
    for (int way = 0; way < WAYS; way++) {
        struct fake_runtime *runtime = with_children();
        struct fake_arena *arena = &runtime->arena;
        if (way == LOOP)
            arena->links[2].sibling = fake_address(runtime, &arena->links[1]);
        else if (way == DANGLING)
            arena->links[1].sibling = 0x1238;
        else
            arena->futures[1].magic = 0;
        struct ad_snapshot *snapshot = read_runtime(runtime);
        const struct ad_future *select = first_future(snapshot);
        assert_int_equal(select->child_count, way == DANGLING ? 2 : 3);
        assert_int_equal(select->children_whole, way == UNREADABLE);
        assert_lost(snapshot, way == UNREADABLE ? "futures that tasks wait for cannot be read"
                                                : "lists of what a task waits for together are broken", 1);
        finish(snapshot, runtime);
    }
}

/* A select that is made of itself, many times over. */
static void a_select_of_itself_ends(void **state)
{
    (void)state;
    struct fake_runtime *runtime = with_children();
    struct fake_arena *arena = &runtime->arena;
    for (size_t i = 0; i < 5; i++)
        arena->links[i].future = fake_address(runtime, &arena->futures[0]);
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->futures.count, 1);
    assert_int_equal(snapshot->children.count, 3);
    finish(snapshot, runtime);
}

static void an_owner_that_is_gone_is_not_followed(void **state)
{
    (void)state;
    for (uint64_t id = 0; id < 4; id++) {
        struct fake_runtime *runtime = fake_runtime_create();
        fake_task_add(runtime, "waits", FAKE_WAITING);
        fake_task_add(runtime, "new", FAKE_READY);
        struct fake_future *lock = fake_future_set(runtime, 0, FAKE_MUTEX, slot(runtime, 1));
        lock->owner_id = id; /* 0: not told; 1: another one; 2: the one there; 3: gone */
        lock->thread = 4711;
        lock->worker = fake_address(runtime, &runtime->arena.worker);
        lock->site = fake_address(runtime, &runtime->arena.site);
        lock->created_at = 77;
        lock->error = -104;
        fake_await(runtime, slot(runtime, 0), lock);
        struct ad_snapshot *snapshot = read_runtime(runtime);
        const uint32_t owners[] = {1, 0, 1, AD_NONE};
        const struct ad_future *future = first_future(snapshot);
        assert_int_equal(future->owner, owners[id]);
        assert_int_equal(future->owner_id, id);
        assert_int_equal(future->thread, 4711);
        assert_int_equal(future->worker, 0);
        assert_int_equal(future->site.line, 42);
        assert_int_equal(future->created_at, 77);
        assert_int_equal(future->error, -104);
        finish(snapshot, runtime);
    }
}

/* Who does not say of the task when its wait began may say it of the wait. */
static void a_wait_knows_since_when(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    fake_await(runtime, fake_task_add(runtime, "t", FAKE_WAITING), fake_future_set(runtime, 0, FAKE_TIMER, NULL));
    runtime->arena.waiters[0].since = 123;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(ad_snapshot_task(snapshot, 0)->suspended_at, 123);
    finish(snapshot, runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_know_their_place_in_the_queue),
        cmocka_unit_test(tasks_belong_to_the_worker_that_has_them),
        cmocka_unit_test(tasks_are_found_by_their_own_numbers),
        cmocka_unit_test(a_broken_queue_is_told),
        cmocka_unit_test(queues_are_counted_when_nothing_changes),
        cmocka_unit_test(everything_of_a_task_is_read),
        cmocka_unit_test(broken_labels_are_told),
        cmocka_unit_test(a_shared_chain_of_labels_is_read_once),
        cmocka_unit_test(broken_traces_are_told),
        cmocka_unit_test(extras_are_bounded_together),
        cmocka_unit_test(all_holders_are_read),
        cmocka_unit_test(broken_holders_are_told),
        cmocka_unit_test(an_unknown_holder_is_kept),
        cmocka_unit_test(children_are_futures_too),
        cmocka_unit_test(broken_children_are_told),
        cmocka_unit_test(a_select_of_itself_ends),
        cmocka_unit_test(an_owner_that_is_gone_is_not_followed),
        cmocka_unit_test(a_wait_knows_since_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
