/* SPDX-License-Identifier: MIT */
/* What a runtime keeps beside its tasks; and damage to any part that not every runtime has. */
#include "fake_parts.h"

/* ---- Finished tasks, handles, counters ---------------------------------------------------------------- */

static void the_history_is_read_from_the_newest(void **state)
{
    (void)state;
    const uint64_t counts[] = {0, 1, 7, 8, 9, 21};
    for (size_t c = 0; c < COUNT(counts); c++) {
        struct fake_runtime *runtime = fake_runtime_create();
        add_history(runtime, 8, counts[c]);
        struct ad_snapshot *snapshot = read_runtime(runtime);
        const struct ad_finished *finished = snapshot->finished.items;
        uint64_t kept = counts[c] < 8 ? counts[c] : 8;
        assert_int_equal(snapshot->losses.count, 0);
        assert_int_equal(snapshot->finished.count, kept);
        for (uint64_t i = 0; i < kept; i++)
            assert_int_equal(finished[i].native_id, 100 + counts[c] - 1 - i);
        assert_int_equal(AD_ITEMS(struct ad_runtime, &snapshot->runtimes)->history_count, counts[c]);
        if (kept) {
            assert_string_equal(finished->name, "done");
            assert_int_equal(finished->error, -32);
            assert_int_equal(finished->state, ASYNC_DEBUG_STATE_RETURNED);
        }
        finish(snapshot, runtime);
    }
}

static void a_broken_history_is_told(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct ad_limits limits = ad_limits_default;
    add_history(runtime, 8, 12);
    runtime->arena.finished[0].state = FAKE_RUNNING; /* being written, or never a record */
    runtime->arena.finished[1].state = 200;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->finished.count, 6);
    assert_lost(snapshot, "records of finished tasks cannot be read", 2);
    finish(snapshot, runtime);

    runtime = fake_runtime_create();
    add_history(runtime, 8, 12);
    runtime->arena.process.history = 0x1238;
    snapshot = read_runtime(runtime);
    assert_lost(snapshot, "records of finished tasks cannot be read", 8);
    finish(snapshot, runtime);

    runtime = fake_runtime_create(); /* an array that does not fit into memory */
    add_history(runtime, 8, 12);
    runtime->arena.process.history_capacity = UINT64_MAX;
    snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->finished.count, 0);
    assert_lost(snapshot, "records of finished tasks cannot be read", 1);
    finish(snapshot, runtime);

    runtime = fake_runtime_create(); /* ever written: any number; kept: as many as the ring has room for */
    add_history(runtime, 8, 12);
    runtime->arena.process.history_count = UINT64_MAX;
    snapshot = read_runtime(runtime);
    assert_int_equal(snapshot->finished.count, 8);
    finish(snapshot, runtime);

    runtime = fake_runtime_create();
    add_history(runtime, 8, 12);
    limits.history = 3;
    snapshot = read_within(runtime, &limits);
    assert_int_equal(snapshot->finished.count, 3);
    assert_lost(snapshot, "the history has 8 finished tasks, only the last 3 were read", 5);
    finish(snapshot, runtime);
}

static void handles_and_counters_are_read(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_process *process = &runtime->arena.process;
    add_books(runtime, 3);
    process->spawned = 1000;
    process->ended = 990;
    process->debug_flags = ASYNC_DEBUG_MODE_ON | ASYNC_DEBUG_MODE_TIMES;
    process->slow_step = 100000000;
    process->started_at = 5;
    process->pid = 1234;
    struct ad_snapshot *snapshot = read_runtime(runtime);
    const struct ad_handle *handles = snapshot->handles.items;
    const struct ad_function *functions = snapshot->functions.items;
    const struct ad_runtime *read = snapshot->runtimes.items;
    assert_int_equal(snapshot->losses.count, 0);
    assert_int_equal(snapshot->handles.count, 3);
    assert_int_equal(handles[2].fd, 12);
    assert_string_equal(handles[2].kind, "tcp");
    assert_string_equal(handles[2].name, "client");
    assert_int_equal(handles[2].task_id, 3);
    assert_int_equal(handles[2].site.line, 42);
    assert_int_equal(handles[2].opened_at, 99);
    assert_int_equal(snapshot->functions.count, 3);
    assert_int_equal(functions[1].start, 0x401001);
    assert_int_equal(functions[1].spawned, 50);
    assert_int_equal(functions[1].finished, 40);
    assert_int_equal(functions[1].failed, 2);
    assert_int_equal(functions[1].resumes, 900);
    assert_int_equal(functions[1].cpu_time, 5);
    assert_int_equal(functions[1].wall_time, 6);
    assert_int_equal(functions[1].longest_step, 4);
    assert_int_equal(functions[1].longest_task, 17);
    assert_int_equal(read->tasks_spawned, 1000);
    assert_int_equal(read->tasks_finished, 990);
    assert_int_equal(read->debug_flags, 3);
    assert_int_equal(read->slow_step, 100000000);
    assert_int_equal(read->started_at, 5);
    assert_int_equal(read->pid, 1234);
    finish(snapshot, runtime);
}

