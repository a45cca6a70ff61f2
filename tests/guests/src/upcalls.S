// SPDX-License-Identifier: MIT OR Apache-2.0
// An event callback of the tests: it counts, notes the upcall mask and takes back the pending
// mark; then it returns by `iretq`, which leaves the mask closed, or by the iret hypercall,
// which restores it from the frame.
//
//     rsp -> rcx, r11, rip, cs and old mask, rflags, rsp, ss

.macro COUNT_UPCALL
    push rax
    push rbx
    inc qword ptr [rip + {count}]
    mov rbx, [rip + {vcpu_info}]
    movzx eax, byte ptr [rbx + 1]
    mov [rip + {mask_inside}], rax
    mov rax, [rsp + 16 + 24]
    shr rax, 32
    mov [rip + {mask_before}], rax
    mov byte ptr [rbx], 0
    pop rbx
    pop rax
.endm

    .text
    .balign 16
    .globl guest_upcall_iretq
    .type guest_upcall_iretq, @function
guest_upcall_iretq:
    COUNT_UPCALL
    pop rcx
    pop r11
    or byte ptr [rsp + 8], 3
    iretq
    .size guest_upcall_iretq, . - guest_upcall_iretq

    .balign 16
    .globl guest_upcall_hypercall
    .type guest_upcall_hypercall, @function
guest_upcall_hypercall:
    COUNT_UPCALL
    pop rcx
    pop r11
    // The frame of the iret hypercall: rax, r11, rcx, flags below rip.
    push 0
    push rcx
    push r11
    push rax
    mov eax, 23
    syscall
    .size guest_upcall_hypercall, . - guest_upcall_hypercall
