/* SPDX-License-Identifier: MIT */
#include "dump/dump.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "dump/dump_internal.h"
#include "runtimes/layout.h"
#include "target/live.h"
#include "target/recorder.h"
#include "target/snapshot_file.h"

/* ---- Which runtimes there are --------------------------------------------------------------------- */

/* What was tried, and what the user can do. */
static struct ad_error *no_runtime(struct ad_dump *dump, struct ad_discovery *discovery)
{
    const struct ad_target *target = dump->target;
    size_t modules = ad_modules_count(dump->modules);
    const char *tail = target->truncated ? "; the core is cut off, and what is missing may have held it"
                                         : "; is it a program whose coroutine runtime publishes async_debug.h?";
    if (target->machine && target->machine != EM_X86_64)
        return ad_error_create(AD_ERROR_UNUSABLE, "%s is %s, not of an x86-64 machine: no other is read yet",
                               target->description, target->machine == EM_AARCH64 ? "of aarch64" : "foreign");
    if (discovery->refused)
        return ad_error_create(AD_ERROR_UNUSABLE, "%s: no coroutine runtime can be read: %s", target->description,
                               discovery->refused->message);
    return ad_error_create(AD_ERROR_UNUSABLE,
                           "%s: no coroutine runtime found: no AsyncDebug note and no symbol " ASYNC_DEBUG_SYMBOL
                           " in its %zu ELF files, and no descriptor in its writable memory%s",
                           target->description, modules, tail);
}

/* Once, whoever comes first. */
struct ad_error *ad_dump_open_files(struct ad_dump *dump, const struct ad_dump_options *options)
{
    if (dump->files_open)
        return NULL;
    dump->files_open = true;
    return ad_modules_open_files(dump->modules, &options->modules);
}

/* By notes, which needs no file; by symbols; by a scan when nothing else led to one. */
struct ad_error *ad_dump_discover(struct ad_dump *dump, const struct ad_dump_options *options,
                                  struct ad_discovery *discovery)
{
    AD_TRY(ad_discover_notes(discovery, dump, &options->limits));
    if (!discovery->candidates.count) {
        AD_TRY(ad_dump_open_files(dump, options));
        AD_TRY(ad_discover_symbols(discovery, dump, &options->limits));
    }
    if (!discovery->candidates.count)
        AD_TRY(ad_discover_scan(discovery, dump, &options->limits));
    return discovery->candidates.count ? NULL : no_runtime(dump, discovery);
}

/* A runtime that cannot be read is a loss when there is another one, and the end when there is none. */
struct ad_error *ad_dump_runtimes(struct ad_dump *dump, const struct ad_discovery *discovery,
                                  const struct ad_limits *limits, const struct ad_stack_visitor *visitor,
                                  struct ad_snapshot *snapshot)
{
    const struct ad_candidate *candidates = discovery->candidates.items;
    for (size_t i = 0; i < discovery->candidates.count; i++) {
        struct ad_error *error = ad_layout_visit(dump->target, candidates[i].address, candidates[i].found_by,
                                                 limits, visitor, snapshot);
        if (!error)
            continue;
        if (discovery->candidates.count == 1 || error->kind == AD_ERROR_NOMEM)
            return error;
        struct ad_error *lost = ad_snapshot_lose(snapshot, true, 1, "the runtime at 0x%" PRIx64 ": %s",
                                                 candidates[i].address, error->message);
        ad_error_destroy(error);
        AD_TRY(lost);
    }
    return NULL;
}

static struct ad_error *read_model(struct ad_dump *dump, const struct ad_dump_options *options,
                                   const struct ad_stack_visitor *visitor)
{
    ad_cleanup(ad_discovery_deinit) struct ad_discovery discovery = {.candidates = AD_VECTOR(struct ad_candidate)};
    AD_TRY(ad_dump_discover(dump, options, &discovery));
    return ad_dump_runtimes(dump, &discovery, &options->limits, visitor, dump->snapshot);
}

/* ---- In which order ------------------------------------------------------------------------------- */

