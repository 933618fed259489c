/* SPDX-License-Identifier: MIT */
#include "../support/core_writer.h"
#include "../support/unit.h"

#include "dump/dump.h"
#include "fake_runtime.h"
#include "target/core.h"
#include "unwind/unwind.h"

static const struct ad_dump_options options = {.limits = {0}};

static struct ad_dump_options defaults(void)
{
    struct ad_dump_options all = options;
    all.limits = ad_limits_default;
    return all;
}

/* A dump of a core that holds the fake runtime's memory and one thread. */
static struct ad_error *dump_core(const struct fake_runtime *runtime, uint64_t pc, uint64_t sp,
                                  struct ad_dump **dump_ret)
{
    struct core_writer writer;
    struct ad_target *target;
    struct ad_dump_options all = defaults();
    core_writer_init(&writer);
    core_writer_load(&writer, FAKE_BASE, PF_R | PF_W, &runtime->arena, sizeof(runtime->arena),
                     sizeof(runtime->arena));
    core_writer_thread(&writer, 4711, 6, pc, sp);
    core_writer_save(&writer, in_folder("core"));
    assert_ok(ad_core_open(in_folder("core"), &ad_limits_default, &target));
    return ad_dump_create(target, &all, dump_ret);
}

static void finish(struct ad_dump *dump, struct fake_runtime *runtime)
{
    ad_dump_destroy(dump);
    fake_runtime_destroy(runtime);
}

static bool loses(const struct ad_snapshot *snapshot, const char *words)
{
    const struct ad_loss *losses = snapshot->losses.items;
    for (size_t i = 0; i < snapshot->losses.count; i++)
        if (strstr(losses[i].what, words))
            return true;
    return false;
}

static const struct ad_stack *stack_of(const struct ad_snapshot *snapshot, uint32_t task)
{
    uint32_t stack = ad_snapshot_task(snapshot, task)->stack;
    assert_true(stack < snapshot->stacks.count);
    return &AD_ITEMS(struct ad_stack, &snapshot->stacks)[stack];
}

static const struct ad_location *frame_of(const struct ad_snapshot *snapshot, const struct ad_stack *stack,
                                          uint32_t frame)
{
    assert_true(frame < stack->count);
    uint32_t location = AD_ITEMS(uint32_t, &snapshot->frames)[stack->first + frame];
    return &AD_ITEMS(struct ad_location, &snapshot->locations)[location];
}

/* Without any file there is still the whole model, and of each stack the frame that the registers name. */
static void memory_alone_gives_the_model(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct ad_dump *dump;
    for (int i = 0; i < 1000; i++)
        fake_task_add(runtime, "t", FAKE_READY);
    for (int i = 0; i < 1000; i += 2)
        runtime->arena.contexts[i][2] = 0x402000;
    assert_ok(dump_core(runtime, 0x1234, 0x5678, &dump));
    const struct ad_snapshot *snapshot = dump->snapshot;
    assert_int_equal(snapshot->tasks.count, 1000);
    assert_string_equal(AD_ITEMS(struct ad_runtime, &snapshot->runtimes)->found_by, "scan");
    assert_string_equal(snapshot->build_id_state, "binary unknown");
    /* Two distinct stacks of tasks and the thread's, whose pc is an exact place. */
    assert_int_equal(snapshot->stacks.count, 3);
    assert_int_equal(snapshot->locations.count, 3);
    for (uint32_t i = 0; i < 1000; i++) {
        const struct ad_stack *stack = stack_of(snapshot, i);
        assert_int_equal(stack->count, 1);
        assert_int_equal(frame_of(snapshot, stack, 0)->pc, i % 2 ? 0x401000 : 0x402000);
        assert_int_equal(stack->end, AD_STACK_NO_CFI);
        assert_non_null(strstr(stack->end_text, i % 2 ? "at 0x401000" : "at 0x402000"));
    }
    assert_true(loses(snapshot, "the stacks of 1000 of 1000 tasks end early"));
    assert_true(loses(snapshot, "the stacks of 1 of 1 threads are not complete: no unwind information"));
    assert_int_equal(ad_snapshot_exit_status(snapshot), 3);
    const struct ad_thread_state *thread = snapshot->threads.items;
    assert_int_equal(snapshot->threads.count, 1);
    assert_int_equal(thread->worker, 0);
    assert_int_equal(ad_snapshot_worker(snapshot, 0)->thread, 0);
    assert_true(frame_of(snapshot, &AD_ITEMS(struct ad_stack, &snapshot->stacks)[thread->stack], 0)->interrupted);
    finish(dump, runtime);
}

