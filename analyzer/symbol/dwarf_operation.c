/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_operation.h"

#include <libdwarf/dwarf.h>

/* How the operands of an operation are written. */
enum shape {
    UNKNOWN,
    NONE,
    U8,
    S8,
    U16,
    S16,
    U32,
    S32,
    U64,
    ULEB,
    SLEB,
    ULEB_ULEB,
    ULEB_SLEB,    /* of DW_OP_bregx */
    OFFSET_SLEB,  /* of DW_OP_implicit_pointer */
    OFFSET,
    BLOCK,        /* ULEB size, bytes */
    TYPED_BLOCK,  /* ULEB type, u8 size, bytes */
    U8_ULEB,      /* of DW_OP_deref_type */
};

static const uint8_t shapes[256] = {
    [DW_OP_addr] = U64,
    [DW_OP_deref] = NONE,
    [DW_OP_const1u] = U8,
    [DW_OP_const1s] = S8,
    [DW_OP_const2u] = U16,
    [DW_OP_const2s] = S16,
    [DW_OP_const4u] = U32,
    [DW_OP_const4s] = S32,
    [DW_OP_const8u] = U64,
    [DW_OP_const8s] = U64,
    [DW_OP_constu] = ULEB,
    [DW_OP_consts] = SLEB,
    [DW_OP_dup ... DW_OP_over] = NONE,
    [DW_OP_pick] = U8,
    [DW_OP_swap ... DW_OP_plus] = NONE,
    [DW_OP_plus_uconst] = ULEB,
    [DW_OP_shl ... DW_OP_xor] = NONE,
    [DW_OP_bra] = S16,
    [DW_OP_eq ... DW_OP_ne] = NONE,
    [DW_OP_skip] = S16,
    [DW_OP_lit0 ... DW_OP_reg31] = NONE,
    [DW_OP_breg0 ... DW_OP_breg31] = SLEB,
    [DW_OP_regx] = ULEB,
    [DW_OP_fbreg] = SLEB,
    [DW_OP_bregx] = ULEB_SLEB,
    [DW_OP_piece] = ULEB,
    [DW_OP_deref_size] = U8,
    [DW_OP_xderef_size] = U8,
    [DW_OP_nop] = NONE,
    [DW_OP_push_object_address] = NONE,
    [DW_OP_call2] = U16,
    [DW_OP_call4] = U32,
    [DW_OP_call_ref] = OFFSET,
    [DW_OP_form_tls_address] = NONE,
    [DW_OP_call_frame_cfa] = NONE,
    [DW_OP_bit_piece] = ULEB_ULEB,
    [DW_OP_implicit_value] = BLOCK,
    [DW_OP_stack_value] = NONE,
    [DW_OP_implicit_pointer] = OFFSET_SLEB,
    [DW_OP_addrx] = ULEB,
    [DW_OP_constx] = ULEB,
    [DW_OP_entry_value] = BLOCK,
    [DW_OP_const_type] = TYPED_BLOCK,
    [DW_OP_regval_type] = ULEB_ULEB,
    [DW_OP_deref_type] = U8_ULEB,
    [DW_OP_xderef_type] = U8_ULEB,
    [DW_OP_convert] = ULEB,
    [DW_OP_reinterpret] = ULEB,
    [DW_OP_GNU_uninit] = NONE,
    [DW_OP_GNU_parameter_ref] = U32,
    [DW_OP_GNU_variable_value] = OFFSET,
};

/* GNU's numbers for what DWARF 5 took over; 0: it stays as it is. */
static const uint8_t standard[256] = {
    [DW_OP_GNU_push_tls_address] = DW_OP_form_tls_address,
    [DW_OP_GNU_implicit_pointer] = DW_OP_implicit_pointer,
    [DW_OP_GNU_entry_value] = DW_OP_entry_value,
    [DW_OP_GNU_const_type] = DW_OP_const_type,
    [DW_OP_GNU_regval_type] = DW_OP_regval_type,
    [DW_OP_GNU_deref_type] = DW_OP_deref_type,
    [DW_OP_GNU_convert] = DW_OP_convert,
    [DW_OP_GNU_reinterpret] = DW_OP_reinterpret,
    [DW_OP_GNU_addr_index] = DW_OP_addrx,
    [DW_OP_GNU_const_index] = DW_OP_constx,
};

