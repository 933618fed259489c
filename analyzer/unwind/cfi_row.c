/* SPDX-License-Identifier: MIT */
#include "unwind/cfi_row.h"

#include <stddef.h>
#include <string.h>

#include "target/target.h"
#include "unwind/cfi_codes.h"

enum { REMEMBERED = 8, WORD = 8 };

const uint8_t ad_row_registers[AD_ROW_SLOTS] = {AD_REG_RBX, AD_REG_RBP, 12, 13, 14, 15, AD_REG_PC};

struct rule {
    enum { SAME, UNDEFINED, AT_CFA, OTHER } kind;
    int64_t offset; /* from the CFA */
};

struct rules {
    bool cfa_simple; /* a register + an offset */
    uint64_t cfa_register;
    int64_t cfa_offset;
    struct rule registers[AD_REG_COUNT];
};

/* The instructions of one function on their way to a pc. */
struct run {
    const struct ad_cfi_plain *plain;
    struct ad_cursor in;
    uint64_t pc, location;
    struct rules now;
    struct rules initial; /* those of the CIE, for DW_CFA_restore */
    bool is_shared; /* at the CIE's, where nothing can advance or be restored */
    bool arrived;   /* the next row begins behind the pc */
    bool odd;       /* something that is left to libunwind */
    unsigned depth;
    struct rules remembered[REMEMBERED]; /* the first `depth` of them are there */
};

static int64_t factored(const struct run *run, uint64_t value)
{
    return (int64_t)(value * (uint64_t)run->plain->data_factor);
}

static void advance(struct run *run, uint64_t delta)
{
    uint64_t next;
    bool fits = ad_mul(delta, run->plain->code_factor, &next) && ad_add(run->location, next, &next);
    run->odd |= !fits || run->is_shared;
    run->arrived = next > run->pc;
    if (!run->arrived)
        run->location = next;
}

static void set_rule(struct run *run, uint64_t number, int kind, int64_t offset)
{
    if (number < AD_REG_COUNT)
        run->now.registers[number] = (struct rule){kind, offset};
    run->odd |= number >= AD_REG_COUNT;
}

static void restore(struct run *run, uint64_t number)
{
    if (number < AD_REG_COUNT)
        run->now.registers[number] = run->initial.registers[number];
    run->odd |= number >= AD_REG_COUNT || run->is_shared;
}

static void skip_block(struct run *run)
{
    ad_cursor_skip(&run->in, ad_cursor_uleb(&run->in));
}

static void remember(struct run *run)
{
    if (run->depth < REMEMBERED)
        run->remembered[run->depth++] = run->now;
    else
        run->odd = true;
}

static void recall(struct run *run)
{
    if (run->depth > 0)
        run->now = run->remembered[--run->depth];
    else
        run->odd = true;
}

/* Instructions that define the canonical frame address. */
static void define_cfa(struct run *run, uint8_t op)
{
    struct rules *now = &run->now;
    bool both = op == CFA_DEF_CFA || op == CFA_DEF_CFA_SF;
    run->odd |= !both && !now->cfa_simple; /* it changes a part of what is not there */
    if (both || op == CFA_DEF_CFA_REGISTER)
        now->cfa_register = ad_cursor_uleb(&run->in);
    if (op == CFA_DEF_CFA || op == CFA_DEF_CFA_OFFSET)
        now->cfa_offset = (int64_t)ad_cursor_uleb(&run->in);
    else if (op == CFA_DEF_CFA_SF || op == CFA_DEF_CFA_OFFSET_SF)
        now->cfa_offset = factored(run, (uint64_t)ad_cursor_sleb(&run->in));
    now->cfa_simple = true;
}

/* Instructions whose first operand is the register they are about. */
static void define_register(struct run *run, uint8_t op)
{
    struct ad_cursor *in = &run->in;
    uint64_t number = ad_cursor_uleb(in);
    switch (op) {
    case CFA_OFFSET_EXTENDED:
        set_rule(run, number, AT_CFA, factored(run, ad_cursor_uleb(in)));
        break;
    case CFA_OFFSET_EXTENDED_SF:
        set_rule(run, number, AT_CFA, factored(run, (uint64_t)ad_cursor_sleb(in)));
        break;
    case CFA_GNU_NEGATIVE_OFFSET:
        set_rule(run, number, AT_CFA, factored(run, -ad_cursor_uleb(in)));
        break;
    case CFA_RESTORE_EXTENDED:
        restore(run, number);
        break;
    case CFA_UNDEFINED:
        set_rule(run, number, UNDEFINED, 0);
        break;
    case CFA_SAME_VALUE:
        set_rule(run, number, SAME, 0);
        break;
    case CFA_REGISTER:
        ad_cursor_uleb(in);
        set_rule(run, number, OTHER, 0);
        break;
    case CFA_EXPRESSION:
    case CFA_VAL_EXPRESSION:
        skip_block(run);
        set_rule(run, number, OTHER, 0);
        break;
    default:
        run->odd = true;
    }
}