/* The runtime's own outermost frame completes a stack, whatever lies below it. */
static void the_entry_ends_a_stack(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct ad_dump *dump;
    runtime->arena.descriptor.entry_low = 0x400ff0;
    runtime->arena.descriptor.entry_high = 0x401001;
    fake_task_add(runtime, "t", FAKE_READY);
    assert_ok(dump_core(runtime, 0x1234, 0x5678, &dump));
    const struct ad_stack *stack = stack_of(dump->snapshot, 0);
    assert_int_equal(stack->end, AD_STACK_ENTRY);
    assert_null(stack->end_text);
    assert_true(frame_of(dump->snapshot, stack, 0)->entry);
    assert_false(loses(dump->snapshot, "end early"));
    finish(dump, runtime);
}

/* A running task's frames are its thread's, if that is on the task's stack; what it saved is stale. */
static void a_running_task_has_its_threads_stack(void **state)
{
    (void)state;
    for (int inside = 0; inside < 2; inside++) {
        struct fake_runtime *runtime = fake_runtime_create();
        struct ad_dump *dump;
        fake_task_add(runtime, "waits", FAKE_READY);
        struct fake_task *task = fake_task_add(runtime, "runs", FAKE_RUNNING);
        runtime->arena.worker.current = fake_address(runtime, task);
        assert_ok(dump_core(runtime, 0x1234, inside ? task->stack_low + 8 : 0x5678, &dump));
        if (inside)
            assert_int_equal(frame_of(dump->snapshot, stack_of(dump->snapshot, 1), 0)->pc, 0x1234);
        else
            assert_int_equal(ad_snapshot_task(dump->snapshot, 1)->stack, AD_NONE);
        assert_int_equal(ad_snapshot_worker(dump->snapshot, 0)->current, 1);
        finish(dump, runtime);
    }
}

static const struct ad_location *location_at(const struct ad_snapshot *snapshot, uint32_t index)
{
    assert_true(index < snapshot->locations.count);
    return &AD_ITEMS(struct ad_location, &snapshot->locations)[index];
}

/* Start functions are exact places, recorded return addresses are not; the same recorded stack is kept once. */
static void recorded_stacks_are_stacks_too(void **state)
{
    (void)state;
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_arena *arena = &runtime->arena;
    struct ad_dump *dump;
    for (int i = 0; i < 3; i++) {
        struct fake_task *task = fake_task_add(runtime, "t", FAKE_READY);
        task->spawn_stack = fake_address(runtime, arena->addresses);
        task->spawn_depth = 3;
        task->start = 0x403000;
        task->spawn_pc = 0x404000;
        task->site = i ? task->site : 0;
    }
    arena->addresses[0] = arena->addresses[1] = 0x403000;
    arena->addresses[2] = 0x405000;
    arena->process.history = fake_address(runtime, arena->finished);
    arena->process.history_capacity = arena->process.history_count = 1;
    arena->finished[0] = (struct fake_finished){.start = 0x403000, .state = FAKE_ENDED};
    arena->process.functions = fake_address(runtime, arena->functions);
    arena->functions[0] = (struct fake_function){.start = 0x406000, .magic = FAKE_FUNCTION_MAGIC};
    assert_ok(dump_core(runtime, 0x1234, 0x5678, &dump));
    const struct ad_snapshot *snapshot = dump->snapshot;
    const struct ad_task *first = ad_snapshot_task(snapshot, 0), *last = ad_snapshot_task(snapshot, 2);
    uint32_t trace = ad_task_extra(snapshot, first)->spawn_trace.stack;
    assert_int_equal(ad_task_extra(snapshot, last)->spawn_trace.stack, trace);
    assert_true(trace < snapshot->stacks.count);
    const struct ad_stack *stack = &AD_ITEMS(struct ad_stack, &snapshot->stacks)[trace];
    assert_int_equal(stack->count, 3);
    assert_null(stack->end_text);
    assert_int_equal(frame_of(snapshot, stack, 2)->pc, 0x405000);
    assert_false(frame_of(snapshot, stack, 0)->interrupted);
    assert_int_equal(first->start_location, last->start_location);
    assert_int_equal(location_at(snapshot, first->start_location)->pc, 0x403000);
    assert_true(location_at(snapshot, first->start_location)->interrupted);
    assert_int_equal(location_at(snapshot, first->spawn_location)->pc, 0x404000);
    assert_false(location_at(snapshot, first->spawn_location)->interrupted);
    assert_int_equal(last->spawn_location, AD_NONE); /* its site tells the place */
    assert_int_equal(AD_ITEMS(struct ad_finished, &snapshot->finished)->start_location, first->start_location);
    const struct ad_function *function = snapshot->functions.items;
    assert_int_equal(location_at(snapshot, function->start_location)->pc, 0x406000);
    finish(dump, runtime);
}

