/* SPDX-License-Identifier: MIT */
#include "fake_reading.h"
#include "runtimes/layout_walk.h"

/* Two tasks in a deadlock, one behind them, one that joins; all that a descriptor can say of them. */
static void test_reads_everything(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_arena *arena = &runtime->arena;
    struct fake_task *a = fake_task_add(runtime, "a", FAKE_WAITING), *b = fake_task_add(runtime, "b", FAKE_WAITING);
    struct fake_task *c = fake_task_add(runtime, "c", FAKE_WAITING);
    struct fake_task *d = fake_task_add(runtime, "d", FAKE_WAITING);
    struct fake_future *first = fake_future_set(runtime, 0, FAKE_MUTEX, a);
    struct fake_future *second = fake_future_set(runtime, 1, FAKE_MUTEX, b);
    struct fake_future *join = fake_future_set(runtime, 2, FAKE_JOIN, NULL);
    strcpy(arena->text, "accounts[1]");
    second->name = fake_address(runtime, arena->text);
    c->join = fake_address(runtime, join);
    c->parent = fake_address(runtime, a);
    c->parent_id = a->id;
    d->parent = fake_address(runtime, a);
    d->parent_id = 99; /* the parent has ended and its slot is used anew */
    d->error = -5;
    fake_await(runtime, b, first);
    fake_await(runtime, c, second);
    fake_await(runtime, a, second);
    fake_await(runtime, d, join);
    struct ad_snapshot *snapshot = read_runtime(runtime);

    assert_int_equal(snapshot->losses.count, 0);
    assert_int_equal(snapshot->tasks.count, 4);
    assert_int_equal(snapshot->futures.count, 3);
    const struct ad_task *task = ad_snapshot_task(snapshot, 0);
    assert_int_equal(task->id, 1);
    assert_string_equal(task->name, "a");
    assert_string_equal(task->state_name, "parked");
    assert_int_equal(task->state, ASYNC_DEBUG_STATE_WAITING);
    assert_true(task->by_list && task->by_index);
    assert_string_equal(task->spawn_site.file, "app/main.c");
    assert_int_equal(task->spawn_site.line, 42);
    assert_int_equal(ad_snapshot_registers(snapshot, 0)->value[AD_REG_PC], 0x401000);
    assert_int_equal(ad_snapshot_registers(snapshot, 0)->value[AD_REG_RBX], 0xb1);
    assert_int_equal(ad_snapshot_registers(snapshot, 0)->value[AD_REG_SP], task->context + 24);
    assert_int_equal(task->worker, 0);
    const struct ad_future *future = ad_snapshot_future(snapshot, task->future);
    assert_string_equal(future->name, "accounts[1]");
    assert_string_equal(future->kind_name, "lock");
    assert_int_equal(future->owner, 1);
    assert_int_equal(future->waiter_count, 2);
    assert_int_equal(future->declared_waiters, 2);
    const uint32_t *waiters = AD_ITEMS(uint32_t, &snapshot->waiters) + future->first_waiter;
    assert_int_equal(waiters[0], 2);
    assert_int_equal(waiters[1], 0);
    assert_int_equal(ad_snapshot_task(snapshot, 2)->parent, 0);
    task = ad_snapshot_task(snapshot, 3);
    assert_int_equal(task->parent, AD_NONE);
    assert_int_equal(task->error, -5);
    assert_int_equal(ad_snapshot_future(snapshot, task->future)->owner, 2); /* by the joined task's JOIN */
    const struct ad_runtime *read = snapshot->runtimes.items;
    assert_string_equal(read->name, "faketasks");
    assert_int_equal(read->tasks_declared, 4);
    assert_int_equal(read->tasks_read, 4);
    assert_int_equal(ad_snapshot_worker(snapshot, 0)->thread_id, 4711);
    finish(snapshot, runtime);
}

/* In the midst of a switch CURRENT names the task that is about to run. */
static void test_the_state_says_who_runs(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_worker *worker = &runtime->arena.worker;
    fake_task_add(runtime, "leaving", FAKE_RUNNING);
    worker->current = fake_address(runtime, fake_task_add(runtime, "next", FAKE_READY));
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(ad_snapshot_worker(snapshot, 0)->current, 0);
    ad_snapshot_destroy(snapshot);
    ad_target_destroy(runtime->target);
    worker->current = 0;
    snapshot = read_runtime(runtime);
    assert_int_equal(ad_snapshot_worker(snapshot, 0)->current, AD_NONE);
    finish(snapshot, runtime);
}

