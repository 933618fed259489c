/* SPDX-License-Identifier: MIT */
#include "engine_judge.h"

#include <elf.h>
#include <stdio.h>

#include "runtimes/layout.h"

/* The stopped child as the engine sees one. */
struct child {
    struct ad_target target;
    struct ad_thread thread;
    const struct step *step;
};

static char problem[512];

static size_t read_child(struct ad_target *target, uint64_t address, void *buffer, size_t size)
{
    const struct step *step = ((struct child *)target)->step;
    return step->read(step->memory, address, buffer, size) ? size : 0;
}

static const struct ad_target_ops ops = {.read = read_child};

static void init(struct child *child, const struct step *step)
{
    *child = (struct child){
        .target = {.ops = &ops,
                   .kind = AD_TARGET_FAKE,
                   .limits = &ad_limits_default,
                   .description = "child",
                   .machine = EM_X86_64,
                   .threads = &child->thread,
                   .thread_count = 1},
        .step = step,
    };
    ad_registers_set(&child->thread.registers, AD_REG_PC, step->pc);
    ad_registers_set(&child->thread.registers, AD_REG_SP, step->sp);
}

/* What could not be read; notes are no losses. */
static const char *first_loss(const struct ad_snapshot *snapshot)
{
    const struct ad_loss *losses = snapshot->losses.items;
    for (size_t i = 0; i < snapshot->losses.count; i++) {
        if (losses[i].partial)
            return losses[i].what;
    }
    return NULL;
}

/* Lists may disagree while they change: then a task may be found by one road alone, and no others are lost.
 */
static const char *judge(const struct ad_snapshot *snapshot, const struct step *step)
{
    const struct ad_runtime *runtime = snapshot->runtimes.items;
    const char *loss = first_loss(snapshot);
    unsigned long long read = snapshot->tasks.count;
    problem[0] = '\0';
    if (loss)
        snprintf(problem, sizeof(problem), "the engine lost: %s", loss);
    else if (runtime->changing != step->changing)
        snprintf(problem, sizeof(problem), "the engine takes the lists for %s",
                 runtime->changing ? "changing" : "quiet");
    else if (step->changing ? read > step->tasks + 1 || read + 1 < step->tasks : read != step->tasks)
        snprintf(problem, sizeof(problem), "the engine reads %llu tasks of %u", read, step->tasks);
    return problem[0] ? problem : NULL;
}

const char *engine_judge(const struct step *step)
{
    struct child child;
    struct ad_snapshot *snapshot;
    init(&child, step);
    struct ad_error *error = ad_snapshot_create(&snapshot);
    if (!error)
        error = ad_snapshot_describe(snapshot, &child.target);
    if (!error)
        error = ad_layout_read(&child.target, step->descriptor, "test", &ad_limits_default, snapshot);
    if (error) {
        snprintf(problem, sizeof(problem), "the engine: %s", error->message);
        return problem;
    }
    const char *found = judge(snapshot, step);
    ad_snapshot_destroy(snapshot);
    return found;
}