static void read_block(struct ad_cursor *in, uint64_t size, struct ad_operation *operation)
{
    operation->block_size = size;
    operation->block = ad_cursor_bytes(in, size);
}

/* Operands of one number. */
static bool read_number(struct ad_cursor *in, enum shape shape, uint64_t *number)
{
    switch (shape) {
    case NONE:
        return true;
    case U8:
        *number = ad_cursor_u8(in);
        return true;
    case S8:
        *number = (uint64_t)(int8_t)ad_cursor_u8(in);
        return true;
    case U16:
        *number = ad_cursor_u16(in);
        return true;
    case S16:
        *number = (uint64_t)(int16_t)ad_cursor_u16(in);
        return true;
    case U32:
        *number = ad_cursor_u32(in);
        return true;
    case S32:
        *number = (uint64_t)(int32_t)ad_cursor_u32(in);
        return true;
    case U64:
        *number = ad_cursor_u64(in);
        return true;
    case ULEB:
        *number = ad_cursor_uleb(in);
        return true;
    case SLEB:
        *number = (uint64_t)ad_cursor_sleb(in);
        return true;
    default:
        return false;
    }
}

static bool read_operands(struct ad_cursor *in, enum shape shape, uint8_t offset_size,
                          struct ad_operation *operation)
{
    if (read_number(in, shape, &operation->number))
        return true;
    switch (shape) {
    case ULEB_ULEB:
        operation->number = ad_cursor_uleb(in);
        operation->second = ad_cursor_uleb(in);
        return true;
    case ULEB_SLEB:
        operation->number = ad_cursor_uleb(in);
        operation->second = (uint64_t)ad_cursor_sleb(in);
        return true;
    case OFFSET_SLEB:
        operation->number = ad_cursor_unsigned(in, offset_size);
        operation->second = (uint64_t)ad_cursor_sleb(in);
        return true;
    case OFFSET:
        operation->number = ad_cursor_unsigned(in, offset_size);
        return true;
    case BLOCK:
        read_block(in, ad_cursor_uleb(in), operation);
        return true;
    case TYPED_BLOCK:
        operation->number = ad_cursor_uleb(in);
        read_block(in, ad_cursor_u8(in), operation);
        return true;
    case U8_ULEB:
        operation->second = ad_cursor_u8(in);
        operation->number = ad_cursor_uleb(in);
        return true;
    default:
        return false;
    }
}

bool ad_operation_next(struct ad_cursor *in, uint8_t offset_size, struct ad_operation *operation_ret)
{
    if (in->failed || !ad_cursor_left(in))
        return false;
    *operation_ret = (struct ad_operation){.at = (uint32_t)(in->position - in->start)};
    uint8_t code = ad_cursor_u8(in);
    operation_ret->code = standard[code] ? standard[code] : code;
    if (!read_operands(in, shapes[operation_ret->code], offset_size, operation_ret))
        in->failed = true;
    return !in->failed;
}

bool ad_operation_refers(const struct ad_operation *operation)
{
    switch (operation->code) {
    case DW_OP_addrx:
    case DW_OP_constx:
    case DW_OP_const_type:
    case DW_OP_regval_type:
    case DW_OP_deref_type:
    case DW_OP_GNU_parameter_ref:
        return true;
    case DW_OP_convert:
    case DW_OP_reinterpret:
        return operation->number != 0; /* 0: the generic type */
    default:
        return false;
    }
}

bool ad_program_operand(const struct ad_program *program, uint32_t at, uint64_t *value_ret)
{
    for (uint32_t i = 0; i < program->operand_count; i++)
        if (program->operands[i].at == at) {
            *value_ret = program->operands[i].value;
            return true;
        }
    return false;
}
