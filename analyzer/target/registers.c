/* SPDX-License-Identifier: MIT */
#include "target/registers.h"

#include <string.h>

#include "base/cursor.h"

/* System V x86-64 psABI, figure 3.36. */
const char *const ad_register_names[AD_REG_COUNT] = {
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",
    "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip",
};

#define NO_REGISTER 0xff
#define ORIG_RAX 15

/* DWARF number of each word of the block, in the kernel's order. */
static const uint8_t dwarf_number[] = {
    15, 14, 13,          12, /* r15 r14 r13 r12 */
    6,  3,  11,          10, /* rbp rbx r11 r10 */
    9,  8,  0,           2,  /* r9 r8 rax rcx */
    1,  4,  5,           NO_REGISTER, /* rdx rsi rdi orig_rax */
    16, NO_REGISTER, NO_REGISTER, 7,  /* rip cs eflags rsp */
};

void ad_registers_decode_x86_64(const void *block, struct ad_thread *thread)
{
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, block, AD_REGISTERS_X86_64_SIZE);
    for (size_t i = 0; i < sizeof(dwarf_number); i++) {
        uint64_t value = ad_cursor_u64(&cursor);
        if (dwarf_number[i] != NO_REGISTER)
            ad_registers_set(&thread->registers, dwarf_number[i], value);
        else if (i == ORIG_RAX)
            thread->system_call = (int64_t)value < 0 ? UINT64_MAX : value;
    }
}

void ad_registers_encode_x86_64(const struct ad_thread *thread, void *block)
{
    enum { CS = 17, EFLAGS = 18, SS = 20 };
    uint64_t words[AD_REGISTERS_X86_64_SIZE / sizeof(uint64_t)] = {
        [ORIG_RAX] = thread->system_call, [CS] = 0x33, [EFLAGS] = 0x202, [SS] = 0x2b};
    for (size_t i = 0; i < sizeof(dwarf_number); i++)
        if (dwarf_number[i] != NO_REGISTER)
            words[i] = thread->registers.value[dwarf_number[i]];
    memcpy(block, words, sizeof(words));
}
