/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "unwind/unwind_internal.h"

enum { WORD = 8 };

void ad_step_end(struct ad_step *step, enum ad_stack_end end, uint64_t address)
{
    step->ended = true;
    step->end = end;
    step->end_address = address;
}

/* What a return address can be whose call lies in no function. The first byte of one, as of libc's
 * __start_context below what makecontext starts, was put there by hand: nobody called that function. */
struct ad_error *ad_step_end_without_cfi(struct ad_unwinder *unwinder, struct ad_step *step)
{
    const struct ad_row *row;
    bool by_hand = false;
    if (!step->frame.interrupted) {
        AD_TRY(ad_unwinder_row(unwinder, step->frame.pc, &row));
        by_hand = row->flags & AD_ROW_BEGINS;
    }
    step->frame.interrupted |= by_hand;
    ad_step_end(step, by_hand ? AD_STACK_ENTRY : AD_STACK_NO_CFI, step->frame.pc);
    return NULL;
}

/* The frame has a caller, or none. */
static void leave(struct ad_step *step, uint64_t cfa, uint64_t pc, bool signal_frame)
{
    if (step->has_inner_cfa && !signal_frame && cfa <= step->inner_cfa) {
        ad_step_end(step, AD_STACK_NO_PROGRESS, step->frame.pc);
        return;
    }
    step->frame.cfa = cfa;
    step->caller_pc = pc;
    step->caller_interrupted = signal_frame;
    if (pc == 0)
        ad_step_end(step, AD_STACK_ENTRY, step->frame.pc);
}

/* ---- By a row ------------------------------------------------------------------------------------- */

static void end_without_register(const struct ad_unwinder *unwinder, unsigned number, struct ad_step *step)
{
    if (unwinder->unreadable >> number & 1)
        ad_step_end(step, AD_STACK_UNREADABLE, unwinder->registers.value[number]);
    else
        ad_step_end(step, AD_STACK_NO_REGISTER, step->frame.pc);
}

/* One word at a time, because some of them are not at hand, or nowhere. */
static void load_words(struct ad_unwinder *unwinder, const struct ad_cfi_row *rules, uint64_t cfa)
{
    struct ad_registers *registers = &unwinder->registers;
    for (unsigned slot = 0; slot < AD_ROW_SLOTS; slot++) {
        if (!(rules->saved >> slot & 1))
            continue;
        unsigned number = ad_row_registers[slot];
        uint64_t address = cfa - (uint64_t)rules->words[slot] * WORD, word;
        bool read = ad_unwinder_word(unwinder, address, &word);
        ad_registers_set(registers, number, read ? word : address);
        registers->valid &= ~((uint32_t)!read << number);
        unwinder->unreadable = (unwinder->unreadable & ~(1u << number)) | (uint32_t)!read << number;
    }
}

/* All that the frame has saved lies between here and the CFA in the window. */
static void load_window(struct ad_unwinder *unwinder, const struct ad_cfi_row *rules, uint64_t cfa)
{
    struct ad_registers *registers = &unwinder->registers;
    const uint8_t *end = unwinder->window.bytes + (cfa - unwinder->window.range.start);
    uint32_t loaded = 0;
    for (unsigned left = rules->saved; left; left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctz(left), number = ad_row_registers[slot];
        memcpy(&registers->value[number], end - (size_t)rules->words[slot] * WORD, WORD);
        loaded |= 1u << number;
    }
    registers->valid |= loaded;
    unwinder->unreadable &= ~loaded;
}

void ad_step_load(struct ad_unwinder *unwinder, const struct ad_cfi_row *rules, uint64_t cfa)
{
    uint64_t size = (uint64_t)rules->depth * WORD;
    if (cfa >= size && ad_range_holds(unwinder->window.range, cfa - size, size))
        load_window(unwinder, rules, cfa);
    else
        load_words(unwinder, rules, cfa);
    for (unsigned left = rules->undefined; left; left &= left - 1) {
        uint32_t bit = 1u << ad_row_registers[__builtin_ctz(left)];
        unwinder->registers.valid &= ~bit;
        unwinder->unreadable &= ~bit;
    }
}

