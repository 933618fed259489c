/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_number.h"

#include <libdwarf/dwarf.h>
#include <string.h>

struct ad_number ad_number_generic(uint64_t bits)
{
    return (struct ad_number){.bits = bits, .size = 8};
}

static bool is_float(struct ad_number number)
{
    return number.encoding == DW_ATE_float;
}

/* The generic type's comparisons and divisions are signed ones. */
static bool is_signed(struct ad_number number)
{
    return number.encoding == 0 || number.encoding == DW_ATE_signed || number.encoding == DW_ATE_signed_char;
}

static struct ad_number extend(struct ad_number number)
{
    unsigned unused = 64 - 8u * number.size;
    if (number.size < 8 && number.encoding && !is_float(number)) {
        number.bits <<= unused;
        number.bits = is_signed(number) ? (uint64_t)((int64_t)number.bits >> unused) : number.bits >> unused;
    }
    return number;
}

bool ad_number_typed(uint64_t bits, uint64_t type, struct ad_number *number_ret)
{
    uint64_t size = type & UINT32_MAX, encoding = type >> 32;
    bool known = encoding == DW_ATE_float ? size == 4 || size == 8
                                          : (size == 1 || size == 2 || size == 4 || size == 8) &&
                                                encoding <= DW_ATE_unsigned_char && encoding != DW_ATE_complex_float;
    *number_ret = (struct ad_number){.bits = bits, .size = (uint8_t)size, .encoding = (uint8_t)encoding};
    if (known)
        *number_ret = extend(*number_ret);
    return known && encoding;
}

static double to_double(struct ad_number number)
{
    double wide;
    float narrow;
    if (!is_float(number))
        return is_signed(number) ? (double)(int64_t)number.bits : (double)number.bits;
    memcpy(&wide, &number.bits, sizeof(wide));
    memcpy(&narrow, &number.bits, sizeof(narrow));
    return number.size == 4 ? (double)narrow : wide;
}

static struct ad_number from_double(double value, uint8_t size)
{
    struct ad_number number = {.size = size, .encoding = DW_ATE_float};
    float narrow = (float)value;
    if (size == 4)
        memcpy(&number.bits, &narrow, sizeof(narrow));
    else
        memcpy(&number.bits, &value, sizeof(value));
    return number;
}

/* What does not fit has no value in C: it is the nearest one. */
static uint64_t to_integer(double value)
{
    if (value != value)
        return 0;
    if (value >= 0x1p63)
        return value >= 0x1p64 ? UINT64_MAX : (uint64_t)value;
    return value <= -0x1p63 ? (uint64_t)INT64_MIN : (uint64_t)(int64_t)value;
}

bool ad_number_convert(struct ad_number number, uint64_t type, bool keep_bits, struct ad_number *number_ret)
{
    struct ad_number wanted = ad_number_generic(0);
    if (type && !ad_number_typed(0, type, &wanted))
        return false;
    if (!keep_bits && is_float(wanted)) {
        *number_ret = from_double(to_double(number), wanted.size);
        return true;
    }
    wanted.bits = !keep_bits && is_float(number) ? to_integer(to_double(number)) : number.bits;
    *number_ret = extend(wanted);
    return true;
}

bool ad_number_unary(uint8_t code, struct ad_number number, struct ad_number *number_ret)
{
    bool negative = is_float(number) ? to_double(number) < 0 : (int64_t)number.bits < 0 && is_signed(number);
    if (code == DW_OP_not && !is_float(number))
        number.bits = ~number.bits;
    else if (code == DW_OP_not || (code != DW_OP_neg && code != DW_OP_abs))
        return false;
    else if (code == DW_OP_abs && !negative)
        ;
    else if (is_float(number))
        number = from_double(-to_double(number), number.size);
    else
        number.bits = -number.bits;
    *number_ret = extend(number);
    return true;
}

/* ---- Two numbers ---- */

