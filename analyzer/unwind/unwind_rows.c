/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "unwind/unwind_internal.h"

#define NONE UINT32_MAX

static struct ad_error *find_index(struct ad_unwinder *unwinder, struct ad_module *module,
                                   struct ad_cfi_index **index_ret)
{
    uint32_t number = ad_map_get(&unwinder->module_map, module->range.start, NONE);
    if (number == NONE) {
        void *index;
        number = (uint32_t)unwinder->indices.count;
        AD_TRY(ad_vector_add(&unwinder->indices, &index));
        AD_TRY(ad_module_fetch_file(unwinder->modules, module));
        AD_TRY(ad_cfi_index_init(index, module, unwinder->limits));
        AD_TRY(ad_map_put(&unwinder->module_map, module->range.start, number));
    }
    *index_ret = AD_ITEMS(struct ad_cfi_index, &unwinder->indices) + number;
    return NULL;
}

/* CFI that makes no sense is as good as none; the stack then says where it ends. */
static struct ad_error *rewrite(struct ad_unwinder *unwinder, const struct ad_cfi_fde *fde, uint64_t bias,
                                uint32_t *number_ret)
{
    struct ad_cfi_plain plain;
    struct ad_error *error = ad_cfi_rewrite(fde, bias, unwinder->limits, &unwinder->cfi, &plain);
    if (error && error->kind == AD_ERROR_NOMEM)
        return error;
    *number_ret = error ? NONE : (uint32_t)unwinder->plains.count;
    if (!error)
        AD_TRY(ad_vector_push(&unwinder->plains, &plain));
    ad_error_destroy(error);
    return ad_map_put(&unwinder->plain_map, fde->range.start + bias, *number_ret);
}

struct ad_error *ad_unwinder_plain(struct ad_unwinder *unwinder, uint64_t pc, uint32_t *number_ret)
{
    struct ad_module *module = ad_modules_find(unwinder->modules, pc);
    struct ad_cfi_index *index;
    struct ad_cfi_fde fde;
    *number_ret = NONE;
    if (!module)
        return NULL;
    AD_TRY(find_index(unwinder, module, &index));
    if (!ad_cfi_find(index, pc - module->bias, &fde))
        return NULL;
    uint64_t start = fde.range.start + module->bias;
    if (!ad_map_has(&unwinder->plain_map, start))
        return rewrite(unwinder, &fde, module->bias, number_ret);
    *number_ret = ad_map_get(&unwinder->plain_map, start, NONE);
    return NULL;
}

static struct ad_error *grow(struct ad_row_table *table)
{
    struct ad_row_table bigger = *table;
    bigger.capacity = table->capacity ? table->capacity * 2 : 256;
    bigger.seed = ad_map_hash(bigger.capacity) | 1;
    bigger.rows = calloc(bigger.capacity, sizeof(*bigger.rows));
    if (!bigger.rows)
        return &ad_error_nomem;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->rows[i].flags)
            *ad_row_find(&bigger, table->rows[i].pc) = table->rows[i];
    free(table->rows);
    *table = bigger;
    return NULL;
}

/* What was made so far goes, so that a target cannot make us keep more than the limit. */
static void forget(struct ad_unwinder *unwinder)
{
    struct ad_row_table *table = &unwinder->rows;
    free(table->rows);
    table->rows = NULL;
    table->capacity = table->count = 0;
    ad_map_deinit(&unwinder->plain_map);
    ad_map_deinit(&unwinder->state_map);
    ad_pool_deinit(&unwinder->pool);
    unwinder->plains.count = unwinder->states.count = 0;
    unwinder->cfi.count = sizeof(uint64_t); /* the search table */
}

/* What a fast walk (unwind_run.c) can do with simple rules. */
static uint8_t kind_of(const struct ad_cfi_row *rules, bool signal_frame)
{
    bool by_rbp = rules->cfa_register == AD_REG_RBP;
    uint8_t kind = 0;
    if (signal_frame || (!by_rbp && rules->cfa_register != AD_REG_SP))
        return 0;
    if (rules->undefined >> AD_ROW_PC & 1)
        kind = AD_ROW_LAST;
    else if (!rules->undefined && rules->saved >> AD_ROW_PC & 1)
        kind = AD_ROW_PLAIN;
    return kind | (by_rbp ? AD_ROW_RBP : 0);
}

static struct ad_error *make_row(struct ad_unwinder *unwinder, uint64_t pc, struct ad_row *row)
{
    uint32_t number;
    *row = (struct ad_row){.pc = pc, .number = unwinder->rows.numbered, .flags = AD_ROW_USED};
    AD_TRY(ad_unwinder_plain(unwinder, pc, &number));
    if (number == NONE)
        return NULL;
    const struct ad_cfi_plain *plain = AD_ITEMS(struct ad_cfi_plain, &unwinder->plains) + number;
    row->flags |= AD_ROW_CFI;
    row->flags |= plain->signal_frame ? AD_ROW_SIGNAL : 0;
    row->flags |= plain->range.start == pc ? AD_ROW_BEGINS : 0;
    if (ad_cfi_row_at(unwinder->cfi.items, plain, pc, &row->rules))
        row->flags |= AD_ROW_SIMPLE | kind_of(&row->rules, plain->signal_frame);
    return NULL;
}

static struct ad_error *add_row(struct ad_unwinder *unwinder, uint64_t pc, const struct ad_row **row_ret)
{
    struct ad_row_table *table = &unwinder->rows;
    struct ad_row row;
    if (table->count >= unwinder->limits->unwind_rows)
        forget(unwinder);
    AD_TRY(make_row(unwinder, pc, &row));
    if (table->count >= table->capacity / 2)
        AD_TRY(grow(table));
    struct ad_row *slot = ad_row_find(table, pc);
    *slot = row;
    *row_ret = slot;
    table->count++;
    table->numbered++;
    return NULL;
}

struct ad_error *ad_unwinder_row(struct ad_unwinder *unwinder, uint64_t pc, const struct ad_row **row_ret)
{
    const struct ad_row *slot = unwinder->rows.capacity ? ad_row_find(&unwinder->rows, pc) : NULL;
    if (!slot || !slot->flags)
        return add_row(unwinder, pc, row_ret);
    *row_ret = slot;
    return NULL;
}
