/* SPDX-License-Identifier: MIT */
#include "unwind/cfi_rewrite.h"

#include <string.h>

#include "target/target.h"
#include "unwind/cfi_codes.h"

enum { PE_UDATA8 = 0x04, OP_CONSTS = 0x11, OP_PLUS = 0x22, OP_BREG0 = 0x70, LEB_MAX = 10 };

/* The instructions of one CIE or FDE on their way. */
struct rewrite {
    struct ad_cursor in;
    struct ad_vector *out;
    int64_t data_factor;
    bool cfa_defined;
    bool may_end;
    struct ad_error *error; /* the first; no memory */
};

static void put(struct rewrite *rewrite, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size && !rewrite->error; i++)
        rewrite->error = ad_vector_push(rewrite->out, (const uint8_t *)bytes + i);
}

static void put_u8(struct rewrite *rewrite, uint8_t value)
{
    put(rewrite, &value, sizeof(value));
}

static void put_u32(struct rewrite *rewrite, uint32_t value)
{
    put(rewrite, &value, sizeof(value));
}

static void put_u64(struct rewrite *rewrite, uint64_t value)
{
    put(rewrite, &value, sizeof(value));
}

static void put_uleb(struct rewrite *rewrite, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        put_u8(rewrite, (uint8_t)(value | 0x80));
    put_u8(rewrite, (uint8_t)value);
}

/* Always of LEB_MAX bytes: the sign's copies do no harm. */
static void put_sleb(struct rewrite *rewrite, int64_t value)
{
    for (size_t i = 0; i + 1 < LEB_MAX; i++, value >>= 7)
        put_u8(rewrite, (uint8_t)(value & 0x7f) | 0x80);
    put_u8(rewrite, (uint8_t)(value & 0x7f));
}

static bool skip_expression(struct ad_cursor *in)
{
    size_t size = ad_cursor_uleb(in);
    const void *bytes = ad_cursor_bytes(in, size);
    return bytes && ad_cfi_expression_ok(bytes, size);
}

enum verdict { COPY, DROP, REFUSE };

/* DW_CFA_val_offset as the expression "CFA + offset": the CFA is on the stack at its start. */
static enum verdict say_val_offset(struct rewrite *rewrite, uint8_t op)
{
    uint64_t number = ad_cursor_uleb(&rewrite->in);
    uint64_t factored =
        op == CFA_VAL_OFFSET ? ad_cursor_uleb(&rewrite->in) : (uint64_t)ad_cursor_sleb(&rewrite->in);
    if (number >= AD_REG_COUNT)
        return DROP;
    put_u8(rewrite, CFA_VAL_EXPRESSION);
    put_uleb(rewrite, number);
    put_uleb(rewrite, 1 + LEB_MAX + 1);
    put_u8(rewrite, OP_CONSTS);
    put_sleb(rewrite, (int64_t)(factored * (uint64_t)rewrite->data_factor));
    put_u8(rewrite, OP_PLUS);
    return DROP;
}

/* A register in a register that is not followed is lost. One in the stack pointer is said as the expression
 * "rsp + 0": libunwind would look for it where the innermost frame's stack pointer is. */
static enum verdict check_register(struct rewrite *rewrite)
{
    static const uint8_t in_sp[] = {2, OP_BREG0 + AD_REG_SP, 0};
    uint64_t number = ad_cursor_uleb(&rewrite->in), source = ad_cursor_uleb(&rewrite->in);
    if (number < AD_REG_COUNT && source == AD_REG_SP) {
        put_u8(rewrite, CFA_VAL_EXPRESSION);
        put_uleb(rewrite, number);
        put(rewrite, in_sp, sizeof(in_sp));
        return DROP;
    }
    if (number >= AD_REG_COUNT || source < AD_REG_COUNT)
        return number < AD_REG_COUNT ? COPY : DROP;
    put_u8(rewrite, CFA_UNDEFINED);
    put_uleb(rewrite, number);
    return DROP;
}

