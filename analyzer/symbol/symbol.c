/* SPDX-License-Identifier: MIT */
#include "symbol/symbol.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "symbol/demangle.h"
#include "symbol/symbol_child.h"

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

static struct ad_error *lose(struct ad_symbols *symbols, const struct ad_module *module, const char *reason, bool table)
{
    size_t bytes = (symbols->loss_count + 1) * sizeof(symbols->losses[0]);
    struct ad_symbol_loss *losses = realloc(symbols->losses, bytes);
    const char *text = ad_pool_text(&symbols->pool, reason, strlen(reason));
    if (losses)
        symbols->losses = losses;
    if (!losses || !text)
        return &ad_error_nomem;
    losses[symbols->loss_count++] = (struct ad_symbol_loss){module, text, table};
    return NULL;
}

/* ---- What the child sent ---- */

/* A text into the pool; `text_ret` NULL when it is not known. */
static struct ad_error *take_text(struct ad_cursor *in, struct ad_pool *pool, const char **text_ret)
{
    *text_ret = NULL;
    uint32_t length = ad_cursor_u32(in);
    if (length == UINT32_MAX)
        return NULL;
    const char *bytes = ad_cursor_bytes(in, length);
    if (bytes && !(*text_ret = ad_pool_text(pool, bytes, strnlen(bytes, length))))
        return &ad_error_nomem;
    return NULL;
}

static struct ad_error *take_frames(struct ad_cursor *in, struct ad_pool *pool, size_t count,
                                    struct ad_symbol_frame *frames)
{
    for (size_t i = 0; i < count && !in->failed; i++) {
        frames[i].inlined = ad_cursor_u8(in) != 0;
        frames[i].line = ad_cursor_u32(in);
        frames[i].column = ad_cursor_u32(in);
        AD_TRY(take_text(in, pool, &frames[i].function));
        AD_TRY(take_text(in, pool, &frames[i].linkage_name));
        AD_TRY(take_text(in, pool, &frames[i].file));
    }
    return NULL;
}

/* Stops at the first answer that is cut or makes no sense: the child may have died in it. */
static struct ad_error *take_answers(const struct ad_symbol_answers *answers, const struct ad_limits *limits,
                                     struct ad_symbols *symbols)
{
    struct ad_cursor in;
    ad_cursor_init(&in, answers->bytes, answers->size);
    while (ad_cursor_left(&in) > 0) {
        uint32_t index = ad_cursor_u32(&in), count = ad_cursor_u32(&in);
        if (in.failed || index >= symbols->count || count == 0 || count > limits->inline_depth + 1)
            return NULL;
        struct ad_symbol_frame *frames = ad_pool_alloc(&symbols->pool, count * sizeof(*frames));
        if (!frames)
            return &ad_error_nomem;
        AD_TRY(take_frames(&in, &symbols->pool, count, frames));
        if (in.failed)
            return NULL;
        symbols->symbols[index].frames = frames;
        symbols->symbols[index].count = count;
    }
    return NULL;
}

/* ---- One module ---- */

static struct ad_error *make_queries(const struct asked *asked, size_t count, struct ad_dwarf_queries *ret)
{
    *ret = (struct ad_dwarf_queries){calloc(count, sizeof(ret->items[0])), count};
    for (size_t i = 0; ret->items && i < count; i++)
        ret->items[i] = (struct ad_dwarf_query){
            .address = asked[i].address - asked[i].module->bias,
            .index = asked[i].index,
            .unit = AD_NO_UNIT,
            .scopes = AD_VECTOR(struct ad_dwarf_scope),
        };
    return ret->items ? NULL : &ad_error_nomem;
}

static struct ad_error *read_dwarf(const struct asked *asked, size_t count, const struct ad_limits *limits,
                                   struct ad_symbols *symbols)
{
    struct ad_dwarf_queries queries;
    struct ad_symbol_answers answers;
    AD_TRY(make_queries(asked, count, &queries));
    ad_auto_free void *items = queries.items;
    AD_TRY(ad_symbol_child_run(asked->module, &queries, ad_symbol_answer_frames, limits, &answers));
    ad_auto_free void *bytes = answers.bytes;
    AD_TRY(take_answers(&answers, limits, symbols));
    return answers.reason[0] ? lose(symbols, asked->module, answers.reason, false) : NULL;
}

/* The symbol table's word where DWARF gave no function; and the linker's name of one that DWARF tells no linkage name
 * of, as gcc does in unnamed namespaces: there it tells what the function is inside of. */
