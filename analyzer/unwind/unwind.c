/* SPDX-License-Identifier: MIT */
#include "unwind/unwind.h"

#include <stdlib.h>

#include "unwind/unwind_internal.h"

const char *ad_stack_end_text(enum ad_stack_end end)
{
    static const char *const texts[] = {
        [AD_STACK_ENTRY] = "complete",
        [AD_STACK_NO_CFI] = "no unwind information",
        [AD_STACK_UNREADABLE] = "stack memory not in the target",
        [AD_STACK_CAP] = "more frames than the limit",
        [AD_STACK_NO_PROGRESS] = "the stack leads back to itself",
        [AD_STACK_NO_CONTEXT] = "no registers to start from",
        [AD_STACK_NO_REGISTER] = "a register that is needed is not known",
    };
    return end < sizeof(texts) / sizeof(texts[0]) ? texts[end] : "unknown";
}

static struct ad_error *init(struct ad_unwinder *unwinder)
{
    static const uint8_t search_table[8]; /* see unwind_internal.h */
    for (size_t i = 0; i < sizeof(search_table); i++)
        AD_TRY(ad_vector_push(&unwinder->cfi, &search_table[i]));
    unwinder->space = unw_create_addr_space(&ad_unwind_accessors, 0);
    return unwinder->space ? NULL : &ad_error_nomem;
}

struct ad_error *ad_unwinder_create(struct ad_modules *modules, const struct ad_limits *limits,
                                    struct ad_unwinder **unwinder_ret)
{
    struct ad_unwinder *unwinder = calloc(1, sizeof(*unwinder));
    if (!unwinder)
        return &ad_error_nomem;
    unwinder->modules = modules;
    unwinder->target = ad_modules_target(modules);
    unwinder->limits = limits;
    unwinder->indices = AD_VECTOR(struct ad_cfi_index);
    unwinder->cfi = AD_VECTOR(uint8_t);
    unwinder->plains = AD_VECTOR(struct ad_cfi_plain);
    unwinder->states = AD_VECTOR(struct ad_unwind_state);
    unwinder->frames = AD_VECTOR(struct ad_unwound_frame);
    unwinder->kept = AD_VECTOR(struct ad_registers);
    struct ad_error *error = init(unwinder);
    if (error)
        ad_unwinder_destroy(unwinder);
    else
        *unwinder_ret = unwinder;
    return error;
}

void ad_unwinder_destroy(struct ad_unwinder *unwinder)
{
    if (!unwinder)
        return;
    if (unwinder->space)
        unw_destroy_addr_space(unwinder->space);
    for (size_t i = 0; i < unwinder->indices.count; i++)
        ad_cfi_index_deinit(AD_ITEMS(struct ad_cfi_index, &unwinder->indices) + i);
    ad_map_deinit(&unwinder->module_map);
    ad_map_deinit(&unwinder->plain_map);
    ad_map_deinit(&unwinder->state_map);
    ad_vector_deinit(&unwinder->indices);
    ad_vector_deinit(&unwinder->cfi);
    ad_vector_deinit(&unwinder->plains);
    ad_vector_deinit(&unwinder->states);
    free(unwinder->rows.rows);
    ad_vector_deinit(&unwinder->frames);
    ad_vector_deinit(&unwinder->kept);
    ad_pool_deinit(&unwinder->pool);
    free(unwinder);
}

/* Whether a pc is the first byte of a function, where no call returns to. */
static struct ad_error *begins(struct ad_unwinder *unwinder, uint64_t pc, bool *begins_ret)
{
    const struct ad_row *row;
    AD_TRY(ad_unwinder_row(unwinder, pc, &row));
    *begins_ret = row->flags & AD_ROW_BEGINS;
    return NULL;
}