static void refuses(struct fake_runtime *runtime, const char *words)
{
    struct ad_error *error = ad_layout_check(fake_runtime_target(runtime), FAKE_BASE);
    assert_non_null(error);
    if (!strstr(error->message, words))
        fail_msg("\"%s\" does not say \"%s\"", error->message, words);
    ad_error_destroy(error);
    fake_runtime_destroy(runtime);
}

static void test_refuses_what_is_no_descriptor(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    runtime->arena.descriptor.magic[3] = 'x';
    refuses(runtime, "magic");
    runtime = fake_runtime_create();
    runtime->arena.descriptor.self += 8;
    refuses(runtime, "copy");
    runtime = fake_runtime_create();
    runtime->arena.descriptor.abi += 0x10000;
    refuses(runtime, "ABI 2.1");
    runtime = fake_runtime_create();
    runtime->arena.descriptor.machine = 183;
    refuses(runtime, "x86-64");
    runtime = fake_runtime_create();
    runtime->arena.descriptor.byte_order = 2;
    refuses(runtime, "little-endian");
    runtime = fake_runtime_create();
    runtime->arena.descriptor.size = 500;
    refuses(runtime, "short");
}

/* A newer publisher has more fields and a longer descriptor; an older one fewer. */
static void test_other_minor_versions(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 3);
    struct async_debug_descriptor *descriptor = &runtime->arena.descriptor;
    descriptor->abi += 7;
    descriptor->records[ASYNC_DEBUG_TASK].field_count = ASYNC_DEBUG_TASK_NEXT + 1; /* knows no context */
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->tasks.count, 3);
    assert_int_equal(ad_snapshot_task(snapshot, 0)->context, 0);
    finish(snapshot, runtime);

    runtime = fake_runtime_create();
    add_sleepers(runtime, 3);
    /* Cut behind the TASK record: no slabs are described, the list leads to all. */
    runtime->arena.descriptor.size = offsetof(struct async_debug_descriptor, records[ASYNC_DEBUG_TASK + 1]);
    snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->tasks.count, 3);
    assert_int_equal(ad_snapshot_exit_status(snapshot), 0);
    finish(snapshot, runtime);
}

static void test_drops_fields_outside_their_record(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 2);
    struct async_debug_field *field = runtime->arena.descriptor.records[ASYNC_DEBUG_TASK].field;
    field[ASYNC_DEBUG_TASK_SPAWNED_AT].offset = sizeof(struct fake_task) - 7;
    field[ASYNC_DEBUG_TASK_WORKER].size = 3;
    field[ASYNC_DEBUG_TASK_NAME].offset = UINT32_MAX;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->tasks.count, 2);
    assert_string_equal(ad_snapshot_task(snapshot, 0)->name, "");
    assert_int_equal(find_loss(snapshot, "describes wrongly")->count, 3);
    assert_int_equal(ad_snapshot_exit_status(snapshot), 3);
    finish(snapshot, runtime);
}

/* 1000 tasks, the list broken in many ways: the index has all of them, and the break is told. */
static void test_broken_list_costs_nothing(void **state)
{
    (void)state;
    const struct {
        uint64_t next;
        const char *words;
    } breaks[] = {
        {0, "led to 500 of 1000 tasks (it ends early), the index gave the rest"},
        {0x1234, "led to 500 of 1000 tasks (broken at 0x1234)"},
        {FAKE_BASE + offsetof(struct fake_arena, slab.slots[99]), "led to 500 of 1000 tasks (cycle at 0x"},
        {FAKE_BASE + offsetof(struct fake_arena, slab.slots[499]), "led to 500 of 1000 tasks (cycle at 0x"},
    };
    for (size_t i = 0; i < COUNT(breaks); i++) {
        struct fake_runtime *runtime = fake_runtime_create();
        add_sleepers(runtime, 1000);
        runtime->arena.slab.slots[499].next = breaks[i].next;
        struct ad_snapshot *snapshot = read_runtime(runtime);
        assert_int_equal(snapshot->tasks.count, 1000);
        const struct ad_loss *loss = find_loss(snapshot, breaks[i].words);
        if (!loss)
            fail_msg("no loss says \"%s\"", breaks[i].words);
        assert_false(loss->partial);
        assert_int_equal(ad_snapshot_exit_status(snapshot), 0);
        finish(snapshot, runtime);
    }
}

