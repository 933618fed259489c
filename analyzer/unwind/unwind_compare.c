/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "unwind/unwind_internal.h"

/* A stack as it was unwound before: the unwinder's own memory is used again by the next time. */
struct copy {
    struct ad_unwound_stack stack; /* of these frames and registers */
    struct ad_unwound_frame *frames;
    struct ad_registers *registers;
};

static void copy_deinit(struct copy *copy)
{
    free(copy->frames);
    free(copy->registers);
}

static struct ad_error *copy_stack(struct copy *copy, const struct ad_unwound_stack *stack)
{
    size_t count = stack->count;
    copy->frames = calloc(count + 1, sizeof(*copy->frames));
    copy->registers = calloc(count + 1, sizeof(*copy->registers));
    if (!copy->frames || !copy->registers)
        return &ad_error_nomem;
    copy->stack = *stack;
    copy->stack.frames = copy->frames;
    if (count)
        memcpy(copy->frames, stack->frames, count * sizeof(*copy->frames));
    if (!stack->registers)
        return NULL;
    copy->stack.registers = copy->registers;
    if (count)
        memcpy(copy->registers, stack->registers, count * sizeof(*copy->registers));
    return NULL;
}

static void note(struct ad_unwind_comparison *comparison, const char *what, uint64_t rows, uint64_t libunwind)
{
    if (comparison->differs || rows == libunwind)
        return;
    comparison->differs = what;
    comparison->rows = rows;
    comparison->libunwind = libunwind;
}

static void compare_registers(struct ad_unwind_comparison *comparison, const struct ad_registers *rows,
                              const struct ad_registers *libunwind)
{
    static const char *const names[AD_REG_COUNT] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi",
                                                    "rbp", "rsp", "r8",  "r9",  "r10", "r11",
                                                    "r12", "r13", "r14", "r15", "rip"};
    note(comparison, "which registers are known", rows->valid, libunwind->valid);
    for (unsigned i = 0; i < AD_REG_COUNT; i++)
        if (rows->valid >> i & 1)
            note(comparison, names[i], rows->value[i], libunwind->value[i]);
}

static void compare(struct ad_unwind_comparison *comparison, const struct ad_unwound_stack *rows,
                    const struct ad_unwound_stack *libunwind)
{
    for (size_t i = 0; i < rows->count && i < libunwind->count && !comparison->differs; i++) {
        const struct ad_unwound_frame *ours = &rows->frames[i], *theirs = &libunwind->frames[i];
        comparison->frame = i;
        note(comparison, "pc", ours->pc, theirs->pc);
        note(comparison, "whether it was interrupted", ours->interrupted, theirs->interrupted);
        if (rows->registers)
            compare_registers(comparison, &rows->registers[i], &libunwind->registers[i]);
        note(comparison, "CFA", ours->cfa, theirs->cfa);
    }
    note(comparison, "the number of frames", rows->count, libunwind->count);
    note(comparison, "why the stack ends", rows->end, libunwind->end);
    note(comparison, "where the stack ends", rows->end_address, libunwind->end_address);
}

static struct ad_error *unwind_alone(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                                     bool interrupted, struct ad_unwound_stack *stack_ret)
{
    unw_cursor_t cursor;
    unwinder->registers = *registers;
    unwinder->unreadable = 0;
    if (unw_init_remote(&cursor, unwinder->space, unwinder) != 0) {
        *stack_ret = (struct ad_unwound_stack){.end = AD_STACK_NO_CONTEXT};
        return NULL;
    }
    unwinder->alone = &cursor;
    struct ad_error *error = ad_unwind(unwinder, registers, interrupted, stack_ret);
    unwinder->alone = NULL;
    return error;
}

/* Rows walk in two ways: fast while nothing but the frames is asked for, and with all registers. */
static struct ad_error *unwind_by_rows(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                                       bool interrupted, struct copy *fast, struct copy *whole)
{
    struct ad_unwound_stack stack;
    unwinder->keeps_registers = false;
    AD_TRY(ad_unwind(unwinder, registers, interrupted, &stack));
    AD_TRY(copy_stack(fast, &stack));
    unwinder->keeps_registers = true;
    AD_TRY(ad_unwind(unwinder, registers, interrupted, &stack));
    return copy_stack(whole, &stack);
}

static struct ad_error *compare_all(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                                    bool interrupted, struct ad_unwind_comparison *comparison)
{
    ad_cleanup(copy_deinit) struct copy fast = {0}, whole = {0};
    struct ad_unwound_stack stack;
    uint64_t before = unwinder->by_row;
    AD_TRY(unwind_by_rows(unwinder, registers, interrupted, &fast, &whole));
    comparison->by_row = (unwinder->by_row - before) / 2;
    AD_TRY(unwind_alone(unwinder, registers, interrupted, &stack));
    comparison->frames = stack.count;
    compare(comparison, &whole.stack, &stack);
    compare(comparison, &fast.stack, &stack);
    return NULL;
}

struct ad_error *ad_unwinder_compare(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                                     bool interrupted, struct ad_unwind_comparison *comparison_ret)
{
    bool keeps = unwinder->keeps_registers;
    *comparison_ret = (struct ad_unwind_comparison){0};
    struct ad_error *error = compare_all(unwinder, registers, interrupted, comparison_ret);
    unwinder->keeps_registers = keeps;
    return error;
}
