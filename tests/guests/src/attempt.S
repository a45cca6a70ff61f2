// SPDX-License-Identifier: MIT OR Apache-2.0
// Code by chance in a PVH guest, and back from whatever it does.
//
// attempt_enter(registers: rdi, frame: rsi): loads the sixteen general registers, those for rsp and
// rip being in the frame (rip, cs, rflags, rsp, ss), and goes there with descriptor tables of our
// own. All exceptions and interrupts lead to attempt_leave on the stack for double faults: it takes
// back what the code may have changed of control registers, and returns.

    .text
    .balign 16
    .globl attempt_enter
    .type attempt_enter, @function
attempt_enter:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rip + {stack}], rsp
    mov rax, cr0
    mov [rip + {controls}], rax
    mov rax, cr3
    mov [rip + {controls} + 8], rax
    mov rax, cr4
    mov [rip + {controls} + 16], rax
    sgdt [rip + attempt_gdt_before]
    sidt [rip + attempt_idt_before]
    sub rsp, 16
    lea rax, [rip + {gdt}]
    mov word ptr [rsp], 10 * 8 - 1
    mov [rsp + 2], rax
    lgdt [rsp]
    lea rax, [rip + {idt}]
    mov word ptr [rsp], 256 * 16 - 1
    mov [rsp + 2], rax
    lidt [rsp]
    push [rsi + 32]                     // ss
    push [rsi + 24]                     // rsp
    push [rsi + 16]                     // rflags
    push [rsi + 8]                      // cs
    push [rsi]                          // rip
    mov rax, [rdi]
    mov rcx, [rdi + 8]
    mov rdx, [rdi + 16]
    mov rbx, [rdi + 24]
    mov rbp, [rdi + 40]
    mov rsi, [rdi + 48]
    mov r8, [rdi + 64]
    mov r9, [rdi + 72]
    mov r10, [rdi + 80]
    mov r11, [rdi + 88]
    mov r12, [rdi + 96]
    mov r13, [rdi + 104]
    mov r14, [rdi + 112]
    mov r15, [rdi + 120]
    mov rdi, [rdi + 56]
    iretq

// A trap after each instruction, as long as there are steps left.
    .balign 16
    .globl attempt_step
    .type attempt_step, @function
attempt_step:
    dec qword ptr [rip + {steps}]
    js attempt_leave
    iretq
    .size attempt_step, . - attempt_step

    .balign 16
    .globl attempt_leave
    .type attempt_leave, @function
attempt_leave:
    cld
    mov rax, [rip + {controls}]
    mov rcx, cr0
    cmp rax, rcx
    je 1f
    mov cr0, rax
1:  mov rax, [rip + {controls} + 8]
    mov cr3, rax
    mov rax, [rip + {controls} + 16]
    mov rcx, cr4
    cmp rax, rcx
    je 2f
    mov cr4, rax
2:  lgdt [rip + attempt_gdt_before]
    lidt [rip + attempt_idt_before]
    mov rsp, [rip + {stack}]
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    xor ecx, ecx
    mov fs, ecx
    mov gs, ecx
    mov rcx, rsp
    push rax                            // ss
    push rcx                            // rsp
    push 2                              // rflags
    push 8                              // cs
    lea rax, [rip + 3f]
    push rax
    iretq                               // which also lets NMIs come again
3:  pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
    .size attempt_enter, . - attempt_enter

// attempt_legacy(target: rdi, cr0: rsi, cr4: rdx, efer: rcx): out of long mode, no way back.
    .balign 16
    .globl attempt_legacy
    .type attempt_legacy, @function
attempt_legacy:
    sub rsp, 16
    lea rax, [rip + {gdt}]
    mov word ptr [rsp], 10 * 8 - 1
    mov [rsp + 2], rax
    lgdt [rsp]
    mov ebp, ecx                        // EFER
    mov ebx, edx                        // CR4
    push 0x28
    lea rax, [rip + 1f]
    push rax
    retfq
    .code32
1:  mov eax, 0x10
    mov ss, eax
    mov ds, eax
    mov es, eax
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax
    mov ecx, 0xc0000080
    mov eax, ebp
    xor edx, edx
    wrmsr
    mov cr4, ebx
    mov cr0, esi
    jmp edi
    .code64
    .size attempt_legacy, . - attempt_legacy

    .section .bss.attempt, "aw", @nobits
    .balign 16
attempt_gdt_before:
    .skip 16
attempt_idt_before:
    .skip 16
    .text
