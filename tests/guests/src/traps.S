// SPDX-License-Identifier: MIT OR Apache-2.0
// Trap handlers of the tests: they copy the frame that the hypervisor pushed to a record, go on
// at `guest_trap_resume` if that is not 0, and leave every register as it was.
//
//     rsp -> rcx, r11, [error code], rip, cs, rflags, rsp, ss

.macro RECORDING_HANDLER name, rip_word
    .balign 16
    .globl \name
    .type \name, @function
\name:
    push rax
    push rbx
    lea rbx, [rip + {record}]
    .set word, 0
    .rept 9
    mov rax, [rsp + 16 + 8 * word]
    mov [rbx + 8 * word], rax
    .set word, word + 1
    .endr
    inc qword ptr [rip + {count}]
    mov rax, [rip + {resume}]
    test rax, rax
    jz 1f
    mov [rsp + 16 + 8 * \rip_word], rax
1:  pop rbx
    pop rax
    pop rcx
    pop r11
    .if \rip_word == 3
    add rsp, 8
    .endif
    or byte ptr [rsp + 8], 3
    iretq
    .size \name, . - \name
.endm

    .text
    RECORDING_HANDLER guest_trap_plain, 2
    RECORDING_HANDLER guest_trap_error, 3
