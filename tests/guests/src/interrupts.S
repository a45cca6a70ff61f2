// SPDX-License-Identifier: MIT OR Apache-2.0
// Interrupt handlers of the tests: they count, and write their vector to a log. One stub a vector.

    .text
    .balign 16
    .globl guest_interrupt_stubs
guest_interrupt_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .byte 0x68                  // push
    .long vector
    jmp guest_interrupt
    .set vector, vector + 1
    .endr

    .type guest_interrupt, @function
guest_interrupt:
    push rax
    push rcx
    push rdx
    mov rcx, [rsp + 24]
    lea rax, [rip + {counts}]
    lock inc qword ptr [rax + rcx * 8]
    mov eax, 1
    lock xadd [rip + {logged}], rax
    and eax, 15
    lea rdx, [rip + {log}]
    mov [rdx + rax * 8], rcx
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    iretq
    .size guest_interrupt, . - guest_interrupt
