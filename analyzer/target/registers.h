/* SPDX-License-Identifier: MIT */
/** @file registers.h - the kernel's register block of a thread (struct user_regs_struct, sys/user.h). */
#ifndef AD_TARGET_REGISTERS_H
#define AD_TARGET_REGISTERS_H

#include "target/target.h"

/** Bytes of the x86-64 block, as in NT_PRSTATUS and PTRACE_GETREGSET. */
#define AD_REGISTERS_X86_64_SIZE ((size_t)(27 * 8))

/** Fills thread->registers and thread->system_call from an x86-64 block of that size. */
void ad_registers_decode_x86_64(const void *block, struct ad_thread *thread);

/** The other way round, as far as is known: what is not is as in any user program. `block` need not be aligned. */
void ad_registers_encode_x86_64(const struct ad_thread *thread, void *block);

/** Names of the registers by DWARF number, as in GDB. */
extern const char *const ad_register_names[AD_REG_COUNT];

#endif
