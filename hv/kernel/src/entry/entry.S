// SPDX-License-Identifier: MIT OR Apache-2.0
// The ways from a guest into ring 0 and back.
//
// The guest's registers go straight into its Vcpu: rsp0 of the TSS, and gs:[FRAME_END], point
// behind ss of the register area. Then rsp moves to the pCPU's stack.
//
//     FRAME_END   ss, rsp, rflags, cs, rip         pushed by the CPU, or below
//                 error code | vector              by the stub in vectors.S, or below
//                 rdi ... r15                      SAVE_REGISTERS
//     Vcpu + 8 ->
//
// The Rust functions take the address of the Vcpu and return that of the one to continue with.

.text
.balign 16
.globl entry_syscall32
entry_syscall32:
    swapgs
    mov gs:[{SCRATCH}], rsp
    mov rsp, gs:[{FRAME_END}]
    push {GUEST_SS}
    push qword ptr gs:[{SCRATCH}]
    push r11
    push {GUEST_CS32}
    push rcx
    push 0
    mov dword ptr [rsp + 4], {VECTOR_SYSCALL32}
    jmp entry_registers

.balign 16
.globl entry_syscall
entry_syscall:
    swapgs
    mov gs:[{SCRATCH}], rsp
    mov rsp, gs:[{FRAME_END}]
    push {GUEST_SS}
    push qword ptr gs:[{SCRATCH}]
    push r11
    push {GUEST_CS}
    push rcx
    push -1                             // no error code, VECTOR_SYSCALL
    SAVE_REGISTERS
    lea rdi, [rsp - {REGS}]
    mov rsp, gs:[{STACK_TOP}]
    clts
    SAVE_XMM rdi, {XMM}
    call {hypercall_from_guest}
    jmp exit_to_guest

.balign 16
entry_trap:
    test byte ptr [rsp + 16], 3
    jz entry_from_ring0
    swapgs
entry_registers:
    SAVE_REGISTERS
    DENY_GUEST_MEMORY
    cld
    lea rdi, [rsp - {REGS}]
    mov rsp, gs:[{STACK_TOP}]
    clts
    SAVE_XMM rdi, {XMM}
    xor ebp, ebp
    call {trap_from_guest}
    jmp exit_to_guest

// rdi = the Vcpu to start with; no way back.
.globl exit_to_guest_from_boot
exit_to_guest_from_boot:
    mov rax, rdi
// rax = the Vcpu to continue with.
exit_to_guest:
    cmp word ptr [rax + {TASK_SWITCHED}], 0
    jne exit_special
    RESTORE_XMM rax, {XMM}
exit_ts_done:
    lea rsp, [rax + {REGS}]
    cmp dword ptr [rsp + {ENTRY_VECTOR}], -1
    jne exit_by_iret
    bt dword ptr [rsp + {RIP} + 4], 15  // sysret faults in ring 0 where rip is not canonical
    jc exit_high_rip
exit_by_sysret:
    RESTORE_REGISTERS
    mov rcx, [rsp + 8]
    mov r11, [rsp + 24]
    mov rsp, [rsp + 32]
    swapgs
    sysretq

// Bit 47 of rip is set: canonical only if all above are.
exit_high_rip:
    mov rcx, [rsp + {RIP}]
    sar rcx, 47
    inc rcx
    jz exit_by_sysret
exit_by_iret:
    RESTORE_REGISTERS
    add rsp, 8
    swapgs
.globl exit_iret
exit_iret:
    iretq

// Either the guest has set CR0.TS, or it is not a PV guest.
exit_special:
    cmp byte ptr [rax + {IS_HVM}], 0
    jne exit_to_hvm
    RESTORE_XMM rax, {XMM}
    mov rcx, cr0
    or ecx, 8
    mov cr0, rcx
    jmp exit_ts_done

exit_to_hvm:
    jmp qword ptr [rip + {HVM_ENTER}]

// iretq did not accept the guest's frame. rip to ss still stand in the register area, everything
// else of the guest is in the registers again; the exception becomes one at the frame's rip.
// rsp: error code | vector of the exception
entry_iret_fault:
    swapgs
    mov gs:[{SCRATCH}], rax
    mov rax, [rsp]
    mov rsp, gs:[{FRAME_END}]
    sub rsp, 40
    push rax
    mov rax, gs:[{SCRATCH}]
    jmp entry_registers
