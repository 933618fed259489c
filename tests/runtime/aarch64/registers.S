/* SPDX-License-Identifier: MIT */
/* See registers.h. The list is AAPCS64's of what a call preserves, at the offsets of struct async_context. */
	.text

	.macro each_pair do, base
	\do	x29, x30, \base, 0
	\do	x19, x20, \base, 16
	\do	x21, x22, \base, 32
	\do	x23, x24, \base, 48
	\do	x25, x26, \base, 64
	\do	x27, x28, \base, 80
	\do	d8, d9, \base, 96
	\do	d10, d11, \base, 112
	\do	d12, d13, \base, 128
	\do	d14, d15, \base, 144
	.endm

	.macro store first, second, base, offset
	stp	\first, \second, [\base, \offset]
	.endm

	.macro load first, second, base, offset
	ldp	\first, \second, [\base, \offset]
	.endm

	.macro saved first, second, base, offset
	.cfi_offset \first, \offset - \base
	.cfi_offset \second, \offset + 8 - \base
	.endm

/* The frame: what the caller's registers were, as a struct async_context, and after_ret. */
#define FRAME 192
#define AFTER 176

	.globl	registers_switch
	.type	registers_switch, %function
	.p2align 4
registers_switch:
	.cfi_startproc
	hint	#34			/* bti c */
	sub	sp, sp, FRAME
	.cfi_def_cfa_offset FRAME
	each_pair store, sp
	each_pair saved, FRAME
	mrs	x9, fpcr
	str	x9, [sp, 160]
	str	x1, [sp, AFTER]
	each_pair load, x0
	ldr	x9, [x0, 160]
	msr	fpcr, x9
	mov	x9, x2
	ldp	x0, x1, [x9]
	ldp	x2, x3, [x9, 16]
	ldp	x4, x5, [x9, 32]
	bl	async_switch
	.globl	registers_resume
registers_resume:
	ldr	x9, [sp, AFTER]
	each_pair store, x9
	mrs	x10, fpcr
	str	x10, [x9, 160]
	mov	x10, sp
	str	x10, [x9, 168]
	ldr	x9, [sp, 160]
	msr	fpcr, x9
	each_pair load, sp
	add	sp, sp, FRAME
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size	registers_switch, . - registers_switch

	.section .note.GNU-stack, "", %progbits
