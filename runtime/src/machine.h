/* SPDX-License-Identifier: MIT */
/**
 * @file machine.h - what differs from machine to machine. Each has three pieces: switch_<machine>.S changes
 * stacks, machine_<machine>.h says in C what that leaves in memory, and LAYOUT.md draws it. The header gives
 *
 *     struct async_context         a saved context, lowest address first; it ends where the stack pointer is
 *                                  once resumed
 *     ASYNC_MACHINE                the machine's number in ELF headers
 *     ASYNC_MACHINE_REGISTERS      initializer of the descriptor's registers[]: the pc first, then the sp
 *     async_float_modes()          the calling thread's rounding and exception modes: a struct of that name
 *     async_context_fresh()        a context that enters async_entry_start, which calls function(argument) in
 *                                  those modes
 *
 * Another machine is those pieces for it and a line below.
 */
#ifndef ASYNC_MACHINE_H
#define ASYNC_MACHINE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include "async_debug.h"

/* Entries of ASYNC_MACHINE_REGISTERS. Numbers are DWARF's for the machine. */
#define ASYNC_SAVED(number_, member)                                                                         \
    {                                                                                                        \
        .number = number_, .rule = ASYNC_DEBUG_REGISTER_AT, .offset = offsetof(struct async_context, member) \
    }
#define ASYNC_STACK_POINTER(number_)                                                                         \
    {                                                                                                        \
        .number = number_, .rule = ASYNC_DEBUG_REGISTER_IS, .offset = sizeof(struct async_context)           \
    }

#if defined(__x86_64__) && defined(__LP64__)
#include "machine_x86_64.h"
#elif defined(__aarch64__) && defined(__LP64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include "machine_aarch64.h"
#else
#error "libasyncrt changes stacks on x86-64 and on little-endian aarch64 only"
#endif

/** Entries of ASYNC_MACHINE_REGISTERS. */
#define ASYNC_MACHINE_REGISTER_COUNT                                                                         \
    (sizeof((const struct async_debug_register[])ASYNC_MACHINE_REGISTERS) /                                  \
     sizeof(struct async_debug_register))

#endif
