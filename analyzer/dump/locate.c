/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump/dump_internal.h"
#include "symbol/symbol.h"

struct locator {
    struct ad_dump *dump;
    struct ad_snapshot *snapshot;
    struct ad_symbols symbols;
    const char **module_names; /* by the module's index; copied when first needed */
    const struct ad_module *bare; /* the first that was told to have no debug information; NULL: none */
};

/* Whether `name` begins with one of the words of a space-separated list. */
static bool has_prefix(const char *name, const char *prefixes)
{
    while (*prefixes) {
        size_t length = strcspn(prefixes, " ");
        if (length && strncmp(name, prefixes, length) == 0)
            return true;
        prefixes += length + (prefixes[length] == ' ');
    }
    return false;
}

/* Whether the code there is a runtime's own, as its function's name or its address says. */
static bool is_hidden(const struct ad_snapshot *snapshot, const struct ad_location *location, const char *function)
{
    const struct ad_runtime *runtimes = snapshot->runtimes.items;
    if (location->entry)
        return true;
    for (size_t i = 0; i < snapshot->runtimes.count; i++) {
        if (location->pc >= runtimes[i].code_low && location->pc < runtimes[i].code_high)
            return true;
        if (function && has_prefix(function, runtimes[i].hidden_prefixes))
            return true;
    }
    return false;
}

uint64_t ad_location_address(const struct ad_location *location)
{
    return location->interrupted || !location->pc ? location->pc : location->pc - 1;
}

static struct ad_error *name_module(struct locator *locator, const struct ad_module *module,
                                    const char **name_ret)
{
    size_t count = ad_modules_count(locator->dump->modules), i = 0;
    while (i < count && ad_modules_get(locator->dump->modules, i) != module)
        i++;
    if (i == count)
        return NULL;
    if (!locator->module_names[i])
        AD_TRY(ad_snapshot_text(locator->snapshot, module->name, &locator->module_names[i]));
    *name_ret = locator->module_names[i];
    return NULL;
}

/* What is inlined into a hidden function is hidden as well, whatever its name. */
static void hide_inlined(struct ad_line *lines, size_t count)
{
    for (size_t i = count; i-- > 1;)
        lines[i - 1].hidden |= lines[i].hidden;
}

static struct ad_error *add_lines(struct locator *locator, struct ad_location *location,
                                  const struct ad_symbol *symbol)
{
    struct ad_snapshot *snapshot = locator->snapshot;
    location->first_line = (uint32_t)snapshot->lines.count;
    location->line_count = (uint32_t)symbol->count;
    for (size_t i = 0; i < symbol->count; i++) {
        const struct ad_symbol_frame *frame = &symbol->frames[i];
        struct ad_line *line;
        AD_TRY(ad_vector_add(&snapshot->lines, (void **)&line));
        *line = (struct ad_line){.line = frame->line, .inlined = frame->inlined};
        AD_TRY(ad_snapshot_text(snapshot, frame->function, &line->function));
        AD_TRY(ad_snapshot_text(snapshot, frame->file, &line->file));
        line->hidden = is_hidden(snapshot, location, line->function);
    }
    if (symbol->count)
        hide_inlined(AD_ITEMS(struct ad_line, &snapshot->lines) + location->first_line, symbol->count);
    return NULL;
}

/* Offsets are the pc's own, as debuggers print them, not the looked up address's. */
static struct ad_error *fill_location(struct locator *locator, struct ad_location *location,
                                      const struct ad_symbol *symbol)
{
    const struct ad_module *module = symbol->module;
    bool named = symbol->count && symbol->frames[symbol->count - 1].function;
    if (module)
        AD_TRY(name_module(locator, module, &location->module));
    if (named)
        location->offset = symbol->offset + (location->pc - symbol->address);
    else if (module)
        location->offset = location->pc - module->range.start;
    return add_lines(locator, location, symbol);
}

/* A stripped program is partly read; that a library has no debug information is the rule. */
static struct ad_error *tell_stripped(struct locator *locator, const struct ad_module *module, const char *reason)
{
    const char *why = module->debug_refused ? module->debug_refused : module->debug_sought;
    if (!module->is_executable && !module->debug_refused)
        return NULL;
    if (!locator->bare)
        locator->bare = module;
    return ad_snapshot_lose(locator->snapshot, module->is_executable, 1, "%s: %s%s%s%s; %s", module->path, reason,
                            why ? " (" : "", why ? why : "", why ? ")" : "",
                            "lines are lost, and functions that have no symbol");
}

static struct ad_error *tell_loss(struct locator *locator, const struct ad_symbol_loss *loss)
{
    if (loss->table)
        return ad_snapshot_lose(locator->snapshot, true, 1, "%s; functions without another symbol have no name",
                                loss->reason);
    if (!loss->module->debug)
        return tell_stripped(locator, loss->module, loss->reason);
    return ad_snapshot_lose(locator->snapshot, true, 1, "%s: %s; lines are lost, functions come from its symbol table",
                            loss->module->path, loss->reason);
}

/* Once, however many modules lack it. */
static struct ad_error *tell_remedy(const struct locator *locator)
{
    const char *urls = getenv("DEBUGINFOD_URLS");
    if (!locator->bare)
        return NULL;
    return ad_snapshot_lose(locator->snapshot, false, 0,
                            "debug information of %s may be had: install its -dbgsym package, name its folder by "
                            "--debug-dir%s", locator->bare->name, urls && urls[0] ? "" : ", or set DEBUGINFOD_URLS");
}

static struct ad_error *locate(struct locator *locator, const struct ad_limits *limits)
{
    struct ad_snapshot *snapshot = locator->snapshot;
    struct ad_location *locations = snapshot->locations.items;
    size_t count = snapshot->locations.count;
    ad_auto_free uint64_t *addresses = calloc(count + 1, sizeof(*addresses));
    if (!addresses)
        return &ad_error_nomem;
    for (size_t i = 0; i < count; i++)
        addresses[i] = ad_location_address(&locations[i]);
    AD_TRY(ad_symbols_find(locator->dump->modules, addresses, count, limits, &locator->symbols));
    for (size_t i = 0; i < count; i++)
        AD_TRY(fill_location(locator, &locations[i], &locator->symbols.symbols[i]));
    for (size_t i = 0; i < locator->symbols.loss_count; i++)
        AD_TRY(tell_loss(locator, &locator->symbols.losses[i]));
    return tell_remedy(locator);
}

static void locator_deinit(struct locator *locator)
{
    ad_symbols_deinit(&locator->symbols);
    free(locator->module_names);
}

struct ad_error *ad_dump_locate(struct ad_dump *dump, const struct ad_limits *limits)
{
    ad_cleanup(locator_deinit) struct locator locator = {.dump = dump, .snapshot = dump->snapshot};
    locator.module_names = calloc(ad_modules_count(dump->modules) + 1, sizeof(*locator.module_names));
    return locator.module_names ? locate(&locator, limits) : &ad_error_nomem;
}