/* From what takes long to answer, but can be asked for much in one message: all registers, then all stacks. */
static struct ad_error *read_asking(struct ad_dump *dump, const struct ad_dump_options *options)
{
    AD_TRY(read_model(dump, options, NULL));
    AD_TRY(ad_layout_prefetch_stacks(dump->target, &options->limits, dump->snapshot));
    return ad_dump_stacks(dump, &options->limits);
}

/* From a file: task by task, since each read costs as much as what is done with it. */
static struct ad_error *read_at_once(struct ad_dump *dump, const struct ad_dump_options *options)
{
    struct ad_stacks *stacks;
    AD_TRY(ad_stacks_create(dump, &options->limits, &stacks));
    struct ad_stack_visitor visitor = ad_stacks_visitor(stacks);
    visitor.keep_registers = options->locals || options->registers;
    struct ad_error *error = read_model(dump, options, &visitor);
    if (!error)
        error = ad_stacks_complete(stacks);
    ad_stacks_destroy(stacks);
    return error;
}

/* Of a core, texts may lie in the files, and so may the only trace of the runtime: files first. */
static struct ad_error *read_resting(struct ad_dump *dump, const struct ad_dump_options *options)
{
    AD_TRY(ad_modules_create(dump->target, &options->limits, &dump->modules));
    AD_TRY(ad_dump_open_files(dump, options));
    AD_TRY(ad_snapshot_describe(dump->snapshot, dump->target));
    AD_TRY(ad_snapshot_text(dump->snapshot, dump->target->stop_note, &dump->snapshot->stop_note));
    AD_TRY(dump->target->ops->prefetch ? read_asking(dump, options) : read_at_once(dump, options));
    if (options->snapshot)
        ad_dump_read_links(dump, &options->limits);
    return NULL;
}

static struct ad_error *write_snapshot(const struct ad_dump *dump, const char *path)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector ranges = AD_VECTOR(struct ad_range);
    bool live = dump->target->kind == AD_TARGET_LIVE;
    AD_TRY(live ? ad_live_ranges(dump->target, &ranges) : ad_recorder_ranges(dump->target, &ranges));
    return ad_snapshot_file_write(path, dump->target, ranges.items, ranges.count);
}

static struct ad_error *fill(struct ad_dump *dump, const struct ad_dump_options *options)
{
    AD_TRY(ad_snapshot_create(&dump->snapshot));
    bool live = dump->target->kind == AD_TARGET_LIVE;
    AD_TRY(live ? ad_dump_read_live(dump, options) : read_resting(dump, options));
    AD_TRY(ad_dump_locate(dump, &options->limits));
    AD_TRY(ad_dump_module_losses(dump));
    AD_TRY(ad_dump_thread_losses(dump));
    if (options->locals)
        AD_TRY(ad_dump_locals(dump, &options->limits));
    if (options->snapshot)
        AD_TRY(write_snapshot(dump, options->snapshot));
    return ad_findings_compute(dump->snapshot, &dump->findings);
}

/* A live target keeps what is read of it anyway. */
static struct ad_error *record(struct ad_dump *dump, const char *path)
{
    AD_TRY(ad_snapshot_file_check(path));
    return dump->target->kind == AD_TARGET_LIVE ? NULL
                                                : ad_recorder_create(ad_take(dump->target), &dump->target);
}

struct ad_error *ad_dump_create(struct ad_target *target, const struct ad_dump_options *options,
                                struct ad_dump **dump_ret)
{
    struct ad_dump *dump = calloc(1, sizeof(*dump));
    if (!dump) {
        ad_target_destroy(target);
        return &ad_error_nomem;
    }
    dump->target = target;
    struct ad_error *error = options->snapshot ? record(dump, options->snapshot) : NULL;
    if (!error)
        error = fill(dump, options);
    if (error)
        ad_dump_destroy(dump);
    else
        *dump_ret = dump;
    return error;
}

void ad_dump_destroy(struct ad_dump *dump)
{
    if (!dump)
        return;
    ad_findings_deinit(&dump->findings);
    ad_snapshot_destroy(dump->snapshot);
    ad_modules_destroy(dump->modules);
    ad_target_destroy(dump->target);
    free(dump);
}