static struct ad_error *read_table(const struct asked *asked, struct ad_symbols *symbols)
{
    struct ad_symbol *symbol = &symbols->symbols[asked->index];
    struct ad_symbol_frame *frame = &symbol->frames[symbol->count - 1];
    struct ad_elf_symbol found;
    if (!ad_module_symbol_at(asked->module, asked->address, &found))
        return NULL;
    symbol->offset = asked->address - found.value;
    symbol->from_table = !frame->function;
    bool qualifies = !frame->linkage_name && ad_is_mangled(found.name) && frame->function &&
                     strstr(found.name, frame->function);
    if (!symbol->from_table && !qualifies)
        return NULL;
    frame->linkage_name = ad_pool_text(&symbols->pool, found.name, strlen(found.name));
    if (symbol->from_table)
        frame->function = frame->linkage_name;
    return frame->linkage_name ? NULL : &ad_error_nomem;
}

static struct ad_error *read_tables(const struct asked *asked, size_t count, struct ad_symbols *symbols)
{
    const struct ad_module *module = asked->module;
    for (size_t i = 0; i < count; i++)
        AD_TRY(read_table(&asked[i], symbols));
    const char *problem = module->file ? ad_elf_small_problem(module->file) : NULL;
    return problem ? lose(symbols, module, problem, true) : NULL;
}

static struct ad_error *read_module(struct ad_modules *modules, const struct asked *asked, size_t count,
                                    const struct ad_limits *limits, struct ad_symbols *symbols)
{
    struct ad_module *module = asked->module;
    if (!module)
        return NULL;
    AD_TRY(ad_module_fetch_debug(modules, module));
    if (module->debug && ad_elf_fd(module->debug) >= 0)
        AD_TRY(read_dwarf(asked, count, limits, symbols));
    else if (module->file && !module->is_vdso)
        AD_TRY(lose(symbols, module, "no debug information", false));
    return read_tables(asked, count, symbols);
}

/* ---- All modules ---- */

/* Every address has at least an empty frame. */
static struct ad_error *init(struct ad_symbols *symbols, struct asked *asked)
{
    struct ad_symbol_frame *empty = ad_pool_alloc(&symbols->pool, symbols->count * sizeof(*empty));
    if (!empty)
        return &ad_error_nomem;
    for (size_t i = 0; i < symbols->count; i++)
        symbols->symbols[asked[i].index] = (struct ad_symbol){
            .address = asked[i].address, .module = asked[i].module, .frames = &empty[i], .count = 1};
    return NULL;
}

/* The names of the source, where the linker's are others. */
static struct ad_error *demangle(struct ad_symbols *symbols, const struct ad_limits *limits)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector names = AD_VECTOR(struct ad_mangled);
    for (size_t i = 0; i < symbols->count; i++)
        for (size_t k = 0; k < symbols->symbols[i].count; k++) {
            struct ad_symbol_frame *frame = &symbols->symbols[i].frames[k];
            if (ad_is_mangled(frame->linkage_name))
                AD_TRY(ad_vector_push(&names, &(struct ad_mangled){frame->linkage_name, &frame->function}));
        }
    return ad_demangle(names.items, names.count, limits, &symbols->pool);
}

static struct ad_error *find(struct ad_modules *modules, struct asked *asked, const struct ad_limits *limits,
                             struct ad_symbols *symbols)
{
    AD_TRY(init(symbols, asked));
    qsort(asked, symbols->count, sizeof(*asked), by_module_and_address);
    for (size_t i = 0, next; i < symbols->count; i = next) {
        for (next = i; next < symbols->count && asked[next].module == asked[i].module;)
            next++;
        AD_TRY(read_module(modules, asked + i, next - i, limits, symbols));
    }
    return demangle(symbols, limits);
}

struct ad_error *ad_symbols_find(struct ad_modules *modules, const uint64_t *addresses, size_t count,
                                 const struct ad_limits *limits, struct ad_symbols *symbols_ret)
{
    *symbols_ret = (struct ad_symbols){.count = count};
    if (count == 0)
        return NULL;
    if (count >= UINT32_MAX)
        return ad_error_create(AD_ERROR_LIMIT, "%zu code addresses are too many to look up", count);
    ad_auto_free struct asked *asked = calloc(count, sizeof(*asked));
    symbols_ret->symbols = calloc(count, sizeof(symbols_ret->symbols[0]));
    if (!asked || !symbols_ret->symbols) {
        ad_symbols_deinit(symbols_ret);
        return &ad_error_nomem;
    }
    for (size_t i = 0; i < count; i++)
        asked[i] = (struct asked){addresses[i], ad_modules_find(modules, addresses[i]), (uint32_t)i};
    struct ad_error *error = find(modules, asked, limits, symbols_ret);
    if (error)
        ad_symbols_deinit(symbols_ret);
    return error;
}

void ad_symbols_deinit(struct ad_symbols *symbols)
{
    free(symbols->symbols);
    free(symbols->losses);
    ad_pool_deinit(&symbols->pool);
    *symbols = (struct ad_symbols){0};
}