static struct ad_error *take_step(struct ad_unwinder *unwinder, struct ad_step *step)
{
    const struct ad_row *row;
    AD_TRY(ad_unwinder_row(unwinder, step->frame.pc - !step->frame.interrupted, &row));
    step->frame.row = row->number;
    if (unwinder->alone)
        return ad_step_by_cursor(unwinder, unwinder->alone, step);
    if (row->flags & AD_ROW_SIMPLE) {
        unwinder->by_row++;
        ad_step_by_row(unwinder, row, step);
        return NULL;
    }
    return row->flags & AD_ROW_CFI ? ad_step_handed_over(unwinder, step)
                                   : ad_step_end_without_cfi(unwinder, step);
}

/* ---- Registers of each frame ---- */

void ad_unwinder_keep_registers(struct ad_unwinder *unwinder)
{
    unwinder->keeps_registers = true;
}

/* What the callee may change in a call (psABI, 3.2.1), so that nobody knows its value in the caller. */
static const uint32_t volatile_registers = 0xf37;

static struct ad_error *keep_registers(struct ad_unwinder *unwinder, const struct ad_step *step)
{
    struct ad_registers registers = unwinder->registers;
    uint32_t unreadable;
    if (unwinder->alone)
        ad_step_cursor_registers(unwinder, unwinder->alone, &registers, &unreadable);
    bool innermost = unwinder->frames.count == 0;
    registers.valid &= innermost || step->frame.interrupted ? ~0u : ~volatile_registers;
    return ad_vector_push(&unwinder->kept, &registers);
}

/* A step that is looked at closely. */
static struct ad_error *walk_on(struct ad_unwinder *unwinder, struct ad_step *step)
{
    if (unwinder->frames.count >= unwinder->limits->frames) {
        ad_step_end(step, AD_STACK_CAP, step->frame.pc);
        return NULL;
    }
    if (unwinder->keeps_registers)
        AD_TRY(keep_registers(unwinder, step));
    AD_TRY(take_step(unwinder, step));
    AD_TRY(ad_vector_push(&unwinder->frames, &step->frame));
    step->inner_cfa = step->frame.cfa;
    step->has_inner_cfa = true;
    step->frame = (struct ad_unwound_frame){.pc = step->caller_pc, .interrupted = step->caller_interrupted};
    return NULL;
}

static struct ad_error *walk(struct ad_unwinder *unwinder, struct ad_step *step)
{
    bool may_run = !unwinder->keeps_registers && !unwinder->alone;
    while (!step->ended) {
        if (may_run && unwinder->rows.count)
            ad_unwinder_run(unwinder, step);
        if (!step->ended)
            AD_TRY(walk_on(unwinder, step));
    }
    return NULL;
}

struct ad_error *ad_unwind_in(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                              bool interrupted, const struct ad_stack_bytes *bytes,
                              struct ad_unwound_stack *stack_ret)
{
    const uint32_t needed = 1u << AD_REG_PC | 1u << AD_REG_SP;
    *stack_ret = (struct ad_unwound_stack){.end = AD_STACK_NO_CONTEXT};
    unwinder->frames.count = unwinder->kept.count = 0;
    unwinder->window.bytes = bytes->bytes;
    unwinder->registers = *registers;
    unwinder->unreadable = 0;
    if ((registers->valid & needed) != needed ||
        !ad_range_init(&unwinder->window.range, bytes->address, bytes->size))
        return NULL;
    struct ad_step step = {.frame = {.pc = registers->value[AD_REG_PC], .interrupted = interrupted}};
    if (!interrupted)
        AD_TRY(begins(unwinder, step.frame.pc, &step.frame.interrupted)); /* it has never run */
    AD_TRY(walk(unwinder, &step));
    stack_ret->frames = unwinder->frames.items;
    stack_ret->registers = unwinder->keeps_registers ? unwinder->kept.items : NULL;
    stack_ret->count = unwinder->frames.count;
    stack_ret->end = step.end;
    stack_ret->end_address = step.end_address;
    return NULL;
}

struct ad_error *ad_unwind(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                           bool interrupted, struct ad_unwound_stack *stack_ret)
{
    return ad_unwind_in(unwinder, registers, interrupted, &(struct ad_stack_bytes){0}, stack_ret);
}