static void step_compact(struct run *run, uint8_t op)
{
    uint64_t operand = op & CFA_OPERAND;
    if ((op & CFA_COMPACT) == CFA_ADVANCE)
        advance(run, operand);
    else if ((op & CFA_COMPACT) == CFA_OFFSET)
        set_rule(run, operand, AT_CFA, factored(run, ad_cursor_uleb(&run->in)));
    else
        restore(run, operand);
}

static void step(struct run *run, uint8_t op)
{
    if (op & CFA_COMPACT) {
        step_compact(run, op);
        return;
    }
    switch (op) {
    case CFA_ADVANCE1:
    case CFA_ADVANCE2:
    case CFA_ADVANCE4:
        advance(run, ad_cursor_unsigned(&run->in, (size_t)1 << (op - CFA_ADVANCE1)));
        break;
    case CFA_REMEMBER_STATE:
        remember(run);
        break;
    case CFA_RESTORE_STATE:
        recall(run);
        break;
    case CFA_DEF_CFA_EXPRESSION:
        skip_block(run);
        run->now.cfa_simple = false;
        break;
    case CFA_DEF_CFA:
    case CFA_DEF_CFA_SF:
    case CFA_DEF_CFA_REGISTER:
    case CFA_DEF_CFA_OFFSET:
    case CFA_DEF_CFA_OFFSET_SF:
        define_cfa(run, op);
        break;
    default:
        define_register(run, op);
    }
}

static void take(struct run *run, const uint8_t *bytes, struct ad_cfi_program program)
{
    ad_cursor_init(&run->in, bytes + program.start, program.end - program.start);
    while (ad_cursor_left(&run->in) > 0 && !run->arrived && !run->odd)
        step(run, ad_cursor_u8(&run->in));
    run->odd |= run->in.failed;
}

/* Registers beside the slots must be as in the frame: nobody follows others. */
static bool others_are_same(const struct rules *rules)
{
    uint32_t slots = 0;
    for (unsigned i = 0; i < AD_ROW_SLOTS; i++)
        slots |= 1u << ad_row_registers[i];
    for (unsigned i = 0; i < AD_REG_COUNT; i++)
        if (!(slots >> i & 1) && rules->registers[i].kind != SAME)
            return false;
    return true;
}

static bool put_slot(struct ad_cfi_row *row, unsigned slot, const struct rule *rule)
{
    int64_t below = -(rule->offset / WORD);
    if (rule->kind == UNDEFINED)
        row->undefined |= (uint8_t)(1u << slot);
    if (rule->kind == SAME || rule->kind == UNDEFINED)
        return true;
    if (rule->kind != AT_CFA || rule->offset % WORD || below < 1 || below > UINT8_MAX)
        return false;
    row->saved |= (uint8_t)(1u << slot);
    row->words[slot] = (uint8_t)below;
    if (row->depth < below)
        row->depth = (uint8_t)below;
    return true;
}

static bool pack(const struct rules *rules, struct ad_cfi_row *row)
{
    *row = (struct ad_cfi_row){.cfa_offset = (int32_t)rules->cfa_offset,
                               .cfa_register = (uint8_t)rules->cfa_register};
    if (!rules->cfa_simple || rules->cfa_register >= AD_REG_COUNT || row->cfa_offset != rules->cfa_offset)
        return false;
    for (unsigned i = 0; i < AD_ROW_SLOTS; i++)
        if (!put_slot(row, i, &rules->registers[ad_row_registers[i]]))
            return false;
    return others_are_same(rules);
}

bool ad_cfi_row_at(const uint8_t *bytes, const struct ad_cfi_plain *plain, uint64_t pc,
                   struct ad_cfi_row *row_ret)
{
    struct run run;
    memset(&run, 0, offsetof(struct run, remembered));
    run.plain = plain;
    run.pc = pc;
    run.location = plain->range.start;
    run.is_shared = true;
    take(&run, bytes, plain->shared);
    run.is_shared = false;
    run.initial = run.now;
    take(&run, bytes, plain->own);
    return !run.odd && pack(&run.now, row_ret);
}
