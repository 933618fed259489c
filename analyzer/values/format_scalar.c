/* SPDX-License-Identifier: MIT */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "values/format_internal.h"

#define SCALAR_MAX 32 /* the largest is a pair of long doubles */
#define INTEGER_MAX 16

/* ---- Integers ---- */

/* The bits of an integer of up to 16 bytes, sign-extended where it has a sign. */
static unsigned __int128 take_bits(const uint8_t *bytes, uint64_t size, const struct ad_part *part, bool is_signed)
{
    unsigned __int128 bits = 0;
    memcpy(&bits, bytes, size <= sizeof(bits) ? size : sizeof(bits));
    unsigned width = part->bit_size ? part->bit_size : (unsigned)size * 8, unused = 128 - width;
    bits >>= part->bit_offset;
    bits <<= unused;
    return is_signed ? (unsigned __int128)((__int128)bits >> unused) : bits >> unused;
}

static void put_integer(struct ad_text *text, unsigned __int128 bits, bool is_signed)
{
    char digits[48];
    size_t at = sizeof(digits) - 1;
    bool negative = is_signed && (__int128)bits < 0;
    digits[at] = '\0';
    if (negative)
        bits = -bits;
    do {
        digits[--at] = (char)('0' + (int)(bits % 10));
        bits /= 10;
    } while (bits);
    if (negative)
        digits[--at] = '-';
    ad_text_put(text, digits + at);
}

static void format_integer(struct ad_formatter *formatter, const struct ad_part *part, const uint8_t *bytes,
                           uint64_t size, bool is_signed)
{
    const char *prefix;
    unsigned width = ad_format_character_width(formatter->types, part->type, &prefix);
    unsigned __int128 bits = take_bits(bytes, size, part, is_signed);
    put_integer(formatter->text, bits, is_signed);
    if (width && !(part->bit_size && part->bit_size < 8)) {
        ad_text_put(formatter->text, " ");
        ad_format_character(formatter->text, (uint32_t)bits, width, prefix);
    }
}

static void format_bool(struct ad_formatter *formatter, const struct ad_part *part, const uint8_t *bytes,
                        uint64_t size)
{
    unsigned __int128 bits = take_bits(bytes, size, part, false);
    if (bits <= 1)
        ad_text_put(formatter->text, bits ? "true" : "false");
    else
        put_integer(formatter->text, bits, false);
}

/* ---- Enums ---- */

/* Every value is one bit or bits side by side, so that several may be meant at once. */
static bool is_flags(const struct ad_type *type)
{
    for (uint32_t i = 0; i < type->member_count; i++) {
        uint64_t value = type->members[i].offset;
        uint64_t run = value ? value >> __builtin_ctzll(value) : 0;
        if (run & (run + 1))
            return false;
    }
    return !(type->flags & AD_TYPE_IS_SIGNED);
}

static void put_flags(struct ad_text *text, const struct ad_type *type, uint64_t value)
{
    const char *separator = "(";
    uint64_t left = value;
    for (uint32_t i = 0; i < type->member_count; i++) {
        uint64_t bits = type->members[i].offset;
        if (!bits || (left & bits) != bits)
            continue;
        ad_text_put(text, separator);
        ad_text_put(text, type->members[i].name ? type->members[i].name : "?");
        separator = " | ";
        left &= ~bits;
    }
    if (left)
        ad_text_print(text, "%sunknown: 0x%" PRIx64 ")", separator, left);
    else
        ad_text_put(text, value ? ")" : "0");
}

static void format_enum(struct ad_formatter *formatter, const struct ad_part *part, const struct ad_type *type,
                        const uint8_t *bytes, uint64_t size)
{
    bool is_signed = type->flags & AD_TYPE_IS_SIGNED;
    unsigned __int128 bits = take_bits(bytes, size, part, is_signed);
    for (uint32_t i = 0; i < type->member_count; i++)
        if (type->members[i].offset == (uint64_t)bits && type->members[i].name) {
            ad_text_put(formatter->text, type->members[i].name);
            return;
        }
    if (is_flags(type) && type->member_count)
        put_flags(formatter->text, type, (uint64_t)bits);
    else
        put_integer(formatter->text, bits, is_signed);
}

/* ---- Floating numbers ---- */

static void put_double(struct ad_text *text, double value, uint64_t payload, int digits)
{
    const char *sign = signbit(value) ? "-" : "";
    if (isnan(value))
        ad_text_print(text, "%snan(0x%" PRIx64 ")", sign, payload);
    else if (isinf(value))
        ad_text_print(text, "%sinf", sign);
    else
        ad_text_print(text, "%.*g", digits, value);
}

/* Of 10 bytes, as x86 has them: 64 bits, the first of them said and not implied. */
static void put_long_double(struct ad_text *text, const uint8_t *bytes)
{
#if LDBL_MANT_DIG == 64
    long double value = 0;
    memcpy(&value, bytes, 10);
    if (isfinite(value))
        ad_text_print(text, "%.*Lg", 21, value);
    else
        put_double(text, (double)value, 0, 1);
#else
    (void)bytes;
    ad_text_put(text, "<not available: a long double of another machine>");
#endif
}

