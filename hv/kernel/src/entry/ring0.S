// SPDX-License-Identifier: MIT OR Apache-2.0
// Traps and interrupts that interrupt ring 0 itself, and those with a stack of their own.
// trap_from_ring0 takes the address of the frame and may change it.

.text
// rsp: error code | vector, rip, cs, rflags, rsp, ss
.balign 16
entry_from_ring0:
    push rax
    lea rax, [rip + exit_iret]
    cmp [rsp + 16], rax
    pop rax
    je entry_iret_fault
    SAVE_REGISTERS
    DENY_GUEST_MEMORY
    cld
    mov rdi, rsp
    sub rsp, 264                        // the frame's 168 bytes leave rsp at 8 modulo 16
    SAVE_XMM rsp, 0
    call {trap_from_ring0}
    RESTORE_XMM rsp, 0
    add rsp, 264
    RESTORE_REGISTERS
    add rsp, 8
    iretq

// NMI, #DB, #MC and #DF: these may come anywhere, also where ring 0 still has the guest's gs or
// CR0.TS. The word behind the frame, at the end of the stack, is the address of the Pcpu.
.balign 16
entry_interrupt_stack:
    test byte ptr [rsp + 16], 3
    jnz interrupt_stack_from_guest
    SAVE_REGISTERS
    DENY_GUEST_MEMORY
    cld
    xor r12d, r12d
    mov ecx, {MSR_GS_BASE}
    rdmsr
    shl rdx, 32
    or rdx, rax
    cmp rdx, [rsp + 168]
    je 1f
    swapgs
    inc r12d
1:  mov r13, cr0
    clts
    mov rdi, rsp
    sub rsp, 264
    SAVE_XMM rsp, 0
    call {trap_from_ring0}
    RESTORE_XMM rsp, 0
    add rsp, 264
    mov cr0, r13
    test r12d, r12d
    jz 2f
    swapgs
2:  RESTORE_REGISTERS
    add rsp, 8
    iretq

// From a guest they are ordinary traps: the frame moves to the Vcpu.
interrupt_stack_from_guest:
    swapgs
    push rdi
    mov rdi, rsp
    mov rsp, gs:[{FRAME_END}]
    push [rdi + 48]
    push [rdi + 40]
    push [rdi + 32]
    push [rdi + 24]
    push [rdi + 16]
    push [rdi + 8]
    mov rdi, [rdi]
    jmp entry_registers