static void test_broken_index_costs_nothing(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 1000);
    runtime->arena.slab.count = 600;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->tasks.count, 1000);
    assert_non_null(find_loss(snapshot, "the index led to 600 of 1000 tasks, the list gave the rest"));
    finish(snapshot, runtime);

    runtime = fake_runtime_create();
    add_sleepers(runtime, 1000);
    runtime->arena.worker.slabs = 0x5000;
    snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->tasks.count, 1000);
    assert_non_null(find_loss(snapshot, "1 slabs of tasks cannot be read, the first at 0x5000"));
    finish(snapshot, runtime);
}

/* Slots that overlap would give each task many times over, at made-up addresses. */
static void test_overlapping_slots_are_refused(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 5);
    runtime->arena.slab.slot_size = 8;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->tasks.count, 5);
    assert_non_null(find_loss(snapshot, "1 slabs of tasks cannot be read"));
    assert_non_null(find_loss(snapshot, "the index led to 0 of 5 tasks"));
    finish(snapshot, runtime);
}

/* A second worker whose list leads into the first one's: walked once, and told. */
static void test_lists_that_join(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_arena *arena = &runtime->arena;
    add_sleepers(runtime, 5);
    arena->process.workers[1] = fake_address(runtime, &arena->second);
    arena->second = arena->worker;
    arena->second.tasks = fake_address(runtime, &arena->slab.slots[2]);
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->workers.count, 2);
    assert_int_equal(snapshot->tasks.count, 5);
    assert_non_null(find_loss(snapshot, "the list led to 5 of 5 tasks (cycle at 0x"));
    finish(snapshot, runtime);
}

/* Both roads miss it: said, with the exit status of a partial reading. */
static void test_missing_tasks_are_told(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 10);
    runtime->arena.process.alive = 12;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_non_null(find_loss(snapshot, "read 10 of the 12 tasks that the runtime counts"));
    assert_int_equal(ad_snapshot_exit_status(snapshot), 3);
    finish(snapshot, runtime);

    runtime = fake_runtime_create();
    add_sleepers(runtime, 10);
    runtime->arena.process.alive = 11;
    runtime->arena.worker.changes = 5; /* stopped in the middle of a spawn */
    snapshot = read_runtime(runtime);
    assert_non_null(find_loss(snapshot, "it was stopped while it changed them"));
    assert_int_equal(ad_snapshot_exit_status(snapshot), 0);
    finish(snapshot, runtime);
}

static void test_hostile_counts(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 10);
    runtime->arena.slab.count = UINT64_MAX / 64;
    runtime->arena.worker.slab_count = UINT32_MAX;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->tasks.count, 10);
    assert_int_equal(ad_snapshot_exit_status(snapshot), 3);
    finish(snapshot, runtime);

    runtime = fake_runtime_create();
    add_sleepers(runtime, 10);
    runtime->arena.slab.count = UINT32_MAX;
    runtime->arena.process.worker_count = 255;
    snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->tasks.count, 10);
    assert_int_equal(ad_snapshot_exit_status(snapshot), 3);
    finish(snapshot, runtime);
}

/* A second task with the same id, and one whose id is a pointer, get numbers of their own. */
static void test_ids_are_unique(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 6);
    runtime->arena.slab.slots[1].id = 4;
    runtime->arena.slab.slots[2].id = FAKE_BASE;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    const uint32_t expected[] = {1, 4, 5, 6, 7, 8};
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(ad_snapshot_task(snapshot, i)->id, expected[i]);
    assert_string_equal(ad_snapshot_task(snapshot, ad_snapshot_find_id(snapshot, 8))->name, "sleeper 3");
    finish(snapshot, runtime);
}

