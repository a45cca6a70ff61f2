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
    call guest_interrupt_log
    cmp rcx, 2                  // NMI
    jne 1f
    xor eax, eax
    xchg rax, [rip + {again}]
    test eax, eax
    jz 1f
    mov ecx, 0x830              // to vCPU 0, an NMI
    mov eax, 0x400
    xor edx, edx
    wrmsr
    mov ecx, 0x100
    call guest_interrupt_log
1:  pop rdx
    pop rcx
    pop rax
    add rsp, 8
    iretq
    .size guest_interrupt, . - guest_interrupt

// Writes rcx to the log.
    .type guest_interrupt_log, @function
guest_interrupt_log:
    mov eax, 1
    lock xadd [rip + {logged}], rax
    and eax, 15
    lea rdx, [rip + {log}]
    mov [rdx + rax * 8], rcx
    ret
    .size guest_interrupt_log, . - guest_interrupt_log
