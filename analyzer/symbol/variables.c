/* SPDX-License-Identifier: MIT */
#include "symbol/variables.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbol/dwarf_variables.h"

/* One address with its place in the answer. */
struct asked {
    uint64_t address;
    struct ad_module *module;
    uint32_t index;
};

static int by_module_and_address(const void *a, const void *b)
{
    const struct asked *x = a, *y = b;
    uintptr_t p = (uintptr_t)x->module, q = (uintptr_t)y->module;
    if (p != q)
        return p < q ? -1 : 1;
    return (x->address > y->address) - (x->address < y->address);
}

static struct ad_error *lose(struct ad_variables *variables, const struct ad_module *module, const char *reason)
{
    size_t bytes = (variables->loss_count + 1) * sizeof(variables->losses[0]);
    struct ad_variables_loss *losses = realloc(variables->losses, bytes);
    const char *text = ad_pool_text(&variables->pool, reason, strlen(reason));
    if (losses)
        variables->losses = losses;
    if (!losses || !text)
        return &ad_error_nomem;
    losses[variables->loss_count++] = (struct ad_variables_loss){module, text};
    return NULL;
}

static struct ad_error *read_module(const struct asked *asked, size_t count, const struct ad_limits *limits,
                                    struct ad_variables *variables)
{
    const struct ad_module *module = asked->module;
    if (!module || !module->debug || ad_elf_fd(module->debug) < 0)
        return NULL;
    ad_auto_free struct ad_dwarf_query *items = calloc(count, sizeof(*items));
    struct ad_dwarf_queries queries = {items, count};
    struct ad_symbol_answers answers;
    if (!items)
        return &ad_error_nomem;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct ad_dwarf_query){
            .address = asked[i].address - module->bias,
            .index = asked[i].index,
            .unit = AD_NO_UNIT,
            .scopes = AD_VECTOR(struct ad_dwarf_scope),
        };
    AD_TRY(ad_symbol_child_run(module, &queries, ad_dwarf_answer_variables, limits, &answers));
    ad_auto_free void *bytes = answers.bytes;
    AD_TRY(ad_variables_decode(bytes, answers.size, module->bias, limits, variables));
    return answers.reason[0] ? lose(variables, module, answers.reason) : NULL;
}

static struct ad_error *find(struct asked *asked, const struct ad_limits *limits, struct ad_variables *variables)
{
    qsort(asked, variables->count, sizeof(*asked), by_module_and_address);
    for (size_t i = 0, next; i < variables->count; i = next) {
        for (next = i; next < variables->count && asked[next].module == asked[i].module;)
            next++;
        AD_TRY(read_module(asked + i, next - i, limits, variables));
    }
    return NULL;
}

struct ad_error *ad_variables_find(struct ad_modules *modules, const uint64_t *addresses, size_t count,
                                   const struct ad_limits *limits, struct ad_variables *variables_ret)
{
    *variables_ret = (struct ad_variables){.count = count};
    if (count >= UINT32_MAX)
        return ad_error_create(AD_ERROR_LIMIT, "%zu code addresses are too many to look up", count);
    ad_auto_free struct asked *asked = calloc(count + 1, sizeof(*asked));
    variables_ret->codes = calloc(count + 1, sizeof(variables_ret->codes[0]));
    struct ad_error *error = asked && variables_ret->codes ? NULL : &ad_error_nomem;
    for (size_t i = 0; !error && i < count; i++)
        asked[i] = (struct asked){addresses[i], ad_modules_find(modules, addresses[i]), (uint32_t)i};
    if (!error)
        error = find(asked, limits, variables_ret);
    if (error)
        ad_variables_deinit(variables_ret);
    return error;
}

void ad_variables_deinit(struct ad_variables *variables)
{
    free(variables->codes);
    free(variables->losses);
    ad_pool_deinit(&variables->pool);
    *variables = (struct ad_variables){0};
}
