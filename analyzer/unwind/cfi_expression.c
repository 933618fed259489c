/* SPDX-License-Identifier: MIT */
#include "target/target.h"
#include "unwind/cfi_rewrite.h"

/* DWARF 5, 7.7.1. Division is left out: no compiler writes it here, and it can trap. */
enum {
    OP_ADDR = 0x03,
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08,
    OP_CONST8S = 0x0f,
    OP_CONSTU = 0x10,
    OP_CONSTS = 0x11,
    OP_DUP = 0x12,
    OP_DROP = 0x13,
    OP_OVER = 0x14,
    OP_PICK = 0x15,
    OP_SWAP = 0x16,
    OP_ROT = 0x17,
    OP_ABS = 0x19,
    OP_AND = 0x1a,
    OP_DIV = 0x1b,
    OP_PLUS_UCONST = 0x23,
    OP_XOR = 0x27,
    OP_BRA = 0x28,
    OP_EQ = 0x29,
    OP_NE = 0x2e,
    OP_SKIP = 0x2f,
    OP_LIT0 = 0x30,
    OP_LIT31 = 0x4f,
    OP_REG0 = 0x50,
    OP_BREG0 = 0x70,
    OP_BREGX = 0x92,
    OP_DEREF_SIZE = 0x94,
    OP_NOP = 0x96,
};

static bool between(uint8_t op, uint8_t first, uint8_t last)
{
    return first <= op && op <= last;
}

/* Operators that only work on the stack. */
static bool is_plain(uint8_t op)
{
    return op == OP_DEREF || between(op, OP_DUP, OP_OVER) || between(op, OP_SWAP, OP_ROT) ||
           (between(op, OP_ABS, OP_XOR) && op != OP_DIV && op != OP_PLUS_UCONST) ||
           between(op, OP_EQ, OP_NE) || between(op, OP_LIT0, OP_LIT31) || op == OP_NOP;
}

/* const1u, const1s, const2u ... const8s: 1, 1, 2, 2, 4, 4, 8, 8 bytes */
static size_t size_of_const(uint8_t op)
{
    return (size_t)1 << ((op - OP_CONST1U) / 2);
}

/* Skips the operands of one operator; false: not known, or harmful. */
static bool check_operands(struct ad_cursor *cursor, uint8_t op)
{
    if (is_plain(op) || between(op, OP_REG0, OP_REG0 + AD_REG_COUNT - 1))
        return true;
    if (between(op, OP_CONST1U, OP_CONST8S))
        ad_cursor_skip(cursor, size_of_const(op));
    else if (op == OP_ADDR)
        ad_cursor_skip(cursor, sizeof(uint64_t));
    else if (op == OP_PICK || op == OP_DEREF_SIZE)
        ad_cursor_skip(cursor, 1);
    else if (op == OP_CONSTU || op == OP_PLUS_UCONST)
        ad_cursor_uleb(cursor);
    else if (op == OP_CONSTS || between(op, OP_BREG0, OP_BREG0 + AD_REG_COUNT - 1))
        ad_cursor_sleb(cursor);
    else if (op == OP_BRA || op == OP_SKIP)
        return (int16_t)ad_cursor_u16(cursor) >= 0;
    else if (op == OP_BREGX)
        return ad_cursor_uleb(cursor) < AD_REG_COUNT && (ad_cursor_sleb(cursor), true);
    else
        return false;
    return true;
}

bool ad_cfi_expression_ok(const void *bytes, size_t size)
{
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes, size);
    while (ad_cursor_left(&cursor) > 0)
        if (!check_operands(&cursor, ad_cursor_u8(&cursor)))
            return false;
    return size > 0 && !cursor.failed;
}