/* Instructions that define the canonical frame address. */
static enum verdict check_cfa(struct rewrite *rewrite, uint8_t op)
{
    struct ad_cursor *in = &rewrite->in;
    bool ok = true;
    if (op == CFA_DEF_CFA_EXPRESSION)
        ok = skip_expression(in);
    else if (op == CFA_DEF_CFA || op == CFA_DEF_CFA_SF || op == CFA_DEF_CFA_REGISTER)
        ok = ad_cursor_uleb(in) < AD_REG_COUNT;
    else
        ok = rewrite->cfa_defined;
    if (op == CFA_DEF_CFA || op == CFA_DEF_CFA_OFFSET)
        ad_cursor_uleb(in);
    else if (op == CFA_DEF_CFA_SF || op == CFA_DEF_CFA_OFFSET_SF)
        ad_cursor_sleb(in);
    rewrite->cfa_defined |= op != CFA_DEF_CFA_REGISTER;
    return ok ? COPY : REFUSE;
}

/* Instructions whose first operand is the register they are about. */
static enum verdict check_rule(struct rewrite *rewrite, uint8_t op)
{
    struct ad_cursor *in = &rewrite->in;
    uint64_t number = ad_cursor_uleb(in);
    if (op == CFA_OFFSET_EXTENDED || op == CFA_GNU_NEGATIVE_OFFSET)
        ad_cursor_uleb(in);
    else if (op == CFA_OFFSET_EXTENDED_SF)
        ad_cursor_sleb(in);
    else if ((op == CFA_EXPRESSION || op == CFA_VAL_EXPRESSION) && !skip_expression(in))
        return REFUSE;
    if (op == CFA_UNDEFINED && number == AD_REG_PC)
        rewrite->may_end = true;
    return number < AD_REG_COUNT ? COPY : DROP;
}

static enum verdict check_compact(struct rewrite *rewrite, uint8_t op)
{
    unsigned number = op & CFA_OPERAND;
    if ((op & CFA_COMPACT) == CFA_ADVANCE)
        return rewrite->cfa_defined ? COPY : REFUSE;
    if ((op & CFA_COMPACT) == CFA_OFFSET)
        ad_cursor_uleb(&rewrite->in);
    return number < AD_REG_COUNT ? COPY : DROP;
}

/* Reads one instruction's operands. A row without a CFA must never come to be. */
static enum verdict check(struct rewrite *rewrite, uint8_t op)
{
    if (op & CFA_COMPACT)
        return check_compact(rewrite, op);
    switch (op) {
    case CFA_NOP:
        return DROP;
    case CFA_ADVANCE1:
    case CFA_ADVANCE2:
    case CFA_ADVANCE4:
        ad_cursor_skip(&rewrite->in, (size_t)1 << (op - CFA_ADVANCE1));
        return rewrite->cfa_defined ? COPY : REFUSE;
    case CFA_REMEMBER_STATE:
    case CFA_RESTORE_STATE:
        return rewrite->cfa_defined ? COPY : REFUSE;
    case CFA_GNU_ARGS_SIZE:
        ad_cursor_uleb(&rewrite->in);
        return DROP;
    case CFA_REGISTER:
        return check_register(rewrite);
    case CFA_VAL_OFFSET:
    case CFA_VAL_OFFSET_SF:
        return say_val_offset(rewrite, op);
    case CFA_DEF_CFA:
    case CFA_DEF_CFA_SF:
    case CFA_DEF_CFA_REGISTER:
    case CFA_DEF_CFA_OFFSET:
    case CFA_DEF_CFA_OFFSET_SF:
    case CFA_DEF_CFA_EXPRESSION:
        return check_cfa(rewrite, op);
    case CFA_OFFSET_EXTENDED:
    case CFA_OFFSET_EXTENDED_SF:
    case CFA_RESTORE_EXTENDED:
    case CFA_UNDEFINED:
    case CFA_SAME_VALUE:
    case CFA_EXPRESSION:
    case CFA_VAL_EXPRESSION:
    case CFA_GNU_NEGATIVE_OFFSET:
        return check_rule(rewrite, op);
    default: /* DW_CFA_set_loc too: nobody writes it, and its operand depends on the encoding */
        return REFUSE;
    }
}

