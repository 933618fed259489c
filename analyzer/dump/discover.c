/* SPDX-License-Identifier: MIT */
#include "async_debug.h"
#include "base/cleanup.h"
#include "dump/dump_internal.h"
#include "runtimes/layout.h"

void ad_discovery_deinit(struct ad_discovery *discovery)
{
    ad_vector_deinit(&discovery->candidates);
    ad_error_destroy(discovery->refused);
}

static bool is_known(const struct ad_discovery *discovery, uint64_t address)
{
    const struct ad_candidate *candidates = discovery->candidates.items;
    for (size_t i = 0; i < discovery->candidates.count; i++)
        if (candidates[i].address == address)
            return true;
    return false;
}

/* Takes an address that is a descriptor's; of what is none, the first reason is kept. */
static struct ad_error *consider(struct ad_discovery *discovery, struct ad_dump *dump,
                                 const struct ad_limits *limits, uint64_t address, const char *found_by)
{
    if (is_known(discovery, address) || discovery->candidates.count >= limits->runtimes)
        return NULL;
    struct ad_error *error = ad_layout_check(dump->target, address);
    if (!error)
        return ad_vector_push(&discovery->candidates, &(struct ad_candidate){address, found_by});
    if (error == &ad_error_nomem)
        return error;
    if (discovery->refused)
        ad_error_destroy(error);
    else
        discovery->refused = error;
    return NULL;
}

/* descriptor = address of the note's `offset` + offset; both are the target's, so the sum may wrap. */
static bool follow_note(struct ad_target *target, uint64_t note, uint64_t *descriptor_ret)
{
    struct async_debug_note bytes;
    if (ad_target_read_some(target, note, &bytes, sizeof(bytes)) != sizeof(bytes))
        return false;
    *descriptor_ret = note + offsetof(struct async_debug_note, offset) + (uint64_t)bytes.offset;
    return true;
}

struct ad_error *ad_discover_notes(struct ad_discovery *discovery, struct ad_dump *dump,
                                   const struct ad_limits *limits)
{
    for (size_t i = 0; i < ad_modules_count(dump->modules); i++) {
        const struct ad_module *module = ad_modules_get(dump->modules, i);
        uint64_t address;
        if (module->note && follow_note(dump->target, module->note, &address))
            AD_TRY(consider(discovery, dump, limits, address, "note"));
    }
    return NULL;
}

struct ad_error *ad_discover_symbols(struct ad_discovery *discovery, struct ad_dump *dump,
                                     const struct ad_limits *limits)
{
    for (size_t i = 0; i < ad_modules_count(dump->modules); i++) {
        struct ad_elf_symbol symbol;
        if (ad_module_symbol_named(ad_modules_get(dump->modules, i), ASYNC_DEBUG_SYMBOL, &symbol))
            AD_TRY(consider(discovery, dump, limits, symbol.value, "symbol"));
    }
    return NULL;
}

struct ad_error *ad_discover_scan(struct ad_discovery *discovery, struct ad_dump *dump,
                                  const struct ad_limits *limits)
{
    size_t capacity = (size_t)limits->runtimes, count;
    ad_auto_free uint64_t *addresses = calloc(capacity + 1, sizeof(*addresses));
    if (!addresses)
        return &ad_error_nomem;
    AD_TRY(ad_layout_scan(dump->target, limits, addresses, capacity, &count));
    for (size_t i = 0; i < count; i++)
        AD_TRY(consider(discovery, dump, limits, addresses[i], "scan"));
    return NULL;
}