static bool compare_result(uint8_t code, int order, uint64_t *result)
{
    switch (code) {
    case DW_OP_eq:
        *result = order == 0;
        return true;
    case DW_OP_ne:
        *result = order != 0;
        return true;
    case DW_OP_lt:
        *result = order < 0;
        return true;
    case DW_OP_le:
        *result = order <= 0;
        return true;
    case DW_OP_gt:
        *result = order > 0;
        return true;
    case DW_OP_ge:
        *result = order >= 0;
        return true;
    default:
        return false;
    }
}

static int order_of(struct ad_number a, struct ad_number b)
{
    if (is_float(a)) {
        double x = to_double(a), y = to_double(b);
        return (x > y) - (x < y);
    }
    if (is_signed(a)) {
        int64_t x = (int64_t)a.bits, y = (int64_t)b.bits;
        return (x > y) - (x < y);
    }
    return (a.bits > b.bits) - (a.bits < b.bits);
}

static bool float_binary(uint8_t code, struct ad_number second, struct ad_number top, struct ad_number *result)
{
    double a = to_double(second), b = to_double(top);
    switch (code) {
    case DW_OP_plus:
        a += b;
        break;
    case DW_OP_minus:
        a -= b;
        break;
    case DW_OP_mul:
        a *= b;
        break;
    case DW_OP_div:
        a /= b;
        break;
    default:
        return false;
    }
    *result = from_double(a, second.size);
    return true;
}

/* Division and remainder: not by zero, and the least number by -1 wraps around. DW_OP_mod of the generic type
 * is unsigned, as GDB has it. */
static bool divide(uint8_t code, struct ad_number a, uint64_t b, uint64_t *result)
{
    bool is_mod = code == DW_OP_mod;
    if (!b)
        return false;
    if (!is_signed(a) || (is_mod && !a.encoding))
        *result = is_mod ? a.bits % b : a.bits / b;
    else if ((int64_t)b == -1)
        *result = is_mod ? 0 : -a.bits;
    else
        *result = (uint64_t)(is_mod ? (int64_t)a.bits % (int64_t)b : (int64_t)a.bits / (int64_t)b);
    return true;
}

static uint64_t shift(uint8_t code, struct ad_number a, uint64_t count)
{
    uint64_t sign = (int64_t)a.bits < 0 ? UINT64_MAX : 0;
    uint64_t unsigned_bits = a.size < 8 ? a.bits & ((UINT64_C(1) << 8 * a.size) - 1) : a.bits;
    if (code == DW_OP_shl)
        return count < 64 ? a.bits << count : 0;
    if (code == DW_OP_shr)
        return count < 64 ? unsigned_bits >> count : 0;
    return count < 64 ? (uint64_t)((int64_t)a.bits >> count) : sign;
}

static bool integer_binary(uint8_t code, struct ad_number second, struct ad_number top, struct ad_number *result)
{
    uint64_t a = second.bits, b = top.bits;
    *result = second;
    switch (code) {
    case DW_OP_and:
        result->bits = a & b;
        break;
    case DW_OP_or:
        result->bits = a | b;
        break;
    case DW_OP_xor:
        result->bits = a ^ b;
        break;
    case DW_OP_plus:
        result->bits = a + b;
        break;
    case DW_OP_minus:
        result->bits = a - b;
        break;
    case DW_OP_mul:
        result->bits = a * b;
        break;
    case DW_OP_div:
    case DW_OP_mod:
        if (!divide(code, second, b, &result->bits))
            return false;
        break;
    case DW_OP_shl:
    case DW_OP_shr:
    case DW_OP_shra:
        result->bits = shift(code, second, b);
        break;
    default:
        return false;
    }
    *result = extend(*result);
    return true;
}

bool ad_number_binary(uint8_t code, struct ad_number second, struct ad_number top, struct ad_number *number_ret)
{
    uint64_t truth;
    if (is_float(second) != is_float(top))
        return false;
    if (compare_result(code, order_of(second, top), &truth)) {
        *number_ret = ad_number_generic(truth);
        return true;
    }
    return is_float(second) ? float_binary(code, second, top, number_ret)
                            : integer_binary(code, second, top, number_ret);
}
