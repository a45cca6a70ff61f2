// SPDX-License-Identifier: MIT OR Apache-2.0
// Into a guest in hardware virtualization and back, for Intel's VT-x.
//
// vmx_enter: rax = the Vcpu to continue with; never returns. The processor exchanges rsp, rip,
// rflags, the segments, control registers and some MSRs by itself, as the VMCS says; the rest is
// exchanged here. An exit comes to vmx_exit with rsp where it is at the entry.

.text
.balign 16
.globl vmx_enter
vmx_enter:
    mov rsp, gs:[{STACK_TOP}]
    mov rbx, rax
    mov rdi, rax
    call {hvm_prepare}                  // rax: has been entered before; rdx: where to say it failed
    RESTORE_XMM rbx, {XMM}
    push rdx
    push rbx                            // VMX_FRAME_BYTES in all
    test eax, eax                       // the flags stay until the jump
    mov rax, [rbx + {RAX}]
    RESTORE_REGISTERS_FROM_RBX
    jnz 1f
    vmlaunch
    jmp 2f
1:  vmresume
    // The instruction failed: the guest's registers are as they were.
2:  push rax
    mov rax, [rsp + 16]
    mov byte ptr [rax], 1
    pop rax
.globl vmx_exit
vmx_exit:
    push rax
    mov rax, [rsp + 8]
    SAVE_REGISTERS_TO_RAX
    mov rdi, rax
    pop [rdi + {RAX}]
    SAVE_XMM rdi, {XMM}
    xor ebp, ebp
    add rsp, 16
    call {exit_from_guest}
    jmp exit_to_guest
