/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "unwind/unwind_internal.h"

#define NONE UINT32_MAX

/* Exported, but in no header: the reader of .eh_frame_hdr tables. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t space, unw_word_t pc, unw_dyn_info_t *table,
                                              unw_proc_info_t *info, int need_info, void *context);

int ad_unwinder_find_cfi(unw_addr_space_t space, unw_word_t pc, unw_proc_info_t *info, int need_info,
                         void *context)
{
    struct ad_unwinder *unwinder = context;
    const struct ad_cfi_plain *plain = unwinder->compiling;
    if (!plain || !ad_range_contains(plain->range, pc))
        return -UNW_ENOINFO;
    unw_dyn_info_t table = {
        .start_ip = plain->range.start,
        .end_ip = plain->range.end,
        .format = UNW_INFO_FORMAT_IP_OFFSET,
        .u.rti = {.segbase = AD_CFI_WINDOW + plain->fde, .table_len = 1, .table_data = AD_CFI_WINDOW},
    };
    return UNW_OBJ(dwarf_search_unwind_table)(space, pc, &table, info, need_info, context);
}

static struct ad_error *find_index(struct ad_unwinder *unwinder, struct ad_module *module,
                                   struct ad_cfi_index **index_ret)
{
    uint32_t number = ad_map_get(&unwinder->module_map, module->range.start, NONE);
    if (number == NONE) {
        void *index;
        number = (uint32_t)unwinder->indices.count;
        AD_TRY(ad_vector_add(&unwinder->indices, &index));
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

/* The rewritten CFI of the function at `pc`; NONE: there is none. */
static struct ad_error *find_plain(struct ad_unwinder *unwinder, uint64_t pc, uint32_t *number_ret)
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

struct search {
    struct ad_unwinder *unwinder;
    uint64_t pc;
    void *state;
    bool no_memory;
};

/* Of all rows of a function, told one after the other, keeps the one that covers the pc. */
static int keep_row(void *token, void *state, size_t size, unw_word_t start, unw_word_t end)
{
    struct search *search = token;
    if (search->pc < start || search->pc >= end)
        return 0;
    search->state = ad_pool_alloc(&search->unwinder->pool, size);
    search->no_memory = !search->state;
    if (search->state)
        memcpy(search->state, state, size);
    return -UNW_ESTOPUNWIND;
}

/* libunwind takes the pc from a register, so it is lent one. */
static struct ad_error *compile(struct ad_unwinder *unwinder, uint64_t pc, void **state_ret)
{
    struct ad_registers saved = unwinder->registers;
    struct search search = {.unwinder = unwinder, .pc = pc};
    unw_cursor_t cursor;
    ad_registers_set(&unwinder->registers, AD_REG_PC, pc);
    ad_registers_set(&unwinder->registers, AD_REG_SP, 0);
    if (unw_init_remote(&cursor, unwinder->space, unwinder) == 0)
        (void)unw_reg_states_iterate(&cursor, keep_row, &search);
    unwinder->registers = saved;
    *state_ret = search.state;
    return search.no_memory ? &ad_error_nomem : NULL;
}

static struct ad_error *make_row(struct ad_unwinder *unwinder, uint64_t pc, struct ad_row *row)
{
    uint32_t number;
    *row = (struct ad_row){0};
    AD_TRY(find_plain(unwinder, pc, &number));
    if (number == NONE)
        return NULL;
    const struct ad_cfi_plain *plain = AD_ITEMS(struct ad_cfi_plain, &unwinder->plains) + number;
    row->signal_frame = plain->signal_frame;
    row->may_end = plain->may_end;
    row->begins = plain->range.start == pc;
    unwinder->compiling = plain;
    struct ad_error *error = compile(unwinder, pc, &row->state);
    unwinder->compiling = NULL;
    return error;
}

struct ad_error *ad_unwinder_row(struct ad_unwinder *unwinder, uint64_t pc, struct ad_row *row_ret)
{
    uint32_t number = ad_map_get(&unwinder->row_map, pc, NONE);
    if (number != NONE) {
        *row_ret = AD_ITEMS(struct ad_row, &unwinder->rows)[number];
        return NULL;
    }
    AD_TRY(make_row(unwinder, pc, row_ret));
    AD_TRY(ad_vector_push(&unwinder->rows, row_ret));
    return ad_map_put(&unwinder->row_map, pc, (uint32_t)unwinder->rows.count - 1);
}
