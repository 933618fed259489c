/* SPDX-License-Identifier: MIT */
/** @file dwarf_wire.h - how the child writes what code.h describes. */
#ifndef AD_SYMBOL_DWARF_WIRE_H
#define AD_SYMBOL_DWARF_WIRE_H

#include <stdio.h>

#include "base/limits.h"
#include "symbol/dwarf_operation.h"

void ad_wire_u8(FILE *out, uint8_t value);
void ad_wire_u32(FILE *out, uint32_t value);
void ad_wire_u64(FILE *out, uint64_t value);
/** NULL is told as such; a longer one than limits->text is cut. */
void ad_wire_text(FILE *out, const char *text, const struct ad_limits *limits);
void ad_wire_program(FILE *out, const struct ad_program *program);

#endif
