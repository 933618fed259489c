/* SPDX-License-Identifier: MIT */
#include "../support/unit.h"

#include "base/map.h"
#include "model/snapshot.h"
#include "target/fake.h"

static void add_task(struct ad_snapshot *snapshot, uint32_t id, const char *name)
{
    struct ad_task task = {.id = id, .name = name};
    assert_ok(ad_vector_push(&snapshot->tasks, &task));
}

static void test_finds_tasks(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot;
    assert_ok(ad_snapshot_create(&snapshot));
    add_task(snapshot, 3, "a");
    add_task(snapshot, 9, "twin");
    add_task(snapshot, 4, "twin");
    assert_int_equal(ad_snapshot_find_id(snapshot, 4), 2);
    assert_int_equal(ad_snapshot_find_id(snapshot, 5), AD_NONE);
    assert_int_equal(ad_snapshot_find_name(snapshot, "a"), 0);
    assert_int_equal(ad_snapshot_find_name(snapshot, "twin"), AD_NONE);
    assert_int_equal(ad_snapshot_find_name(snapshot, ""), AD_NONE);
    ad_snapshot_destroy(snapshot);
    ad_snapshot_destroy(NULL);
}

static void test_only_partial_losses_change_the_status(void **state)
{
    (void)state;
    struct ad_snapshot *snapshot;
    assert_ok(ad_snapshot_create(&snapshot));
    assert_ok(ad_snapshot_lose(snapshot, false, 7, "a note on %d", 7));
    assert_int_equal(ad_snapshot_exit_status(snapshot), 0);
    assert_string_equal(AD_ITEMS(struct ad_loss, &snapshot->losses)[0].what, "a note on 7");
    assert_ok(ad_snapshot_lose(snapshot, true, 1, "a loss"));
    assert_int_equal(ad_snapshot_exit_status(snapshot), 3);
    ad_snapshot_destroy(snapshot);
}

static void test_describes_a_target(void **state)
{
    (void)state;
    struct ad_target *target;
    struct ad_thread thread = {.tid = 12};
    struct ad_snapshot *snapshot;
    assert_ok(ad_fake_create(NULL, 0, &ad_limits_default, &target));
    memset(target->command, 'x', sizeof(target->command)); /* no NUL */
    target->pid = 11;
    target->threads = &thread;
    target->thread_count = 1;
    target->truncated = true;
    target->missing_bytes = 512;
    assert_ok(ad_snapshot_create(&snapshot));
    assert_ok(ad_snapshot_describe(snapshot, target));
    ad_target_destroy(target); /* the snapshot owes it nothing */
    assert_int_equal(strlen(snapshot->command), 16);
    assert_int_equal(snapshot->pid, 11);
    assert_null(snapshot->executable);
    const struct ad_thread_state *read = snapshot->threads.items;
    assert_int_equal(snapshot->threads.count, 1);
    assert_int_equal(read->thread.tid, 12);
    assert_int_equal(read->worker, AD_NONE);
    assert_int_equal(read->stack, AD_NONE);
    assert_int_equal(ad_snapshot_exit_status(snapshot), 3);
    ad_snapshot_destroy(snapshot);
}

static void test_map(void **state)
{
    (void)state;
    struct ad_map map = {0};
    assert_false(ad_map_has(&map, 0));
    for (uint64_t i = 0; i < 10000; i++)
        assert_ok(ad_map_put(&map, i * 4096, (uint32_t)i));
    assert_ok(ad_map_put(&map, 0, UINT32_MAX));
    assert_int_equal(map.count, 10000);
    for (uint64_t i = 1; i < 10000; i++)
        assert_int_equal(ad_map_get(&map, i * 4096, 77), i);
    assert_int_equal(ad_map_get(&map, 0, 77), UINT32_MAX);
    assert_int_equal(ad_map_get(&map, 1, 77), 77);
    assert_false(ad_map_has(&map, 1));
    ad_map_deinit(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_tasks),
        cmocka_unit_test(test_only_partial_losses_change_the_status),
        cmocka_unit_test(test_describes_a_target),
        cmocka_unit_test(test_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
