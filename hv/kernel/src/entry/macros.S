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

// The general registers but rax and rsp, to the Vcpu in rax.
.macro SAVE_REGISTERS_TO_RAX
    mov [rax + {RBX}], rbx
    mov [rax + {RCX}], rcx
    mov [rax + {RDX}], rdx
    mov [rax + {RSI}], rsi
    mov [rax + {RDI}], rdi
    mov [rax + {RBP}], rbp
    mov [rax + {R8}], r8
    mov [rax + {R9}], r9
    mov [rax + {R10}], r10
    mov [rax + {R11}], r11
    mov [rax + {R12}], r12
    mov [rax + {R13}], r13
    mov [rax + {R14}], r14
    mov [rax + {R15}], r15
.endm

// The same from the Vcpu in rbx.
.macro RESTORE_REGISTERS_FROM_RBX
    mov rcx, [rbx + {RCX}]
    mov rdx, [rbx + {RDX}]
    mov rsi, [rbx + {RSI}]
    mov rdi, [rbx + {RDI}]
    mov rbp, [rbx + {RBP}]
    mov r8, [rbx + {R8}]
    mov r9, [rbx + {R9}]
    mov r10, [rbx + {R10}]
    mov r11, [rbx + {R11}]
    mov r12, [rbx + {R12}]
    mov r13, [rbx + {R13}]
    mov r14, [rbx + {R14}]
    mov r15, [rbx + {R15}]
    mov rbx, [rbx + {RBX}]
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