/* Digits that tell each value from every other: what GDB prints. */
static bool put_float(struct ad_text *text, const uint8_t *bytes, uint64_t size)
{
    float narrow;
    double wide;
    uint64_t bits = 0;
    if (size == sizeof(narrow)) {
        memcpy(&narrow, bytes, sizeof(narrow));
        memcpy(&bits, bytes, sizeof(narrow));
        put_double(text, (double)narrow, bits & 0x7fffff, FLT_DECIMAL_DIG);
    } else if (size == sizeof(wide)) {
        memcpy(&wide, bytes, sizeof(wide));
        memcpy(&bits, bytes, sizeof(wide));
        put_double(text, wide, bits & 0xfffffffffffff, DBL_DECIMAL_DIG);
    } else if (size == 16) {
        put_long_double(text, bytes);
    } else {
        return false;
    }
    return true;
}

static bool put_complex(struct ad_text *text, const uint8_t *bytes, uint64_t size)
{
    if (!put_float(text, bytes, size / 2))
        return false;
    ad_text_put(text, " + ");
    put_float(text, bytes + size / 2, size / 2);
    ad_text_put(text, "i");
    return true;
}

/* ---- Pointers ---- */

static void put_symbol(struct ad_formatter *formatter, uint64_t address)
{
    struct ad_modules *modules = formatter->frame->modules;
    struct ad_module *module = modules ? ad_modules_find(modules, address) : NULL;
    struct ad_elf_symbol symbol;
    if (!module || !ad_module_symbol_at(module, address, &symbol))
        return;
    ad_text_put(formatter->text, " <");
    ad_text_put(formatter->text, symbol.name);
    if (address != symbol.value)
        ad_text_print(formatter->text, "+%" PRIu64, address - symbol.value);
    ad_text_put(formatter->text, ">");
}

void ad_format_pointer(struct ad_formatter *formatter, uint64_t address, uint32_t pointee)
{
    const char *prefix;
    unsigned width = ad_format_character_width(formatter->types, pointee, &prefix);
    ad_text_print(formatter->text, "0x%" PRIx64, address);
    if (!address)
        return;
    put_symbol(formatter, address);
    if (width) {
        ad_text_put(formatter->text, " ");
        ad_format_text(formatter, address, width, prefix);
    }
}

/* ---- All of them ---- */

static void format_known(struct ad_formatter *formatter, const struct ad_part *part, const struct ad_type *type,
                         const uint8_t *bytes, uint64_t size)
{
    uint64_t address = 0;
    switch (type->kind) {
    case AD_TYPE_SIGNED:
    case AD_TYPE_UNSIGNED:
    case AD_TYPE_CHARACTER:
        format_integer(formatter, part, bytes, size, type->kind == AD_TYPE_SIGNED);
        return;
    case AD_TYPE_BOOL:
        format_bool(formatter, part, bytes, size);
        return;
    case AD_TYPE_ENUM:
        format_enum(formatter, part, type, bytes, size);
        return;
    case AD_TYPE_POINTER:
        memcpy(&address, bytes, size < sizeof(address) ? size : sizeof(address));
        ad_format_pointer(formatter, address, type->target);
        return;
    case AD_TYPE_REFERENCE: /* inside of something else: not followed */
        memcpy(&address, bytes, size < sizeof(address) ? size : sizeof(address));
        ad_text_print(formatter->text, "@0x%" PRIx64, address);
        return;
    case AD_TYPE_FLOAT:
        if (put_float(formatter->text, bytes, size))
            return;
        break;
    case AD_TYPE_COMPLEX:
        if (put_complex(formatter->text, bytes, size))
            return;
        break;
    default:
        break;
    }
    ad_text_print(formatter->text, "<not available: a type of %" PRIu64 " bytes that is not known>", type->size);
}

void ad_format_scalar(struct ad_formatter *formatter, const struct ad_part *part)
{
    uint8_t bytes[SCALAR_MAX] = {0};
    const struct ad_type *type = ad_type_real(formatter->types, part->type);
    uint64_t size = part->bit_size ? (part->bit_offset + part->bit_size + 7) / 8 : type->size;
    if (type->kind == AD_TYPE_VOID) {
        ad_text_put(formatter->text, "void");
        return;
    }
    bool is_float = type->kind == AD_TYPE_FLOAT || type->kind == AD_TYPE_COMPLEX;
    if (!size || size > (is_float ? SCALAR_MAX : INTEGER_MAX)) {
        ad_text_put(formatter->text, "<not available: its type is not known>");
        return;
    }
    const struct ad_fragment *missing =
        ad_source_read(part->source, formatter->frame->stack, part->offset, size, bytes);
    if (missing)
        ad_format_blame(formatter->text, missing);
    else
        format_known(formatter, part, type, bytes, size);
}