/* The same runtime twice: what the second calls 1 is 4 here. */
static void test_ids_of_two_runtimes(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 3);
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_ok(ad_layout_read(runtime->target, FAKE_BASE, "scan", &ad_limits_default, snapshot));
    assert_int_equal(snapshot->tasks.count, 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(ad_snapshot_task(snapshot, i)->id, i + 1);
    assert_int_equal(ad_snapshot_task(snapshot, 3)->native_id, 1);
    finish(snapshot, runtime);
}

static struct fake_waiter *waiter_of(struct fake_runtime *runtime, size_t slot)
{
    return &runtime->arena.waiters[slot];
}

/* A runtime of another make: a ring of links that lead to links, a process-wide head, no index, waiting
   tasks chained themselves, and registers in the task record. */
static void test_another_make_of_runtime(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_arena *arena = &runtime->arena;
    struct async_debug_record *records = arena->descriptor.records;
    struct async_debug_field *task = records[ASYNC_DEBUG_TASK].field, none = {0};
    struct fake_future *future = fake_future_set(runtime, 0, FAKE_MUTEX, NULL);
    const size_t link = offsetof(struct fake_task, next);
    for (size_t i = 0; i < 5; i++)
        fake_await(runtime, fake_task_add(runtime, "t", FAKE_WAITING), future);
    for (size_t i = 0; i < 5; i++) {
        struct fake_task *slot = &arena->slab.slots[i];
        slot->next = i < 4 ? slot->next + link : fake_address(runtime, &arena->process.workers[1]);
        slot->waiter = i ? fake_address(runtime, slot - 1) : 0; /* last come, first served */
        slot->stack_size = 0;
    }
    arena->process.workers[1] = fake_address(runtime, &arena->slab.slots[0].next);
    arena->process.worker_count = 1;
    records[ASYNC_DEBUG_PROCESS].field[ASYNC_DEBUG_PROCESS_TASKS] = (struct async_debug_field){
        offsetof(struct fake_process, workers[1]), 8, ASYNC_DEBUG_EMBEDDED, ASYNC_DEBUG_LINK_TO_FIELD};
    records[ASYNC_DEBUG_WORKER].field[ASYNC_DEBUG_WORKER_TASKS] = none;
    records[ASYNC_DEBUG_WORKER].field[ASYNC_DEBUG_WORKER_SLABS] = none;
    task[ASYNC_DEBUG_TASK_NEXT].flags = ASYNC_DEBUG_LINK_TO_FIELD;
    task[ASYNC_DEBUG_TASK_READY_NEXT] = task[ASYNC_DEBUG_TASK_WAITERS];
    task[ASYNC_DEBUG_TASK_CONTEXT] =
        (struct async_debug_field){offsetof(struct fake_task, name), 24, ASYNC_DEBUG_EMBEDDED, 0};
    arena->descriptor.registers[3].offset = -64;
    future->waiters = fake_address(runtime, &arena->slab.slots[4]);
    records[ASYNC_DEBUG_FUTURE].field[ASYNC_DEBUG_FUTURE_WAITING_TASKS] =
        records[ASYNC_DEBUG_FUTURE].field[ASYNC_DEBUG_FUTURE_WAITERS];
    records[ASYNC_DEBUG_FUTURE].field[ASYNC_DEBUG_FUTURE_WAITERS] = none;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->losses.count, 0);
    assert_int_equal(snapshot->tasks.count, 5);
    assert_int_equal(snapshot->waiters.count, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(AD_ITEMS(uint32_t, &snapshot->waiters)[i], 4 - i);
    const struct ad_task *first = ad_snapshot_task(snapshot, 0);
    assert_false(first->by_index);
    assert_int_equal(ad_snapshot_registers(snapshot, 0)->value[AD_REG_RBX], 't');
    assert_int_equal(ad_snapshot_registers(snapshot, 0)->value[AD_REG_SP], first->address - 64);
    finish(snapshot, runtime);
}

