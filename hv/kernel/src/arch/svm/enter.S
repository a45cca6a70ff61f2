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
    mov rcx, [rbx + {RCX}]
    mov rdx, [rbx + {RDX}]
    mov rsi, [rbx + {RSI}]
    mov rdi, [rbx + {RDI}]
    mov rbp, [rbx + {RBP}]
    mov r8, [rbx + {R8}]
    mov r9, [rbx + {R9}]
    mov r10, [rbx + {R10}]
    mov r11, [rbx + {R11}]
    mov r12, [rbx + {R12}]
    mov r13, [rbx + {R13}]
    mov r14, [rbx + {R14}]
    mov r15, [rbx + {R15}]
    mov rbx, [rbx + {RBX}]
    vmload rax
    vmrun rax
    vmsave rax
    mov rax, [rsp]
    mov [rax + {RBX}], rbx
    mov [rax + {RCX}], rcx
    mov [rax + {RDX}], rdx
    mov [rax + {RSI}], rsi
    mov [rax + {RDI}], rdi
    mov [rax + {RBP}], rbp
    mov [rax + {R8}], r8
    mov [rax + {R9}], r9
    mov [rax + {R10}], r10
    mov [rax + {R11}], r11
    mov [rax + {R12}], r12
    mov [rax + {R13}], r13
    mov [rax + {R14}], r14
    mov [rax + {R15}], r15
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
