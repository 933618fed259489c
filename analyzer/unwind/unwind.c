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
    unwinder->rows = AD_VECTOR(struct ad_row);
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
    ad_map_deinit(&unwinder->row_map);
    ad_vector_deinit(&unwinder->indices);
    ad_vector_deinit(&unwinder->cfi);
    ad_vector_deinit(&unwinder->plains);
    ad_vector_deinit(&unwinder->rows);
    ad_vector_deinit(&unwinder->frames);
    ad_vector_deinit(&unwinder->kept);
    ad_pool_deinit(&unwinder->pool);
    free(unwinder);
}

/* One step outwards. */
struct step {
    struct ad_unwound_frame frame; /* the one being left */
    uint64_t caller_pc;
    bool caller_interrupted;
    bool has_inner_cfa;
    uint64_t inner_cfa; /* of the frame before, to see progress */
    bool ended;
    enum ad_stack_end end;
    uint64_t end_address;
};

static void end_step(struct step *step, enum ad_stack_end end, uint64_t address)
{
    step->ended = true;
    step->end = end;
    step->end_address = address;
}

/* Why libunwind could not apply a row. */
static void end_failed(const struct ad_unwinder *unwinder, struct step *step, int result)
{
    if (unwinder->fault)
        end_step(step, AD_STACK_UNREADABLE, unwinder->fault_address);
    else if (unwinder->register_missing || result == -UNW_EBADREG)
        end_step(step, AD_STACK_NO_REGISTER, step->frame.pc);
    else if (result == -UNW_EBADFRAME)
        end_step(step, AD_STACK_NO_PROGRESS, step->frame.pc);
    else
        end_step(step, AD_STACK_NO_CFI, step->frame.pc);
}

/* Leaves the frame by its row. A result of 0 means an undefined return address, but libunwind takes one
 * that is stored at address 0 for undefined too. */
static void apply(struct ad_unwinder *unwinder, unw_cursor_t *cursor, const struct ad_row *row,
                  struct step *step)
{
    unwinder->fault = unwinder->register_missing = false;
    int result = unw_apply_reg_state(cursor, row->state);
    unw_word_t cfa = 0, pc = 0;
    if (result >= 0 && (unw_get_reg(cursor, UNW_REG_SP, &cfa) < 0 ||
                        (result > 0 && unw_get_reg(cursor, UNW_REG_IP, &pc) < 0)))
        result = -UNW_EINVAL;
    if (result < 0) {
        end_failed(unwinder, step, result);
        return;
    }
    if (step->has_inner_cfa && !row->signal_frame && cfa <= step->inner_cfa) {
        end_step(step, AD_STACK_NO_PROGRESS, step->frame.pc);
        return;
    }
    if (result == 0 && !row->may_end) {
        end_step(step, AD_STACK_UNREADABLE, 0);
        return;
    }
    step->frame.cfa = cfa;
    step->caller_pc = pc;
    step->caller_interrupted = row->signal_frame;
    if (pc == 0)
        end_step(step, AD_STACK_ENTRY, step->frame.pc);
}

/* Whether a pc is the first byte of a function, where no call returns to. */
static struct ad_error *begins(struct ad_unwinder *unwinder, uint64_t pc, bool *begins_ret)
{
    struct ad_row row;
    AD_TRY(ad_unwinder_row(unwinder, pc, &row));
    *begins_ret = row.state && row.begins;
    return NULL;
}

/* What a return address can be whose call lies in no function. The first byte of one, as of libc's
 * __start_context below what makecontext starts, was put there by hand: nobody called that function. */
static struct ad_error *end_without_cfi(struct ad_unwinder *unwinder, struct step *step)
{
    bool by_hand = false;
    if (!step->frame.interrupted)
        AD_TRY(begins(unwinder, step->frame.pc, &by_hand));
    step->frame.interrupted |= by_hand;
    end_step(step, by_hand ? AD_STACK_ENTRY : AD_STACK_NO_CFI, step->frame.pc);
    return NULL;
}

static struct ad_error *take_step(struct ad_unwinder *unwinder, unw_cursor_t *cursor, struct step *step)
{
    struct ad_row row;
    AD_TRY(ad_unwinder_row(unwinder, step->frame.pc - !step->frame.interrupted, &row));
    if (row.state)
        apply(unwinder, cursor, &row, step);
    else
        AD_TRY(end_without_cfi(unwinder, step));
    return NULL;
}

/* ---- Registers of each frame ---- */

void ad_unwinder_keep_registers(struct ad_unwinder *unwinder)
{
    unwinder->keeps_registers = true;
}

/* What the callee may change in a call (psABI, 3.2.1), so that nobody knows its value in the caller. */
static const uint32_t volatile_registers = 0xf37;

/* The cursor's registers. Where a frame inside has saved none, it has the innermost frame's; a saved one whose
 * place cannot be read is not known. */
static struct ad_error *keep_registers(struct ad_unwinder *unwinder, unw_cursor_t *cursor,
                                       const struct step *step)
{
    struct ad_registers registers = {0};
    if (!unwinder->keeps_registers)
        return NULL;
    bool innermost = unwinder->frames.count == 0;
    uint32_t lost = innermost || step->frame.interrupted ? 0 : volatile_registers;
    for (unsigned i = 0; i < AD_REG_COUNT; i++) {
        unw_word_t value;
        if (!(lost >> i & 1) && unw_get_reg(cursor, (unw_regnum_t)i, &value) >= 0)
            ad_registers_set(&registers, i, value);
    }
    return ad_vector_push(&unwinder->kept, &registers);
}

static struct ad_error *walk(struct ad_unwinder *unwinder, unw_cursor_t *cursor, struct step *step)
{
    while (!step->ended) {
        if (unwinder->frames.count >= unwinder->limits->frames) {
            end_step(step, AD_STACK_CAP, step->frame.pc);
            break;
        }
        AD_TRY(keep_registers(unwinder, cursor, step));
        AD_TRY(take_step(unwinder, cursor, step));
        AD_TRY(ad_vector_push(&unwinder->frames, &step->frame));
        step->inner_cfa = step->frame.cfa;
        step->has_inner_cfa = true;
        step->frame =
            (struct ad_unwound_frame){.pc = step->caller_pc, .interrupted = step->caller_interrupted};
    }
    return NULL;
}

struct ad_error *ad_unwind(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                           bool interrupted, struct ad_unwound_stack *stack_ret)
{
    const uint32_t needed = 1u << AD_REG_PC | 1u << AD_REG_SP;
    unw_cursor_t cursor;
    *stack_ret = (struct ad_unwound_stack){.end = AD_STACK_NO_CONTEXT};
    unwinder->frames.count = unwinder->kept.count = 0;
    unwinder->window.size = 0;
    unwinder->registers = *registers;
    if ((registers->valid & needed) != needed || unw_init_remote(&cursor, unwinder->space, unwinder) != 0)
        return NULL;
    struct step step = {.frame = {.pc = registers->value[AD_REG_PC], .interrupted = interrupted}};
    if (!interrupted)
        AD_TRY(begins(unwinder, step.frame.pc, &step.frame.interrupted)); /* it has never run */
    AD_TRY(walk(unwinder, &cursor, &step));
    stack_ret->frames = unwinder->frames.items;
    stack_ret->registers = unwinder->keeps_registers ? unwinder->kept.items : NULL;
    stack_ret->count = unwinder->frames.count;
    stack_ret->end = step.end;
    stack_ret->end_address = step.end_address;
    return NULL;
}
