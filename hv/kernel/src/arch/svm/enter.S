// SPDX-License-Identifier: MIT OR Apache-2.0
// Into a guest in hardware virtualization and back, for AMD's SVM.
//
// svm_enter: rax = the Vcpu to continue with; never returns. The processor exchanges rax, rsp, rip,
// rflags, the segments and control registers by itself (vmrun), the bases of fs and gs, the task
// register and the registers of syscall at our word (vmload, vmsave); the rest is exchanged here.
// While the global interrupt flag is clear (clgi) the pCPU holds no state that an interrupt could
// meet. Interrupts are on during the guest, so that they make it leave.

.text
.balign 16
.globl svm_enter
svm_enter:
    mov rsp, gs:[{STACK_TOP}]
    mov rbx, rax
    mov rdi, rax
    call {hvm_prepare}                  // rax, rdx = machine addresses of VMCB and host's VMCB
    RESTORE_XMM rbx, {XMM}
    push rdx
    push rbx
    clgi
    sti
    RESTORE_REGISTERS_FROM_RBX
    vmload rax
    vmrun rax
    vmsave rax
    mov rax, [rsp]
    SAVE_REGISTERS_TO_RAX
    mov rdi, rax
    mov rax, [rsp + 8]
    vmload rax
    cli
    stgi
    SAVE_XMM rdi, {XMM}
    xor ebp, ebp
    add rsp, 16
    call {exit_from_guest}
    jmp exit_to_guest