/* A queue that leads astray is made anew of the tasks that say they wait. */
static void test_broken_queues(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct fake_runtime *runtime = fake_runtime_create();
        struct fake_future *first = fake_future_set(runtime, 0, FAKE_MUTEX, NULL);
        struct fake_future *second = fake_future_set(runtime, 1, FAKE_MUTEX, NULL);
        for (size_t i = 0; i < 40; i++)
            fake_await(runtime, fake_task_add(runtime, "w", FAKE_WAITING), i % 2 ? second : first);
        const uint64_t astray[] = {fake_address(runtime, waiter_of(runtime, 3)), 0x77,
                                   fake_address(runtime, waiter_of(runtime, 10)),
                                   fake_address(runtime, waiter_of(runtime, 20))};
        waiter_of(runtime, 20)->next = astray[way];
        struct ad_snapshot *snapshot = read_runtime(runtime);
        assert_int_equal(snapshot->futures.count, 2);
        for (uint32_t i = 0; i < 2; i++) {
            const struct ad_future *future = ad_snapshot_future(snapshot, i);
            assert_int_equal(future->waiter_count, 20);
            for (uint32_t k = 0; k < 20; k++)
                assert_int_equal(AD_ITEMS(uint32_t, &snapshot->waiters)[future->first_waiter + k], 2 * k + i);
        }
        assert_int_equal(find_loss(snapshot, "queues of waiting tasks are broken")->count, 1);
        finish(snapshot, runtime);
    }
}

static void test_broken_future_costs_itself(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_future *good = fake_future_set(runtime, 0, FAKE_TIMER, NULL);
    struct fake_future *bad = fake_future_set(runtime, 1, FAKE_TIMER, NULL);
    for (size_t i = 0; i < 3; i++)
        fake_await(runtime, fake_task_add(runtime, "w", FAKE_WAITING), i == 1 ? bad : good);
    bad->magic = 0;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->tasks.count, 3);
    assert_int_equal(snapshot->futures.count, 1);
    assert_int_equal(ad_snapshot_task(snapshot, 1)->future, AD_NONE);
    assert_int_equal(find_loss(snapshot, "futures that tasks wait for cannot be read")->count, 1);
    finish(snapshot, runtime);
}

/* What a visitor is told of, and how much of it. */
struct visits {
    unsigned count;
    size_t bytes;
};

static struct ad_error *take_visit(void *context, uint32_t task, const struct ad_registers *registers,
                                   uint64_t address, const uint8_t *bytes, size_t size)
{
    struct visits *visits = context;
    uint64_t saved;
    assert_int_equal(task, visits->count++);
    assert_true(registers->valid >> AD_REG_PC & 1);
    assert_true(size >= 3 * sizeof(saved)); /* its saved rbx, rbp and pc */
    memcpy(&saved, bytes + 2 * sizeof(saved), sizeof(saved));
    assert_int_equal(saved, registers->value[AD_REG_PC]);
    assert_int_equal(address + 3 * sizeof(saved), registers->value[AD_REG_SP]);
    visits->bytes += size;
    return NULL;
}

/* Stacks read once tell the same as registers and queues read one after the other. */
static void test_visits_stacks(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_task *a = fake_task_add(runtime, "a", FAKE_WAITING), *b = fake_task_add(runtime, "b", FAKE_WAITING);
    struct fake_future *first = fake_future_set(runtime, 0, FAKE_MUTEX, NULL);
    fake_await(runtime, b, first);
    fake_await(runtime, a, first);
    struct fake_waiter *on_stack = (struct fake_waiter *)runtime->arena.contexts[8]; /* which is long enough now */
    *on_stack = *waiter_of(runtime, 0);
    a->waiter = waiter_of(runtime, 1)->next = fake_address(runtime, on_stack);
    a->stack_size = fake_address(runtime, runtime->arena.contexts[12]) - a->stack_low;
    struct ad_snapshot *snapshot = read_runtime(runtime), *visited;
    struct visits visits = {0};
    struct ad_stack_visitor visitor = {.visit = take_visit, .context = &visits};
    assert_ok(ad_snapshot_create(&visited));
    assert_ok(ad_layout_visit(runtime->target, FAKE_BASE, "note", &ad_limits_default, &visitor, visited));
    assert_int_equal(visits.count, 2);
    assert_int_equal(visits.bytes, a->stack_size + b->stack_size);
    assert_int_equal(visited->waiters.count, 2);
    assert_memory_equal(visited->waiters.items, snapshot->waiters.items, 2 * sizeof(uint32_t));
    assert_int_equal(visited->losses.count, 0);
    assert_int_equal(visited->registers.count, 0);
    assert_int_equal(snapshot->registers.count, 2);
    ad_snapshot_destroy(visited);
    finish(snapshot, runtime);
}

