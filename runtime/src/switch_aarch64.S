/* SPDX-License-Identifier: MIT */
/*
 * The three pieces of machine code: the switch, the entry trampoline and the bridge; see switch.h.
 *
 * A saved context, from the saved stack pointer upwards:
 *
 *      +0  x29    +8  x30 (return address)
 *     +16  x19    +24 x20    +32 x21    +40 x22    +48 x23
 *     +56  x24    +64 x25    +72 x26    +80 x27    +88 x28
 *     +96  d8    +104 d9    +112 d10   +120 d11   +128 d12   +136 d13   +144 d14   +152 d15
 *    +160  fpcr  +168 unused
 *    +176  the stack pointer once resumed
 *
 * machine_aarch64.h says the same.
 *
 * Return addresses in it are not signed: they are those of calls of async_switch, which signs nothing.
 * Functions that do (-mbranch-protection) keep the signed ones in their own frames, and may, since a stack
 * never moves. Code that may be reached by an indirect call begins with `bti c`.
 */
	.text

#define CONTEXT_SIZE 176

	/* The one list of what is saved where: do FIRST, SECOND, OFFSET stores, loads or describes a pair. */
	.macro each_pair do
	\do	x29, x30, 0
	\do	x19, x20, 16
	\do	x21, x22, 32
	\do	x23, x24, 48
	\do	x25, x26, 64
	\do	x27, x28, 80
	\do	d8, d9, 96
	\do	d10, d11, 112
	\do	d12, d13, 128
	\do	d14, d15, 144
	.endm

	.macro saved first, second, offset
	.cfi_offset \first, \offset - CONTEXT_SIZE
	.cfi_offset \second, \offset + 8 - CONTEXT_SIZE
	.endm

	.macro save first, second, offset
	stp	\first, \second, [sp, \offset]
	saved	\first, \second, \offset
	.endm

	.macro load first, second, offset
	ldp	\first, \second, [sp, \offset]
	.cfi_restore \first
	.cfi_restore \second
	.endm

/*
 * void async_switch(void **save x0, void *load x1, uint32_t *left x2, uint32_t left_state w3,
 *                   uint32_t *entered x4, uint32_t entered_state w5)
 *
 * Both stacks have the same layout at the change of sp, so the CFI holds on either side of it.
 * Who stops this thread sees its stores in program order; who copies memory while it runs needs them
 * ordered: hence two releasing stores, and a barrier before anything can overwrite the loaded context.
 */
	.globl	async_switch
	.hidden	async_switch
	.type	async_switch, %function
	.p2align 4
async_switch:
	.cfi_startproc
	hint	#34			/* bti c */
	sub	sp, sp, CONTEXT_SIZE
	.cfi_def_cfa_offset CONTEXT_SIZE
	each_pair save
	mrs	x9, fpcr
	str	x9, [sp, 160]
	mov	x10, sp
	str	x10, [x0]
	stlr	w3, [x2]		/* the context is good from here on: only now say so */
	mov	sp, x1
	stlr	w5, [x4]		/* nothing of the loaded context is consumed yet */
	dmb	ishst
	ldr	x10, [sp, 160]
	cmp	x10, x9
	b.eq	1f			/* to write it costs more than to compare */
	msr	fpcr, x10
1:	each_pair load
	add	sp, sp, CONTEXT_SIZE
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.globl	async_switch_end
	.hidden	async_switch_end
async_switch_end:
	.size	async_switch, . - async_switch

/*
 * The outermost frame of every task: calls x19(x20), which does not return. Its caller is undefined,
 * which ends every unwinder's walk. A task that never ran returns into async_entry_start; unwinders
 * look a return address up at pc-1, hence the nop that keeps pc-1 inside this function.
 */
	.globl	async_entry
	.hidden	async_entry
	.type	async_entry, %function
	.p2align 4
async_entry:
	.cfi_startproc
	.cfi_undefined x30
	.cfi_undefined x29
	nop
	.globl	async_entry_start
	.hidden	async_entry_start
async_entry_start:
	mov	x0, x20
	blr	x19
	brk	#1
	.cfi_endproc
	.globl	async_entry_end
	.hidden	async_entry_end
async_entry_end:
	.size	async_entry, . - async_entry

/*
 * Never executed. A debugger that names it as the caller of a thread's frame, with sp = a saved context,
 * steps from the thread into the suspended task by plain CFI. As a signal frame it may lie on another
 * stack than its callee.
 */
	.globl	async_bridge
	.hidden	async_bridge
	.type	async_bridge, %function
	.p2align 4
async_bridge:
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa sp, CONTEXT_SIZE
	each_pair saved
	nop
	brk	#1
	.cfi_endproc
	.size	async_bridge, . - async_bridge

/* Says to linkers that this code keeps the rules of BTI, so that programs built with it stay protected. */
	.section .note.gnu.property, "a", %note
	.p2align 3
	.word	4, 16, 5		/* sizes of name and contents; NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.word	0xc0000000, 4, 1, 0	/* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI */

	.section .note.GNU-stack, "", %progbits