static void broken_books_are_told(void **state)
{
    (void)state;
    enum { LOOP, DANGLING, OTHER_MAGIC, LONG, WAYS };
    const size_t handles[] = {5, 3, 5, 4}, functions[] = {5, 3, 2, 4};
    for (int way = 0; way < WAYS; way++) {
        struct fake_runtime *runtime = fake_runtime_create();
        struct fake_arena *arena = &runtime->arena;
        struct ad_limits limits = ad_limits_default;
        add_books(runtime, 5);
        if (way == LOOP) {
            arena->handles[4].next = fake_address(runtime, &arena->handles[3]);
            arena->functions[4].next = fake_address(runtime, &arena->functions[1]);
        } else if (way == DANGLING) {
            arena->handles[2].next = arena->functions[2].next = 0x1238;
        } else if (way == OTHER_MAGIC) {
            arena->functions[2].magic++;
        } else {
            limits.handles = limits.functions = 4;
        }
        struct ad_snapshot *snapshot = read_within(runtime, &limits);
        assert_int_equal(snapshot->handles.count, handles[way]);
        assert_int_equal(snapshot->functions.count, functions[way]);
        assert_int_equal(find_loss(snapshot, "lists of counters by function are broken or too long")->count, 1);
        if (way == OTHER_MAGIC)
            assert_null(find_loss(snapshot, "lists of open handles"));
        else
            assert_int_equal(find_loss(snapshot, "lists of open handles are broken or too long")->count, 1);
        assert_int_equal(ad_snapshot_exit_status(snapshot), 3);
        finish(snapshot, runtime);
    }
}

/* Each kind of record with its first field pushed out of it: that field is lost, told, and nothing else. */
static void fields_outside_their_record_are_dropped(void **state)
{
    (void)state;
    const struct {
        enum async_debug_record_kind kind;
        unsigned field;
    } fields[] = {
        {ASYNC_DEBUG_PROCESS, ASYNC_DEBUG_PROCESS_HISTORY},    {ASYNC_DEBUG_PROCESS, ASYNC_DEBUG_PROCESS_FUNCTIONS},
        {ASYNC_DEBUG_WORKER, ASYNC_DEBUG_WORKER_INBOX},        {ASYNC_DEBUG_WORKER, ASYNC_DEBUG_WORKER_READY},
        {ASYNC_DEBUG_TASK, ASYNC_DEBUG_TASK_READY_NEXT},       {ASYNC_DEBUG_TASK, ASYNC_DEBUG_TASK_LABELS},
        {ASYNC_DEBUG_TASK, ASYNC_DEBUG_TASK_SPAWN_DEPTH},      {ASYNC_DEBUG_TASK, ASYNC_DEBUG_TASK_ERROR_STACK},
        {ASYNC_DEBUG_FUTURE, ASYNC_DEBUG_FUTURE_HOLDERS},      {ASYNC_DEBUG_FUTURE, ASYNC_DEBUG_FUTURE_CHILDREN},
        {ASYNC_DEBUG_WAITER, ASYNC_DEBUG_WAITER_SIBLING},      {ASYNC_DEBUG_LABEL, ASYNC_DEBUG_LABEL_NEXT},
        {ASYNC_DEBUG_FINISHED, ASYNC_DEBUG_FINISHED_STATE},    {ASYNC_DEBUG_HANDLE, ASYNC_DEBUG_HANDLE_NEXT},
        {ASYNC_DEBUG_FUNCTION, ASYNC_DEBUG_FUNCTION_NEXT},     {ASYNC_DEBUG_FUNCTION, ASYNC_DEBUG_FUNCTION_MAGIC},
    };
    for (size_t i = 0; i < COUNT(fields); i++) {
        struct fake_runtime *runtime = with_children();
        add_labels(runtime, 3);
        add_trace(runtime, 3);
        add_history(runtime, 8, 12);
        add_books(runtime, 3);
        struct async_debug_record *record = &runtime->arena.descriptor.records[fields[i].kind];
        record->field[fields[i].field].offset = record->size;
        struct ad_snapshot *snapshot = read_runtime(runtime);
        assert_int_equal(snapshot->tasks.count, 1);
        assert_lost(snapshot, "fields or records that the runtime describes wrongly were left out", 1);
        finish(snapshot, runtime);
    }
}

/* Every word of the new records set to something wild: whatever it is, both tasks are there. */
static void any_broken_word_costs_no_task(void **state)
{
    (void)state;
    struct fake_runtime *pristine = with_children(), *runtime = fake_runtime_create();
    fake_task_add(pristine, "u", FAKE_READY);
    add_labels(pristine, 3);
    add_trace(pristine, 3);
    add_history(pristine, 8, 12);
    add_books(pristine, 3);
    pristine->arena.slab.count = 2;
    const uint64_t wild[] = {0, 1, UINT64_MAX, FAKE_BASE, fake_address(pristine, &pristine->arena.labels[0]),
                             fake_address(pristine, &pristine->arena.handles[1])};
    uint64_t *words = (uint64_t *)&pristine->arena.labels[0];
    size_t count = (sizeof(struct fake_arena) - offsetof(struct fake_arena, labels)) / sizeof(uint64_t);
    for (size_t word = 0; word < count; word++) {
        for (size_t i = 0; words[word] && i < COUNT(wild); i++) {
            uint64_t before = words[word];
            words[word] = wild[i];
            runtime->arena = pristine->arena;
            words[word] = before;
            struct ad_snapshot *snapshot = read_runtime(runtime);
            assert_int_equal(snapshot->tasks.count, 2);
            assert_int_equal(snapshot->finished.count <= 8, 1);
            ad_snapshot_destroy(snapshot);
            ad_target_destroy(runtime->target);
        }
    }
    runtime->target = NULL;
    fake_runtime_destroy(runtime);
    fake_runtime_destroy(pristine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_history_is_read_from_the_newest),
        cmocka_unit_test(a_broken_history_is_told),
        cmocka_unit_test(handles_and_counters_are_read),
        cmocka_unit_test(broken_books_are_told),
        cmocka_unit_test(fields_outside_their_record_are_dropped),
        cmocka_unit_test(any_broken_word_costs_no_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