static void nothing_to_read_is_told(void **state)
{
    (void)state;
    struct ad_dump *dump;
    struct fake_runtime *runtime = fake_runtime_create();
    runtime->arena.descriptor.magic[0] = 0;
    assert_error(dump_core(runtime, 1, 2, &dump), AD_ERROR_UNUSABLE, "no coroutine runtime found");
    fake_runtime_destroy(runtime);

    runtime = fake_runtime_create();
    runtime->arena.descriptor.process = 0x1000;
    assert_error(dump_core(runtime, 1, 2, &dump), AD_ERROR_FAULT, "process record at 0x1000");
    fake_runtime_destroy(runtime);

    runtime = fake_runtime_create();
    runtime->arena.descriptor.process = 0; /* not started: nothing is lost, there is nothing */
    assert_ok(dump_core(runtime, 1, 2, &dump));
    assert_int_equal(dump->snapshot->tasks.count, 0);
    assert_true(loses(dump->snapshot, "has not been started"));
    assert_int_equal(ad_snapshot_exit_status(dump->snapshot), 0);
    finish(dump, runtime);
}

/* Damage anywhere in the memory: some result each time, and findings of what was read. */
static void damage_never_ends_it(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    struct fake_runtime *pristine = fake_runtime_create(), *runtime = fake_runtime_create();
    struct fake_future *futures[2] = {fake_future_set(pristine, 0, FAKE_MUTEX, &pristine->arena.slab.slots[0]),
                                      fake_future_set(pristine, 1, FAKE_MUTEX, &pristine->arena.slab.slots[1])};
    for (int i = 0; i < 20; i++)
        fake_await(pristine, fake_task_add(pristine, "t", FAKE_WAITING), futures[(i + 1) % 2]);
    pristine->arena.slab.count = 20;
    const struct ad_dump_options all = defaults();
    for (int round = 0; round < 600; round++) {
        runtime->arena = pristine->arena;
        for (int i = 0; i < 1 + round % 4; i++) {
            const size_t used = offsetof(struct fake_arena, slab.slots[20]);
            ((uint8_t *)&runtime->arena)[random_next(&random) % used] = (uint8_t)random_next(&random);
        }
        struct ad_dump *dump = NULL;
        struct ad_error *error = ad_dump_create(fake_runtime_target(runtime), &all, &dump);
        runtime->target = NULL;
        assert_true(!error != !dump);
        ad_error_destroy(error);
        ad_dump_destroy(dump);
    }
    fake_runtime_destroy(runtime);
    fake_runtime_destroy(pristine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_alone_gives_the_model),
        cmocka_unit_test(the_entry_ends_a_stack),
        cmocka_unit_test(a_running_task_has_its_threads_stack),
        cmocka_unit_test(recorded_stacks_are_stacks_too),
        cmocka_unit_test(nothing_to_read_is_told),
        cmocka_unit_test(damage_never_ends_it),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
