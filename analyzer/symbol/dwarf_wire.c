/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_wire.h"

#include <string.h>

void ad_wire_u8(FILE *out, uint8_t value)
{
    fputc(value, out);
}

void ad_wire_u32(FILE *out, uint32_t value)
{
    fwrite(&value, sizeof(value), 1, out);
}

void ad_wire_u64(FILE *out, uint64_t value)
{
    fwrite(&value, sizeof(value), 1, out);
}

void ad_wire_text(FILE *out, const char *text, const struct ad_limits *limits)
{
    size_t length = text ? strnlen(text, limits->text) : 0;
    ad_wire_u32(out, text ? (uint32_t)length : UINT32_MAX);
    fwrite(text ? text : "", 1, length, out);
}

void ad_wire_program(FILE *out, const struct ad_program *program)
{
    ad_wire_u8(out, program->offset_size);
    ad_wire_u32(out, program->size);
    fwrite(program->size ? (const void *)program->bytes : "", 1, program->size, out);
    ad_wire_u32(out, program->operand_count);
    for (uint32_t i = 0; i < program->operand_count; i++) {
        ad_wire_u32(out, program->operands[i].at);
        ad_wire_u64(out, program->operands[i].value);
    }
}
