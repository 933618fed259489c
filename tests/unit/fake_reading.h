/* SPDX-License-Identifier: MIT */
/** @file fake_reading.h - from a made-up runtime to a snapshot of it, for tests of the contract's reader. */
#ifndef TEST_FAKE_READING_H
#define TEST_FAKE_READING_H

#include "../support/unit.h"

#include "fake_runtime.h"
#include "runtimes/layout.h"

static inline struct ad_snapshot *read_within(struct fake_runtime *runtime, const struct ad_limits *limits)
{
    struct ad_snapshot *snapshot;
    assert_ok(ad_snapshot_create(&snapshot));
    assert_ok(ad_snapshot_describe(snapshot, fake_runtime_target(runtime)));
    assert_ok(ad_layout_read(runtime->target, FAKE_BASE, "note", limits, snapshot));
    return snapshot;
}

static inline struct ad_snapshot *read_runtime(struct fake_runtime *runtime)
{
    return read_within(runtime, &ad_limits_default);
}

static inline void finish(struct ad_snapshot *snapshot, struct fake_runtime *runtime)
{
    ad_snapshot_destroy(snapshot);
    fake_runtime_destroy(runtime);
}

static inline const struct ad_loss *find_loss(const struct ad_snapshot *snapshot, const char *words)
{
    const struct ad_loss *losses = snapshot->losses.items;
    for (size_t i = 0; i < snapshot->losses.count; i++)
        if (strstr(losses[i].what, words))
            return &losses[i];
    return NULL;
}

/* Exactly this loss, with this count; and a partial reading. */
static inline void assert_lost(const struct ad_snapshot *snapshot, const char *words, uint64_t count)
{
    const struct ad_loss *loss = find_loss(snapshot, words);
    if (!loss)
        fail_msg("no loss says \"%s\"", words);
    assert_int_equal(loss->count, count);
    assert_int_equal(snapshot->losses.count, 1);
    assert_int_equal(ad_snapshot_exit_status(snapshot), 3);
}

static inline void add_sleepers(struct fake_runtime *runtime, size_t count)
{
    char name[40];
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "sleeper %zu", i + 1);
        fake_task_add(runtime, name, FAKE_READY);
    }
}

#endif
