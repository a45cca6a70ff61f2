// SPDX-License-Identifier: MIT OR Apache-2.0
// Shared by the ways in and out. The order of the registers is that of cpu_user_regs
// (public/arch-x86/xen-x86_64.h): r15 at the lowest address, ss at the highest.

.macro SAVE_REGISTERS
    push rdi
    push rsi
    push rdx
    push rcx
    push rax
    push r8
    push r9
    push r10
    push r11
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
.endm

.macro RESTORE_REGISTERS
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    pop r11
    pop r10
    pop r9
    pop r8
    pop rax
    pop rcx
    pop rdx
    pop rsi
    pop rdi
.endm

.macro SAVE_XMM base, offset
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movaps [\base + \offset + \n * 16], xmm\n
    .endr
.endm

.macro RESTORE_XMM base, offset
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movaps xmm\n, [\base + \offset + \n * 16]
    .endr
.endm

// clac, or a nop on a CPU without it (boot/smap.rs).
.macro DENY_GUEST_MEMORY
990: clac
    .pushsection .smap_sites, "a"
    .quad 990b
    .popsection
.endm