/* Copies what `instructions` say; false: something in them is not to be trusted. */
static bool put_instructions(struct rewrite *rewrite, struct ad_cursor instructions,
                             struct ad_cfi_program *program)
{
    struct ad_cursor *in = &rewrite->in;
    *in = instructions;
    program->start = rewrite->out->count;
    while (ad_cursor_left(in) > 0 && !rewrite->error) {
        const uint8_t *start = in->position;
        enum verdict verdict = check(rewrite, ad_cursor_u8(in));
        if (verdict == REFUSE || in->failed)
            return false;
        if (verdict == COPY)
            put(rewrite, start, (size_t)(in->position - start));
    }
    program->end = rewrite->out->count;
    return true;
}

/* Leaves room for a record's length; end_record fills it in. */
static size_t begin_record(struct rewrite *rewrite)
{
    size_t start = rewrite->out->count;
    put_u32(rewrite, 0);
    return start;
}

static void end_record(struct rewrite *rewrite, size_t start)
{
    uint32_t length = (uint32_t)(rewrite->out->count - start - sizeof(length));
    if (!rewrite->error)
        memcpy(AD_ITEMS(uint8_t, rewrite->out) + start, &length, sizeof(length));
}

static void put_cie_head(struct rewrite *rewrite, const struct ad_cfi_cie *cie)
{
    put_u32(rewrite, 0); /* the id of a CIE */
    put_u8(rewrite, 1);  /* version */
    put(rewrite, cie->signal_frame ? "zRS" : "zR", cie->signal_frame ? 4 : 3);
    put_uleb(rewrite, cie->code_factor);
    put_sleb(rewrite, cie->data_factor);
    put_u8(rewrite, AD_REG_PC);
    put_u8(rewrite, 1); /* size of the augmentation: the encoding */
    put_u8(rewrite, PE_UDATA8);
}

static void put_fde_head(struct rewrite *rewrite, size_t cie, struct ad_range range)
{
    put_u32(rewrite, (uint32_t)(rewrite->out->count - cie));
    put_u64(rewrite, range.start);
    put_u64(rewrite, ad_range_size(range));
    put_u8(rewrite, 0); /* size of the augmentation */
}

/* A CIE may leave the CFA to its FDEs, as assembler's "simple" ones do. */
static bool put_records(struct rewrite *rewrite, const struct ad_cfi_fde *fde, struct ad_cfi_plain *plain)
{
    size_t cie = begin_record(rewrite);
    put_cie_head(rewrite, &fde->cie);
    if (!put_instructions(rewrite, fde->cie.instructions, &plain->shared))
        return false;
    end_record(rewrite, cie);
    plain->fde = begin_record(rewrite);
    put_fde_head(rewrite, cie, plain->range);
    if (!put_instructions(rewrite, fde->instructions, &plain->own))
        return false;
    end_record(rewrite, plain->fde);
    return rewrite->cfa_defined;
}

struct ad_error *ad_cfi_rewrite(const struct ad_cfi_fde *fde, uint64_t bias, const struct ad_limits *limits,
                                struct ad_vector *bytes, struct ad_cfi_plain *plain_ret)
{
    uint64_t size = ad_cursor_left(&fde->cie.instructions) + ad_cursor_left(&fde->instructions);
    size_t start = bytes->count;
    if (size > limits->cfi_bytes)
        return ad_error_create(AD_ERROR_LIMIT, "unwind information of a function has %llu bytes",
                               (unsigned long long)size);
    struct rewrite rewrite = {.out = bytes, .data_factor = fde->cie.data_factor};
    *plain_ret = (struct ad_cfi_plain){
        .code_factor = fde->cie.code_factor,
        .data_factor = fde->cie.data_factor,
        .signal_frame = fde->cie.signal_frame,
    };
    bool ok = ad_range_init(&plain_ret->range, fde->range.start + bias, ad_range_size(fde->range)) &&
              put_records(&rewrite, fde, plain_ret);
    plain_ret->may_end = rewrite.may_end;
    if (ok && !rewrite.error)
        return NULL;
    bytes->count = start;
    if (rewrite.error)
        return rewrite.error;
    return ad_error_create(AD_ERROR_FORMAT, "unwind information at 0x%llx makes no sense",
                           (unsigned long long)fde->range.start);
}