void ad_step_by_row(struct ad_unwinder *unwinder, const struct ad_row *row, struct ad_step *step)
{
    struct ad_registers *registers = &unwinder->registers;
    const struct ad_cfi_row *rules = &row->rules;
    if (!(registers->valid >> rules->cfa_register & 1)) {
        end_without_register(unwinder, rules->cfa_register, step);
        return;
    }
    uint64_t cfa = registers->value[rules->cfa_register] + (uint64_t)(int64_t)rules->cfa_offset;
    bool stays = cfa == registers->value[AD_REG_SP];
    ad_step_load(unwinder, rules, cfa);
    bool undefined = rules->undefined >> AD_ROW_PC & 1;
    uint64_t pc = undefined ? 0 : registers->value[AD_REG_PC];
    if (!undefined && !(registers->valid >> AD_REG_PC & 1)) {
        end_without_register(unwinder, AD_REG_PC, step);
        return;
    }
    if (stays && pc == step->frame.pc) {
        ad_step_end(step, AD_STACK_NO_PROGRESS, step->frame.pc);
        return;
    }
    registers->value[AD_REG_SP] = cfa;
    leave(step, cfa, pc, row->flags & AD_ROW_SIGNAL);
}

/* ---- By libunwind ----------------------------------------------------------------------------------- */

/* Why libunwind could not apply a state. */
static void end_failed(const struct ad_unwinder *unwinder, struct ad_step *step, int result)
{
    if (unwinder->fault)
        ad_step_end(step, AD_STACK_UNREADABLE, unwinder->fault_address);
    else if (unwinder->register_missing || result == -UNW_EBADREG)
        ad_step_end(step, AD_STACK_NO_REGISTER, step->frame.pc);
    else if (result == -UNW_EBADFRAME)
        ad_step_end(step, AD_STACK_NO_PROGRESS, step->frame.pc);
    else
        ad_step_end(step, AD_STACK_NO_CFI, step->frame.pc);
}

/* A result of 0 means an undefined return address, but libunwind takes one that is stored at address 0 for
 * undefined too. */
static void apply(struct ad_unwinder *unwinder, unw_cursor_t *cursor, const struct ad_unwind_state *state,
                  struct ad_step *step)
{
    unwinder->fault = unwinder->register_missing = false;
    int result = unw_apply_reg_state(cursor, state->bytes);
    unw_word_t cfa = 0, pc = 0;
    if (result >= 0 && (unw_get_reg(cursor, UNW_REG_SP, &cfa) < 0 ||
                        (result > 0 && unw_get_reg(cursor, UNW_REG_IP, &pc) < 0)))
        result = -UNW_EINVAL;
    if (result < 0)
        end_failed(unwinder, step, result);
    else if (result == 0 && !state->may_end)
        ad_step_end(step, AD_STACK_UNREADABLE, 0);
    else
        leave(step, cfa, pc, state->signal_frame);
}

struct ad_error *ad_step_by_cursor(struct ad_unwinder *unwinder, unw_cursor_t *cursor, struct ad_step *step)
{
    struct ad_unwind_state state;
    AD_TRY(ad_unwinder_state(unwinder, step->frame.pc - !step->frame.interrupted, &state));
    if (!state.bytes)
        return ad_step_end_without_cfi(unwinder, step);
    apply(unwinder, cursor, &state, step);
    return NULL;
}

/* Where a frame inside has saved none, the cursor has the innermost frame's; a saved one whose place cannot
 * be read is not known. */
void ad_step_cursor_registers(struct ad_unwinder *unwinder, unw_cursor_t *cursor,
                              struct ad_registers *registers_ret, uint32_t *unreadable_ret)
{
    *registers_ret = (struct ad_registers){0};
    *unreadable_ret = 0;
    for (unsigned i = 0; i < AD_REG_COUNT; i++) {
        unw_word_t value;
        unwinder->fault = false;
        if (unw_get_reg(cursor, (unw_regnum_t)i, &value) >= 0) {
            ad_registers_set(registers_ret, i, value);
        } else if (unwinder->fault) {
            registers_ret->value[i] = unwinder->fault_address;
            *unreadable_ret |= 1u << i;
        }
    }
}

struct ad_error *ad_step_handed_over(struct ad_unwinder *unwinder, struct ad_step *step)
{
    struct ad_registers registers;
    uint32_t unreadable;
    unw_cursor_t cursor;
    if (unw_init_remote(&cursor, unwinder->space, unwinder) != 0) {
        ad_step_end(step, AD_STACK_NO_REGISTER, step->frame.pc);
        return NULL;
    }
    AD_TRY(ad_step_by_cursor(unwinder, &cursor, step));
    if (step->ended)
        return NULL;
    ad_step_cursor_registers(unwinder, &cursor, &registers, &unreadable);
    unwinder->registers = registers;
    unwinder->unreadable = unreadable;
    return NULL;
}
