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

struct search {
    struct ad_unwinder *unwinder;
    uint64_t pc;
    void *state;
    bool no_memory;
};

/* Of all states of a function, told one after the other, keeps the one that covers the pc. */
static int keep_state(void *token, void *state, size_t size, unw_word_t start, unw_word_t end)
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
        (void)unw_reg_states_iterate(&cursor, keep_state, &search);
    unwinder->registers = saved;
    *state_ret = search.state;
    return search.no_memory ? &ad_error_nomem : NULL;
}

static struct ad_error *make_state(struct ad_unwinder *unwinder, uint64_t pc, struct ad_unwind_state *state)
{
    uint32_t number;
    *state = (struct ad_unwind_state){0};
    AD_TRY(ad_unwinder_plain(unwinder, pc, &number));
    if (number == NONE)
        return NULL;
    const struct ad_cfi_plain *plain = AD_ITEMS(struct ad_cfi_plain, &unwinder->plains) + number;
    state->signal_frame = plain->signal_frame;
    state->may_end = plain->may_end;
    unwinder->compiling = plain;
    struct ad_error *error = compile(unwinder, pc, &state->bytes);
    unwinder->compiling = NULL;
    return error;
}

struct ad_error *ad_unwinder_state(struct ad_unwinder *unwinder, uint64_t pc,
                                   struct ad_unwind_state *state_ret)
{
    uint32_t number = ad_map_get(&unwinder->state_map, pc, NONE);
    if (number != NONE) {
        *state_ret = AD_ITEMS(struct ad_unwind_state, &unwinder->states)[number];
        return NULL;
    }
    AD_TRY(make_state(unwinder, pc, state_ret));
    AD_TRY(ad_vector_push(&unwinder->states, state_ret));
    return ad_map_put(&unwinder->state_map, pc, (uint32_t)unwinder->states.count - 1);
}
