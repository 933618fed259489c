/* SPDX-License-Identifier: MIT */
/** @file cfi_codes.h - the instructions of call frame information: DWARF 5, 7.24, and the GNU ones of LSB
 *  Core, 10.5.2. */
#ifndef AD_UNWIND_CFI_CODES_H
#define AD_UNWIND_CFI_CODES_H

enum {
    CFA_ADVANCE = 0x40, /**< the upper two bits; the operand is in the lower six */
    CFA_OFFSET = 0x80,
    CFA_RESTORE = 0xc0,
    CFA_COMPACT = 0xc0, /**< whether it is one of these */
    CFA_OPERAND = 0x3f,
    CFA_NOP = 0x00,
    CFA_SET_LOC = 0x01,
    CFA_ADVANCE1 = 0x02,
    CFA_ADVANCE2 = 0x03,
    CFA_ADVANCE4 = 0x04,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_RESTORE_EXTENDED = 0x06,
    CFA_UNDEFINED = 0x07,
    CFA_SAME_VALUE = 0x08,
    CFA_REGISTER = 0x09,
    CFA_REMEMBER_STATE = 0x0a,
    CFA_RESTORE_STATE = 0x0b,
    CFA_DEF_CFA = 0x0c,
    CFA_DEF_CFA_REGISTER = 0x0d,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_DEF_CFA_EXPRESSION = 0x0f,
    CFA_EXPRESSION = 0x10,
    CFA_OFFSET_EXTENDED_SF = 0x11,
    CFA_DEF_CFA_SF = 0x12,
    CFA_DEF_CFA_OFFSET_SF = 0x13,
    CFA_VAL_OFFSET = 0x14,
    CFA_VAL_OFFSET_SF = 0x15,
    CFA_VAL_EXPRESSION = 0x16,
    CFA_GNU_ARGS_SIZE = 0x2e,
    CFA_GNU_NEGATIVE_OFFSET = 0x2f,
};

#endif
