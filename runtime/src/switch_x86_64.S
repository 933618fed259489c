/* SPDX-License-Identifier: MIT */
/*
 * The three pieces of machine code: the switch, the entry trampoline and the bridge; see switch.h.
 *
 * A saved context, from the saved stack pointer upwards:
 *
 *      +0  mxcsr (4 bytes), x87 control word (2), unused (2)
 *      +8  r15    +16 r14    +24 r13    +32 r12    +40 rbx    +48 rbp
 *     +56  return address
 *     +64  the stack pointer once resumed
 *
 * machine_x86_64.h says the same.
 */
	.text

	.macro save register
	pushq	%\register
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \register, 0
	.endm

	.macro load register
	popq	%\register
	.cfi_adjust_cfa_offset -8
	.cfi_restore \register
	.endm

/*
 * void async_switch(void **save rdi, void *load rsi, uint32_t *left rdx, uint32_t left_state ecx,
 *                   uint32_t *entered r8, uint32_t entered_state r9d)
 *
 * Both stacks have the same layout at the change of rsp, so the CFI holds on either side of it.
 */
	.globl	async_switch
	.hidden	async_switch
	.type	async_switch, @function
	.p2align 4
async_switch:
	.cfi_startproc
	save	rbp
	save	rbx
	save	r12
	save	r13
	save	r14
	save	r15
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movq	%rsp, (%rdi)
	movl	%ecx, (%rdx)		/* the context is good from here on: only now say so */
	movq	%rsi, %rsp
	movl	%r9d, (%r8)		/* nothing of the loaded context is consumed yet */
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	load	r15
	load	r14
	load	r13
	load	r12
	load	rbx
	load	rbp
	ret
	.cfi_endproc
	.globl	async_switch_end
	.hidden	async_switch_end
async_switch_end:
	.size	async_switch, . - async_switch

/*
 * The outermost frame of every task: calls r12(r13), which does not return. Its caller is undefined,
 * which ends every unwinder's walk. A task that never ran returns into async_entry_start; unwinders
 * look a return address up at pc-1, hence the nop that keeps pc-1 inside this function.
 */
	.globl	async_entry
	.hidden	async_entry
	.type	async_entry, @function
	.p2align 4
async_entry:
	.cfi_startproc
	.cfi_undefined rip
	.cfi_undefined rbp
	nop
	.globl	async_entry_start
	.hidden	async_entry_start
async_entry_start:
	movq	%r13, %rdi
	callq	*%r12
	ud2
	.cfi_endproc
	.globl	async_entry_end
	.hidden	async_entry_end
async_entry_end:
	.size	async_entry, . - async_entry

/*
 * Never executed. A debugger that names it as the caller of a thread's frame, with rsp = a saved context,
 * steps from the thread into the suspended task by plain CFI. As a signal frame it may lie on another
 * stack than its callee.
 */
	.globl	async_bridge
	.hidden	async_bridge
	.type	async_bridge, @function
	.p2align 4
async_bridge:
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa rsp, 64
	.cfi_offset rip, -8
	.cfi_offset rbp, -16
	.cfi_offset rbx, -24
	.cfi_offset r12, -32
	.cfi_offset r13, -40
	.cfi_offset r14, -48
	.cfi_offset r15, -56
	nop
	ud2
	.cfi_endproc
	.size	async_bridge, . - async_bridge

	.section .note.GNU-stack, "", @progbits
