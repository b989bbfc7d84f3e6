/* SPDX-License-Identifier: Apache-2.0 */
/*
 * void fiber_context_switch(void **save, void *load)
 *
 * Saves the callee-saved registers on this stack and the stack pointer in *save; takes the same from load. Floating-point
 * modes (MXCSR, FPCR) are not saved: nothing here changes them.
 *
 * The notes at the end promise indirect-branch tracking only. A shadow stack would refuse the `ret` below, so it is left
 * out, and the linker then leaves it out of the program.
 */
#if !defined(FIBER_UCONTEXT) && defined(__x86_64__)
	.text
	.globl	fiber_context_switch
	.hidden	fiber_context_switch
	.type	fiber_context_switch, @function
	.p2align 4
fiber_context_switch:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret
	.cfi_endproc
	.size	fiber_context_switch, . - fiber_context_switch

	.section .note.gnu.property, "a", @note
	.p2align 3
	.long	4, 16, 5
	.asciz	"GNU"
	.long	0xc0000002, 4, 1 /* GNU_PROPERTY_X86_FEATURE_1_AND: IBT */
	.long	0

#elif !defined(FIBER_UCONTEXT) && defined(__aarch64__)
	.text
	.globl	fiber_context_switch
	.hidden	fiber_context_switch
	.type	fiber_context_switch, %function
	.p2align 4
fiber_context_switch:
	.cfi_startproc
	hint	#34 /* bti c */
	sub	sp, sp, #160
	.cfi_adjust_cfa_offset 160
	stp	x29, x30, [sp]
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov	x9, sp
	str	x9, [x0]
	mov	sp, x1
	ldp	x29, x30, [sp]
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #160
	.cfi_adjust_cfa_offset -160
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
	.size	fiber_context_switch, . - fiber_context_switch

	.section .note.gnu.property, "a", %note
	.p2align 3
	.word	4, 16, 5
	.asciz	"GNU"
	.word	0xc0000000, 4, 1 /* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI */
	.word	0
#endif

#if defined(__linux__)
	.section .note.GNU-stack, "", %progbits
#endif