/* A stack pointer outside the task's stack would give a stack of somebody else. */
static void test_context_outside_its_stack(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 3);
    runtime->arena.slab.slots[1].sp = fake_address(runtime, runtime->arena.contexts[2]);
    runtime->arena.slab.slots[2].state = FAKE_RUNNING; /* what is saved is stale */
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_not_equal(ad_snapshot_registers(snapshot, 0)->valid, 0);
    assert_int_equal(ad_snapshot_registers(snapshot, 1)->valid, 0);
    assert_int_equal(ad_snapshot_registers(snapshot, 2)->valid, 0);
    assert_int_equal(find_loss(snapshot, "no readable saved registers")->count, 1);
    finish(snapshot, runtime);
}

/* The time of the dump is the newest in it, but one broken time does not spoil everybody's age. */
static void test_time_of_the_dump(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    add_sleepers(runtime, 3);
    runtime->arena.slab.slots[0].spawned_at = 1500000;
    runtime->arena.slab.slots[1].spawned_at = UINT64_MAX / 2;
    runtime->arena.process.tick = 1000;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->now, 1500000);
    finish(snapshot, runtime);
}

/* Every word of three of 40 tasks, of their worker, futures and waiters set to something wild: whatever it
   is, the other tasks are read with their right names, and all ends. */
static void test_any_broken_word_costs_one_task(void **state)
{
    (void)state;
    const uint64_t wild[] = {0, 1, UINT64_MAX, FAKE_BASE, FAKE_BASE + offsetof(struct fake_arena, slab.slots[5])};
    struct fake_runtime *pristine = fake_runtime_create();
    struct fake_future *future = fake_future_set(pristine, 0, FAKE_MUTEX, &pristine->arena.slab.slots[0]);
    for (size_t i = 0; i < 40; i++) {
        char name[40];
        snprintf(name, sizeof(name), "t%zu", i + 1);
        fake_await(pristine, fake_task_add(pristine, name, FAKE_WAITING), future);
    }
    struct fake_runtime *runtime = fake_runtime_create();
    uint64_t *words = (uint64_t *)&pristine->arena.slab.slots[19];
    for (size_t word = 0; word < 3 * sizeof(struct fake_task) / 8; word++) {
        for (size_t i = 0; i < COUNT(wild); i++) {
            uint64_t before = words[word];
            words[word] = wild[i];
            runtime->arena = pristine->arena;
            words[word] = before;
            struct ad_snapshot *snapshot = read_runtime(runtime);
            size_t right = 0;
            for (uint32_t t = 0; t < snapshot->tasks.count; t++) {
                const struct ad_task *task = ad_snapshot_task(snapshot, t);
                size_t slot = (task->address - FAKE_BASE - offsetof(struct fake_arena, slab.slots)) /
                              sizeof(struct fake_task);
                char name[40];
                snprintf(name, sizeof(name), "t%zu", slot + 1);
                right += strcmp(task->name, name) == 0 && task->native_id == slot + 1;
            }
            assert_true(right >= 39);
            ad_snapshot_destroy(snapshot);
            ad_target_destroy(runtime->target);
        }
    }
    runtime->target = NULL;
    fake_runtime_destroy(runtime);
    fake_runtime_destroy(pristine);
}

