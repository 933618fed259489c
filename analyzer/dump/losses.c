/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump/dump_internal.h"

static const char *build_id_state(const struct ad_module *executable)
{
    static const char *const words[] = {
        [AD_MODULE_OK] = "build-id ok",
        [AD_MODULE_UNPROVEN] = "no build-id",
        [AD_MODULE_MISSING] = "binary missing",
        [AD_MODULE_DIFFERENT] = "binary differs",
        [AD_MODULE_UNREADABLE] = "binary unreadable",
    };
    return executable ? words[executable->status] : "binary unknown";
}

/* Marks the modules that some stack passes through. */
static void mark_hit(struct ad_dump *dump, bool *hit)
{
    const struct ad_location *locations = dump->snapshot->locations.items;
    for (size_t i = 0; i < dump->snapshot->locations.count; i++) {
        const struct ad_module *module = ad_modules_find(dump->modules, locations[i].pc);
        for (size_t k = 0; module && k < ad_modules_count(dump->modules); k++)
            hit[k] |= ad_modules_get(dump->modules, k) == module;
    }
}

static struct ad_error *tell_module(struct ad_snapshot *snapshot, const struct ad_module *module)
{
    const char *problem = module->problem ? module->problem : ad_module_status_text(module->status);
    bool names_it = strstr(problem, module->path);
    const char *path = names_it ? "" : module->path, *colon = names_it ? "" : ": ";
    if (module->status == AD_MODULE_UNPROVEN)
        return ad_snapshot_lose(snapshot, false, 1, "%s%s%s", path, colon, problem);
    const char *lost = module->debug ? "stacks that pass through it end there"
                                     : "its functions and lines are lost, and stacks that pass through it end there";
    return ad_snapshot_lose(snapshot, true, 1, "%s%s%s; %s", path, colon, problem, lost);
}

struct ad_error *ad_dump_module_losses(struct ad_dump *dump)
{
    size_t count = ad_modules_count(dump->modules);
    ad_auto_free bool *hit = calloc(count + 1, sizeof(*hit));
    if (!hit)
        return &ad_error_nomem;
    dump->snapshot->build_id_state = build_id_state(ad_modules_executable(dump->modules));
    mark_hit(dump, hit);
    for (size_t i = 0; i < count; i++) {
        const struct ad_module *module = ad_modules_get(dump->modules, i);
        if (module->status != AD_MODULE_OK && !module->is_vdso && (hit[i] || module->is_executable))
            AD_TRY(tell_module(dump->snapshot, module));
    }
    return NULL;
}

struct ad_error *ad_dump_thread_losses(struct ad_dump *dump)
{
    struct ad_snapshot *snapshot = dump->snapshot;
    const struct ad_thread_state *threads = snapshot->threads.items;
    uint64_t count[AD_STACK_NO_REGISTER + 1] = {0};
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        if (threads[i].stack >= snapshot->stacks.count)
            continue;
        uint32_t end = AD_ITEMS(struct ad_stack, &snapshot->stacks)[threads[i].stack].end;
        if (end <= AD_STACK_NO_REGISTER)
            count[end]++;
    }
    for (unsigned i = AD_STACK_ENTRY + 1; i <= AD_STACK_NO_REGISTER; i++)
        if (count[i])
            AD_TRY(ad_snapshot_lose(snapshot, false, count[i],
                                    "the stacks of %" PRIu64 " of %zu threads are not complete: %s", count[i],
                                    snapshot->threads.count, ad_stack_end_text((enum ad_stack_end)i)));
    return NULL;
}
