// SPDX-License-Identifier: MIT OR Apache-2.0
// Where the hypervisor bounces exceptions and events of a PV guest to.
//
// It has pushed, from rsp upward: rcx, r11, [error code], rip, cs, rflags, rsp, ss. Segments and
// upcall mask stay as they are, so the way back needs no iretq: it writes rip where the code's
// own stack ends (behind all that is still needed of the frame), restores the flags, and returns.
// An iretq would need its cs mended, takes longer, and faults in QEMU's emulation of SMAP.

// Goes back to the interrupted code. rsp is at the frame's rip, all other registers are restored.
.macro resume
    push rax
    push rcx
    mov rax, [rsp + 16]         // rip
    mov rcx, [rsp + 40]         // rsp
    lea rcx, [rcx - 8]
    mov [rcx], rax
    mov [rsp + 40], rcx
    pop rcx
    pop rax
    lea rsp, [rsp + 16]
    popfq
    pop rsp
    ret
.endm

// The event callback only lets SCHEDOP_block return: the runtime looks for pending ports itself.
// The hypervisor has set the upcall mask, and it stays set.
    .globl minios_event_callback
    .type minios_event_callback, @function
minios_event_callback:
    pop rcx
    pop r11
    resume
    .size minios_event_callback, . - minios_event_callback

// The hypervisor could not load a selector or return to where it should: never expected.
    .globl minios_failsafe_callback
    .type minios_failsafe_callback, @function
minios_failsafe_callback:
    mov rdi, rsp
    and rsp, -16
    call minios_failsafe
    ud2
    .size minios_failsafe_callback, . - minios_failsafe_callback

// One stub a vector, 16 bytes each: bring every frame to (error, rip, ..), then push the vector.
.macro trap_stub vector
    .balign 16
    pop rcx
    pop r11
    push_missing_error \vector
    push \vector
    jmp pv_trap
.endm

    .balign 16
    .globl minios_pv_trap_stubs
minios_pv_trap_stubs:
    .set vector, 0
    .rept 32
    trap_stub vector
    .set vector, vector + 1
    .endr

    .type pv_trap, @function
pv_trap:
    handle_trap
    lea rsp, [rsp + 16]         // vector, error
    resume
    .size pv_trap, . - pv_trap
