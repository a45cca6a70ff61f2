// SPDX-License-Identifier: MIT OR Apache-2.0
// Into the guest's user mode by the iret hypercall, and back by whatever enters its kernel.
//
// user_mode_enter(entry: rdi, rsp: rsi, cs: rdx, flags: rcx) -> rax
//
// user_mode_leave_N are the handlers: N words of the frame are copied to FRAME, then the stack
// of user_mode_enter is taken up again; rax comes from user mode.

    .text
    .balign 16
    .globl user_mode_enter
    .type user_mode_enter, @function
user_mode_enter:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rip + {stack}], rsp
    push 0xe02b                         // ss
    push rsi                            // rsp
    push 2                              // rflags: upcalls stay masked
    push rdx                            // cs
    push rdi                            // rip
    push rcx                            // flags
    push 22                             // rcx
    push 11                             // r11
    push 33                             // rax
    mov eax, 23
    syscall
    ud2
    .size user_mode_enter, . - user_mode_enter

.macro LEAVE words
    .balign 16
    .globl user_mode_leave_\words
user_mode_leave_\words:
    mov [rip + {handler_stack}], rsp
    lea rbx, [rip + {frame}]
    .set word, 0
    .rept \words
    mov rcx, [rsp + 8 * word]
    mov [rbx + 8 * word], rcx
    .set word, word + 1
    .endr
    mov rsp, [rip + {stack}]
    cld
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
.endm
    LEAVE 7
    LEAVE 8

// What runs in user mode. Each ends by something that enters the kernel.
    .balign 16
    .globl user_mode_syscall
user_mode_syscall:
    lea rax, [rcx + r11]
    std
    syscall
    .globl user_mode_after_syscall
user_mode_after_syscall:
    ud2
    .globl user_mode_fault
user_mode_fault:
    mov rax, [0x10]
    .globl user_mode_m2p
user_mode_m2p:
    movabs rax, 0xffff800000000000
    mov rax, [rax]
    syscall
    .globl user_mode_privileged
user_mode_privileged:
    clts
    .globl user_mode_port
user_mode_port:
    in al, 0x60
    .globl user_mode_gs
user_mode_gs:
    mov rax, gs:[0]
    syscall
    .globl user_mode_cpuid
user_mode_cpuid:
    mov eax, 0x40000000
    .byte 0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2
    syscall