/* Random damage anywhere, the descriptor included: any result, but a result. */
static void test_survives_random_damage(void **state)
{
    (void)state;
    struct fake_runtime *pristine = fake_runtime_create(), *runtime = fake_runtime_create();
    struct fake_future *future = fake_future_set(pristine, 0, FAKE_MUTEX, &pristine->arena.slab.slots[0]);
    for (size_t i = 0; i < 20; i++)
        fake_await(pristine, fake_task_add(pristine, "t", FAKE_WAITING), future);
    pristine->arena.slab.count = 20;
    srand(7);
    for (int round = 0; round < 1000; round++) {
        runtime->arena = pristine->arena;
        for (int i = 0; i < 1 + round % 4; i++) {
            const size_t used = offsetof(struct fake_arena, slab.slots[20]);
            ((uint8_t *)&runtime->arena)[(size_t)rand() % used] = (uint8_t)rand();
        }
        struct ad_snapshot *snapshot;
        assert_ok(ad_snapshot_create(&snapshot));
        ad_error_destroy(ad_layout_read(fake_runtime_target(runtime), FAKE_BASE, "note", &ad_limits_default,
                                        snapshot));
        for (uint32_t i = 0; i < snapshot->tasks.count; i++)
            assert_non_null(ad_snapshot_task(snapshot, i)->name);
        ad_snapshot_destroy(snapshot);
        ad_target_destroy(runtime->target);
    }
    runtime->target = NULL;
    fake_runtime_destroy(runtime);
    fake_runtime_destroy(pristine);
}

static void test_scan(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    uint64_t found[4];
    size_t count;
    assert_ok(ad_layout_scan(fake_runtime_target(runtime), &ad_limits_default, found, 4, &count));
    assert_int_equal(count, 1);
    assert_int_equal(found[0], FAKE_BASE);
    fake_runtime_destroy(runtime);

    /* Across the end of a chunk of the scan, and a copy that must not be taken for one. */
    const size_t size = (size_t)3 << 20, place = ((size_t)1 << 20) - 8;
    uint8_t *memory = calloc(1, size);
    struct async_debug_descriptor descriptor = {0};
    fake_describe(&descriptor);
    descriptor.self = FAKE_BASE + place;
    memcpy(memory + place, &descriptor, sizeof(descriptor));
    memcpy(memory + 4096, &descriptor, sizeof(descriptor));
    struct ad_fake_memory memories = {FAKE_BASE, memory, size};
    struct ad_target *target;
    assert_ok(ad_fake_create(&memories, 1, &ad_limits_default, &target));
    assert_ok(ad_layout_scan(target, &ad_limits_default, found, 4, &count));
    assert_int_equal(count, 1);
    assert_int_equal(found[0], FAKE_BASE + place);
    ad_target_destroy(target);
    free(memory);
}

static void test_walk_finds_every_cycle(void **state)
{
    (void)state;
    /* A lead of `lead` records into a ring of `ring`; 0x100 + i leads to 0x100 + i + 1. */
    for (uint64_t lead = 1; lead < 40; lead++) {
        for (uint64_t ring = 1; ring < 40; ring++) {
            struct ad_walk walk;
            uint64_t visited[400], count = 0, next;
            for (ad_walk_init(&walk, 0x100, 0, 400); ad_walk_going(&walk); ad_walk_next(&walk, next)) {
                visited[count++] = walk.at;
                next = walk.at + 1 < 0x100 + lead + ring ? walk.at + 1 : 0x100 + lead;
            }
            assert_int_equal(walk.stop, AD_WALK_CYCLE);
            assert_int_equal(ad_walk_distinct(&walk, visited, count), lead + ring);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_everything),
        cmocka_unit_test(test_visits_stacks),
        cmocka_unit_test(test_the_state_says_who_runs),
        cmocka_unit_test(test_refuses_what_is_no_descriptor),
        cmocka_unit_test(test_other_minor_versions),
        cmocka_unit_test(test_drops_fields_outside_their_record),
        cmocka_unit_test(test_broken_list_costs_nothing),
        cmocka_unit_test(test_broken_index_costs_nothing),
        cmocka_unit_test(test_overlapping_slots_are_refused),
        cmocka_unit_test(test_lists_that_join),
        cmocka_unit_test(test_missing_tasks_are_told),
        cmocka_unit_test(test_hostile_counts),
        cmocka_unit_test(test_ids_are_unique),
        cmocka_unit_test(test_ids_of_two_runtimes),
        cmocka_unit_test(test_another_make_of_runtime),
        cmocka_unit_test(test_broken_queues),
        cmocka_unit_test(test_broken_future_costs_itself),
        cmocka_unit_test(test_context_outside_its_stack),
        cmocka_unit_test(test_time_of_the_dump),
        cmocka_unit_test(test_any_broken_word_costs_one_task),
        cmocka_unit_test(test_survives_random_damage),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_walk_finds_every_cycle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
